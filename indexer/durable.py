"""Files that are either whole or not there, also after a power cut."""

import ctypes
import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path


def publish(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in the place of `path` in one step.

    The order write, fsync, rename, fsync of the folder is what makes the name durable and never half a file (Pillai
    et al., "All File Systems Are Not Created Equal", OSDI 2014). Raises OSError; the old file then still stands.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        flush(temporary)
        temporary.replace(path)
        flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Wait until a file's content, or a folder's names, are on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all that is in it, or nothing. Raises OSError."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def exchange(new: Path, old: Path) -> None:
    """Put two folders into each other's place, durably and on Linux in one step. Raises OSError; both then stand.

    Elsewhere, and on file systems that cannot do it, the old one is aside for the time of a rename.
    """
    if not _renamed_both(new, old):
        aside = old.with_name(f"{old.name}.{os.getpid()}.aside")
        old.rename(aside)
        try:
            new.rename(old)
        except BaseException:
            aside.rename(old)
            raise
        aside.rename(new)
    flush(new.parent)
    flush(old.parent)


def _renamed_both(one: Path, other: Path) -> bool:
    """Exchange two names by renameat2(2), which Python does not offer; False where the system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    at_working_folder, exchange_names = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    names = os.fsencode(one.absolute()), os.fsencode(other.absolute())
    if rename(at_working_folder, names[0], at_working_folder, names[1], exchange_names) == 0:
        return True
    error = ctypes.get_errno()
    if error in {errno.ENOSYS, errno.EINVAL}:
        return False
    raise OSError(error, os.strerror(error), str(other))
