"""Conditions in the language of Milvus, written so that no value of a query can ever be more than a value.

The texts mean the same to Milvus 2.3.5 and to Milvus Lite, whose grammar is the smaller one. Of what is unknown of a
document the tables hold "" or -1, which fits no condition here.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from indexer.where import All, Among, Either, Not, Published, Where

T = TypeVar("T")

NOTHING = "document < 0"  # which no row is
# Values in one list. A cluster of Milvus 2.3.5 takes 0.1 s for 10,000 numbers and 0.6 s for 50,000.
LONGEST_LIST = 10_000

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def expression(condition: Where) -> str:
    """Write a condition on passages; "" lets everything through."""
    match condition:
        case Among(field, values):
            return among(field.value, values)
        case Published(first, last):
            days = [f"published >= {first.toordinal() if first else 1}"]
            return " and ".join([*days, f"published <= {last.toordinal()}"] if last else days)
        case All(parts):
            return both(*map(expression, parts))
        case Either(parts):
            made = [expression(part) for part in parts]
            return "" if "" in made else " or ".join(f"({one})" for one in made) or NOTHING
        case Not(part):
            made_of_part = expression(part)
            return f"not ({made_of_part})" if made_of_part else NOTHING


def among(field: str, values: Iterable[str] | Iterable[int]) -> str:
    """Write that a field has one of these values."""
    written = sorted(filter(None, map(literal, values)))
    lists = [f"{field} in [{', '.join(some)}]" for some in chunks(written)]
    return " or ".join(f"({one})" for one in lists) if len(lists) > 1 else lists[0] if lists else NOTHING


def both(*parts: str) -> str:
    """Join expressions that must all hold."""
    kept = [part for part in parts if part]
    return kept[0] if len(kept) == 1 else " and ".join(f"({part})" for part in kept)


def visible(generation: int, aborted: Sequence[int], gone: Sequence[int]) -> str:
    """Write what a generation sees: what attempts up to its own have added, but the aborted ones.

    `gone` are numbers of documents that were removed while their rows still stand.
    """
    attempts = [number for number in aborted if number <= generation]
    return both(
        f"added <= {generation}",
        f"not ({among('added', attempts)})" if attempts else "",
        f"not ({among('document', gone)})" if gone else "",
    )


def chunks(values: Sequence[T], size: int = LONGEST_LIST) -> Iterator[Sequence[T]]:
    """Cut a long list into parts that Milvus takes at once."""
    return (values[first : first + size] for first in range(0, len(values), size))


def literal(value: str | int) -> str:
    """Write one value; "" for one that no row can have."""
    if isinstance(value, int):
        return str(value) if 0 <= value < 2**63 else ""
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a pair of surrogates, which no text of a document is
        return ""
    return f'"{value.translate(_ESCAPES)}"' if value else ""
