"""Failing and full disks leave one whole generation: `disks` in small."""

import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from tests.faults import shim
from tests.faults.case import Case, make_case
from tests.faults.disks import fail_at, fail_everywhere, fill_disk, logged_sync, misordered
from tests.faults.indexing import run
from tests.faults.shim import FAULTS, Fault, Operation

SEED = 4
EVERY = 131  # operations of which one is tried, so that all take a few seconds


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make what lets operations on files fail."""
    if shim.compiler() is None:
        pytest.skip("there is no gcc to make the shim with")
    library = shim.build(tmp_path_factory.mktemp("shim"))
    if not run(shim.works, library):
        pytest.skip("this kernel does not let calls be watched")
    return library


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Make sources that have no index yet."""
    return make_case(tmp_path_factory.mktemp("first"), SEED, files=4, first=True)


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Make an index whose sources have changed since."""
    return make_case(tmp_path_factory.mktemp("later"), SEED, files=5)


def operation(operations: list[Operation], wanted: Callable[[Operation], bool]) -> int:
    """Give the number of the first operation that is wanted."""
    return next(number for number, one in enumerate(operations, start=1) if wanted(one))


# --- what sees and stops operations on files


def work(_: Connection, fault: Fault, folder: Path) -> int:
    """Do a little of everything, and give the number of operations so far."""
    library = shim.arm(fault, folder)
    (folder / "new").mkdir()
    with (folder / "new" / "a.tmp").open("wb", buffering=0) as file:
        file.write(b"12345")
        file.truncate(3)
        os.fsync(file.fileno())
    (folder / "new" / "a.tmp").rename(folder / "a")
    (folder.parent / "elsewhere").touch()
    (folder / "b").hardlink_to(folder / "a")
    (folder / "a").unlink()
    return shim.count(library)


def test_operations_on_files_of_the_folder_are_seen(tmp_path: Path, library: Path) -> None:
    """Each one is logged in its order, with what it did; those elsewhere are not."""
    (folder := tmp_path / "folder").mkdir()
    assert run(work, Fault(library, log=tmp_path / "log"), folder) == 8
    new, temporary = folder / "new", folder / "new" / "a.tmp"
    assert shim.logged(tmp_path / "log") == [
        Operation("mkdir", new, None, -1, 0),
        Operation("create", temporary, None, -1, 0),
        Operation("write", temporary, None, 0, 5),
        Operation("truncate", temporary, None, -1, 3),
        Operation("fsync", temporary, None, -1, 0),
        Operation("rename", folder / "a", temporary, -1, 0),
        Operation("link", folder / "b", folder / "a", -1, 0),
        Operation("unlink", folder / "a", None, -1, 0),
    ]


@pytest.mark.parametrize(("what", "size"), [("crash", 0), ("torn write", 2), ("EIO", 0)])
def test_an_operation_fails_as_wanted(tmp_path: Path, library: Path, what: str, size: int) -> None:
    """The third one is the write: it is not done, or only half of it, and the process dies or is told."""
    (folder := tmp_path / "folder").mkdir()
    assert run(work, Fault(library, 3, what), folder) is None
    assert (folder / "new" / "a.tmp").stat().st_size == size


def test_a_disk_is_as_full_as_wanted(tmp_path: Path, library: Path) -> None:
    """A file and a folder take 256 bytes and what is written; a write that does not fit is done in part."""
    (folder := tmp_path / "folder").mkdir()
    assert run(work, Fault(library, budget=2 * 256 + 5), folder) == 8
    (other := tmp_path / "other").mkdir()
    run(work, Fault(library, budget=2 * 256 + 2), other)
    assert (other / "new" / "a.tmp").read_bytes() == b"12"


# --- a fault at an operation


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_anywhere_leaves_one_whole_generation(
    tmp_path: Path, library: Path, first: Case, later: Case, what: str
) -> None:
    """Whichever operation on a file fails, the index is the old or the new one, and errors tell the truth."""
    start = 1 + EVERY * list(FAULTS).index(what) // len(FAULTS)  # so that each kind falls elsewhere
    for case in (first, later):
        found = fail_everywhere(tmp_path, case, library, what, every=EVERY, first=start)
        assert found.problems == []
        assert found.points >= 1
        assert found.operations > 150


def test_files_written_in_place_are_seen(tmp_path: Path, library: Path, later: Case) -> None:
    """Without a rename, a crash leaves half a manifest."""
    log = logged_sync(tmp_path, later, library, bug="in place")
    at = operation(log, lambda one: one.name == "write" and one.path.match("dense-*.json") and one.place > 200)
    ended, problems = fail_at(tmp_path, later, library, "crash", at, bug="in place")
    assert ended is None
    assert any("cannot be used" in one for one in problems)


def test_a_commit_before_the_words_is_seen(tmp_path: Path, library: Path, later: Case) -> None:
    """A generation that is shown before its words are written can be left without them."""
    bug = "commit before the words"
    at = operation(
        logged_sync(tmp_path, later, library, bug=bug), lambda one: one.path.match("lexical-*/manifest.json")
    )
    ended, problems = fail_at(tmp_path, later, library, "crash", at, bug=bug)
    assert ended is None
    assert any("no usable" in one for one in problems)


def test_what_a_failed_step_leaves_is_seen(tmp_path: Path, library: Path, later: Case) -> None:
    """Without cleaning up, a rename that fails leaves what was to be renamed."""
    at = operation(logged_sync(tmp_path, later, library), lambda one: one.name == "rename")
    ended, problems = fail_at(tmp_path, later, library, "EIO", at, bug="no cleaning")
    assert ended is not None
    assert any("at once left over" in one for one in problems)


# --- the order in which things reach the disk


def test_content_is_on_the_disk_before_its_name_and_names_before_the_commit(
    tmp_path: Path, library: Path, first: Case
) -> None:
    """So a power cut loses nothing that the store speaks of; killing a process could never show that."""
    log = logged_sync(tmp_path, first, library)
    assert misordered(log) == []
    assert sum(one.name == "rename" for one in log) > 5


def test_missing_fsync_is_seen(tmp_path: Path, library: Path, first: Case) -> None:
    """A sync that does not wait for the disk renames what may be lost."""
    problems = misordered(logged_sync(tmp_path, first, library, bug="no fsync"))
    assert any("renamed before its content" in one for one in problems)
    assert any("when the store shows it" in one for one in problems)


def test_folder_that_is_not_flushed_is_seen() -> None:
    """A rename alone is not durable."""
    index = Path("/index")
    written = [
        Operation("write", index / "a.tmp", None, 0, 1),
        Operation("fsync", index / "a.tmp", None, -1, 0),
        Operation("rename", index / "a", index / "a.tmp", -1, 0),
    ]
    commit = Operation("fsync", index / "store.sqlite-wal", None, -1, 0)
    folder = Operation("fsync", index, None, -1, 0)
    assert misordered([*written, folder, commit]) == []
    assert misordered([*written, commit, folder]) == ["the name a is not on the disk when the store shows it"]
    assert misordered([commit, *written]) == ["the name a is not on the disk at the end"]
    assert misordered([written[0], *written[2:], folder, commit]) == [
        "a.tmp is renamed before its content is on the disk"
    ]


# --- a full disk


def test_a_full_disk_is_told_and_leaves_the_old_index(tmp_path: Path, library: Path, later: Case) -> None:
    """With too little space nothing changes, and the message says how much is missing; with space it completes."""
    found = fill_disk(tmp_path, later, library, sizes=3)
    assert found.problems == []
    assert len(found.told) == 3
    for missing, said in found.told:
        assert missing / 3 <= said <= 3 * found.needed


def test_a_full_disk_that_is_not_explained_is_seen(tmp_path: Path, library: Path, later: Case) -> None:
    """What SQLite and Python say by themselves does not help anybody."""
    found = fill_disk(tmp_path, later, library, sizes=1, bug="no explanation")
    assert any("did not say how much is missing" in one for one in found.problems)
