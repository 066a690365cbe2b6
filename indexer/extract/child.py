"""One reader process, seen from the parent."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Timer
from typing import TYPE_CHECKING, Any, TypeVar

from indexer.errors import CitewellError, DocumentRefusedError, Refusal
from indexer.extract.protocol import (
    OUT_OF_MEMORY,
    FrameTooLargeError,
    from_json,
    picture_from_json,
    read_frame,
    write_frame,
)
from indexer.records import Extracted, Picture

if TYPE_CHECKING:  # the processes import this package too, and have no use for the settings' library
    from indexer.settings import Settings

MOST_RESULT = 48 * 2**20  # bytes of one answer; measured: some 6,000 a page
_MOST_SAID = 600  # characters of a message; libraries quote what they do not understand
_START_S = 60  # until a new process must be ready
_END_S = 5  # until a process whose output has ended must be gone
_CODE = Path(__file__).resolve().parents[2]  # the folder that holds this package, installed or not


T = TypeVar("T")


class Child:
    """A process that reads one file after the other until it dies or is no longer `usable`.

    Raises CitewellError where it cannot be started, which is no file's fault.
    """

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        self._files_left = settings.parse_recycle
        self.usable = False  # until it says that it is ready, and while it reads
        command = [sys.executable, "-s", "-P", "-B", "-m", "indexer.extract.worker"]
        try:
            process = subprocess.Popen(
                [*command, str(settings.parse_memory_mb), str(settings.parse_cpu_s)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                env=_environment(),
                start_new_session=True,  # so that Ctrl-C reaches the parent alone
            )
        except OSError as error:
            raise CitewellError(f"the process that reads files does not start: {error}") from error
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._input, self._output, self._complaints = process.stdin, process.stdout, process.stderr

    def wait_until_ready(self) -> None:
        """Wait for a new process. Raises CitewellError where it dies before it is ready."""
        with self._killed_after(_START_S):
            hello = read_frame(self._output, MOST_RESULT)
        if hello is None:
            self.kill()
            said = self._complaints.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise CitewellError(f"the process that reads files does not start: {said or 'it does not say why'}")
        self.usable = True

    def read(self, data: bytes, name: str) -> Extracted:
        """Have one file read. Raises DocumentRefusedError, also for whatever befalls the process."""
        name = name.encode(errors="replace").decode()  # names of files may hold bytes that are no text
        return self._ask({"name": name}, data, lambda answer, _: from_json(answer["extracted"]))

    def draw(self, data: bytes, page: int, runs: Sequence[tuple[int, int]], width: int) -> Picture:
        """Have a page of a PDF drawn. Raises as `read` does."""
        request = {"draw": {"page": page, "runs": runs, "width": width}}
        return self._ask(request, data, lambda answer, png: picture_from_json(answer["drawn"], png))

    def _ask(self, request: dict[str, Any], data: bytes, made: Callable[[dict[str, Any], bytes], T]) -> T:
        """Send a file and return what `made` makes of the answer. Raises DocumentRefusedError."""
        self.usable = False
        self._files_left -= 1
        try:
            with self._killed_after(self._settings.parse_wall_s) as late:
                with suppress(BrokenPipeError):  # it has died, which the missing answer tells as well
                    write_frame(self._input, request, data)
                frame = read_frame(self._output, MOST_RESULT)
            if frame is None:
                raise self._epitaph(late=late.is_set())
            answer, attached = frame
            if "refused" in answer:
                code, message, pages = answer["refused"]
                found: T | DocumentRefusedError = DocumentRefusedError(
                    Refusal(code), _shown(str(message)), pages=tuple(map(int, pages))
                )
            else:
                found = made(answer, attached)
            self.usable = not (late.is_set() or answer["retire"] or self._files_left <= 0)
        except FrameTooLargeError as error:
            raise _resources(f"has {error.args[0] >> 20} MB of text and layout, more than a report can") from error
        except (ValueError, KeyError, TypeError) as error:  # a process that a file has taken over may say anything
            raise _crashed("gave no proper answer") from error
        if isinstance(found, DocumentRefusedError):
            raise found
        return found

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """Stop the process at once; may be called from any thread."""
        self._process.kill()

    def close(self) -> None:
        """Stop the process, and give back all that it held."""
        self.kill()
        self._process.wait()
        for pipe in (self._input, self._output, self._complaints):
            with suppress(OSError):  # bytes that were never taken
                pipe.close()

    @contextmanager
    def _killed_after(self, seconds: float) -> Iterator[Event]:
        """Kill the process if the block takes longer; the event then is set."""
        late = Event()

        def stop() -> None:
            late.set()
            self.kill()

        timer = Timer(seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            yield late
        finally:
            timer.cancel()
            timer.join()

    def _epitaph(self, *, late: bool) -> DocumentRefusedError:
        """Say why the process died while it read a file."""
        settings = self._settings
        try:
            status = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.kill()
            status = self._process.wait()
        if late:
            return _resources(f"took longer than {settings.parse_wall_s} s to read", "parse_wall_s")
        if status == -signal.SIGXCPU:
            return _resources(f"took more than {settings.parse_cpu_s} s of processor time to read", "parse_cpu_s")
        if status in (OUT_OF_MEMORY, -signal.SIGABRT):  # how PDFium, like most libraries in C, gives up
            return _resources(f"took more than {settings.parse_memory_mb} MB of memory to read", "parse_memory_mb")
        return _crashed(f"died ({signal.Signals(-status).name if status < 0 else f'exit status {status}'})")


def _resources(what: str, setting: str = "") -> DocumentRefusedError:
    remedy = f"raise the setting `{setting}`, or " if setting else ""
    return DocumentRefusedError(
        Refusal.RESOURCES, f"the file {what}, so reading it was stopped: {remedy}split it or save it anew"
    )


def _crashed(what: str) -> DocumentRefusedError:
    return DocumentRefusedError(
        Refusal.CRASHED,
        f"the process that read the file {what}, so it cannot be used: save it anew, or give it in another format",
    )


def _shown(message: str) -> str:
    """Write out what a terminal or a reader would take for more than letters: messages quote the file."""
    shown = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in message)
    return shown if len(shown) <= _MOST_SAID else f"{shown[:_MOST_SAID]} ..."


def _environment() -> dict[str, str]:
    """Give a reader process what it needs to start, and nothing that is private."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}
    return {"PYTHONPATH": str(_CODE), "LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "1", **kept}
