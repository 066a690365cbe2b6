"""Words that a text puts in quotation marks."""

import re
from collections.abc import Iterator, Sequence

from service.press.claims import At, QuoteClaim, flat
from service.press.gradings import _GRADE  # noqa: PLC2701

FEWEST = 4  # words; three stand together in many a report
LONGEST = 2000  # characters
_OPEN = re.compile(r"“|(?<![\w'’\"])\"(?=\S)|(?<![\w'’])[‘'](?=\w)")
_CLOSES = {"“": "”", '"': '"', "‘": "’", "'": "'"}
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_INSPECTORS = re.compile(r"\b(?:ofsted|inspect\w*|watchdog|reports?|letter|findings)\b", re.IGNORECASE)
_PERSON = re.compile(
    r"\b(?:cllr|councillor|leader|director|chair(?:man|woman)?|spokes\w+|executive|minister|mp|mother|father|parent|member|union"
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
        if words < FEWEST or _GRADE.fullmatch(flat(text[first:last]).strip(" ,.")):
            continue
        start = max((one for one, end in sentences if one <= first < end), default=match.start())
        end = min((end for one, end in sentences if one < last + 1 <= end + 1), default=last)
        end = max(end, last)
        around = f"{text[max(start, first - 150) : first]} {text[last : min(len(text), max(end, last + 100))].split(chr(10))[0]}"
        is_of_person = bool(_PERSON.search(around) and _SAYS.search(around)) or (
            bool(_SAYS.search(around)) and not _INSPECTORS.search(around)
        )
        yield QuoteClaim(At(start, end, first, last), words, is_of_person)


def _closing(text: str, first: int, opening: str) -> int | None:
    """Find where a quotation ends, None where it does not, or is too long to be one."""
    sign = _CLOSES[opening]
    limit = min(len(text), first + LONGEST)
    at = first
    while (at := text.find(sign, at, limit)) >= 0:
        is_inside = at + 1 < len(text) and text[at + 1].isalnum()
        if text[at - 1].isspace() and opening in "\"'":  # it opens the next
            line = text.rfind("\n", first, at)
            return line if line > first else None
        if not is_inside:
            return at
        at += 1
    if opening == "“" and (again := text.find("“", first, limit)) > 0:
        line = text.rfind("\n", first, again)
        return line if line > first else None
    return None
