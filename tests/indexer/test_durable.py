"""Files that are either whole or not there."""

import os
from pathlib import Path

import pytest

from indexer import durable
from indexer.durable import exchange, flush, publish


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def open_files() -> set[str]:
    """Give the descriptors of this process, by number."""
    return names(Path("/proc/self/fd"))


def test_file_is_made_and_nothing_else(tmp_path: Path) -> None:
    """A published file holds what was written, and no temporary file stays."""
    publish(tmp_path / "a.bin", lambda path: path.write_bytes(b"new"))

    assert (tmp_path / "a.bin").read_bytes() == b"new"
    assert names(tmp_path) == {"a.bin"}


def test_old_file_is_replaced_and_an_open_one_keeps_its_bytes(tmp_path: Path) -> None:
    """Who has the old file open goes on reading the old bytes; who opens it later reads the new ones."""
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with target.open("rb") as opened:
        publish(target, lambda path: path.write_bytes(b"new"))

        assert opened.read() == b"old"
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_failing_writer_leaves_the_old_file_and_no_temporary(tmp_path: Path, error: BaseException) -> None:
    """Whatever stops the writing half way, the old file stands and the half one is gone."""
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")

    def write_half(path: Path) -> None:
        path.write_bytes(b"ne")
        raise error

    with pytest.raises(type(error)):
        publish(target, write_half)
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == {"a.bin"}


def test_file_that_cannot_be_made_durable_is_not_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails at fsync leaves the old file in its place."""
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")

    def fail(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        publish(target, lambda path: path.write_bytes(b"new"))
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == {"a.bin"}


def test_bytes_are_durable_before_the_name_and_the_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order is write, fsync of the file, rename, fsync of the folder; any other can lose the file."""
    steps: list[str] = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        steps.append(f"fsync {Path(f'/proc/self/fd/{descriptor}').resolve().name.split('.')[0]}")
        real_fsync(descriptor)

    def replace(self: Path, target: Path) -> Path:
        steps.append("rename")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    folder = tmp_path / "folder"
    folder.mkdir()

    def write(path: Path) -> None:
        path.write_bytes(b"new")
        steps.append("write")

    publish(folder / "file.bin", write)

    assert steps == ["write", "fsync file", "rename", "fsync folder"]


@pytest.mark.parametrize("name", ["a.bin", "."])
def test_flush_waits_for_a_file_or_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What is named is on the disk when the call returns, and is not left open."""
    (tmp_path / "a.bin").write_bytes(b"new")
    flushed: list[Path] = []
    real_fsync = os.fsync

    def fsync(descriptor: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{descriptor}").resolve())
        real_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    before = open_files()
    flush(tmp_path / name)

    assert flushed == [(tmp_path / name).resolve()]
    assert open_files() == before


def test_flush_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not there, or a disk that fails, is an error, and nothing is left open."""
    with pytest.raises(FileNotFoundError):
        flush(tmp_path / "absent")

    def fail(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    before = open_files()
    with pytest.raises(OSError, match="Input/output error"):
        flush(tmp_path)
    assert open_files() == before


def two_folders(base: Path) -> tuple[Path, Path]:
    """Make two folders with a file that tells which it was."""
    for name in ("old", "new"):
        (base / name).mkdir()
        (base / name / "it").write_text(name)
    return base / "new", base / "old"


@pytest.mark.parametrize("in_one_step", [True, False])
def test_two_folders_change_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_one_step: bool) -> None:
    """Each is then where the other was, whether or not the system can do it in one step."""
    new, old = two_folders(tmp_path)
    if not in_one_step:
        monkeypatch.setattr(durable, "_renamed_both", lambda *_: False)

    exchange(new, old)

    assert ((old / "it").read_text(), (new / "it").read_text()) == ("new", "old")
    assert names(tmp_path) == {"new", "old"}


def test_what_cannot_be_exchanged_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the new folder is missing, the old one stands as before."""
    new, old = two_folders(tmp_path)
    (new / "it").unlink()
    new.rmdir()

    for how in (durable._renamed_both, lambda *_: False):
        monkeypatch.setattr(durable, "_renamed_both", how)
        with pytest.raises(FileNotFoundError):
            exchange(new, old)
        assert (old / "it").read_text() == "old"
        assert names(tmp_path) == {"old"}
