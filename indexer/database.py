"""The SQLite file of an index folder: its schema and format, how it is opened, and who may write.

What the tables mean is `store`'s business.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from json import JSONDecodeError
from pathlib import Path
from time import sleep

from filelock import FileLock, Timeout
from pydantic import ValidationError

from indexer.durable import flush
from indexer.errors import IndexBusyError, IndexFormatError, IndexMissingError, InputError

STORE_FILE = "store.sqlite"
LOCK_FILE = "writer.lock"
HOLDER_FILE = "writer.pid"
WORKSHOP = "repair.tmp"  # folder in which a repair makes a new store
# What a service keeps in the folder of an index, perhaps before there is a store.
UPLOADS, INCOMING, JOBS, KEYS_FILE, WATCH_LOCK = "uploads", "incoming", "jobs", "keys.json", "watch.lock"
OF_A_SERVICE = (UPLOADS, INCOMING, JOBS, KEYS_FILE, WATCH_LOCK)
REMEDY = "run `citewell doctor --repair`"
APPLICATION_ID = 0x43495445  # "CITE", so that another program's database is never taken for ours
# History of the format, which readers of another number refuse:
# 1  first format
# 2  vectors of sentences, samples of words
# 3  a hash in every row, and a seal over all rows together
FORMAT = 3

SCHEMA = f"""
BEGIN;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {FORMAT};

-- `hash` is that of the row, see store/rows.py. What is read alone and often stands before what is long.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL, hash BLOB NOT NULL) STRICT;

CREATE TABLE generations (
  generation INTEGER PRIMARY KEY,
  token TEXT NOT NULL,          -- random: tells two histories apart after an old copy was put back
  finished_at TEXT NOT NULL,    -- UTC, ISO 8601
  changes TEXT NOT NULL,        -- JSON: counts of added, updated, removed
  fingerprint TEXT NOT NULL,    -- JSON: the encoder
  hash BLOB NOT NULL
) STRICT;

CREATE TABLE documents (
  document INTEGER PRIMARY KEY,  -- never used again, like the numbers of passages
  doc_id TEXT NOT NULL UNIQUE,
  root TEXT NOT NULL, path TEXT NOT NULL,
  sha256 TEXT NOT NULL,         -- of the file
  recipe TEXT NOT NULL,         -- what besides the bytes decided the stored pages and passages
  body TEXT, published TEXT, kind TEXT,  -- copies from the record, for filters
  record TEXT NOT NULL,         -- records.Document as JSON
  generation INTEGER NOT NULL,
  passages INTEGER NOT NULL,    -- how many it has
  hash BLOB NOT NULL
) STRICT;

CREATE TABLE pages (
  document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
  number INTEGER NOT NULL,
  sha256 TEXT NOT NULL,         -- of the text
  raw_map TEXT NOT NULL,        -- JSON: records.Page.raw_map
  removals TEXT NOT NULL,       -- JSON: [start, end, kind] of each piece of furniture
  needs_ocr INTEGER NOT NULL,
  hash BLOB NOT NULL,           -- which counts in the text by its hash
  text TEXT NOT NULL,
  PRIMARY KEY (document, number)
) STRICT;

CREATE TABLE passages (
  passage INTEGER PRIMARY KEY,
  document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
  generation INTEGER NOT NULL,
  spans TEXT NOT NULL,          -- JSON: [page, start, end] of each
  outline_crc INTEGER NOT NULL, -- CRC-32 of all before it, and of the sketch
  sketch BLOB NOT NULL,         -- uint32, little endian: a sample of its runs of words, as hashes
  hash BLOB NOT NULL,           -- which counts in sketch and vectors by their CRCs
  sha256 TEXT NOT NULL,         -- of the text
  input_sha256 TEXT NOT NULL,   -- of what was encoded: context, text, places of sentences
  sentences TEXT NOT NULL,      -- JSON: [start, end] of each in the text
  headings TEXT NOT NULL,       -- JSON: outermost first
  vectors_crc INTEGER NOT NULL, -- CRC-32 of the passage's number and the vectors
  context TEXT NOT NULL, text TEXT NOT NULL,
  vectors BLOB NOT NULL         -- float16, little endian, unit length before rounding: the whole, then each sentence
) STRICT;
CREATE INDEX passages_document ON passages (document);
CREATE INDEX passages_generation ON passages (generation);
CREATE INDEX passages_input ON passages (input_sha256);

CREATE TABLE tombstones (passage INTEGER PRIMARY KEY, generation INTEGER NOT NULL, hash BLOB NOT NULL) STRICT;
CREATE INDEX tombstones_generation ON tombstones (generation);

CREATE TABLE refusals (
  root TEXT NOT NULL, path TEXT NOT NULL,
  sha256 TEXT, recipe TEXT,     -- null where the file could not be read
  code TEXT NOT NULL, message TEXT NOT NULL, pages TEXT NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (root, path)
) STRICT;
COMMIT;
"""


def connect(folder: Path, *, create: bool = False, read_only: bool = False) -> sqlite3.Connection:
    """Open the file of an index folder, making it where asked; transactions are begun by hand.

    Any connection but a `read_only` one carries the log into the file when it is the last to close.

    Raises IndexMissingError where its making was cut short, IndexFormatError where it is not ours, of another format,
    or cannot be read.
    """
    path = folder / STORE_FILE
    mode = "rwc" if create else "ro" if read_only else "rw"
    with reading_errors(folder):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,  # `Store` hands a connection to one thread at a time
        )
        try:
            connection.execute("PRAGMA busy_timeout = 5000")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")  # a finished sync survives a power cut
            connection.execute("PRAGMA secure_delete = ON")  # a removed report leaves no text behind in the file
            connection.execute("PRAGMA mmap_size = 0")  # a file that is cut while it is mapped kills the process
            connection.execute("PRAGMA cell_size_check = ON")  # damage is looked for in each page that is read
            if create and _is_empty(connection):
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(SCHEMA)
            _check_format(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def writer_lock(folder: Path, *, is_damaged: bool = False) -> Iterator[None]:
    """Hold the one writer's place; the operating system frees it when the process dies.

    Raises IndexBusyError naming the holder, InputError where the folder cannot be an index, unless `is_damaged`
    tells that it is one all the same.
    """
    if folder.exists() and not (folder / STORE_FILE).exists() and not is_damaged:
        if not folder.is_dir():
            raise InputError(f"`{folder}` is a file; name a folder for the index")
        if strangers := {path.name for path in folder.iterdir()} - {LOCK_FILE, HOLDER_FILE, *OF_A_SERVICE}:
            if any(name.startswith(("lexical-0", "dense-0")) for name in strangers):
                raise IndexFormatError(f"`{folder / STORE_FILE}` is missing; {REMEDY}, then `citewell index SOURCE`")
            raise InputError(f"`{folder}` is not an index and holds `{min(strangers)}`; name an empty folder")
    holder = folder / HOLDER_FILE
    try:
        new = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for path in new:
            flush(path.parent)
    except OSError as error:
        raise InputError(f"`{folder}` cannot be made ({error.strerror}); name another folder") from error
    try:
        with FileLock(folder / LOCK_FILE, timeout=0):
            holder.write_text(str(os.getpid()))
            try:
                yield
            finally:
                with suppress(OSError):
                    holder.write_text("")
    except Timeout as error:
        pid = _holder(holder)
        raise IndexBusyError(f"process {pid} is writing to the index in `{folder}`; wait until it is done") from error


@contextmanager
def reading_errors(folder: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, which name the folder."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise IndexBusyError(f"the index in `{folder}` is busy; try again") from error
        raise IndexFormatError(f"the index in `{folder}` cannot be used: {error}; {REMEDY}") from error
    except sqlite3.Error as error:
        raise IndexFormatError(f"the index in `{folder}` is damaged: {error}; {REMEDY}") from error
    except (JSONDecodeError, ValidationError) as error:  # of a stored record, which was well when it was written
        raise IndexFormatError(f"the index in `{folder}` has an altered record; {REMEDY}") from error


def _holder(path: Path) -> str:
    """Give the number of the process that has the writer's place; it writes it just after it has got that.

    Until then the file may name a writer before, who was killed.
    """
    for _ in range(20):
        sleep(0.01)
        with suppress(OSError, ValueError, OverflowError):  # unreadable, no number, or no process of that number
            text = path.read_text("ascii").strip()
            os.kill(int(text), 0)
            return text
    return "unknown"


def _is_empty(connection: sqlite3.Connection) -> bool:
    return not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    if _is_empty(connection):
        raise IndexMissingError(f"the index in `{path.parent}` was never finished; run `citewell index SOURCE`")
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise IndexFormatError(f"`{path}` is not a Citewell index; name another folder with --index")
    if found != FORMAT:
        raise IndexFormatError(
            f"the index in `{path.parent}` has format {found}, this version reads format {FORMAT}; "
            "delete that folder and run `citewell index SOURCE`"
        )
    schema = connection.execute("SELECT sql FROM sqlite_schema WHERE sql NOT NULL").fetchall()
    if len(schema) != SCHEMA.count("\nCREATE ") or not all(sql in SCHEMA for (sql,) in schema):
        raise IndexFormatError(f"the index in `{path.parent}` is damaged: its tables are not as made; {REMEDY}")
