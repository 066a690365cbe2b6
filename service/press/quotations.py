"""Words that a text puts in quotation marks."""

import re
from collections.abc import Iterator, Sequence

from service.press.claims import At, QuoteClaim, flat
from service.press.gradings import is_grade

FEWEST = 4  # words; three stand together in many a report
LONGEST = 2000  # characters
_OPEN = re.compile(r"“|(?<![\w'’\"])\"(?=\S)|(?<![\w'’])[‘'](?=\w)")
_AGAIN = re.compile(r"\s*\n\s*[“\"](?=\w)")
_CLOSES = {"“": "”", '"': '"', "‘": "’", "'": "'"}
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_INSPECTORS = re.compile(r"\b(?:ofsted|inspect\w*|watchdog|reports?|letter|findings)\b", re.IGNORECASE)
_PERSON = re.compile(
    r"\b(?:cllr|councillor|leader|director|chair(?:man|woman)?|spokes\w+|executive|minister|mp|mother"
    r"|father|parent|member|union"
    r"|she|he|mr|mrs|ms|dr|sir|commissioner)\b",
    re.IGNORECASE,
)
_SAYS = re.compile(r"\b(?:said|says|say|added|adds|told|explained|commented|tweeted|wrote)\b", re.IGNORECASE)


def quotations(text: str, sentences: Sequence[tuple[int, int]]) -> Iterator[QuoteClaim]:
    """Find what a text quotes at some length; one that is opened again before it is closed ends where a line ends."""
    at = 0
    while match := _OPEN.search(text, at):
        first = match.end()
        last = _closing(text, first, match.group()[0])
        at = match.end()
        if last is None:
            continue
        at = last
        words = len(_WORD.findall(text[first:last]))
        if words < FEWEST or is_grade(flat(text[first:last]).strip(" ,.")):
            continue
        start = max((one for one, end in sentences if one <= first < end), default=match.start())
        end = min((end for one, end in sentences if one < last + 1 <= end + 1), default=last)
        end = max(end, last)
        behind = text[last : max(end, last + 100)].split("\n", 1)[0]
        around = f"{text[max(start, first - 150) : first]} {behind}"
        is_of_person = bool(_PERSON.search(around) and _SAYS.search(around)) or (
            bool(_SAYS.search(around)) and not _INSPECTORS.search(around)
        )
        yield QuoteClaim(At(start, end, first, last), words, is_of_person)


def _closing(text: str, first: int, opening: str) -> int | None:
    """Find where a quotation ends, None where it does not, or is too long to be one.

    Where a speaker goes on in the next paragraph, that opens again, and this one ends without a sign.
    """
    sign = _CLOSES[opening]
    limit = min(len(text), first + LONGEST)
    again = _AGAIN.search(text, first, limit) if opening in '“"' else None
    at = first
    while (at := text.find(sign, at, limit)) >= 0:
        if again and again.start() < at:
            return again.start()
        if not (at + 1 < len(text) and text[at + 1].isalnum()) and not text[at - 1].isspace():
            return at
        at += 1
    if opening not in '“"':
        return None
    return again.start() if again else len(text) if len(text) <= limit and "\n" not in text[first:] else None
