"""A sync whose documents are made by workers: the same index as without them."""

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import pytest

from indexer import bulk, sync
from indexer.bulk import FOLDER
from indexer.contents import to_bytes
from indexer.embedded import Embedded
from indexer.errors import WorkersError
from indexer.settings import Settings
from indexer.shards import Tools
from tests.fakes import TextReaders, WordEncoder
from tests.service.conftest import FakeReaders

REPORTS = {
    "pier.txt": "The pier was repaired in spring. Gulls came back to it.",
    "mill.txt": "The mill grinds flour again, and the miller sings.",
    "none.txt": "!this cannot be read",
}


class Here:
    """An executor that works in this thread, until it loses its workers after so many tasks."""

    processors = 1

    def __init__(self, lost_after: int = 1000) -> None:
        self.left = lost_after

    def submit(self, function: Callable[..., bytes], *arguments: object) -> Future[bytes]:
        future: Future[bytes] = Future()
        if self.left:
            self.left -= 1
            future.set_result(function(*arguments))
        else:
            future.set_exception(WorkersError("all workers are lost"))
        return future

    def check(self) -> None:
        raise AssertionError("nothing is waited for")


def open_words(_: Settings) -> WordEncoder:
    return WordEncoder()


@pytest.fixture(autouse=True)
def _with_stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers read and encode as these tests do, one file a shard."""
    monkeypatch.setattr(sync, "Tools", partial(Tools, open_readers=FakeReaders, open_encoder=open_words))
    monkeypatch.setattr(bulk, "SHARD_FILES", 1)


def run(base: Path, index: str, executor: Here | None) -> tuple[sync.Report, Settings, WordEncoder]:
    settings, encoder = Settings(index=base / index, passage_tokens=32), WordEncoder()
    found = sync.sync([base / "reports"], settings, encoder=encoder, readers=TextReaders(), executor=executor)
    return found, settings, encoder


def held(settings: Settings) -> dict[str, object]:
    """Give all that an index holds, by path."""
    with Embedded.open(settings.index).reading() as reader:
        return {one.path: to_bytes(reader.contents(one.doc_id)) for one in reader.documents()}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "reports").mkdir()
    for name, text in REPORTS.items():
        (tmp_path / "reports" / name).write_text(text)
    return tmp_path


def test_workers_make_the_same_index(base: Path) -> None:
    """Documents, vectors and refusals alike; this process encodes nothing, and no shard is left over."""
    with_workers, theirs, encoder = run(base, "theirs", Here())
    without, ours, _ = run(base, "ours", None)
    assert held(theirs) == held(ours)
    assert (with_workers.added, with_workers.encoded, with_workers.passages) == (
        without.added,
        without.encoded,
        without.passages,
    )
    assert [(one.path, one.code) for one in with_workers.refused] == [(one.path, one.code) for one in without.refused]
    assert with_workers.refused
    assert encoder.encoded == []
    assert not (theirs.index / FOLDER).exists()
    assert run(base, "theirs", Here(0))[0].unchanged == 2  # so nobody is needed


def test_a_sync_that_loses_its_workers_goes_on_where_it_ended(base: Path) -> None:
    """Nothing is indexed yet, what is done is kept, and only the rest is made then."""
    with pytest.raises(WorkersError):
        run(base, "theirs", Here(lost_after=2))
    assert len(list((base / "theirs" / FOLDER).iterdir())) == 2
    rest = Here()
    found, theirs, _ = run(base, "theirs", rest)
    assert rest.left == 1000 - 1
    assert len(found.added) == 2
    assert held(theirs) == held(run(base, "ours", None)[1])
