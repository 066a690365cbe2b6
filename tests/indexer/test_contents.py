"""A document as bytes: read as it was written, or not at all; equal documents give equal bytes."""

import string
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer.contents import Contents, from_bytes, to_bytes, with_lengths, without_lengths
from indexer.errors import IndexFormatError
from indexer.records import (
    Box,
    Document,
    Event,
    Evidence,
    Furniture,
    Line,
    Metadata,
    Origin,
    Page,
    Passage,
    Removal,
    Span,
)

DIM = 3
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=8)
NUMBERS = st.integers(0, 1000)
DAYS = st.dates()
SPANS = st.builds(Span, st.integers(1, 9), NUMBERS, NUMBERS)
EVIDENCE = st.builds(Evidence, st.sampled_from(Origin), st.none() | SPANS)
METADATA = st.builds(
    Metadata,
    title=st.none() | TEXTS,
    body=st.none() | TEXTS,
    published=st.none() | DAYS,
    events=st.lists(st.builds(Event, DAYS, DAYS), max_size=2).map(tuple),
    evidence=st.dictionaries(NAMES, EVIDENCE, max_size=3),
)
DOCUMENTS = st.builds(
    Document,
    doc_id=NAMES,
    root=TEXTS,
    path=TEXTS,
    sha256=NAMES,
    size=NUMBERS,
    format=NAMES,
    reader=TEXTS,
    pages=NUMBERS,
    metadata=METADATA,
    needs_ocr=st.lists(NUMBERS, max_size=2).map(tuple),
    notes=st.lists(TEXTS, max_size=2).map(tuple),
)
RUNS = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=2).map(tuple)
PAGES = st.builds(Page, st.integers(1, 9), TEXTS, st.just(()), RUNS, st.booleans())
REMOVALS = st.builds(Removal, SPANS, st.sampled_from(Furniture))
PASSAGES = st.builds(
    Passage,
    TEXTS,
    st.lists(SPANS, min_size=1, max_size=2).map(tuple),
    TEXTS,
    st.lists(TEXTS, max_size=2).map(tuple),
    RUNS,
)


@st.composite
def contents(draw: st.DrawFn) -> Contents:
    """Make documents of up to three passages, each with the vectors and the sample of words that go with it."""
    passages = draw(st.lists(PASSAGES, max_size=3))
    random = np.random.default_rng(draw(NUMBERS))
    vectors = tuple(random.normal(size=(1 + len(one.sentences), DIM)).astype(np.float16) for one in passages)
    sketches = tuple(np.sort(random.integers(0, 2**32, draw(st.integers(0, 4)), np.uint32)) for _ in passages)
    return Contents(
        draw(DOCUMENTS),
        draw(NAMES),
        tuple(draw(st.lists(PAGES, max_size=2))),
        tuple(draw(st.lists(REMOVALS, max_size=2))),
        tuple(passages),
        vectors,
        sketches,
    )


def made(evidence: dict[str, Evidence] | None = None) -> Contents:
    """Make a document of one page and two passages."""
    metadata = Metadata(title="A harbour wall", published=date(2020, 5, 4), evidence=evidence or {})
    document = Document("d1", "/made", "wall.txt", "0" * 64, 9, "text", "made 1", 1, metadata)
    passages = (Passage("The wall", (Span(1, 0, 8),)), Passage("stands.", (Span(1, 9, 16),), sentences=((0, 7),)))
    vectors = (np.ones((1, DIM), np.float16), np.arange(2 * DIM, dtype=np.float16).reshape(2, DIM))
    sketches = (np.array([4, 7], np.uint32), np.array([], np.uint32))
    return Contents(document, "r", (Page(1, "The wall stands."),), (), passages, vectors, sketches)


def same(ours: tuple[NDArray[np.generic], ...], theirs: tuple[NDArray[np.generic], ...]) -> bool:
    """Tell whether arrays have equal types, shapes and numbers."""
    pairs = list(zip(ours, theirs, strict=True))
    return all(one.dtype == other.dtype and np.array_equal(one, other) for one, other in pairs)


@settings(deadline=None, max_examples=40)
@given(contents())
def test_a_document_is_read_as_it_was_written(one: Contents) -> None:
    """Every field comes back, and what comes back gives the same bytes."""
    data = to_bytes(one)
    back = from_bytes(data)

    for name in ("document", "recipe", "pages", "removals", "passages"):
        assert getattr(back, name) == getattr(one, name)
    assert same(back.vectors, one.vectors)
    assert same(back.sketches, one.sketches)
    assert to_bytes(back) == data


def test_the_order_of_evidence_makes_no_difference() -> None:
    """Evidence is a mapping, so documents that differ in its order only are equal, and so are their bytes."""
    title, body = Evidence(Origin.TEXT, Span(1, 0, 3)), Evidence(Origin.RULE)
    one, other = made({"title": title, "body": body}), made({"body": body, "title": title})

    assert one.document == other.document
    assert to_bytes(one) == to_bytes(other)


def test_the_layout_of_pages_stays_behind() -> None:
    """Lines are needed for cutting only, so a document has the same bytes before and after a store held it."""
    one = made()
    line = Line(0, 16, Box(0, 0, 1, 1))
    assert to_bytes(replace(one, pages=(replace(one.pages[0], lines=(line,)),))) == to_bytes(one)


def changed() -> dict[str, Contents]:
    """Give documents that differ from `made` in one field each."""
    one = made()
    return {
        "document": replace(one, document=replace(one.document, size=10)),
        "recipe": replace(one, recipe="s"),
        "pages": replace(one, pages=(Page(1, "The wall stands!"),)),
        "passages": replace(one, passages=(one.passages[0], replace(one.passages[1], context="Harbour"))),
        "vectors": replace(one, vectors=(one.vectors[0], -one.vectors[1])),
        "sketches": replace(one, sketches=(np.array([4], np.uint32), np.array([7], np.uint32))),
    }


@pytest.mark.parametrize("field", changed())
def test_a_difference_shows_in_the_bytes(field: str) -> None:
    """Each part of a document counts."""
    assert to_bytes(changed()[field]) != to_bytes(made())


@given(st.integers(0, 8 * len(to_bytes(made())) - 1))
def test_any_flipped_bit_is_noticed(bit: int) -> None:
    """Wherever it is."""
    data = bytearray(to_bytes(made()))
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(IndexFormatError, match="its hash is not its own"):
        from_bytes(bytes(data))


@given(st.lists(st.binary(max_size=20), max_size=4))
def test_pieces_come_apart_as_they_were_put_together(pieces: list[bytes]) -> None:
    """Whatever is in them, and where they are empty too."""
    assert without_lengths(with_lengths(pieces)) == pieces


@pytest.mark.parametrize("lost", range(1, 12))
def test_a_missing_end_is_noticed(lost: int) -> None:
    """Where the last piece, or its length, is not whole."""
    with pytest.raises(ValueError, match="its end is missing"):
        without_lengths(with_lengths([b"one", b"two!"])[:-lost])
