"""What an inspection report judges, as typed facts: the framework it was made under, and the grade of each area.

Nothing is guessed. A grade counts where it stands plainly beside the name of its area: in a row of a table, in a
heading, or in a sentence that says so and nothing else. Where no place is plain, or two places differ, the area is
unreadable. Which areas there are is up to the framework, and frameworks do not judge the same things: the one of 2018
has a single grade for children in care and care leavers, so that is an area of its own, and the two areas that it
joins are "not given under this framework", never equated with it. `AREAS` says which areas are kin.
"""

from indexer.judgements.found import find_judgements
from indexer.judgements.frameworks import AREAS, FRAMEWORKS, GRADES, Area, Framework, frameworks_with

__all__ = ["AREAS", "FRAMEWORKS", "GRADES", "Area", "Framework", "find_judgements", "frameworks_with"]
