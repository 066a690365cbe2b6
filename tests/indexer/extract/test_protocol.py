"""What passes between the parent and its reader processes."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.extract.protocol import (
    FrameTooLargeError,
    from_json,
    picture_from_json,
    picture_to_json,
    read_frame,
    to_json,
    write_frame,
)
from indexer.records import Box, Extracted, Line, Page, Picture

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
FRACTION = st.floats(0, 1)
COUNT = st.integers(0, 10**6)
BOXES = st.none() | st.builds(Box, FRACTION, FRACTION, FRACTION, FRACTION)
LINES = st.builds(
    Line, COUNT, COUNT, BOXES, st.none() | st.floats(0.1, 99), st.booleans(), st.integers(0, 6), st.booleans()
)
PAGES = st.builds(
    Page,
    COUNT,
    TEXT,
    st.lists(LINES, max_size=3).map(tuple),
    st.lists(st.tuples(COUNT, COUNT), max_size=3).map(tuple),
    st.booleans(),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
EXTRACTED = st.builds(
    Extracted,
    TEXT,
    TEXT,
    st.lists(PAGES, max_size=3).map(tuple),
    st.none() | TEXT,
    st.dictionaries(TEXT, VALUES, max_size=3),
    st.lists(TEXT, max_size=2).map(tuple),
)


@given(EXTRACTED)
def test_extracted_comes_through_a_frame_unchanged(extracted: Extracted) -> None:
    """Every field survives the way to the parent, floats to the last bit."""
    stream = io.BytesIO()
    write_frame(stream, to_json(extracted))
    stream.seek(0)
    frame = read_frame(stream, 10**6)
    assert frame is not None
    assert from_json(frame[0]) == extracted


@given(st.lists(st.tuples(st.dictionaries(TEXT, VALUES, max_size=2), st.binary(max_size=50)), max_size=4))
def test_frames_follow_each_other(frames: list[tuple[dict[str, object], bytes]]) -> None:
    """Messages and attached bytes come out as they went in, and then the end is told."""
    stream = io.BytesIO()
    for message, attached in frames:
        write_frame(stream, message, attached)
    stream.seek(0)
    assert [read_frame(stream, 10**6) for _ in frames] == frames
    assert read_frame(stream, 10**6) is None


def test_frame_cut_short_counts_as_the_end() -> None:
    """A process that died in the middle of its answer has given none."""
    stream = io.BytesIO()
    write_frame(stream, {"answer": 1}, b"attached")
    for length in range(len(stream.getvalue())):
        assert read_frame(io.BytesIO(stream.getvalue()[:length]), 10**6) is None


def test_length_over_the_limit_is_refused_before_reading() -> None:
    """A process cannot make the parent take more memory than agreed."""
    with pytest.raises(FrameTooLargeError):
        read_frame(io.BytesIO(struct.pack(">IQ", 10, 2**60)), 10**6)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 1},
        {"title": ["a"]},
        {"title": "\ud800"},
        {"stated": []},
        {"notes": [1]},
        {"notes": 1},
        {"pages": [1]},
        {"pages": [["one", "text", [], [], False]]},
        {"pages": [[1, None, [], [], False]]},
        {"pages": [[1, "\ud800", [], [], False]]},
        {"pages": [[1, "text", [["a", 1, None, None, False, 0, False]], [], False]]},
        {"pages": [[1, "text", [], [["a", 1]], False]]},
        {"pages": [[1, "text", [[0, 1, [1, 2], None, False, 0, False]], [], False]]},
    ],
)
def test_what_no_reader_says_is_an_error(change: dict[str, object]) -> None:
    """A process that a file has taken over cannot plant values that fail later, in the parent."""
    message = to_json(Extracted("text", "plain text", (Page(1, "text"),)))
    assert from_json(message).pages == (Page(1, "text"),)
    with pytest.raises((KeyError, TypeError, ValueError)):
        from_json(message | change)


@pytest.mark.parametrize("body", [b"[1, 2]", b"no JSON"])
def test_what_is_no_frame_is_an_error(body: bytes) -> None:
    """Only a JSON object is a message."""
    with pytest.raises(ValueError, match=r"JSON|Expecting"):
        read_frame(io.BytesIO(struct.pack(">IQ", len(body), 0) + body), 10**6)


@given(st.lists(st.builds(Box, FRACTION, FRACTION, FRACTION, FRACTION), max_size=3), COUNT, COUNT, TEXT)
def test_picture_comes_back_as_it_was(boxes: list[Box], width: int, height: int, marked: str) -> None:
    """JSON has all but its bytes, which are attached."""
    picture = Picture(b"\x89PNG\r\n\x1a\nbytes", width, height, tuple(boxes), marked)
    stream = io.BytesIO()
    write_frame(stream, picture_to_json(picture), picture.png)
    stream.seek(0)
    frame = read_frame(stream, 10_000)
    assert frame is not None
    assert picture_from_json(*frame) == picture
