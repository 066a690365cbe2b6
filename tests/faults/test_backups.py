"""A backup is of one generation whoever writes meanwhile, and a damaged one does not come back."""

import shutil
from pathlib import Path

import pytest

from indexer import backup
from tests.faults.backups import damaged, during_writes


def test_backups_while_a_writer_commits_are_whole(tmp_path: Path) -> None:
    """Each copy passes all checks, with its originals and its words."""
    made = during_writes(tmp_path, 5, times=12)

    assert made.bad == ()
    assert made.generations > 1


def test_a_plain_copy_of_the_files_is_seen(tmp_path: Path) -> None:
    """The same checks find that copying file by file does not do while a writer commits, sooner or later."""
    tries = (during_writes(tmp_path / str(seed), seed, times=12, copy=shutil.copytree) for seed in range(8))
    assert any(made.bad for made in tries)


def test_a_damaged_backup_is_refused(tmp_path: Path) -> None:
    """The file is named, and the index stays as it was."""
    assert damaged(tmp_path, 5, times=40) == ()


def test_a_restore_that_does_not_check_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same damages get through where sizes and hashes are not compared."""
    monkeypatch.setattr(backup.File, "__eq__", lambda *_: True)

    assert damaged(tmp_path, 5, times=10)
