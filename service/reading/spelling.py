"""Words of names that are not written as they should be: small mistakes, and counties cut short."""

from collections.abc import Iterable, Iterator
from itertools import combinations

SHORTEST = 5  # letters of a word in which one mistake is forgiven; shorter words are too like each other
SURE = 7  # letters from which a word with a mistake is rather that word than another one
LONG = 9  # letters of a word in which two are
LONGEST = 24  # letters; longer words are not looked at, which bounds the work


class Spelling:
    """Finds the known word that an unknown one was meant to be.

    Words that differ by few letters share what is left when some are taken out of both, so a look-up needs no walk
    over all words (symmetric deletion, W. Garbe, SymSpell, 2012).
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._known = frozenset(words)
        self._left: dict[str, set[str]] = {}
        self._counties: dict[str, list[str]] = {}
        for word in self._known:
            if word.isalpha() and SHORTEST <= len(word) <= LONGEST:
                for left in _shortened(word, _allowed(word)):
                    self._left.setdefault(left, set()).add(word)
            if word.endswith("shire"):
                self._counties.setdefault(word[:3], []).append(word)

    def meant(self, word: str) -> tuple[str, int] | None:
        """Give the known word that is meant and the letters that are wrong; None where there is none or several.

        The first letter must be right, since mistakes there are rare and turn one word into another.
        """
        if word in self._known or not word.isalpha() or not 4 <= len(word) <= LONGEST:
            return None
        if county := self._county(word):
            return county, 1
        if len(word) < SHORTEST:
            return None
        near: dict[str, int] = {}
        for left in _shortened(word, _allowed(word)):
            for known in self._left.get(left, ()):
                if known[0] == word[0] and known not in near:
                    near[known] = edits(word, known)
        fit = [(wrong, known) for known, wrong in near.items() if wrong <= min(_allowed(known), _allowed(word))]
        least = min((wrong for wrong, _ in fit), default=0)
        nearest = [known for wrong, known in fit if wrong == least]
        return (nearest[0], least) if len(nearest) == 1 else None

    def _county(self, word: str) -> str | None:
        """Give the county of which a word ending in "s" has the beginning, and at most two letters from later."""
        if not word.endswith("s"):
            return None
        fit = [county for county in self._counties.get(word[:3], ()) if _abbreviates(word[:-1], county)]
        return fit[0] if len(fit) == 1 else None


def edits(one: str, other: str) -> int:
    """Count the letters to add, drop, replace or swap with their neighbour (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        last, before, row = before, row, [i]
        for j, its in enumerate(other, start=1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != its))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == its:
                best = min(best, last[j - 2] + 1)
            row.append(best)
    return row[-1]


def _allowed(word: str) -> int:
    return 2 if len(word) >= LONG else 1


def _shortened(word: str, most: int) -> Iterator[str]:
    yield word
    for count in range(1, most + 1):
        for places in combinations(range(len(word)), count):
            yield "".join(letter for at, letter in enumerate(word) if at not in places)


def _abbreviates(short: str, county: str) -> bool:
    if len(short) > len(county) - len("shire"):
        return False
    same = next((at for at, letter in enumerate(short) if letter != county[at]), len(short))
    later = short[same:]
    return same >= 3 and len(later) <= 2 and all(letter in county[same:] for letter in later)
