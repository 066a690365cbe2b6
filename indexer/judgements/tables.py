"""Grades in tables and headings, as the reader flattened them: names of areas and grades, each ending its line.

Names and grades that follow each other with nothing between are a block. It is plain in two shapes alone: each name
with its grade right behind it, or all names and then as many grades. In any other, with one name more or a grade too
early, it cannot be told which grade goes with which name, and the whole block says nothing.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise

from indexer.judgements.frameworks import Framework
from indexer.judgements.readings import GRADE, LINE_ENDS, NUMBER, Reading, any_of, grade_of, is_of_another_time
from indexer.records import Page, Span

_RULED = r"[\s|*#]{0,99}"  # blank lines, and signs that Markdown draws tables and headings with
_FIGURE = r"Grade\s+[1-4]"
_GRADE = rf"(?:{_FIGURE}\s+\({GRADE}\)|{GRADE}(?:\s+\(?{_FIGURE}\)?)?)"
_GRADE_ENDS = rf"\.?[^\S\n|*]*[|*]{{0,3}}{LINE_ENDS}"
_HEADER = rf"(?:(?:key|areas?|of|judge?ments?|grades?)\b[^\S\n|]*\|?[^\S\n]*){{1,5}}{LINE_ENDS}"
_GOES_ON = re.compile(r"\b(?:are|be|is)\s{1,9}\Z")

_Token = re.Match[str]


def in_tables(page: Page, framework: Framework) -> Iterator[Reading]:
    """Read what the blocks of a page say."""
    for block in _blocks(page.text, _tokens(framework)):
        if not is_of_another_time(page, block[0].start(block[0].lastgroup or 0)):
            yield from _read(page, block)


@cache
def _tokens(framework: Framework) -> re.Pattern[str]:
    """Match the name of an area (a group of that name), a grade, or the header of a column."""
    names = "|".join(f"(?P<{area}>{any_of(names)})" for area, names in framework.areas.items() if names)
    ends = rf"(?!\w)[^\S\n]*[:|*–—-]{{0,3}}[^\S\n]*(?:{LINE_ENDS}|(?=\n)|(?={_GRADE}{_GRADE_ENDS}))"
    return re.compile(
        rf"{_RULED}(?:{NUMBER}(?-i:(?=[A-Z]))(?:{names}){ends}|(?P<grade>{_GRADE}){_GRADE_ENDS}|(?P<header>{_HEADER}))",
        re.IGNORECASE,
    )


def _blocks(text: str, tokens: re.Pattern[str]) -> Iterator[Sequence[_Token]]:
    """Find the runs of names and grades; headers between these are left out."""
    block: list[_Token] = []
    at = 0
    while at < len(text):
        if token := tokens.match(text, at):
            at = token.end()
            if token["header"] is None and (block or not _ends_a_sentence(token)):
                block.append(token)
            continue
        if block:
            yield block
            block = []
        at = (text.find("\n", at) + 1) or len(text)
    if block:
        yield block


def _ends_a_sentence(token: _Token) -> bool:
    """Tell whether a grade is the last line of a sentence, "... services require improvement to be / good"."""
    start = token.start("grade")
    return start >= 0 and bool(_GOES_ON.search(token.string, max(0, start - 20), start))


def _read(page: Page, block: Sequence[_Token]) -> Iterator[Reading]:
    # A heading above a table that begins with the same name says it twice.
    twice = {one for one, after in pairwise(block) if one.lastgroup == after.lastgroup != "grade"}
    block = [token for token in block if token not in twice]
    names = [token for token in block if token.lastgroup != "grade"]
    grades = [token for token in block if token.lastgroup == "grade"]
    shape = "".join("g" if token.lastgroup == "grade" else "n" for token in block)
    if not re.fullmatch("(?:ng)+|n+g+", shape) or len(names) != len(grades):
        return
    for name, grade in zip(names, grades, strict=True):
        area, found = str(name.lastgroup), grade_of(grade["grade"])
        if found:
            start, end = name.span(area)
            first, last = grade.span("grade")
            whole = [(start, last)] if shape.startswith("ng") else [(start, end), (first, last)]
            yield Reading(area, found, tuple(Span(page.number, *chars) for chars in whole))
