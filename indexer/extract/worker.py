"""The process that reads files for a parent: `python -m indexer.extract.worker MEMORY_MB CPU_S`.

It takes frames with a file's bytes on standard input, reads the file or draws a page of it, and answers each on
standard output, until the input ends.
Libraries that parse foreign files have bugs and can be made to take all memory. So this process limits itself, gives
up writing files, opening connections and starting programs, and may die without harm.
"""

import importlib
import math
import os
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from indexer.errors import DocumentRefusedError, Refusal
from indexer.extract.limits import refuse_endless
from indexer.extract.protocol import OUT_OF_MEMORY, picture_to_json, read_frame, to_json, write_frame
from indexer.extract.sniff import misnamed, sniff
from indexer.records import Extracted

_MOST_OPEN_FILES = 64
_FORBIDDEN = (
    *("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "pty.", "shutil."),
    *(
        "os.mkdir",
        "os.rename",
        "os.remove",
        "os.rmdir",
        "os.link",
        "os.symlink",
        "os.truncate",
        "os.chmod",
        "os.chown",
    ),
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC  # the limit of file sizes lets empty files through


def main() -> None:
    """Answer requests until standard input ends, or so much memory is kept that the next file would lack it."""
    memory, cpu_s = int(sys.argv[1]) * 2**20, int(sys.argv[2])
    requests, answers = _private_pipes()
    _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_NOFILE, _MOST_OPEN_FILES)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    write_frame(answers, {"ready": True})
    _silence(2)  # the parent reads it only to learn why a process did not get ready
    sys.addaudithook(_forbid)
    retire = False
    try:
        while not retire and (frame := read_frame(requests, sys.maxsize)):
            request, data = frame
            _limit_cpu(cpu_s)
            answer, attached = _answer(data, request)
            retire = _held_memory() > memory / 2
            try:
                write_frame(answers, answer | {"retire": retire}, attached)
            except ValueError as error:  # what JSON has no signs for; nothing has been written yet
                write_frame(answers, _cannot_be_read(error) | {"retire": retire})
    except MemoryError:
        os._exit(OUT_OF_MEMORY)


def extract(data: bytes, name: str) -> Extracted:
    """Read a file's bytes as what they are; `name` only serves to say where it promises something else.

    Raises DocumentRefusedError.
    """
    kind = sniff(data)
    odd = misnamed(name, kind)
    try:
        extracted: Extracted = importlib.import_module(f"indexer.extract.{kind}").read(data)
        refuse_endless(extracted)
    except DocumentRefusedError as refused:
        if odd is None:
            raise
        raise DocumentRefusedError(refused.code, f"{odd}: {refused.message}", pages=refused.pages) from refused
    return extracted if odd is None else replace(extracted, notes=(odd, *extracted.notes))


def _answer(data: bytes, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    try:
        if "draw" in request:
            picture = importlib.import_module("indexer.extract.picture").draw(data, **request["draw"])
            return {"drawn": picture_to_json(picture)}, picture.png
        return {"extracted": to_json(extract(data, request["name"]))}, b""
    except DocumentRefusedError as refused:
        return {"refused": [refused.code, refused.message, refused.pages]}, b""
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a library may fail in any way on a foreign file
        return _cannot_be_read(error), b""


def _cannot_be_read(error: Exception) -> dict[str, Any]:
    what = " ".join(f"{type(error).__name__}: {error}".split()).encode(errors="backslashreplace").decode()
    message = f"the file cannot be read ({what}): get it again, or give it in another format"
    return {"refused": [Refusal.DAMAGED, message, []]}


def _private_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Take standard input and output for the frames, so that nothing a library prints gets between them."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    _silence(0)
    _silence(1)
    return requests, answers


def _silence(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _limit(which: int, value: int) -> None:
    """Set a limit for good, unless a lower one is in force."""
    _, hard = resource.getrlimit(which)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))


def _limit_cpu(seconds: int) -> None:
    """Allow some CPU time from now on; the system counts from the start of the process."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time()) + seconds, hard))


def _held_memory() -> int:
    """Return the bytes this process holds in memory; its peak as the system tells it would be the parent's."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:  # no Linux, and then no limit on memory that is kept either
        return 0
    return int(pages) * resource.getpagesize()


def _forbid(event: str, arguments: tuple[Any, ...]) -> None:
    if event.startswith(_FORBIDDEN) or (event == "open" and arguments[2] & _WRITING):
        raise PermissionError(f"a reader process may not use {event}{' to write' if event == 'open' else ''}")


if __name__ == "__main__":
    main()
