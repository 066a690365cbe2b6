"""Files are kept by their hash, whole or not at all, as long as they are wanted."""

from pathlib import Path

import pytest

from indexer import originals
from indexer.originals import drop_other_originals, keep_original, original


def kept(folder: Path) -> set[str]:
    return {path.name for path in (folder / "originals").glob("*")}


def test_a_file_is_kept_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lies under its hash, and is not written again."""
    keep_original(tmp_path, "a1", b"text")
    assert original(tmp_path, "a1").read_bytes() == b"text"
    monkeypatch.setattr(originals, "publish", lambda *_: pytest.fail("written again"))
    keep_original(tmp_path, "a1", b"text")
    assert kept(tmp_path) == {"a1"}


def test_the_folder_is_made_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of the new folder is on the disk before anything lies in it."""
    flushed: list[tuple[Path, set[str]]] = []
    monkeypatch.setattr(originals, "flush", lambda path: flushed.append((path, kept(tmp_path))))
    keep_original(tmp_path, "a1", b"text")
    keep_original(tmp_path, "b2", b"more")
    assert flushed == [(tmp_path, set())]


def test_what_is_not_wanted_goes(tmp_path: Path) -> None:
    """So do halves of files; a folder that is not there is no error."""
    drop_other_originals(tmp_path, set())
    keep_original(tmp_path, "a1", b"text")
    keep_original(tmp_path, "b2", b"more")
    original(tmp_path, "c3.123.tmp").write_bytes(b"ha")
    drop_other_originals(tmp_path, {"a1"})
    assert kept(tmp_path) == {"a1"}


def test_what_cannot_be_removed_keeps_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All others go, before the error comes out."""
    for name in ("a1", "b2", "c3"):
        keep_original(tmp_path, name, b"text")
    unlink = Path.unlink

    def failing(path: Path) -> None:
        if path.name == "b2":
            raise OSError(5, "Input/output error", str(path))
        unlink(path)

    monkeypatch.setattr(Path, "unlink", failing)
    with pytest.raises(OSError, match="b2"):
        drop_other_originals(tmp_path, {"a1"})
    assert kept(tmp_path) == {"a1", "b2"}
