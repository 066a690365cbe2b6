"""Snapshots of what is derived from the store: a file of one generation, and beside it a manifest with its hash.

A snapshot counts only once its manifest is there, only while its file is as it was written, and only for a store that
went on from its generation. What uses it is told of nothing else, so damage never reaches a parser.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from indexer.durable import publish, remove
from indexer.manifests import file_sha256, read_manifest, sealed
from indexer.records import Version

log = logging.getLogger(__name__)


class History(Protocol):
    """One generation of the store, as far as it matters here."""

    version: Version

    def has_version(self, version: Version) -> bool:
        """Tell whether the store's history contains that generation."""
        ...


@dataclass(frozen=True)
class Manifest:
    """What every snapshot says of itself; each kind adds to it."""

    generation: int
    token: str
    sha256: str  # of the file

    @property
    def version(self) -> Version:
        """The generation that it is of."""
        return Version(self.generation, self.token)


M = TypeVar("M", bound=Manifest)


@dataclass(frozen=True)
class Kind(Generic[M]):
    """The snapshots of one kind in an index folder."""

    name: str  # that their names begin with
    ending: str  # of the file
    manifests: TypeAdapter[M]

    def write(
        self, folder: Path, version: Version, write: Callable[[Path], object], manifest: Callable[[str], M]
    ) -> None:
        """Write one, whose manifest is made of the file's hash. Raises OSError; what stood before still stands."""
        data = folder / f"{self.name}-{version.generation:08d}{self.ending}"
        publish(data, write)
        content = self.manifests.dump_json(manifest(file_sha256(data)))
        publish(data.with_suffix(".json"), lambda path: path.write_bytes(sealed(content)))

    def sound(self, folder: Path, store: History) -> Iterator[tuple[Path, M]]:
        """Give those that are as written and of this store's history, newest first."""
        for path in sorted(folder.glob(f"{self.name}-*.json"), reverse=True):
            data = path.with_suffix(self.ending)
            try:
                manifest = self.manifests.validate_json(read_manifest(path), strict=True)
                if not (0 < manifest.generation <= store.version.generation and store.has_version(manifest.version)):
                    continue
                if file_sha256(data) == manifest.sha256:
                    yield data, manifest
                else:
                    log.warning("%s is altered", data)
            except ValidationError:
                log.warning("%s cannot be used (it is of another version of the program)", path)
            except (OSError, ValueError) as error:
                log.warning("%s cannot be used (%s)", path, error)

    def files(self, folder: Path, store: History) -> list[Path]:
        """Name the files of the newest sound one; empty where there is none."""
        return next(([data, data.with_suffix(".json")] for data, _ in self.sound(folder, store)), [])

    def drop_others(self, folder: Path, store: History) -> None:
        """Remove all but the newest sound one, and what is left of unfinished ones. Raises OSError.

        The only one is not read, so it stays, sound or not.
        """
        found = set(folder.glob(f"{self.name}-*"))
        if len(found) != 2 or len({path.stem for path in found}) != 1:
            self.drop_unsound(folder, store)

    def drop_unsound(self, folder: Path, store: History) -> None:
        """Remove all but the newest sound one, also the only one where it is not sound. Raises OSError."""
        for path in set(folder.glob(f"{self.name}-*")) - set(self.files(folder, store)):
            remove(path)  # who has it mapped keeps it until he closes it
