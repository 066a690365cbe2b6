"""One row of the table of attempts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """What was tried, how often, and what must and did come of it."""

    tried: str
    times: int
    wanted: str
    found: str
    met: bool
