"""Made-up documents that a real index is grown by."""

from pathlib import Path

import numpy as np
import pytest

from indexer.embedded import Embedded
from indexer.records import Version
from indexer.settings import Settings
from indexer.sync import sync
from tests.benchmarks.population import A_DOCUMENT, grow
from tests.fakes import TextReaders, WordEncoder

BODIES = ("Sandmouth", "Elmbridge")
DIM = WordEncoder().fingerprint.dim


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an index of two reports."""
    folder = tmp_path_factory.mktemp("base")
    for body in BODIES:
        lines = (f"In {year} the {body} harbour had {year % 7} pilots and {year % 11} boats." for year in range(40))
        folder.joinpath(f"{body}.txt").write_text(f"Report on {body}\n\n" + "\n\n".join(lines))
    settings = Settings(index=folder / "index", include=("*.txt",), passage_tokens=32)
    sync([folder], settings, encoder=WordEncoder(), readers=TextReaders())
    return settings.index


def test_an_index_is_grown_to_the_size_asked_for_and_is_sound(base: Path, tmp_path: Path) -> None:
    """The store holds whole documents of made-up passages, each as it stands on its page."""
    count = grow(tmp_path, base, 300)
    with Embedded.open(tmp_path).reading() as reader:
        reader.check()
        assert count == reader.passage_count == len(reader.documents()) * A_DOCUMENT
        assert 300 <= count < 300 + A_DOCUMENT


def test_growing_goes_on_where_it_stopped(base: Path, tmp_path: Path) -> None:
    """A second call adds what is missing and keeps what is there; a third for no more changes nothing."""
    grow(tmp_path, base, 100)
    store = Embedded.open(tmp_path)
    with store.reading() as reader:
        before = reader.passages([1, 2, 3])
    grow(tmp_path, base, 400)
    grow(tmp_path, base, 400)
    with store.reading() as reader:
        assert reader.passages([1, 2, 3]) == before
        assert reader.version == Version(2, reader.version.token)


def test_no_two_passages_are_equal(base: Path, tmp_path: Path) -> None:
    """The same real passages give other texts and other vectors each time."""
    count = grow(tmp_path, base, 4 * A_DOCUMENT)
    with Embedded.open(tmp_path).reading() as reader:
        ids, vectors = reader.vectors_since(0, DIM)
        inputs = {one.passage.input for one in reader.passages(ids.tolist()).values()}
    assert len(inputs) == len(np.unique(vectors, axis=0)) == count


def test_vectors_lie_around_the_real_ones(base: Path, tmp_path: Path) -> None:
    """A made-up vector is of unit length and nearest to that of the passage it is made from."""
    grow(tmp_path, base, A_DOCUMENT)
    with Embedded.open(base).reading() as reader:
        real = reader.vectors_since(0, DIM)[1].astype(np.float32)
    with Embedded.open(tmp_path).reading() as reader:
        made = reader.vectors_since(0, DIM)[1].astype(np.float32)
    sources = np.arange(len(made)) % len(real)
    likeness = made @ real.T
    assert np.allclose(np.linalg.norm(made, axis=1), 1, atol=1e-2)
    assert (likeness.max(axis=1) - likeness[np.arange(len(made)), sources] < 1e-3).mean() > 0.9


def test_sentences_stay_where_they_are(base: Path, tmp_path: Path) -> None:
    """A made-up passage has the sentences of the real one, made of its words, so that as much is encoded of it."""
    grow(tmp_path, base, A_DOCUMENT)
    with Embedded.open(base).reading() as reader:
        real = reader.passages([1])[1].passage
    with Embedded.open(tmp_path).reading() as reader:
        made = reader.passages([1])[1].passage
    assert made.sentences == real.sentences
    assert made.text != real.text
    lengths = [sorted(map(len, one.text[start:end].split())) for one in (made, real) for start, end in one.sentences]
    assert lengths[: len(made.sentences)] == lengths[len(made.sentences) :]
