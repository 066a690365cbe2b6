"""An index on a Milvus server, or in a file of Milvus Lite: opens it for many readers and one writer anywhere.

What answers is never older than a few seconds: a reader goes by a head that was read as it is (Milvus calls that
strong) at most `stale_s` ago, and a writer is done only once so much time has passed since its head was there. So
whoever asks after it was done gets no document that it removed.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from threading import Lock, Thread
from time import monotonic, sleep

from indexer.address import MilvusAddress
from indexer.collection import Arms, Engine
from indexer.collection import Reader as AnyReader
from indexer.errors import (
    GenerationGoneError,
    IndexFormatError,
    IndexMissingError,
    InputError,
    UnusableIndexError,
)
from indexer.milvus.arms import MilvusArms
from indexer.milvus.documents import Documents, read_documents
from indexer.milvus.head import Newest, newest, numbers_of
from indexer.milvus.lease import SETTLE_S, leased
from indexer.milvus.phrases import Stems
from indexer.milvus.reader import Reader, Standing
from indexer.milvus.repeated import from_bytes
from indexer.milvus.server import Server, Table
from indexer.milvus.tables import Records, gone
from indexer.milvus.vocabulary import Vocabulary
from indexer.milvus.writer import Writer
from indexer.records import Approximation, Version

log = logging.getLogger(__name__)

STALE_S = 3.0
TRIES = 5  # to read a generation while a writer makes one after the other


class Milvus:
    """All generations of an index in Milvus; safe to share between threads."""

    def __init__(
        self,
        address: MilvusAddress,
        folder: Path,
        stems: Stems,
        server: Server | None = None,
        stale_s: float = STALE_S,
    ) -> None:
        """Use the index at an address; `stale_s` has to be the same for all who read and write it."""
        self.name = address.shown
        self.folder = folder
        self._address = address
        self._stems = stems
        self._server = server or Server(address)
        self._stale_s = stale_s
        self._held: _Held | None = None
        self._refreshing = Lock()
        self._beside: Thread | None = None

    @property
    def engine(self) -> Engine:
        """What is behind it."""
        return self._server.engine

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """Read one generation, unchanged until the block ends.

        Raises IndexMissingError where there is none, UnusableIndexError; and at its end GenerationGoneError, where
        what was removed from the generation meanwhile may be missing from what was read.
        """
        held = self._fresh()
        yield Reader(self._server, held.standing)
        if monotonic() - held.confirmed_at >= self._stale_s:  # earlier no writer deletes anything
            before, now = held.standing.documents.by_number, self._fresh().standing.documents.by_number
            if not before.keys() <= now.keys():
                raise gone(self.name)

    def arms(
        self,
        reader: AnyReader,
        dim: int,  # noqa: ARG002 - of the protocol; the table has it
        held: Arms | None = None,
    ) -> MilvusArms:
        """Give what searches the generation of a reader."""
        assert isinstance(reader, Reader)  # which `reading` gave
        if isinstance(held, MilvusArms) and held.version == reader.version:
            return held
        standing = reader.standing
        head, records = standing.head, standing.records
        words, repeated = Vocabulary.of([]), from_bytes(b"")
        if head.vocabulary:  # otherwise nothing is indexed yet
            words = Vocabulary.from_bytes(records.one(Table.HEADS, head.vocabulary))
            repeated = from_bytes(records.one(Table.HEADS, head.repeated))
        return MilvusArms(
            self._server,
            reader.version,
            standing.bounds,
            standing.stamp,
            words,
            repeated,
            self._stems,
            reader.texts,
        )

    def approximation(self, reader: AnyReader) -> Approximation | None:  # noqa: ARG002 - of the protocol
        """Tell nothing: Milvus looks through a graph, of which it tells no figures."""
        return None

    @contextmanager
    def writing(self, dim: int) -> Iterator[Writer]:
        """Hold the one writer's place, making the index where there is none.

        What is not committed when the block ends has not happened; its rows are deleted then or by the next writer.
        Raises IndexBusyError where another process writes, InputError where the tables are others.
        """
        self._make_folder()
        self._server.ensure(dim)
        with leased(self._server, self.name, settle_s=0 if self._address.lite else SETTLE_S) as lease:
            with self._refreshing:
                standing = self._refresh().standing
            writer = Writer(self._server, standing, lease, self._stems)
            try:
                yield writer
            finally:
                self._finish(writer)

    def close(self) -> None:
        """Let go of the connection; another use connects again."""
        if self._beside:
            self._beside.join()
        self._server.close()

    def _finish(self, writer: Writer) -> None:
        """Clean up; where that fails, the next writer does it."""
        try:
            if writer.committed:
                with self._refreshing:
                    self._held = self._held and replace(self._held, confirmed_at=-inf)  # so that it looks again
                sleep(self._stale_s)
                writer.sweep()
            else:
                writer.take_back()
        except UnusableIndexError as error:
            log.warning("rows that do not count any more are still there (%s); the next sync deletes them", error)

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"`{self.folder}` cannot be made ({error.strerror}); name another folder") from error

    # --- what stands

    def _fresh(self) -> "_Held":
        """Give a generation that was the newest at most `stale_s` ago."""
        asked = monotonic()
        held = self._held
        if held is None or asked - held.confirmed_at >= self._stale_s:
            with self._refreshing:
                held = self._held
                if held is None or asked - held.confirmed_at >= self._stale_s:  # nobody did it meanwhile
                    held = self._refresh()
        elif asked - held.confirmed_at > self._stale_s / 3 and self._refreshing.acquire(blocking=False):
            self._beside = Thread(target=self._refresh_beside, name="refresh", daemon=True)
            self._beside.start()
        return held

    def _refresh_beside(self) -> None:
        """Refresh in a thread, which was given the lock."""
        try:
            self._refresh()
        except Exception as error:  # noqa: BLE001 - whoever comes when it is too old meets the error
            log.info("the index in `%s` could not be looked at (%s)", self.name, error)
        finally:
            self._refreshing.release()

    def _refresh(self) -> "_Held":
        """Read the newest head, and what has changed since the one that is held."""
        if self._held is None and not self._server.exists():
            raise IndexMissingError(f"no index in `{self.name}`; run `citewell index SOURCE` to make one")
        before = self._held.standing if self._held else None
        for _ in range(TRIES):
            begun = monotonic()
            found = newest(self._server, self.name)
            with suppress(GenerationGoneError):
                standing = self._read(found, before)
                if not _is_whole(standing) and before:
                    standing = self._read(found, None)
                if _is_whole(standing):
                    self._held = _Held(standing, begun)
                    return self._held
            if newest(self._server, self.name).head.number == found.head.number:
                raise IndexFormatError(
                    f"documents of the index in `{self.name}` are missing or came back; run `citewell index "
                    "--reencode SOURCE`, or restore the index from an export"
                )
        raise gone(self.name)

    def _read(self, found: Newest, before: Standing | None) -> Standing:
        """Read a generation, of its documents only what is new where the one before it is held."""
        head, swept = found
        stamp = max(head.stamp, swept or 0)
        if before and before.head == head:
            return before if swept is None else replace(before, gone=frozenset(), stamp=stamp)

        def is_past() -> bool:
            return newest(self._server, self.name).head.number != head.number

        records = Records(self._server, self.name, at=lambda: head.stamp, is_past=is_past)
        removed = numbers_of(records.one(Table.HEADS, head.gone)) if head.gone else frozenset()
        standing = Standing(self.name, head, removed if swept is None else frozenset(), stamp, Documents({}), records)
        old = before.head.version if before else Version(0, "")
        follows = (
            before
            and head.base == before.head.number
            and (not old.generation or (old.generation, old.token) in head.history)
        )
        if before and follows:
            after = old.generation
            new = (
                read_documents(self._server, self.name, standing.bounds, stamp, after=after)
                if head.version != old
                else []
            )
            return replace(standing, documents=before.documents.changed(new, removed))
        new = read_documents(self._server, self.name, standing.bounds, stamp)
        return replace(standing, documents=Documents({entry.number: entry for entry in new}))


@dataclass(frozen=True)
class _Held:
    """A generation, and when it was last known to be the newest: the time when reading that began."""

    standing: Standing
    confirmed_at: float  # of the monotonic clock


def _is_whole(standing: Standing) -> bool:
    """Tell whether the documents are as many as the head says."""
    head, documents = standing.head, standing.documents
    return (len(documents.by_number), documents.passages) == (head.documents, head.passages)
