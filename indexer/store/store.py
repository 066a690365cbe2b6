"""An index folder's store: opens it for many readers and one writer."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG

from indexer.database import REMEDY, STORE_FILE, connect, reading_errors, writer_lock
from indexer.errors import IndexFormatError, IndexMissingError, UnusableIndexError
from indexer.records import Version
from indexer.store.reader import Reader
from indexer.store.writer import Writer


class Store:
    """One index folder's documents; safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._idle: list[tuple[sqlite3.Connection, tuple[int, int]]] = []  # each with the file that it reads

    @classmethod
    def open(cls, folder: Path) -> "Store":
        """Open an existing index for reading.

        Raises IndexMissingError where there is none or it never finished, IndexFormatError for a foreign file.
        """
        store = cls(folder)
        with store.reading() as reader:
            if reader.version.generation == 0:
                raise IndexMissingError(f"the index in `{folder}` was never finished; run `citewell index SOURCE`")
        return store

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """Read one generation, unchanged until the block ends. Raises UnusableIndexError."""
        file = self._file()
        connection = self._connection(file)
        try:
            with reading_errors(self.folder):
                try:
                    connection.execute("BEGIN")
                    yield Reader(connection)
                finally:
                    connection.rollback()
        except UnusableIndexError:
            connection.close()  # with what it remembers of a damaged file
            raise
        except BaseException:
            self._idle.append((connection, file))
            raise
        self._idle.append((connection, file))

    @classmethod
    @contextmanager
    def writing(
        cls, folder: Path, before_commit: Callable[[Writer, Version], None] = lambda *_: None
    ) -> Iterator[Writer]:
        """Hold the one writer's place in the index of this folder, making the index where there is none.

        `before_commit` is told the version that is about to stand. What is not committed with `Writer.commit` when
        the block ends has not happened.
        Raises IndexBusyError where another process writes, InputError where the folder holds something else.
        """
        with writer_lock(folder), reading_errors(folder):
            connection = connect(folder, create=True)
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield Writer(connection, before_commit)
            finally:
                connection.rollback()
                connection.close()

    def close(self) -> None:
        """Close the connections that no thread is using."""
        while self._idle:
            self._idle.pop()[0].close()

    def _connection(self, file: tuple[int, int]) -> sqlite3.Connection:
        while True:
            try:
                connection, its_file = self._idle.pop()
            except IndexError:
                return connect(self.folder)
            if its_file == file:
                return connection
            connection.close()  # it reads a file that was deleted, or that another was put in the place of

    def _file(self) -> tuple[int, int]:
        path = self.folder / STORE_FILE
        try:
            found = path.stat()
        except OSError as error:
            raise IndexMissingError(
                f"no index in `{self.folder}`; run `citewell index SOURCE` to make one"
            ) from error
        if not S_ISREG(found.st_mode):  # SQLite would wait for ever for what a pipe has to say
            raise IndexFormatError(f"`{path}` is not a file; move it away and {REMEDY}")
        return found.st_dev, found.st_ino
