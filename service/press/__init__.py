"""The press beside the primary source: what a story claims, and what the reports say of it.

A claim is checked against reports alone, never against what others of the press write, with the day in mind: what it
says of a time is compared with the report of that time. Where no report plainly speaks of the same thing, nothing is
told but what was looked through.
"""

from service.press.check import Checked, PressCheck, check_press, check_text
from service.press.claims import ClaimKind
from service.press.verdicts import Bearing, Evidence, Outcome

__all__ = ["Bearing", "Checked", "ClaimKind", "Evidence", "Outcome", "PressCheck", "check_press", "check_text"]
