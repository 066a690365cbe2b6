"""The SQLite file of an index: what is taken for ours, and who may write."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from indexer.database import APPLICATION_ID, FORMAT, HOLDER_FILE, STORE_FILE, connect, reading_errors, writer_lock
from indexer.errors import IndexBusyError, IndexFormatError, IndexMissingError, InputError

HOLD_THE_LOCK = """
import sys, time
from pathlib import Path
from indexer.database import writer_lock
with writer_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def holder_of(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the writer's place."""
    command = [sys.executable, "-c", HOLD_THE_LOCK, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def make(folder: Path) -> Path:
    """Make an empty index, and give its file."""
    folder.mkdir(parents=True, exist_ok=True)
    connect(folder, create=True).close()
    return folder / STORE_FILE


def test_new_file_carries_our_marks(tmp_path: Path) -> None:
    """A new file can be told from other programs' databases, and states its format."""
    connection = sqlite3.connect(make(tmp_path))

    assert connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    assert connection.execute("PRAGMA user_version").fetchone()[0] == FORMAT
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    connection.close()


@pytest.mark.parametrize(("pragma", "wanted"), [("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1)])
def test_every_connection_is_careful(tmp_path: Path, pragma: str, wanted: int) -> None:
    """Commits survive a power cut, rows go with their document, and deleted text is overwritten."""
    make(tmp_path)
    for create in (True, False):
        connection = connect(tmp_path, create=create)
        assert connection.execute(f"PRAGMA {pragma}").fetchone()[0] == wanted
        connection.close()


@pytest.mark.parametrize("name", ["plain", "with space", "ünï", "odd?mode=ro#x%20", "b\udcffd"])
def test_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    """Signs that mean something in an address do not lead to another file."""
    file = make(tmp_path / name)
    connect(tmp_path / name).close()

    assert file.is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_reading_makes_no_file(tmp_path: Path) -> None:
    """Opening for reading where nothing is does not leave an empty file behind."""
    with pytest.raises(IndexFormatError, match="cannot be used"):
        connect(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("create", [True, False])
def test_database_of_another_program_is_refused(tmp_path: Path, create: bool) -> None:
    """Another program's SQLite file is neither read nor written, and the remedy is named."""
    foreign = sqlite3.connect(tmp_path / STORE_FILE)
    foreign.execute("CREATE TABLE bookmarks (address TEXT)")
    foreign.close()
    before = (tmp_path / STORE_FILE).read_bytes()

    with pytest.raises(IndexFormatError, match="not a Citewell index; name another folder with --index"):
        connect(tmp_path, create=create)
    assert (tmp_path / STORE_FILE).read_bytes() == before


@pytest.mark.parametrize("create", [True, False])
def test_other_format_is_refused(tmp_path: Path, create: bool) -> None:
    """An index of another format number is refused with both numbers and the remedy."""
    file = sqlite3.connect(make(tmp_path))
    file.execute(f"PRAGMA user_version = {FORMAT + 98}")
    file.close()

    wanted = rf"has format {FORMAT + 98}, this version reads format {FORMAT}; delete that folder and run"
    with pytest.raises(IndexFormatError, match=wanted):
        connect(tmp_path, create=create)


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("garbage", [b"not a database " * 500, b"SQLite format 3\0" + b"\xff" * 4080])
def test_garbage_is_refused(tmp_path: Path, garbage: bytes, create: bool) -> None:
    """A file that SQLite cannot read is reported as damaged or unusable, and left as it is."""
    (tmp_path / STORE_FILE).write_bytes(garbage)

    with pytest.raises(IndexFormatError, match=r"is damaged|cannot be used"):
        connect(tmp_path, create=create)
    assert (tmp_path / STORE_FILE).read_bytes() == garbage


def test_truncated_file_is_refused(tmp_path: Path) -> None:
    """A file that lost its end is damaged, not empty."""
    file = make(tmp_path)
    file.write_bytes(file.read_bytes()[:4096])

    with pytest.raises(IndexFormatError, match="is damaged"):
        connect(tmp_path)


def test_making_that_was_cut_short_is_no_index_yet(tmp_path: Path) -> None:
    """A file without tables, as a crash leaves it, is missing to readers and completed by the next writer."""
    (tmp_path / STORE_FILE).touch()

    with pytest.raises(IndexMissingError, match="never finished; run `citewell index"):
        connect(tmp_path)
    make(tmp_path)
    connect(tmp_path).close()


def test_locked_file_is_busy_not_damaged(tmp_path: Path) -> None:
    """A database that another connection has locked is reported as busy."""
    make(tmp_path)
    one, other = connect(tmp_path), connect(tmp_path)
    one.execute("BEGIN IMMEDIATE")
    other.execute("PRAGMA busy_timeout = 0")

    with pytest.raises(IndexBusyError, match="busy; try again"), reading_errors(tmp_path):
        other.execute("BEGIN IMMEDIATE")
    one.close()
    other.close()


def test_errors_that_are_not_the_databases_pass(tmp_path: Path) -> None:
    """Only SQLite's errors are turned into ours."""
    with pytest.raises(ZeroDivisionError), reading_errors(tmp_path):
        raise ZeroDivisionError


def test_lock_makes_the_folder(tmp_path: Path) -> None:
    """The folder of a new index need not exist, nor those above it."""
    with writer_lock(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize(("folder", "remedy"), [("a.txt", "name a folder"), ("a.txt/index", "name another folder")])
def test_file_in_the_place_of_the_folder(tmp_path: Path, folder: str, remedy: str) -> None:
    """A file where the folder should be, or above it, is left alone and named."""
    (tmp_path / "a.txt").write_text("mine")

    with pytest.raises(InputError, match=remedy), writer_lock(tmp_path / folder):
        pytest.fail("the lock was given")
    assert (tmp_path / "a.txt").read_text() == "mine"


def test_folder_with_other_files_is_not_taken(tmp_path: Path) -> None:
    """A folder that holds somebody's files is not made an index, and stays as it is."""
    (tmp_path / "thesis.docx").write_text("mine")

    with pytest.raises(InputError, match=r"holds `thesis\.docx`; name an empty folder"), writer_lock(tmp_path):
        pytest.fail("the lock was given")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]


def test_folder_with_only_a_dead_writers_traces_is_taken(tmp_path: Path) -> None:
    """What a writer leaves that died before it made the file does not make the folder a stranger's."""
    with writer_lock(tmp_path):
        pass

    with writer_lock(tmp_path):
        assert not (tmp_path / STORE_FILE).exists()


def test_second_writer_is_refused_in_one_process(tmp_path: Path) -> None:
    """Two writers of one process exclude each other too, and the first keeps its place."""
    with writer_lock(tmp_path):
        for _ in range(2):
            with pytest.raises(IndexBusyError, match=f"process {os.getpid()} is writing"), writer_lock(tmp_path):
                pytest.fail("the lock was given twice")
    with writer_lock(tmp_path):
        pass


def test_second_process_is_told_who_writes(tmp_path: Path) -> None:
    """While another process writes, the error names it and says what to do."""
    with holder_of(tmp_path) as other:
        wanted = f"process {other.pid} is writing to the index in .* wait until it is done"
        with pytest.raises(IndexBusyError, match=wanted), writer_lock(tmp_path):
            pytest.fail("the lock was given twice")


def test_killed_writer_frees_its_place(tmp_path: Path) -> None:
    """The place of a writer that was killed with kill -9 is free at once."""
    with holder_of(tmp_path) as other:
        other.send_signal(signal.SIGKILL)
        other.wait()
    with writer_lock(tmp_path):
        pass


def test_the_number_of_a_writer_before_is_not_told(tmp_path: Path) -> None:
    """A killed writer leaves its number behind, which is nobody's; who asks waits for that of the one that writes."""
    with holder_of(tmp_path) as before:
        before.kill()
        before.wait()
    with writer_lock(tmp_path):
        (tmp_path / HOLDER_FILE).write_text(str(before.pid))
        with pytest.raises(IndexBusyError, match="process unknown is writing"), writer_lock(tmp_path):
            pytest.fail("the lock was given twice")
    assert not (tmp_path / HOLDER_FILE).read_text()  # who is done writes no more


def test_writer_that_fails_frees_its_place(tmp_path: Path) -> None:
    """An error inside the block passes through and frees the place."""
    with pytest.raises(ZeroDivisionError), writer_lock(tmp_path):
        raise ZeroDivisionError
    with writer_lock(tmp_path):
        pass
