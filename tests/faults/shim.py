"""Lets operations on files fail where the kernel would do them: `shim.c`, made with gcc, taken into a process.

What is seen are the calls that change something below one folder, whoever makes them: Python, SQLite, Tantivy, FAISS.
"""

import ctypes
import shutil
import subprocess
from dataclasses import dataclass
from errno import EIO, ENOSPC
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_name("shim.c")
CRASH, TEAR = -1, -2  # instead of an errno: die before the operation, or in the middle of a write
FAULTS = {"crash": CRASH, "torn write": TEAR, "EIO": EIO, "ENOSPC": ENOSPC}
DIED = 99  # exit status of a process that died so


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong on the disk: one operation, by its number from 1, or all that find no space, or none."""

    library: Path  # of `build`
    at: int = 0
    what: str = "crash"  # one of FAULTS
    budget: int = -1  # bytes that may be added; -1: any number
    log: Path | None = None  # file for a line of each operation


class Operation(NamedTuple):
    """One operation on a file, as logged."""

    name: str  # write, truncate, fsync, create, empty, mkdir, link, rename, unlink or chmod
    path: Path
    source: Path | None  # of a rename or link
    place: int  # where in the file is written; -1 where it does not matter
    size: int  # bytes that are written, or what a file is cut or grown to


def compiler() -> str | None:
    """Find the C compiler."""
    return shutil.which("gcc")


def build(folder: Path) -> Path:
    """Make the library in a folder, and give its path."""
    library = folder / "shim.so"
    flags = "-O1 -Wall -Wextra -Werror -shared -fPIC".split()
    subprocess.run([compiler() or "gcc", *flags, "-o", library, SOURCE], check=True)
    return library


def arm(fault: Fault, folder: Path) -> ctypes.CDLL:
    """Let the fault happen to this process from now on, in what it does below a folder.

    Waiting for the disk is left out: a process that dies loses nothing that it wrote. Raises OSError where the kernel
    does not let calls be watched.
    """
    library = ctypes.CDLL(str(fault.library))
    library.shim_arm.argtypes = [
        ctypes.c_char_p, ctypes.c_long, ctypes.c_int, ctypes.c_long, ctypes.c_char_p, ctypes.c_int
    ]  # fmt: skip
    library.shim_count.restype = ctypes.c_long
    log = str(fault.log or "").encode()
    if error := library.shim_arm(str(folder).encode(), fault.at, FAULTS[fault.what], fault.budget, log, 0):
        raise OSError(error, "calls cannot be watched")
    return library


def works(_: Connection, library: Path) -> bool:
    """Tell whether the kernel lets calls be watched; for a process of its own."""
    try:
        arm(Fault(library), library.parent)
    except OSError:
        return False
    return True


def count(library: ctypes.CDLL) -> int:
    """Give the number of operations so far."""
    found: int = library.shim_count()
    return found


def logged(path: Path) -> list[Operation]:
    """Read a log."""
    found = []
    for line in path.read_text().splitlines():
        name, where, source, place, size = line.split("\t")
        found.append(Operation(name, Path(where), Path(source) if source else None, int(place), int(size)))
    return found
