"""Files that are meant to do harm, made on the fly: one module a format."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random


@dataclass(frozen=True, slots=True)
class Target:
    """What the files try to reach."""

    canary: Path  # a file outside the sources, whose text must never be seen
    url: str  # of a listener that nobody may call
    outside: Path  # a folder in which nothing may be written

    @property
    def mark(self) -> str:
        """Name that no file must ever have."""
        return f"escaped-{self.outside.name}"


@dataclass(frozen=True, slots=True)
class Bad:
    """A file, and whether it may be read at all."""

    name: str
    data: bytes
    refused: bool  # it must be; otherwise it may also be indexed, as long as that does no harm


Kind = Callable[[Random, Target, float], tuple[str, bytes]]  # also takes a scale; gives the suffix and the bytes


def make(kinds: Sequence[Kind], random: Random, target: Target, count: int, scale: float) -> Iterator[Bad]:
    """Make so many files, of each kind in turn; a kind whose name begins with `no_` must be refused."""
    for number in range(count):
        kind = kinds[number % len(kinds)]
        suffix, data = kind(random, target, scale)
        name = kind.__name__.removeprefix("no_").replace("_", "-")
        yield Bad(f"{name}-{number:04}{suffix}", data, kind.__name__.startswith("no_"))


def times(count: float, scale: float) -> int:
    """Give a number at a scale, one at least."""
    return max(1, int(count * scale))
