"""Workers on any number of machines, by Dask: a scheduler hands out tasks, and gives those of the dead to others.

    dask scheduler                                      # on one machine
    dask worker tcp://SCHEDULER:8786 --nthreads 2       # on each machine: one shard is read while another is encoded

Whoever reaches the scheduler can have anything run on all workers, so it belongs in a closed network, or behind
certificates, which Dask's own settings (`~/.config/dask`) name for `tls://` addresses.
"""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any

from indexer.bulk import Executor, WorkerDiedError
from indexer.errors import WorkersError

SCHEMES = ("tcp://", "tls://")
CONNECT_S = 10
WORKERS_S = 60  # for workers that were started just before
WITHOUT_WORKERS_S = 60.0  # that workers may be away, as when all of them are started anew


@contextmanager
def open_cluster(address: str) -> Iterator[Executor]:
    """Connect to the Dask scheduler at `tcp://HOST:PORT` or `tls://HOST:PORT`. Raises WorkersError."""
    if not address.startswith(SCHEMES):
        raise WorkersError(f"`{address}` is no address of a Dask scheduler: write tcp://HOST:PORT or tls://HOST:PORT")
    try:
        import dask  # noqa: PLC0415 - only for who has workers
        from distributed import Client  # noqa: PLC0415
    except ImportError as error:
        raise WorkersError("to use workers, install `citewell[scale]`") from error
    # It would tell on the terminal of losing and finding connections, for which we have words of our own.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    # A task carries the bytes of its files, so that there is a copy which no worker's death takes away.
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GB"}):
        try:
            client: Any = Client(  # type: ignore[no-untyped-call] # as all of Dask
                address, timeout=CONNECT_S, set_as_default=False, name="citewell"
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise WorkersError(
                f"no Dask scheduler answers at {address} ({error}): start one with `dask scheduler`, and workers "
                f"with `dask worker {address} --nthreads 2`"
            ) from error
        try:
            try:
                client.wait_for_workers(1, timeout=WORKERS_S)
            except TimeoutError as error:
                raise _without_workers(address) from error
            yield _Cluster(client, address)
        finally:
            with suppress(TimeoutError, OSError):
                client.close(timeout=CONNECT_S)


class _Cluster:
    """The workers of one scheduler."""

    def __init__(self, client: Any, address: str) -> None:
        self._client = client
        self._address = address
        self._executor = client.get_executor(pure=False)  # each task has a name of its own
        self._seen = monotonic()  # when there last were workers

    @property
    def processors(self) -> int:
        """How many threads all workers have."""
        try:
            return sum(self._client.nthreads().values())
        except (OSError, TimeoutError) as error:
            raise self._lost() from error

    def submit(self, function: Callable[..., bytes], *arguments: object) -> Future[bytes]:
        """Have a function called by a worker."""
        told: Future[bytes] = Future()
        self._executor.submit(function, *arguments).add_done_callback(lambda done: self._tell(done, told))
        return told

    def check(self) -> None:
        """Raise WorkersError where the scheduler does not answer, or there have been no workers for a while."""
        if self.processors:
            self._seen = monotonic()
        elif monotonic() - self._seen > WITHOUT_WORKERS_S:
            raise _without_workers(self._address)

    def _tell(self, done: "Future[bytes]", told: "Future[bytes]") -> None:
        from distributed import KilledWorker  # noqa: PLC0415

        if not told.set_running_or_notify_cancel():
            return  # nobody waits for it any more
        try:
            told.set_result(done.result())
        except KilledWorker as error:
            told.set_exception(WorkerDiedError(str(error)))
        except CancelledError:
            told.set_exception(self._lost())
        except Exception as error:  # noqa: BLE001 - of the task, for whoever waits for it
            told.set_exception(error)

    def _lost(self) -> WorkersError:
        return WorkersError(
            f"the Dask scheduler at {self._address} is gone; what is done is kept: start it and the workers again, "
            "and run the command again, which goes on from there"
        )


def _without_workers(address: str) -> WorkersError:
    return WorkersError(
        f"the Dask scheduler at {address} has no workers; what is done is kept: start some with "
        f"`dask worker {address} --nthreads 2`, and run the command again"
    )
