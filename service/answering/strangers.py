"""Names and times in a question that neither the collection nor the passages found know."""

import re
from collections.abc import Set as AbstractSet

import numpy as np

from indexer.lexical import stems_of
from indexer.where import UNKNOWN
from service.answering.sentences import EASY, Candidate
from service.candidates import Asked, Generation
from service.catalogue import Catalogue

RARE = 5.0  # rarity of a word that one passage in two hundred has; names of publishers and laws are in more
BEGINS = 4  # letters that people's name shares with that of their place: Cornish, Cornwall
# Capitals in a question, but for those at the start of a sentence. Abbreviations are people's own, too.
_NAMES = re.compile(r"(?<=[\w,;’'] )[A-Z][a-z][\w’'-]+(?: [A-Z][a-z][\w’'-]+)*")


def stranger(asked: Asked, best: Candidate, generation: Generation) -> str | None:
    """Give the first name in the question that the best sentence's passage does not know; None where it knows all.

    A question on a body of the collection is about that, whatever else it names. Where it is about none, a place or
    person that is rare here and not in the passage is what it is about, so the passage does not answer.
    """
    if asked.reading.named or asked.wanted.bodies:
        return None
    for match in _NAMES.finditer(asked.reading.topic):
        name = re.sub(r"['’]s?$", "", match.group())
        rarities = {stem: rarity for stem, rarity in generation.arms.rarities(name).items() if stem not in EASY}
        is_rare = max(rarities.values(), default=0) >= min(RARE, generation.arms.rarest)
        if is_rare and not _knows(best, rarities.keys()) and not _is_of_a_body(name, generation.catalogue):
            return name
    return None


def _knows(best: Candidate, stems: AbstractSet[str]) -> bool:
    """Tell whether the passage has any of these words, in its title, its context or its text."""
    passage, title = best.stored.passage, best.stored.document.metadata.title or ""
    return not stems.isdisjoint(stems_of(f"{title} {passage.context} {passage.text}"))


def _is_of_a_body(name: str, catalogue: Catalogue) -> bool:
    begins = (word[:BEGINS].casefold() for body in catalogue.numbers for word in body.split())
    return name[:BEGINS].casefold() in begins


def is_untimely(asked: Asked, best: Candidate, catalogue: Catalogue) -> bool:
    """Tell whether the question names times that no report is of, and that the best sentence's passage does not name.

    A report also tells of years before it, and then says which.
    """
    times = asked.reading.times
    if not times:
        return False
    about = catalogue.about(asked.reading) > 0
    among = about if about.any() else np.ones_like(about)
    is_dated = (catalogue.days[among, 1] != UNKNOWN).all()  # else one without a day may be of that time
    if not is_dated or (catalogue.timely(asked.reading)[among] > 0).any():
        return False
    years = {str(day.year) for time in times for day in (time.period.start, time.period.end) if day}
    passage = best.stored.passage
    return not any(year in f"{passage.context} {passage.text}" for year in years)


def is_named(name: str, generation: Generation) -> bool:
    """Tell whether any passage has all words of a name."""
    return generation.arms.rarest not in generation.arms.rarities(name).values()
