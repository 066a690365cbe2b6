"""What kind of change a difference is: one of a number, of a negation, of a judgement, or another."""

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import cache


class Kind(StrEnum):
    """What a difference changes."""

    NUMBER = "number"
    NEGATION = "negation"
    GRADE = "grade"  # a word that judges
    OTHER = "other"


# These lists are English at large, judged by hand.
_NEGATIONS = frozenset(
    "not no never without neither nor none nobody nothing nowhere cannot lack lacks lacked lacking fail"
    " fails failed failing failure unable hardly scarcely barely rarely seldom dont doesnt didnt isnt"
    " arent wasnt werent hasnt havent hadnt wont wouldnt cant couldnt shouldnt".split()
)
_GRADES = frozenset(
    "inadequate adequate good outstanding satisfactory unsatisfactory poor excellent weak strong"
    " effective ineffective acceptable unacceptable exceptional exemplary sufficient insufficient serious"
    " better best worse worst improved improving declined declining deteriorated requires improvement"
    " special measures".split()
)
_ONLY_TOGETHER = frozenset({("requires", "improvement"), ("special", "measures")})
_LONE = _GRADES - {word for pair in _ONLY_TOGETHER for word in pair}
_NEGATING = re.compile(r"(?:un|in|im|ir|il|non|dis|mis)(?=\w{4})")
_DIGIT = re.compile(r"\d")
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)")
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth"
    " fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
_AMOUNTS = frozenset(
    "hundred hundreds thousand thousands million millions billion billions dozen dozens half halves"
    " quarter quarters thirds fifths tenths once twice double triple percent january february march april"
    " may june july august september october november december monday tuesday wednesday thursday friday"
    " saturday sunday".split()
)


def kind_of(
    quoted: Sequence[str],
    source: Sequence[str],
    before: tuple[str, str] = ("", ""),
    after: tuple[str, str] = ("", ""),
) -> Kind:
    """Tell what changes where words of a quote stand for words of its source, either of which may be none.

    `before` and `after` are the words around each side, for judgements in two words.
    """
    quoted_grades, source_grades = _grades(before[0], quoted, after[0]), _grades(before[1], source, after[1])
    negations = _negations(quoted), _negations(source)
    if quoted_grades and source_grades and quoted_grades != source_grades and negations[0] == negations[1]:
        return Kind.GRADE
    if negations[0] != negations[1] or _negate(quoted, source):
        return Kind.NEGATION
    if _numbers(quoted) != _numbers(source):
        return Kind.NUMBER
    return Kind.GRADE if quoted_grades != source_grades else Kind.OTHER


def _negations(words: Sequence[str]) -> int:
    return sum(word in _NEGATIONS or word.endswith("n't") for word in words)


def _negate(some: Sequence[str], others: Sequence[str]) -> bool:
    """Tell whether a word of one side is one of the other with a negating prefix, or with -less for -ful."""
    return _negates(some, others) or _negates(others, some)


def _negates(some: Sequence[str], others: Sequence[str]) -> bool:
    plain = set(some) - set(others)
    for word in set(others) - set(some):
        prefix = _NEGATING.match(word)
        if prefix and word[prefix.end() :] in plain:
            return True
        if word.endswith("less") and f"{word[:-4]}ful" in plain:
            return True
    return False


def _grades(before: str, words: Sequence[str], after: str) -> list[str]:
    around = [before, *words, after]
    found = []
    for place, word in enumerate(words, start=1):
        stem = word.removesuffix("ly")
        is_in_pair = (word, around[place + 1]) in _ONLY_TOGETHER or (around[place - 1], word) in _ONLY_TOGETHER
        if is_in_pair or stem in _LONE or word in _LONE:
            found.append(stem)
    return found


def _numbers(words: Sequence[str]) -> list[str]:
    known = _known_numbers()
    found = []
    for word in words:
        if _DIGIT.search(word):
            ordinal = _ORDINAL.fullmatch(word)
            found.append(f"{ordinal[1]}th" if ordinal else word)
        elif word in known:
            found.append(known[word])
    return found


@cache
def _known_numbers() -> dict[str, str]:
    """Give number words, without hyphens, with what they are in digits; other amounts stand for themselves."""
    tens = _TENS.split()
    units, ordinals = _UNITS.split(), _ORDINALS.split()
    known = {word: word for word in _AMOUNTS}
    known |= {word: str(number) for number, word in enumerate(units)}
    known |= {word: f"{number}th" for number, word in enumerate(ordinals, start=1)}
    for ten, word in enumerate(tens, start=2):
        known[word] = str(10 * ten)
        known |= {f"{word}{units[unit]}": str(10 * ten + unit) for unit in range(1, 10)}
        known |= {f"{word}{ordinals[unit - 1]}": f"{10 * ten + unit}th" for unit in range(1, 10)}
    return known
