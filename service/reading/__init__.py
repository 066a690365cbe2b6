"""What a question says in plain words: the bodies and times it names, and what kind of answer it wants.

Reading is a preference, never a wall: every name has a certainty, and what cannot be read safely stays in the topic.
The certainties are judged, not measured: 0.5 and more means rather right than wrong.
"""

from service.reading.lines import Meant
from service.reading.mentions import LIKELY, Named
from service.reading.names import Names
from service.reading.reading import Reading, interpreted, read
from service.reading.times import Period, Role, Time, find_times

__all__ = [
    "LIKELY",
    "Meant",
    "Named",
    "Names",
    "Period",
    "Reading",
    "Role",
    "Time",
    "find_times",
    "interpreted",
    "read",
]
