"""API keys: who may ask the service, and who may change the index. Only their hashes are kept."""

import fcntl
import hmac
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from indexer.durable import publish
from indexer.errors import CitewellError, InputError

LONGEST_NAME = 80  # characters
_LONGEST_KEY = 200  # characters of a text that is looked at at all
_KEY = re.compile(r"cw_([0-9a-f]{16})_([A-Za-z0-9_-]+)")
_SETTLED_NS = 2 * 10**9  # a file system tells times in steps of up to 2 s (FAT)


class KeysError(CitewellError):
    """The file of keys cannot be used, so nobody can be told from anybody else."""


class Role(StrEnum):
    """What a key is good for; write implies read."""

    READ = "read"
    WRITE = "write"


class Key(BaseModel):
    """A key as it is kept."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]  # no secret: part of the key, and of what limits count by
    name: str
    role: Role
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]  # of the secret
    created: AwareDatetime


class Keys:
    """The keys in a file, read again whenever that has changed, so that a removed key is one at once no more.

    Every method raises KeysError where the file cannot be read, is damaged, or is open to other users of the machine;
    a file that is not there holds no keys.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[object, tuple[Key, ...]] | None = None  # what the file looked like, and what was in it

    @property
    def any(self) -> bool:
        """Whether there is a key."""
        return bool(self.list())

    def find(self, text: str) -> Key | None:
        """Give the key that a client has sent, None where it is none."""
        match = _KEY.fullmatch(text) if len(text) <= _LONGEST_KEY else None
        key = self.known(match[1]) if match else None
        # Compared also where there is no such id, so that the time does not tell which ids there are.
        fits = hmac.compare_digest(_hash(match[2] if match else ""), key.sha256 if key else _hash("none"))
        return key if fits else None

    def known(self, id: str) -> Key | None:  # noqa: A002 - the field's name
        """Give the key of an id."""
        return next((key for key in self.list() if key.id == id), None)

    def add(self, name: str, role: Role) -> tuple[Key, str]:
        """Make a key; its text is nowhere but in what is returned.

        Raises InputError where the name cannot be used.
        """
        if not name.isprintable() or name != name.strip() or not 1 <= len(name) <= LONGEST_NAME:
            raise InputError(
                f"a key's name has 1 to {LONGEST_NAME} printable characters and no space at its ends; choose another"
            )
        # 256 random bits cannot be guessed from their hash, however fast that is; passwords would need a slow one.
        id_, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        key = Key(
            id=id_, name=name, role=role, sha256=_hash(secret), created=datetime.now(UTC).replace(microsecond=0)
        )

        def added(keys: tuple[Key, ...]) -> tuple[Key, ...]:
            if any(name in {other.name, other.id} for other in keys):
                raise InputError(f"there is a key {name!r} already; choose another name, or remove that key first")
            return (*keys, key)

        self._change(added)
        return key, f"cw_{id_}_{secret}"

    def remove(self, name_or_id: str) -> Key:
        """Remove a key and give what was kept of it. Raises InputError where there is none of that name or id."""
        gone: list[Key] = []

        def left(keys: tuple[Key, ...]) -> tuple[Key, ...]:
            gone.extend(key for key in keys if name_or_id in {key.name, key.id})
            if not gone:
                raise InputError(f"there is no key {name_or_id!r}; `citewell keys list` names those there are")
            return tuple(key for key in keys if key not in gone)

        self._change(left)
        return gone[0]

    def list(self) -> tuple[Key, ...]:
        """Give all keys, oldest first."""
        try:
            if self._read is None or self._read[0] != _looks(self._path.stat()):
                with self._path.open("rb") as file:
                    found = os.fstat(file.fileno())
                    keys = self._parsed(file.read(), found.st_mode)
                # What is written twice within one step of the file system's clock may look the same.
                is_settled = time.time_ns() - found.st_ctime_ns > _SETTLED_NS
                self._read = (_looks(found) if is_settled else None, keys)
        except FileNotFoundError:
            self._read = (None, ())
        except OSError as error:
            raise self._error(f"cannot be read ({error.strerror})", "give its user the right to read it") from error
        return self._read[1]

    def _parsed(self, content: bytes, mode: int) -> tuple[Key, ...]:
        if stat.S_IMODE(mode) & 0o077:
            raise self._error("is open to other users of this machine", f"run `chmod 600 {self._path}`")
        try:
            return _File.model_validate_json(content).keys
        except ValidationError as error:
            raise self._error(
                "is damaged", "put back a copy of it, or delete it and make new keys with `citewell keys add`"
            ) from error

    def _change(self, change: Callable[[tuple[Key, ...]], tuple[Key, ...]]) -> None:
        try:
            with _locked(self._path.parent):
                content = _File(keys=change(self.list())).model_dump_json(indent=2)
                publish(self._path, lambda path: _write_private(path, content + "\n"))
        except OSError as error:
            raise self._error(
                f"cannot be written ({error.strerror})", "name another one by the setting `keys`"
            ) from error
        finally:
            self._read = None

    def _error(self, what: str, remedy: str) -> KeysError:
        return KeysError(f"the file of API keys `{self._path}` {what}; {remedy}")


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal[1] = 1
    keys: tuple[Key, ...]

    @model_validator(mode="after")
    def _has_each_once(self) -> Self:
        names = [name for key in self.keys for name in (key.name, key.id)]
        if len(set(names)) < len(names):
            raise ValueError("two keys have one name")
        return self


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _looks(found: os.stat_result) -> object:
    """Give what changes with a file, its rights included, which are in the time of its status."""
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _write_private(path: Path, content: str) -> None:
    """Write a file that is nobody else's at any moment."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)  # where it was left by a process that was killed
        file.write(content)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Wait for one's turn to change the file, which is replaced and so cannot be locked itself."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
