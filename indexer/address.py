"""Where an index is: a folder, or a collection of a Milvus server or file."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from indexer.errors import InputError

SCHEMES = ("milvus+http", "milvus+https", "milvus+lite")
FORMS = "milvus+http://HOST:PORT/NAME, milvus+https://HOST:PORT/NAME or milvus+lite:///FILE.db"
LITE_NAME = "citewell"  # of the collections in a file, which holds one index
MOST_SHARDS, MOST_REPLICAS = 16, 16  # Milvus takes no more shards


@dataclass(frozen=True, slots=True)
class MilvusAddress:
    """A collection of a Milvus server, or of a Milvus Lite file."""

    uri: str  # as its client takes it
    name: str  # what the names of its collections begin with
    shards: int = 1
    replicas: int = 1
    token: str = ""  # USER:PASSWORD or an API key
    lite: bool = False

    @property
    def shown(self) -> str:
        """The address without its password."""
        return f"milvus+lite://{self.uri}" if self.lite else f"milvus+{self.uri}/{self.name}"


def is_milvus(text: str) -> bool:
    """Tell whether a setting names a Milvus address rather than a folder."""
    return bool(_ENGINE.match(text))


def read_address(text: str) -> MilvusAddress:
    """Read `milvus+http://[USER:PASSWORD@]HOST:PORT/NAME?shards=2&replicas=2` or `milvus+lite:///FILE.db`.

    Raises InputError naming what is wrong with it.
    """
    parts = urlsplit(text)
    if parts.scheme not in SCHEMES:
        raise InputError(f"`{parts.scheme}:` is no address of an index; write a folder, {FORMS}")
    if parts.scheme == "milvus+lite":
        path = unquote(parts.path)
        if parts.netloc or not path.endswith(".db") or parts.query:
            raise InputError(f"`{text}` names no file of Milvus Lite; write milvus+lite:///FOLDER/FILE.db")
        return MilvusAddress(path, LITE_NAME, lite=True)
    return _server(text)


def _server(text: str) -> MilvusAddress:
    parts = urlsplit(text)
    shown = text.replace(f"{parts.username}:{parts.password}@", "") if parts.password else text
    try:
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InputError(f"`{shown}`: {error}; write {FORMS}") from error
    name = parts.path.strip("/")
    if not host or not _NAME.fullmatch(name):
        raise InputError(
            f"`{shown}` names no collection; write {FORMS}, with a NAME of up to 100 letters, digits and underscores"
        )
    counts = {"shards": 1, "replicas": 1}
    for key, values in parse_qs(parts.query, keep_blank_values=True).items():
        most = {"shards": MOST_SHARDS, "replicas": MOST_REPLICAS}.get(key)
        if most is None:
            raise InputError(f"`{shown}`: there is no `{key}`; there are shards and replicas")
        if not re.fullmatch(r"\d{1,3}", values[-1]) or not 1 <= int(values[-1]) <= most:
            raise InputError(f"`{shown}`: {key} is `{values[-1]}`; it must be from 1 to {most}")
        counts[key] = int(values[-1])
    scheme = parts.scheme.removeprefix("milvus+")
    netloc = f"[{host}]" if ":" in host else host
    uri = f"{scheme}://{netloc}:{port or 19530}"
    token = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
    return MilvusAddress(uri, name, counts["shards"], counts["replicas"], token)


_NAME = re.compile(r"[A-Za-z_]\w{0,99}", re.ASCII)
_ENGINE = re.compile(r"milvus(\+\w+)?:")
