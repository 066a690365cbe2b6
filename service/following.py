"""Notices that files of the sources have changed, so that nobody has to say so."""

import logging
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from pathlib import Path
from threading import Event
from time import monotonic

from watchfiles import watch

from indexer.settings import Settings
from indexer.sources import MANIFEST
from service.logs import log

QUIET_S = 1.0  # without a change, after which a change is told: who copies a folder is not done with its first file
LONGEST_S = 10.0  # that changes may go on before they are told all the same
LOOK_MS = 250  # how often it is looked whether folders have come or gone
RETRY_S = 5.0
POLL_MS = 2000  # between two looks at all files, where the system tells of no changes

Identity = tuple[int, int]


def follow(paths: Sequence[Path], settings: Settings, stop: Event, changed: Callable[[], None]) -> None:
    """Call `changed` at the start, and whenever files of these sources have changed and a moment has passed.

    It ends when `stop` is set. Folders and files that are not there are waited for; that they went is logged, and is
    no change of theirs.
    """
    must_poll = False
    is_due = True
    before: dict[Path, Identity | None] = {}
    while not stop.is_set():
        there = {path: _identity(path) for path in paths}
        for path, identity in there.items():
            if path in before and identity == before[path]:
                continue
            if identity:
                is_due = True
            elif path != settings.uploads:  # which are there once there are any
                log(logging.WARNING, f"`{path}` is not there; it is waited for", {})
        before = there
        try:
            _watch(there, settings, stop, changed, is_due=is_due, must_poll=must_poll)
            is_due = False
        except (OSError, RuntimeError) as error:  # a folder went in this moment, or the system watches no more files
            log(logging.WARNING, f"the system tells of no changes ({error}), so the sources are looked at", {})
            is_due = must_poll = True
            stop.wait(RETRY_S)


def _watch(
    there: dict[Path, Identity | None],
    settings: Settings,
    stop: Event,
    changed: Callable[[], None],
    *,
    is_due: bool,
    must_poll: bool,
) -> None:
    """Tell of changes until `stop` is set, or one of the sources has come, gone or been replaced.

    One that `is_due` is told when watching has begun, so that no change falls between.
    """
    folders = {path.resolve() if path.is_dir() else path.resolve().parent for path, known in there.items() if known}
    if not folders:
        if is_due:
            changed()
        stop.wait(RETRY_S)
        return
    matters = _Matters([path for path, identity in there.items() if identity], settings)
    first = last = monotonic() - QUIET_S if is_due else 0.0
    for changes in watch(
        *folders,
        watch_filter=lambda _, path: matters(Path(path)),
        debounce=LOOK_MS,
        rust_timeout=LOOK_MS,
        yield_on_timeout=True,
        stop_event=stop,
        raise_interrupt=False,
        force_polling=must_poll or None,
        poll_delay_ms=POLL_MS,
        ignore_permission_denied=True,  # the sync says which folders cannot be read
    ):
        now = monotonic()
        if changes:
            first, last = first or now, now
        if first and (now - last >= QUIET_S or now - first >= LONGEST_S):
            first = 0.0
            changed()
        if {path: _identity(path) for path in there} != there:
            return


class _Matters:
    """Tells which changes matter: those of files that a sync looks at, and of manifests."""

    def __init__(self, sources: Sequence[Path], settings: Settings) -> None:
        self._folders = [path.resolve() for path in sources if path.is_dir()]
        self._files = {path.resolve() for path in sources if not path.is_dir()}
        self._manifests = {folder / MANIFEST for folder in [*self._folders, *(file.parent for file in self._files)]}
        self._index = settings.index.resolve()
        self._exclude = settings.exclude

    def __call__(self, path: Path) -> bool:
        """Tell it of one path, which may be gone."""
        return path in self._files or path in self._manifests or any(self._is_of(path, one) for one in self._folders)

    def _is_of(self, path: Path, folder: Path) -> bool:
        if not path.is_relative_to(folder):
            return False
        if path.is_relative_to(self._index) and not folder.is_relative_to(self._index):
            return False
        ways = [path, *(above for above in path.parents if above != folder and above.is_relative_to(folder))]
        return path == folder or not any(
            fnmatch(way.relative_to(folder).as_posix(), pattern) or fnmatch(way.name, pattern)
            for way in ways
            for pattern in self._exclude
        )


def _identity(path: Path) -> Identity | None:
    """Tell a file or folder from another one of the same name; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
