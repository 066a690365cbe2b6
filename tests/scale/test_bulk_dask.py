"""Workers that Dask manages, each a process of its own on this machine; some are killed."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import Popen
from time import monotonic, sleep

import pytest

from indexer import bulk, cluster
from indexer.bulk import contents_of
from indexer.cluster import open_cluster
from indexer.contents import Contents, to_bytes
from indexer.errors import DocumentRefusedError, Refusal, WorkersError
from indexer.settings import Settings
from indexer.shards import Job
from tests.scale.bulk import START_S, scheduler, started, worker
from tests.scale.invented import DEADLY, PACE, TOOLS, files, job, open_hashes

pytestmark = pytest.mark.e2e

FINGERPRINT = open_hashes(Settings()).fingerprint
COUNT, A_FILE = 24, 5  # files, passages


@dataclass
class Farm:
    """A scheduler and its workers."""

    stack: ExitStack
    folder: Path
    scheduler: Popen[bytes]
    address: str

    def add_worker(self, name: str, *, pace_ms: float = 0, nanny: bool = False) -> Popen[bytes]:
        """Start a worker; with a nanny, it is started anew whenever it dies."""
        command = worker(self.address, self.folder / name)
        command += [] if nanny else ["--no-nanny"]
        return self.stack.enter_context(started(command, self.folder / f"{name}.log", **{PACE: str(pace_ms)}))


@pytest.fixture
def new_farm(tmp_path: Path) -> Iterator[Callable[[], Farm]]:
    """Give what starts a scheduler that gives up on a task when a second worker dies of it."""
    with ExitStack() as stack:

        def start() -> Farm:
            limit = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
            process, address = stack.enter_context(scheduler(tmp_path, "127.0.0.1", **limit))
            return Farm(stack, tmp_path, process, address)

        yield start


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(bulk, "CHECK_S", 0.5)
    monkeypatch.setattr(bulk, "SHARD_FILES", 2)
    return Settings(index=tmp_path / "index")


def until(condition: Callable[[], bool]) -> None:
    end = monotonic() + START_S
    while not condition():
        assert monotonic() < end
        sleep(0.05)


def made(
    settings: Settings,
    address: str,
    jobs: list[tuple[Job, bytes]],
    told: Callable[[int, int], None] = lambda _files, _passages: None,
    workers: int = 1,
) -> list[tuple[str, bytes | Refusal]]:
    """Make documents with a farm, once it has so many workers."""
    with open_cluster(address) as executor:
        until(lambda: executor.processors == workers)
        return [
            (one.source.path, to_bytes(what) if isinstance(what, Contents) else what.code)
            for one, what in contents_of(jobs, settings, FINGERPRINT, executor=executor, tools=TOOLS, told=told)
        ]


def test_a_worker_that_is_killed_costs_no_document(
    new_farm: Callable[[], Farm], settings: Settings, tmp_path: Path
) -> None:
    """The other one makes what it had been given, and all come once, in order, as without the death."""
    farm, jobs = new_farm(), list(files(COUNT, A_FILE))
    farm.add_worker("one", pace_ms=3)
    other = farm.add_worker("other", pace_ms=3)
    done: list[int] = []

    def kill_one_midway(count: int, _: int) -> None:
        done.append(count)
        if len(done) == 4:
            other.kill()

    found = made(settings, farm.address, jobs, kill_one_midway, workers=2)
    assert other.wait(START_S) != 0
    assert [path for path, _ in found] == [one.source.path for one, _ in jobs]
    assert sum(done) == COUNT
    assert found == made(Settings(index=tmp_path / "clean"), farm.address, jobs)


def test_a_file_that_kills_workers_is_refused(new_farm: Callable[[], Farm], settings: Settings) -> None:
    """Nobody else's documents are missing, although its workers die again and again."""
    farm = new_farm()
    farm.add_worker("one", nanny=True)
    jobs = list(files(4, A_FILE))
    jobs.insert(2, (job("000001x.txt", DEADLY), DEADLY))
    found = made(settings, farm.address, jobs)
    assert [path for path, _ in found] == [one.source.path for one, _ in jobs]
    assert [path for path, what in found if isinstance(what, Refusal)] == ["000001x.txt"]
    assert found[2][1] is Refusal.CRASHED


def test_a_scheduler_that_is_killed_costs_what_was_under_way(
    new_farm: Callable[[], Farm], settings: Settings
) -> None:
    """It is told, and with another scheduler the command goes on."""
    farm, jobs = new_farm(), list(files(COUNT, A_FILE))
    farm.add_worker("one", pace_ms=3)
    done: list[tuple[int, int]] = []

    def kill_the_scheduler_midway(*count: int) -> None:
        done.append((count[0], count[1]))
        if len(done) == 4:
            farm.scheduler.kill()

    with pytest.raises(WorkersError, match=r"scheduler at .* is gone; what is done is kept"):
        made(settings, farm.address, jobs, kill_the_scheduler_midway)
    farm = new_farm()
    farm.add_worker("two")
    again: list[tuple[int, int]] = []
    found = made(settings, farm.address, jobs, lambda *count: again.append((count[0], count[1])))
    assert [path for path, _ in found] == [one.source.path for one, _ in jobs]
    assert sum(count for count, _ in again) == COUNT
    first, second = (sum(encoded for _, encoded in some) for some in (done, again))
    assert first > 0
    assert first + second == COUNT * A_FILE


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("tcp://127.0.0.1:1", "no Dask scheduler answers at tcp://127.0.0.1:1"),
        ("localhost:8786", "write tcp://HOST:PORT"),
        ("tcp://nowhere", "no Dask scheduler answers|write tcp://HOST:PORT"),
    ],
)
def test_an_address_without_a_scheduler_is_told(monkeypatch: pytest.MonkeyPatch, address: str, told: str) -> None:
    """With what to do about it."""
    monkeypatch.setattr(cluster, "CONNECT_S", 1)
    with pytest.raises(WorkersError, match=told), open_cluster(address):
        pass


def test_a_scheduler_without_workers_is_told(new_farm: Callable[[], Farm], monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than waited for."""
    farm = new_farm()
    monkeypatch.setattr(cluster, "WORKERS_S", 1)
    with pytest.raises(WorkersError, match="has no workers"), open_cluster(farm.address):
        pass


def test_workers_that_go_and_do_not_come_back_are_told(
    new_farm: Callable[[], Farm], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tasks would otherwise wait for ever."""
    monkeypatch.setattr(cluster, "WITHOUT_WORKERS_S", 1.0)
    farm = new_farm()
    only = farm.add_worker("only", pace_ms=3)

    def kill(*_: int) -> None:
        only.kill()

    with pytest.raises(WorkersError, match="has no workers; what is done is kept"):
        made(settings, farm.address, list(files(COUNT, A_FILE)), kill)


def test_what_a_task_raises_comes_out(new_farm: Callable[[], Farm], settings: Settings) -> None:
    """As when a worker has another encoder than the sync."""
    farm = new_farm()
    farm.add_worker("one")
    other = replace(FINGERPRINT, model="another")
    with (
        pytest.raises(WorkersError, match="has another encoder than the sync: model 'hashes', not 'another'"),
        open_cluster(farm.address) as executor,
    ):
        list(contents_of(files(2), settings, other, executor=executor, tools=TOOLS))


def test_refusals_come_back(new_farm: Callable[[], Farm], settings: Settings) -> None:
    """With code, message and pages."""
    farm = new_farm()
    farm.add_worker("one")
    with open_cluster(farm.address) as executor:
        jobs = [(job("a.txt", b"?"), b"?")]
        ((_, what),) = contents_of(jobs, settings, FINGERPRINT, executor=executor, tools=TOOLS)
    assert isinstance(what, DocumentRefusedError)
    assert (what.code, what.message, what.pages) == (Refusal.EMPTY, "it starts with a question mark", (1,))
