"""How reports spell the names of bodies, and what the spellings of one name have in common."""

import re
import unicodedata

from indexer.metadata.facts import Chars

_SMALL = ("and", "by", "in", "le", "of", "on", "the", "under", "upon", "with")  # stay small inside a name
_NAME_WORD = r"(?:St\.|[A-ZÀ-ÖØ-ÞŴŶ][\w’'-]*)"
_GAP = r"(?:[^\S\n]+|[^\S\n]*\n[^\S\n]*)"  # a name may run on in the next line, but not in the next paragraph
NAME = rf"{_NAME_WORD}(?:,?{_GAP}(?:(?:{'|'.join(_SMALL)}|&){_GAP}){{0,2}}{_NAME_WORD}){{0,9}}"
NAME_IN_LINE = NAME.replace(_GAP, r"[^\S\n]+")
ACTS = "(?:re-?)?inspections?|visits?|reviews?|fieldwork|assessments?|audits?|evaluations?"  # done at a body
_RANK = "(?:london borough|borough|city|county|district|metropolitan|royal|unitary)"
_SERVICES = re.compile(
    r"(?:[\s,]+(?:local\s+authorit(?:y|ies)|(?:children|adult)s?['’]?s?|education|health|social|care|services?"
    r"|safeguarding|inspection|report))+$",
    re.IGNORECASE,
)
_NO_NAME = re.compile(  # what may follow "inspection of" or "services in" with a capital without being a body
    r"(?:local|children|adult|young|social|special|services?|safeguarding|england|wales|scotland|northern\s+ireland"
    r"|january|february|march|april|may|june|july|august|september|october|november|december)\b",
    re.IGNORECASE,
)


def body_key(name: str) -> str:
    """Return what the spellings of a body's name have in common, for comparing and filtering.

    Case, accents, punctuation and the words of local government go: "London Borough of Lyne & Wold Council"
    and "lyne and wold" have one key. The City of London keeps its rank, since London is a region of many
    councils; a body that is not the council, such as a children's trust, keeps its whole name.
    """
    seat = re.sub(r"(?: (?:council|corporation|(?:local|unitary) authority))+$", "", plain(name))
    of = rf"(?:{_RANK} )*(?:council|{_RANK}) of (?:the )?"
    key = re.sub(rf"^(?:(?:{of})+|(?:royal |london |metropolitan )borough |county )", "", seat)
    key = re.sub(rf"(?: {_RANK})+(?: of)?$", "", key)
    return seat if key == "london" else key


def plain(name: str) -> str:
    """Return a name in small letters without accents, punctuation and a leading article."""
    letters = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    words = re.sub(r"[^\w&]+", " ", re.sub(r"['’‘`]", "", letters.casefold())).replace("&", " and ").split()
    return " ".join(words[1:] if words[:1] == ["the"] else words)


def with_capitals(name: str) -> str:
    """Write a name that is all in small letters, as in the names of folders, with its capitals."""
    if name != name.lower():
        return name
    words = re.split(r"([\s-]+)", name)
    return "".join(word if at and word in _SMALL else word[:1].upper() + word[1:] for at, word in enumerate(words))


def spaced(words: str) -> str:
    """Return a pattern for some words, however they are broken into lines."""
    return r"[\s-]+".join(re.escape(word) for word in re.split(r"[\s-]+", words))


def name_within(text: str, mention: Chars) -> Chars | None:
    """Cut a mention down to the name: "The Borough of X Children's Services" is about the Borough of X."""
    words = text[slice(*mention)]
    start = re.match(r"(?:the\s+)?", words, re.IGNORECASE)
    end = _SERVICES.search(words)
    first, last = start.end() if start else 0, end.start() if end else len(words)
    return None if _NO_NAME.match(words, first) else (mention[0] + first, mention[0] + last)
