"""A backup is whole, is one generation's, is checked by its hashes, and comes back in one step or not at all."""

import errno
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from indexer import backup
from indexer.backup import MANIFEST, Copied, back_up, restore, verify
from indexer.database import HOLDER_FILE, LOCK_FILE, STORE_FILE, writer_lock
from indexer.errors import IndexBusyError, IndexFormatError, IndexMissingError, InputError, UnusableIndexError
from indexer.journal import JOURNAL_FILE
from indexer.lexical import generation_files
from indexer.store import Store
from tests.service.conftest import Library, make_library

NEW = "A new report on the harbour wall and its keeper."


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Give a library of the test's own."""
    return make_library(tmp_path)


def files(folder: Path) -> dict[str, bytes]:
    """Give all files of a folder but those that come and go with who has it open."""
    passing = {LOCK_FILE, HOLDER_FILE, f"{STORE_FILE}-wal", f"{STORE_FILE}-shm"}
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in passing
    }


def paths(folder: Path) -> list[str]:
    """Give the paths of an index's documents; check all of its rows."""
    with closing(Store.open(folder)) as store, store.reading() as reader:
        reader.check()
        return [document.path for document in reader.documents()]


def alter(folder: Path) -> None:
    """Change the text of a page behind the index's back."""
    with closing(sqlite3.connect(folder / STORE_FILE)) as connection, connection:
        connection.execute("UPDATE pages SET text = replace(text, 'school', 'prison')")


def test_a_backup_holds_the_index_and_shares_nothing_with_it(library: Library, tmp_path: Path) -> None:
    """Store, words and originals are copied to files of their own, each with size and hash in the manifest."""
    made = back_up(library.settings.index, tmp_path / "to" / "backup")

    copied = files(tmp_path / "to" / "backup")
    manifest = verify(tmp_path / "to" / "backup")
    assert set(copied) == {*manifest.files, MANIFEST}
    original = files(library.settings.index)
    assert {name: copied[name] for name in original if name != STORE_FILE} == {
        name: content for name, content in original.items() if name != STORE_FILE
    }
    assert not any(path.stat().st_nlink > 1 for path in (tmp_path / "to").rglob("*") if path.is_file())
    assert paths(tmp_path / "to" / "backup") == paths(library.settings.index)
    size = sum(len(content) for name, content in copied.items() if name != MANIFEST)
    expected = Copied(tmp_path / "to" / "backup", 1, 4, len(copied) - 1, size, 0.0)
    assert replace(made, took_s=0.0) == expected


def test_a_snapshot_of_the_vectors_comes_along(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So does the FAISS file where there is one that fits."""
    monkeypatch.setattr("indexer.dense.STALE_AT_LEAST", 0)
    library.write("new.txt", NEW)
    library.sync()

    back_up(library.settings.index, tmp_path / "backup")

    names = {name for name in files(tmp_path / "backup") if name.startswith("dense-")}
    assert names == {"dense-00000002.faiss", "dense-00000002.json"}


def test_what_a_sync_has_not_committed_is_not_in_a_backup(library: Library, tmp_path: Path) -> None:
    """A backup that is made in the middle of a sync holds the generation before."""
    with Store.writing(library.settings.index) as writer:
        writer.remove_document(writer.documents()[0].doc_id)
        assert back_up(library.settings.index, tmp_path / "backup").generation == 1

    assert len(paths(tmp_path / "backup")) == 4


def test_a_sync_between_store_and_originals_makes_the_backup_begin_again(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where originals of the copied generation are gone, the next generation is copied instead."""

    def removed_meanwhile(*arguments: Any) -> list[Path]:
        if (library.sources / "loose.txt").exists():
            (library.sources / "loose.txt").unlink()
            library.sync()
        return generation_files(*arguments)

    monkeypatch.setattr(backup, "generation_files", removed_meanwhile)

    assert back_up(library.settings.index, tmp_path / "backup").generation == 2
    assert "loose.txt" not in paths(tmp_path / "backup")


def test_an_index_that_never_rests_is_given_up(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some attempts the backup says so and leaves nothing."""

    def always_gone(*_: object) -> list[Path]:
        raise FileNotFoundError

    monkeypatch.setattr(backup, "generation_files", always_gone)

    with pytest.raises(IndexBusyError, match="keeps changing; try again"):
        back_up(library.settings.index, tmp_path / "backup")
    assert {path.name for path in tmp_path.iterdir()} == {"reports", "index"}


def test_an_index_without_originals_is_backed_up(library: Library, tmp_path: Path) -> None:
    """What the setting `keep_originals` leaves out is missing in the backup as well."""
    for path in (library.settings.index / "originals").iterdir():
        path.unlink()

    back_up(library.settings.index, tmp_path / "backup")

    assert not any(name.startswith("originals") for name in files(tmp_path / "backup"))


def test_uploads_and_keys_come_along(library: Library, tmp_path: Path) -> None:
    """Jobs do not, nor what is not whole; keys stay for their owner's eyes, and all comes back."""
    index = library.settings.index
    for name in ("uploads/a.txt", "uploads/manifest.csv", "incoming/b.txt", "jobs/1.json", "keys.json", "watch.lock"):
        (index / name).parent.mkdir(exist_ok=True)
        (index / name).write_text(name)
    (index / "keys.json").chmod(0o600)

    back_up(index, tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "new")

    for folder in (tmp_path / "backup", tmp_path / "new"):
        copied = set(files(folder))
        assert copied >= {"uploads/a.txt", "uploads/manifest.csv", "keys.json"}
        assert not any(name.startswith(("incoming", "jobs", "watch")) for name in copied)
        assert stat.S_IMODE((folder / "keys.json").stat().st_mode) == 0o600
        assert (folder / "uploads" / "a.txt").read_text() == "uploads/a.txt"


def test_an_upload_that_comes_meanwhile_makes_the_backup_begin_again(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A manifest of uploads never lists a file that is not in the backup."""
    uploads = library.settings.uploads
    uploads.mkdir()
    (uploads / "a.txt").write_text("a")
    (uploads / "manifest.csv").write_text("path\na.txt\n")
    real = backup._copy
    copied: list[str] = []

    def meanwhile(source: Path, target: Path) -> backup.File:
        if source.name == "a.txt" and not copied:
            (uploads / "b.txt").write_text("b")
            (uploads / "manifest.csv").write_text("path\na.txt\nb.txt\n")
        if source.parent == uploads:
            copied.append(source.name)
        return real(source, target)

    monkeypatch.setattr(backup, "_copy", meanwhile)
    back_up(library.settings.index, tmp_path / "backup")

    assert copied == ["a.txt", "manifest.csv", "a.txt", "b.txt", "manifest.csv"]
    assert (tmp_path / "backup" / "uploads" / "b.txt").read_text() == "b"


def test_keys_that_are_there_outlive_a_restore(library: Library, tmp_path: Path) -> None:
    """A key that was taken back since the backup does not come to life again."""
    keys = library.settings.index / "keys.json"
    keys.write_text("two keys")
    back_up(library.settings.index, tmp_path / "backup")
    keys.write_text("one key")

    restore(tmp_path / "backup", library.settings.index, force=True)

    assert keys.read_text() == "one key"


def test_a_damaged_index_is_not_backed_up(library: Library, tmp_path: Path) -> None:
    """An altered row is named and the remedy, and nothing is left."""
    alter(library.settings.index)

    with pytest.raises(IndexFormatError, match=r"pages.*citewell doctor"):
        back_up(library.settings.index, tmp_path / "backup")
    assert {path.name for path in tmp_path.iterdir()} == {"reports", "index"}


def test_a_damaged_original_is_named(library: Library, tmp_path: Path) -> None:
    """A kept file that is not what was indexed stops the backup."""
    original = min((library.settings.index / "originals").iterdir())
    original.write_bytes(b"something else")

    with pytest.raises(IndexFormatError, match=rf"`originals/{original.name}` .*citewell doctor"):
        back_up(library.settings.index, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_damaged_words_are_left_out(library: Library, tmp_path: Path) -> None:
    """What is derived and no longer sound is not copied; it is made again from the rest."""
    next((library.settings.index / "lexical-00000001").glob("*.idx")).write_bytes(b"")

    back_up(library.settings.index, tmp_path / "backup")

    assert not any(name.startswith("lexical") for name in files(tmp_path / "backup"))


def test_only_a_new_or_empty_folder_is_written(library: Library, tmp_path: Path) -> None:
    """A folder with anything in it, a file and a place inside the index are refused; an empty folder is taken."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "empty").mkdir()
    for place, message in [
        (tmp_path / "full", "is there already"),
        (tmp_path / "full" / "mine.txt", "is there already"),
        (library.settings.index / "backup", "is inside the index"),
    ]:
        with pytest.raises(InputError, match=message):
            back_up(library.settings.index, place)

    back_up(library.settings.index, tmp_path / "empty")

    assert files(tmp_path / "full") == {"mine.txt": b"mine"}
    verify(tmp_path / "empty")


def test_a_missing_index_is_not_backed_up(tmp_path: Path) -> None:
    """Without an index there is nothing to copy, and nothing is made."""
    with pytest.raises(IndexMissingError):
        back_up(tmp_path / "nowhere", tmp_path / "backup")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("to_backup", [True, False])
def test_a_full_disk_is_told_and_leaves_nothing(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to_backup: bool
) -> None:
    """Neither a half backup nor a half index is left, and the message says how much is missing."""
    back_up(library.settings.index, tmp_path / "backup")
    before = files(tmp_path)

    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    monkeypatch.setattr(backup, "_copy", full)

    index = library.settings.index
    with pytest.raises(UnusableIndexError, match=r"is full: about .* MB more are needed"):
        back_up(index, tmp_path / "other") if to_backup else restore(tmp_path / "backup", index, force=True)
    assert files(tmp_path) == before


def test_a_backup_comes_back(library: Library, tmp_path: Path) -> None:
    """What was indexed since is gone; a searcher that was open follows, and the next sync goes on from there."""
    searcher = library.searcher()
    back_up(library.settings.index, tmp_path / "backup")
    library.write("new.txt", NEW)
    library.sync()
    assert searcher.generation() == 2

    made = restore(tmp_path / "backup", library.settings.index, force=True)

    assert (made.folder, made.generation, made.documents) == (library.settings.index, 1, 4)
    assert files(library.settings.index) | {MANIFEST: b""} == files(tmp_path / "backup") | {MANIFEST: b""}
    assert searcher.generation() == 1
    assert library.sync().added == ("new.txt",)
    assert searcher.generation() == 2


def test_a_backup_comes_to_a_new_folder(library: Library, tmp_path: Path) -> None:
    """Where no index is, none has to be replaced; the folders above are made."""
    back_up(library.settings.index, tmp_path / "backup")

    restore(tmp_path / "backup", tmp_path / "on" / "another" / "machine")

    assert len(paths(tmp_path / "on" / "another" / "machine")) == 4
    assert {path.name for path in (tmp_path / "on" / "another").iterdir()} == {"machine"}


def test_an_index_is_only_replaced_where_that_is_asked_for(library: Library, tmp_path: Path) -> None:
    """Without `force` the index stays as it is, damaged or not."""
    back_up(library.settings.index, tmp_path / "backup")
    for is_damaged in (False, True):
        if is_damaged:
            (library.settings.index / STORE_FILE).unlink()
        before = files(library.settings.index)
        with pytest.raises(InputError, match=r"holds an index; .* --force"):
            restore(tmp_path / "backup", library.settings.index)
        assert files(library.settings.index) == before


@pytest.mark.parametrize("content", [None, b"no database"])
def test_a_backup_takes_the_place_of_a_damaged_index(library: Library, tmp_path: Path, content: bytes | None) -> None:
    """That is what it is for: a store that is altered or gone does not stop it."""
    back_up(library.settings.index, tmp_path / "backup")
    (library.settings.index / STORE_FILE).unlink()
    if content:
        (library.settings.index / STORE_FILE).write_bytes(content)

    restore(tmp_path / "backup", library.settings.index, force=True)

    assert len(paths(library.settings.index)) == 4


def test_what_a_sync_may_leave_does_not_stop_a_restore(library: Library, tmp_path: Path) -> None:
    """Snapshots, and vectors of an interrupted sync, are parts of an index."""
    back_up(library.settings.index, tmp_path / "backup")
    for name in (JOURNAL_FILE, "outlines-00000001.bin", "dense-00000001.json", "lexical-00000001.7.tmp"):
        (library.settings.index / name).touch()

    restore(tmp_path / "backup", library.settings.index, force=True)

    assert len(paths(library.settings.index)) == 4
    assert not (library.settings.index / JOURNAL_FILE).exists()


def test_a_folder_with_anything_else_in_it_is_never_replaced(library: Library, tmp_path: Path) -> None:
    """Not even with `force`: what is no part of an index would be lost."""
    back_up(library.settings.index, tmp_path / "backup")
    (library.settings.index / "thesis.txt").write_text("years of work")

    with pytest.raises(InputError, match=r"holds `thesis.txt`, which is not of an index"):
        restore(tmp_path / "backup", library.settings.index, force=True)
    with pytest.raises(InputError, match="is a file"):
        restore(tmp_path / "backup", library.settings.index / "thesis.txt", force=True)
    assert (library.settings.index / "thesis.txt").read_text() == "years of work"


def test_a_writer_is_not_disturbed(library: Library, tmp_path: Path) -> None:
    """While another process writes, nothing is restored."""
    back_up(library.settings.index, tmp_path / "backup")

    with writer_lock(library.settings.index), pytest.raises(IndexBusyError, match=f"process {os.getpid()}"):
        restore(tmp_path / "backup", library.settings.index, force=True)


def damages(folder: Path) -> Iterator[tuple[str, bytes | None]]:
    """Give every file of a backup with what may become of it: gone, empty, one bit turned, one byte more."""
    for name, content in files(folder).items():
        yield name, None
        yield name, content + b"x"
        if content:
            yield name, b""
            middle = len(content) // 2
            yield name, content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def test_a_damaged_backup_is_refused_by_the_name_of_the_file(library: Library, tmp_path: Path) -> None:
    """Whichever file was lost or altered, it is named, and the index stays as it is."""
    back_up(library.settings.index, tmp_path / "backup")
    before = files(library.settings.index)
    tried = 0
    for name, content in damages(tmp_path / "backup"):
        path = tmp_path / "backup" / name
        sound = path.read_bytes()
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        with pytest.raises((IndexFormatError, InputError), match=f"`{name}`"):
            restore(tmp_path / "backup", library.settings.index, force=True)
        path.write_bytes(sound)
        tried += 1
    assert tried > 40
    assert files(library.settings.index) == before
    verify(tmp_path / "backup")


def test_a_file_that_changes_while_it_is_copied_is_noticed(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sound when it was checked and was not when it was copied is not put in place."""
    back_up(library.settings.index, tmp_path / "backup")
    before = files(library.settings.index)
    real = backup.verify

    def altered_after(source: Path) -> backup.Manifest:
        manifest = real(source)
        (source / STORE_FILE).write_bytes(b"x")
        return manifest

    monkeypatch.setattr(backup, "verify", altered_after)

    with pytest.raises(IndexFormatError, match=f"`{STORE_FILE}`"):
        restore(tmp_path / "backup", library.settings.index, force=True)
    assert files(library.settings.index) == before


def test_what_is_no_backup_is_refused(library: Library, tmp_path: Path) -> None:
    """A folder without a manifest, an index as well, is not restored."""
    for source in (tmp_path / "nowhere", library.sources, library.settings.index):
        with pytest.raises(InputError, match="is not a backup, or not a whole one"):
            restore(source, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_what_a_killed_restore_left_is_removed(library: Library, tmp_path: Path) -> None:
    """The next one takes the same place for its copy and leaves nothing there."""
    back_up(library.settings.index, tmp_path / "backup")
    left = library.settings.index.with_name("index.restoring")
    left.mkdir()
    (left / STORE_FILE).write_bytes(b"half")

    restore(tmp_path / "backup", library.settings.index, force=True)

    assert not left.exists()
    assert len(paths(library.settings.index)) == 4
