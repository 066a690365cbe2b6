"""Finds the stretch of a text that a quote is nearest to, word by word."""

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple


class Step(NamedTuple):
    """One word of the quote beside one of the text; None where one side has no word there. Both count from 0."""

    quoted: int | None
    source: int | None


class _Sweep(NamedTuple):
    """What one part of a quote costs at each place of a text; one entry for each word, and one before the first."""

    ups: list[int]  # bit i: going from i to i + 1 words of the part costs one more here
    downs: list[int]  # bit i: it costs one less
    ends: list[int]  # cost of all parts so far where this one ends here
    entered: list[int]  # least cost of the parts before it that end here or earlier


def align(parts: Sequence[Sequence[str]], source: Sequence[str]) -> list[Step]:
    """Lay the parts of a quote, in their order, beside the stretches of a text that take the fewest changes.

    A change is a word replaced, added or left out; text before, between and after the parts costs nothing. Steps
    count words over all parts. This is Myers' bit-parallel search ("A fast bit-vector algorithm for approximate
    string matching", JACM 1999) as Hyyrö put it for blocks (2003): a column of the table is two whole numbers, so
    that time does not depend on how alike the words are. Raises ValueError for a part without words.
    """
    if not all(parts):
        raise ValueError("a part without words stands everywhere")
    sweeps: list[_Sweep] = []
    entered = [0] * (len(source) + 1)
    for part in parts:
        sweeps.append(_swept(part, source, entered))
        entered = list(accumulate(sweeps[-1].ends, min))
    steps: list[Step] = []
    at = sweeps[-1].ends.index(entered[-1])
    offset = sum(map(len, parts))
    for number in range(len(parts) - 1, -1, -1):
        offset -= len(parts[number])
        at = _trace(sweeps[number], len(parts[number]), at, offset, steps)
        if number:
            ends = sweeps[number - 1].ends
            while ends[at] != sweeps[number].entered[at]:
                at -= 1
    return steps[::-1]


def _swept(part: Sequence[str], source: Sequence[str], entered: list[int]) -> _Sweep:
    places: dict[str, int] = {}
    for row, word in enumerate(part):
        places[word] = places.get(word, 0) | 1 << row
    whole, last = (1 << len(part)) - 1, 1 << (len(part) - 1)
    up, down, cost = whole, 0, entered[0] + len(part)
    sweep = _Sweep([up], [down], [cost], entered)
    for column, word in enumerate(source):
        falls = int(entered[column + 1] < entered[column])  # an earlier part ends better here
        same = places.get(word, 0)
        vertical = same | down
        same |= falls
        horizontal = (((same & up) + up) ^ up) | same
        right_up, right_down = (down | ~(horizontal | up)) & whole, up & horizontal
        cost += bool(right_up & last) - bool(right_down & last)
        right_up, right_down = right_up << 1, right_down << 1 | falls
        up = (right_down | ~(vertical | right_up)) & whole
        down = right_up & vertical & whole
        sweep.ups.append(up)
        sweep.downs.append(down)
        sweep.ends.append(cost)
    return sweep


def _trace(sweep: _Sweep, row: int, column: int, offset: int, steps: list[Step]) -> int:
    """Add the steps from the end of a part back to its beginning, and give the column where that is."""
    while row:
        bit = 1 << (row - 1)
        if sweep.ups[column] & bit:
            row -= 1
            steps.append(Step(offset + row, None))
        elif sweep.downs[column - 1] & bit:
            column -= 1
            steps.append(Step(None, column))
        else:
            row, column = row - 1, column - 1
            steps.append(Step(offset + row, column))
    return column
