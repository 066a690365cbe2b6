"""Grades in sentences that say nothing else.

"The judgement for the quality of practice is that it is good" is one. Only the present tense counts, and only where
the sentence begins its line and ends with the grade, so that what was judged before, or in part, or of somebody else
is not taken for what is judged now.
"""

import re
from collections.abc import Iterator
from functools import cache

from indexer.judgements.frameworks import Framework
from indexer.judgements.readings import (
    GRADE,
    LINE_ENDS,
    NUMBER,
    Reading,
    any_of,
    grade_of,
    is_of_another_time,
    spaced,
)
from indexer.records import Page, Span

_IS = r"(?:(?:is|are)(?: judged(?: to be)?)?:? |(?=(?-i:requires? )))"
_ENDS = rf"(?:(?=[^\S\n]*[.;])|{LINE_ENDS}|(?=\s+because\b))"


def in_sentences(page: Page, framework: Framework) -> Iterator[Reading]:
    """Read what the sentences of a page say."""
    for area, pattern in _patterns(framework):
        for match in pattern.finditer(page.text):
            grade = grade_of(match["grade"])
            if grade and not is_of_another_time(page, match.start("says")):
                yield Reading(area, grade, (Span(page.number, match.start("says"), match.end("grade")),))


@cache
def _patterns(framework: Framework) -> list[tuple[str, re.Pattern[str]]]:
    """Write one pattern for each area, of which the group `grade` is the grade and `says` what stands before it."""
    made = []
    for area, names in framework.areas.items():
        name = any_of(names)
        judged = (
            rf"(?:the )?(?:graded )?judge?ment (?:about|for|of|on|that) (?:the )?{name} is(?: that)?(?: it| they)?"
        )
        says = "|".join([name, spaced(judged), *map(spaced, framework.sayings.get(area, ()))])
        whole = rf"^[^\S\n]*{NUMBER}(?-i:(?=[A-Z]))(?P<says>{says}){spaced(' ' + _IS)}(?P<grade>{GRADE}){_ENDS}"
        made.append((area, re.compile(whole, re.IGNORECASE | re.MULTILINE)))
    return made
