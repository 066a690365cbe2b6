"""Documents made elsewhere: in the order of their files, kept once made, whoever dies meanwhile."""

import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer import bulk, shards
from indexer.bulk import WorkerDiedError, contents_of, drop_shards
from indexer.contents import Contents, from_bytes, to_bytes
from indexer.errors import DocumentRefusedError, IndexFormatError, ModelError, Refusal, WorkersError
from indexer.settings import Settings
from indexer.shards import Job, Results, make_shard, write_order
from tests.fakes import WordEncoder
from tests.scale.invented import DEADLY, TOOLS, HashEncoder, files, job, open_hashes

FINGERPRINT = HashEncoder(0).fingerprint
Task = tuple[Future[bytes], Callable[..., bytes], tuple[object, ...]]


class Alone:
    """An executor that works in this thread, on the newest task first, when somebody waits."""

    def __init__(self, processors: int = 1) -> None:
        self.processors = processors
        self.tasks: list[Task] = []
        self.most = 0
        self.made: list[int] = []  # how many files each task had

    def submit(self, function: Callable[..., bytes], *arguments: object) -> Future[bytes]:
        future: Future[bytes] = Future()
        self.tasks.append((future, function, arguments))
        self.most = max(self.most, len(self.tasks))
        return future

    def check(self) -> None:
        future, function, arguments = self.tasks.pop()
        try:
            future.set_result(function(*arguments))
        except Exception as error:  # noqa: BLE001 - for whoever waits
            future.set_exception(error)
        self.made.append(len(arguments[1]) if isinstance(arguments[1], tuple) else 0)


class Dying(Alone):
    """An executor whose workers die of some files, and then are thought to have died of all that they were given."""

    def check(self) -> None:
        dead = [task for task in self.tasks if DEADLY in b"".join(_files(task))]
        if not dead:
            return super().check()
        for future, _, _ in self.tasks:
            future.set_exception(WorkerDiedError())
        self.tasks.clear()
        return None


def _files(task: Task) -> Sequence[bytes]:
    assert isinstance(task[2][1], tuple)
    return task[2][1]


class Processes:
    """Some processes on this machine."""

    processors = 2

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def submit(self, function: Callable[..., bytes], *arguments: object) -> Future[bytes]:
        return self._pool.submit(function, *arguments)

    def check(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "CHECK_S", 0)
    monkeypatch.setattr(bulk, "SHARD_FILES", 3)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(index=tmp_path / "index")


def some_files() -> list[tuple[Job, bytes]]:
    """Give files of which two are refused: one when it is read, one when a document is made of it."""
    odd = [(job(name, data), data) for name, data in (("a.txt", b"!"), ("b.txt", b"?"))]
    return [*odd, *files(12, passages=3)]


def made(
    settings: Settings,
    executor: bulk.Executor,
    jobs: Iterable[tuple[Job, bytes]] | None = None,
    told: Callable[[int, int], None] = lambda _files, _passages: None,
) -> list[tuple[Job, Contents | DocumentRefusedError]]:
    jobs = some_files() if jobs is None else jobs
    return list(contents_of(jobs, settings, FINGERPRINT, executor=executor, tools=TOOLS, told=told))


def plain(some: Iterable[tuple[Job, Contents | DocumentRefusedError]]) -> list[tuple[str, object]]:
    """Write results so that they can be compared."""
    return [
        (one.source.path, to_bytes(what) if isinstance(what, Contents) else (what.code, what.message, what.pages))
        for one, what in some
    ]


def directly() -> list[tuple[str, object]]:
    """Make the same without any executor."""
    jobs, data = zip(*some_files(), strict=True)
    order = write_order(jobs, Settings(), FINGERPRINT)
    parts = Results.from_bytes(make_shard(order, data, TOOLS)).parts
    return plain(
        (one, part if isinstance(part, DocumentRefusedError) else from_bytes(part))
        for one, part in zip(jobs, parts, strict=True)
    )


def test_documents_come_in_the_order_of_their_files(settings: Settings) -> None:
    """Although the executor does the newest task first; each with its text and vectors, or why there is none."""
    found = made(settings, Alone(processors=3))
    assert [one.source.path for one, _ in found] == [one.source.path for one, _ in some_files()]
    refused = [what for _, what in found if isinstance(what, DocumentRefusedError)]
    assert [(one.code, one.pages) for one in refused] == [(Refusal.DAMAGED, ()), (Refusal.EMPTY, (1,))]
    for (one, data), (_, what) in islice(zip(some_files(), found, strict=True), 2, None):
        assert isinstance(what, Contents)
        assert what.pages[0].text == data.decode()
        assert (what.document.sha256, what.recipe) == (one.sha256, one.recipe)
        assert len(what.passages) == len(what.vectors) == len(what.sketches)
        for passage, vectors in zip(what.passages, what.vectors, strict=True):
            parts = [((start, end)) for start, end in passage.sentences]
            expected = HashEncoder(0).encode_passages([passage.input], [parts])[0]
            assert vectors.tolist() == expected.astype("float16").tolist()
    assert plain(found) == directly()


def test_processes_make_the_same(settings: Settings) -> None:
    """They have nothing of this one but what they are given."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        assert plain(made(settings, Processes(pool))) == directly()


def test_few_shards_are_under_way(settings: Settings) -> None:
    """However many files there are, and nothing is read that is not soon handed out."""
    executor, read = Alone(processors=2), 0

    def jobs() -> Iterator[tuple[Job, bytes]]:
        nonlocal read
        for one in files(60, passages=1):
            read += 1
            yield one

    found = contents_of(jobs(), settings, FINGERPRINT, executor=executor, tools=TOOLS)
    next(found)
    assert read <= 3 * bulk.AHEAD * 2
    assert len(list(found)) == 59
    assert executor.most == bulk.AT_WORK * 2


def test_progress_tells_of_all_files_and_of_what_was_encoded(settings: Settings) -> None:
    """What was kept counts as files, not as encoded."""
    counts: list[tuple[int, int]] = []
    passages = sum(
        len(what.passages)
        for _, what in made(settings, Alone(), told=lambda *one: counts.append(one))
        if isinstance(what, Contents)
    )
    assert [sum(one) for one in zip(*counts, strict=True)] == [14, passages]
    counts.clear()
    made(settings, Alone(), told=lambda *one: counts.append(one))
    assert [sum(one) for one in zip(*counts, strict=True)] == [14, 0]


def test_what_is_made_is_not_made_again(settings: Settings) -> None:
    """Until the shards are dropped, as after a commit."""
    first = plain(made(settings, Alone()))
    again = Alone()
    assert plain(made(settings, again)) == first
    assert again.made == []
    drop_shards(settings.index)
    drop_shards(settings.index)
    assert not (settings.index / "bulk").exists()
    once_more = Alone()
    made(settings, once_more)
    assert sum(once_more.made) == 14


def test_a_sync_that_was_stopped_goes_on(settings: Settings) -> None:
    """Also when a file has come before all others and one has changed: those far from them stay made."""
    found = contents_of(some_files(), settings, FINGERPRINT, executor=Alone(), tools=TOOLS)
    for _ in islice(found, 9):
        pass
    found.close()  # type: ignore[attr-defined]
    kept = len(list((settings.index / "bulk").iterdir()))
    again = Alone()
    assert plain(made(settings, again)) == directly()
    assert kept >= 3
    assert sum(again.made) <= 14 - 9


@pytest.mark.parametrize("number", [0, 17, 59])
def test_a_file_that_comes_changes_few_shards(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """The places where files are cut into shards go by their paths."""
    monkeypatch.setattr(bulk, "SHARD_FILES", 64)
    before = [(job(f"{one}.txt", b""), b"") for one in range(200)]
    after = [*before[:number], (job("new.txt", b""), b""), *before[number:]]
    were, are = ({tuple(one.source.path for one, _ in some) for some in bulk._cut(jobs)} for jobs in (before, after))
    assert len(were) > 5
    assert len(were - are) <= 1


@given(st.lists(st.integers(0, 30), max_size=40))
def test_shards_have_all_files_and_no_more_than_they_may(sizes: list[int]) -> None:
    """In their order; the last file of one may go beyond the bytes."""
    jobs = [(job(f"{number}.txt", bytes(size)), bytes(size)) for number, size in enumerate(sizes)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "SHARD_BYTES", 50)
        patch.setattr(bulk, "SHARD_FILES", 5)
        cut = list(bulk._cut(jobs))
    assert [one for some in cut for one in some] == jobs
    assert all(0 < len(some) <= 5 and sum(len(data) for _, data in some[:-1]) < 50 for some in cut)


def test_a_damaged_shard_is_made_again(settings: Settings) -> None:
    """A bit that fell over is noticed by the hash over all of it."""
    first = plain(made(settings, Alone()))
    damaged = sorted((settings.index / "bulk").iterdir())[1]
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    again = Alone()
    assert plain(made(settings, again)) == first
    assert len(again.made) == 1


@pytest.mark.parametrize(
    "changed",
    [
        lambda jobs, settings: write_order(jobs, settings.model_copy(update={"passage_tokens": 40}), FINGERPRINT),
        lambda jobs, settings: write_order(jobs, settings, replace(FINGERPRINT, passage_prompt="of: ")),
        lambda jobs, settings: write_order([replace(jobs[0], recipe="another")], settings, FINGERPRINT),
        lambda jobs, settings: write_order([job("0.txt", b"another")], settings, FINGERPRINT),
        lambda jobs, settings: write_order([job("1.txt", b"a")], settings, FINGERPRINT),
    ],
)
def test_a_shard_goes_by_all_that_decides_what_is_in_it(changed: Callable[[list[Job], Settings], str]) -> None:
    """Settings, encoder, recipes, contents and paths; not by what is a matter of each machine."""
    jobs, settings = [job("0.txt", b"a")], Settings()
    order = write_order(jobs, settings, FINGERPRINT)
    assert changed(jobs, settings) != order
    assert write_order(jobs, settings.model_copy(update={"threads": 7, "device": "cuda"}), FINGERPRINT) == order


@pytest.mark.parametrize("processors", [1, 3])
def test_files_that_kill_workers_are_refused_and_no_other(settings: Settings, processors: int) -> None:
    """Those that were with one in its shard, or at the same worker, are there."""
    deadly = [job(f"{number:06}x.txt", DEADLY) for number in (1, 4, 9)]
    jobs = sorted([*some_files(), *((one, DEADLY) for one in deadly)], key=lambda item: item[0].source.path)
    found = made(settings, Dying(processors), jobs)
    assert [one for one, _ in found] == [one for one, _ in jobs]
    refused = [one for one, what in found if isinstance(what, DocumentRefusedError) and what.code is Refusal.CRASHED]
    assert refused == deadly
    assert plain((one, what) for one, what in found if one not in deadly) == sorted(directly())
    again = Alone()
    assert plain(made(settings, again, jobs)) == plain(found)
    assert again.made == []


class Failing(Alone):
    """An executor that raises an error in the place of its fourth task."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def check(self) -> None:
        if len(self.made) == 3:
            self.tasks.pop()[0].set_exception(self._error)
            self.made.append(0)
        else:
            super().check()


@pytest.mark.parametrize(
    ("error", "raised", "told"),
    [
        (ModelError("no usable vector"), ModelError, "^no usable vector$"),
        (WorkersError("the scheduler is gone"), WorkersError, "^the scheduler is gone$"),
        (ModuleNotFoundError("No module named 'indexer'"), WorkersError, "No module named 'indexer'.*is kept"),
    ],
)
def test_what_stops_a_task_stops_the_sync(
    settings: Settings, error: Exception, raised: type[Exception], told: str
) -> None:
    """What was made until then is kept."""
    with pytest.raises(raised, match=told):
        made(settings, failing := Failing(error))
    again = Alone()
    assert plain(made(settings, again)) == directly()
    assert sum(again.made) == 14 - sum(failing.made)


def test_nobody_left_to_work_is_told(settings: Settings) -> None:
    """The executor is asked when nothing has come back for a while."""

    class Gone(Alone):
        def check(self) -> None:
            raise WorkersError("there are no workers")

    with pytest.raises(WorkersError, match="there are no workers"):
        made(settings, Gone())


def order_for_one(data: bytes = b"ferry", **changed: object) -> str:
    return json.dumps({**json.loads(write_order([job("a.txt", data)], Settings(), FINGERPRINT)), **changed})


@pytest.mark.parametrize(
    ("order", "told"),
    [
        (order_for_one(release="0.0.1 (0)"), r"runs citewell .* and the sync 0\.0\.1 \(0\): install the same"),
        (order_for_one(fingerprint=WordEncoder().fingerprint.to_json()), "another encoder.*dim 384, not 64"),
        (order_for_one(data=b"oak"), "`a.txt` came to worker .* altered"),
    ],
)
def test_a_worker_that_is_not_of_the_same_make_says_so(order: str, told: str) -> None:
    """Before it makes anything."""
    with pytest.raises(WorkersError, match=told):
        make_shard(order, [b"ferry"], TOOLS)


def test_a_worker_that_cannot_begin_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong is to be mended there, not where the command was typed."""
    order = order_for_one()
    monkeypatch.setenv("CITEWELL_THREADS", "none")
    with pytest.raises(WorkersError, match=r"worker .* cannot begin: setting `threads`"):
        make_shard(order, [b"ferry"], TOOLS)


def test_settings_that_decide_come_from_the_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker's own environment changes nothing of what it makes, and keeps its say in the rest."""
    one, data = next(files(1))
    order = write_order([one], Settings(), FINGERPRINT)
    expected = make_shard(order, [data], TOOLS)
    monkeypatch.setenv("CITEWELL_PASSAGE_TOKENS", "32")
    monkeypatch.setenv("CITEWELL_THREADS", "7")
    seen: list[Settings] = []

    def open_and_note(settings: Settings) -> HashEncoder:
        seen.append(settings)
        return open_hashes(settings)

    assert make_shard(order, [data], replace(TOOLS, open_encoder=open_and_note)) == expected
    assert (seen[0].passage_tokens, seen[0].threads) == (160, 7)


def test_what_stands_in_several_documents_is_encoded_once() -> None:
    """Reports of many bodies share whole passages."""
    data = [next(files(1))[1]] * 3
    jobs = [job(f"{number}.txt", one) for number, one in enumerate(data)]
    results = Results.from_bytes(make_shard(write_order(jobs, Settings(), FINGERPRINT), data, TOOLS))
    first, *others = (from_bytes(part) for part in results.parts if isinstance(part, bytes))
    assert results.encoded == len(first.passages) == 20
    for other in others:
        assert [one.tolist() for one in other.vectors] == [one.tolist() for one in first.vectors]


def test_the_encoder_is_opened_once() -> None:
    """A process keeps it from one task to the next."""
    shards._opened.cache_clear()
    for _ in range(3):
        make_shard(order_for_one(), [b"ferry"], TOOLS)
    assert shards._opened.cache_info().misses == 1


PARTS = st.binary() | st.builds(
    lambda code, message, pages: DocumentRefusedError(code, message, pages=tuple(pages)),
    st.sampled_from(Refusal),
    st.text(),
    st.lists(st.integers(1, 99)),
)


@given(st.lists(PARTS), st.integers(0, 10**6), st.data())
def test_results_are_read_as_they_were_written(
    parts: list[bytes | DocumentRefusedError], encoded: int, data: st.DataObject
) -> None:
    """And not at all when a bit of them has changed."""
    written = Results(tuple(parts), encoded).to_bytes()
    read = Results.from_bytes(written)
    assert read.encoded == encoded
    assert [repr(one) for one in read.parts] == [repr(one) for one in parts]
    assert Results(read.parts, encoded).to_bytes() == written
    place = data.draw(st.integers(0, len(written) - 1))
    altered = written[:place] + bytes([written[place] ^ 16]) + written[place + 1 :]
    with pytest.raises(IndexFormatError):
        Results.from_bytes(altered)
