"""How long the stages of some work took, told as part of its result."""

from dataclasses import dataclass, field
from time import perf_counter


@dataclass
class Laps:
    """Takes the time of one stage after the other; `seconds` has those that have ended."""

    seconds: dict[str, float] = field(default_factory=dict)
    _since: float = field(default_factory=perf_counter)

    def end(self, stage: str) -> None:
        """End a stage; what comes now belongs to the next one."""
        now = perf_counter()
        self.seconds[stage] = now - self._since
        self._since = now
