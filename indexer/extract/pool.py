"""Hands files to reader processes and collects what they made of them, whatever a file does to its process."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Self, TypeVar

from indexer.errors import CitewellError, DocumentRefusedError
from indexer.extract.child import Child
from indexer.records import Extracted, Picture

if TYPE_CHECKING:  # the processes import this package too, and have no use for the settings' library
    from indexer.settings import Settings

MOST_AHEAD = 64 * 2**20  # bytes of files that wait to be read, beside one more file

T = TypeVar("T")


class Readers:
    """Reads files in child processes, which start when needed and are replaced when they die or have read enough.

    A file that crashes a process, hangs it or takes too much is refused, and no other file notices. Use it as a
    context manager: its end stops all processes, also after Ctrl-C.
    """

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        # Each thread only moves bytes to and from one process; nothing is parsed in it.
        self._threads = ThreadPoolExecutor(settings.parse_workers, thread_name_prefix="reader")
        self._lock = Lock()  # for the next three
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, data: bytes, name: str) -> Extracted:
        """Read one file; `name` only serves to say where it promises another format.

        Raises DocumentRefusedError.
        """
        return _raised(self._submit(data, name).result())

    def draw(self, data: bytes, page: int, runs: Sequence[tuple[int, int]], width: int) -> Picture:
        """Draw page number `page` of a PDF, `width` pixels wide, with `runs` of raw characters marked.

        The picture may be of fewer characters than were asked for: `marked` has them. Raises DocumentRefusedError.
        """
        drawn: Future[Picture | DocumentRefusedError] = self._threads.submit(
            self._with_child, lambda child: child.draw(data, page, runs, width)
        )
        return _raised(drawn.result())

    def read_all(
        self, items: Iterable[tuple[T, bytes]], name: Callable[[T], str] = str
    ) -> Iterator[tuple[T, Extracted | DocumentRefusedError]]:
        """Read many files at a time and yield them in their order, taking few items ahead of the one it yields."""
        most = 2 * self._settings.parse_workers
        waiting: deque[tuple[T, int, Future[Extracted | DocumentRefusedError]]] = deque()
        ahead = 0  # bytes
        try:
            for item, data in items:
                waiting.append((item, len(data), self._submit(data, name(item))))
                ahead += len(data)
                while waiting and (len(waiting) >= most or ahead > MOST_AHEAD or waiting[0][2].done()):
                    first, size, future = waiting.popleft()
                    ahead -= size
                    yield first, future.result()
            while waiting:
                first, _, future = waiting.popleft()
                yield first, future.result()
        finally:
            for _, _, future in waiting:
                future.cancel()

    def close(self) -> None:
        """Stop all processes at once and wait until they are gone."""
        with self._lock:
            self._closed = True
            children = [*self._idle, *self._busy]
        for child in children:
            child.kill()
        self._threads.shutdown(cancel_futures=True)
        for child in children:
            child.close()

    def _submit(self, data: bytes, name: str) -> Future[Extracted | DocumentRefusedError]:
        return self._threads.submit(self._with_child, lambda child: child.read(data, name))

    def _with_child(self, work: Callable[[Child], T]) -> T | DocumentRefusedError:
        child = self._take()
        try:
            if not child.usable:
                child.wait_until_ready()
            return work(child)
        except DocumentRefusedError as refused:
            return refused
        finally:
            self._put_back(child)

    def _take(self) -> Child:
        with self._lock:
            if self._closed:
                raise CitewellError("the reader processes have been stopped")
            child = self._idle.pop() if self._idle else None
            if child is not None and not child.alive:  # killed from outside, which is not the next file's fault
                child.close()
                child = None
            child = child or Child(self._settings)
            self._busy.add(child)
            return child

    def _put_back(self, child: Child) -> None:
        with self._lock:
            self._busy.discard(child)
            if child.usable and not self._closed:
                self._idle.append(child)
                return
        child.close()


def _raised(found: T | DocumentRefusedError) -> T:
    if isinstance(found, DocumentRefusedError):
        raise found
    return found
