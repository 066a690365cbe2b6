"""Lays text out as a page: finds its lines, or joins the blocks that a format with headings and tables is made of."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from indexer.extract.characters import clean, spell_ligatures
from indexer.records import Line, Page

_LINE = re.compile(r"\S[^\n]*")  # from the first character that is not blank to the end of the line


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, heading, list item, table row or caption, of one line or more."""

    text: str
    heading: int = 0
    caption: bool = False
    tight: bool = False  # follows the block before it without a blank line, as items of one list do


def line_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each line that is not blank, without the blanks around it."""
    for match in _LINE.finditer(text):
        yield match.start(), match.start() + len(match.group().rstrip())


def plain_page(number: int, raw: str) -> Page:
    """Make a page of a format that knows nothing about its lines."""
    text, _ = clean(spell_ligatures(raw))
    return Page(number, text, tuple(Line(start, end) for start, end in line_spans(text)))


def page_of_blocks(blocks: Iterable[Block]) -> Page:
    """Make one page that holds all blocks in order, a blank line between them; empty blocks are left out."""
    pieces: list[str] = []
    lines: list[Line] = []
    length = 0
    for block in blocks:
        text = clean(spell_ligatures(block.text))[0].strip("\n").rstrip()
        if not text:
            continue
        gap = "" if not pieces else "\n" if block.tight else "\n\n"
        length += len(gap)
        lines += [
            Line(length + start, length + end, heading=block.heading, caption=block.caption)
            for start, end in line_spans(text)
        ]
        pieces += gap, text
        length += len(text)
    return Page(1, "".join(pieces), tuple(lines))
