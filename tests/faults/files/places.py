"""Names that deceive, links that lead elsewhere, and things that are no files; and what becomes of each."""

import os
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from threading import Event, Thread

from indexer.sources import DEEPEST
from tests.faults.files import Target

TEXT = "Families in Ashby are seen by their own worker every week.\n"
ODD_NAMES = (  # bytes, and whether the file may be read
    (b"\x1b[2J\x1b]0;title\x07.txt", False),
    (b"line\nfeed.txt", False),
    (b"carriage\rreturn.txt", False),
    ("report\u202efdp.exe.txt".encode(), False),
    ("zero\u200bwidth.txt".encode(), False),
    (b"caf\xe9.txt", False),
    (b"\xed\xa0\x80.txt", False),
    (b"x" * 251 + b".txt", True),
    ("é".encode() * 125 + b".txt", True),
    (b"$(touch escaped).txt", True),
    (b"; rm -rf ~ #.txt", True),
    (b"-rf --help.txt", True),
    (b"%2e%2e%2fetc%2fpasswd.txt", True),
    (b"a\\..\\..\\escaped.txt", True),
    (b"<img src=x onerror=alert(1)>.txt", True),
    (b"'; DROP TABLE documents; --.txt", True),
    (b"CON.txt", True),
    (b" .txt ", True),
)


class Fate(StrEnum):
    """What must become of a place."""

    READ = "read"
    REFUSED = "refused"
    PASSED_OVER = "passed over"


def make(folder: Path, target: Target) -> dict[str, Fate]:
    """Fill a folder; names are as refusals show them."""
    fates = {}
    for number, (coded, may_be_read) in enumerate(ODD_NAMES):
        odd = os.fsdecode(coded)
        (folder / odd).write_text(f"{TEXT}It is file {number} of this folder.\n")
        shown = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in odd)
        fates[shown] = Fate.READ if may_be_read else Fate.REFUSED
    for name, to in (
        ("loop.txt", "loop.txt"),
        ("one.txt", "two.txt"),
        ("two.txt", "one.txt"),
        ("nothing.txt", "absent.txt"),
        ("out.txt", str(target.canary)),
        ("up.txt", f"../../{target.canary.parent.name}/{target.canary.name}"),
        ("folder", str(target.canary.parent)),
        ("circle", "."),
        ("zero.txt", "/dev/zero"),
        ("memory.txt", "/proc/self/mem"),
    ):
        (folder / name).symlink_to(to)
        fates[name] = Fate.PASSED_OVER
    os.mkfifo(folder / "pipe.txt")
    fates["pipe.txt"] = Fate.PASSED_OVER
    with socket.socket(socket.AF_UNIX) as made, _inside(folder):
        made.bind("socket.txt")
    fates["socket.txt"] = Fate.PASSED_OVER
    with suppress(PermissionError):
        os.mknod(folder / "device.txt", stat.S_IFCHR | 0o666, os.makedev(1, 5))  # endless zeros
        fates["device.txt"] = Fate.PASSED_OVER
    (folder / "large.txt").touch()
    os.truncate(folder / "large.txt", 2**40)  # takes no room on disk
    fates["large.txt"] = Fate.REFUSED
    (folder / "zeros.txt").touch()
    os.truncate(folder / "zeros.txt", 15_000_000)
    fates["zeros.txt"] = Fate.REFUSED
    fates["/".join(["deep"] * DEEPEST)] = Fate.REFUSED  # as the folder lies in the root itself
    _deep_folders(folder)
    return fates


def _deep_folders(folder: Path) -> None:
    inner = os.open(folder, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("deep", dir_fd=inner)
        outer, inner = inner, os.open("deep", os.O_RDONLY, dir_fd=inner)
        os.close(outer)
    os.close(inner)


def remove(folder: Path) -> None:
    """Remove what Python's own functions call themselves too often for."""
    subprocess.run(["rm", "-rf", folder / "deep"], check=True)


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Work in a folder, whose path may be too long for the address of a socket."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


# --- what changes between the moment it is found and the moment it is read

SWAPS = {
    "pipe.txt": Fate.REFUSED,
    "link.txt": Fate.REFUSED,
    "device.txt": Fate.REFUSED,
    "folder.txt": Fate.REFUSED,
    "grown.txt": Fate.REFUSED,
    "gone.txt": Fate.PASSED_OVER,
    "new.txt": Fate.READ,
}
LETTERS = 200_000


def before_swaps(folder: Path) -> dict[str, Fate]:
    """Write the files that will be something else."""
    for name in SWAPS:
        (folder / name).write_text(TEXT)
    return SWAPS


def swap(folder: Path, target: Target) -> None:
    """Put something else in the place of each file."""
    for name in SWAPS:
        (folder / name).unlink()
    os.mkfifo(folder / "pipe.txt")
    (folder / "link.txt").symlink_to(target.canary)
    (folder / "device.txt").symlink_to("/dev/zero")
    (folder / "folder.txt").mkdir()
    (folder / "grown.txt").touch()
    os.truncate(folder / "grown.txt", 2**40)
    (folder / "new.txt").write_text(TEXT * 2)


@contextmanager
def rewritten(path: Path) -> Iterator[None]:
    """Rewrite a file again and again, each time with one other letter throughout, while the block runs."""
    stop = Event()

    def rewrite() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with path.open("r+b") as file:
                file.write((chr(97 + number % 26) * 9 + " ").encode() * (LETTERS // 10))
            stop.wait(0.01)

    path.write_text("a" * 9 * (LETTERS // 10))
    thread = Thread(target=rewrite)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
