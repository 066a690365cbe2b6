"""Laying text out as a page."""

from hypothesis import given
from hypothesis import strategies as st

from indexer.extract.blocks import Block, line_spans, page_of_blocks, plain_page


@given(st.text(st.sampled_from("ab \n\t\r\xa0\ufb01\u200b"), max_size=40))
def test_lines_cover_all_that_is_not_blank(raw: str) -> None:
    """Each line is trimmed and inside one line of the text, and nothing visible lies outside the lines."""
    page = plain_page(1, raw)
    rest = list(page.text)
    for line in page.lines:
        piece = page.text[line.start : line.end]
        assert piece == piece.strip() != ""
        assert "\n" not in piece
        rest[line.start : line.end] = " " * (line.end - line.start)
    assert not "".join(rest).strip()


def test_lines_of_a_page_without_text_are_none() -> None:
    """Blanks make no line."""
    assert list(line_spans(" \n\t\n ")) == []


def test_blocks_are_set_apart_by_blank_lines() -> None:
    """Blocks stand apart, tight ones follow at once, empty ones vanish, and headings and captions are marked."""
    page = page_of_blocks(
        [
            Block("Aims", heading=2),
            Block("  "),
            Block("First paragraph\nof two lines."),
            Block("• one"),
            Block("• two", tight=True),
            Block("A bridge", caption=True),
        ]
    )
    assert page.text == "Aims\n\nFirst paragraph\nof two lines.\n\n• one\n• two\n\nA bridge"
    marks = [(page.text[line.start : line.end], line.heading, line.caption) for line in page.lines]
    assert marks == [
        ("Aims", 2, False),
        ("First paragraph", 0, False),
        ("of two lines.", 0, False),
        ("• one", 0, False),
        ("• two", 0, False),
        ("A bridge", 0, True),
    ]
