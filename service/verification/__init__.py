"""Is this quote in the reports, unchanged? Every word of it is laid beside the words that stand there."""

from service.verification.differences import Difference
from service.verification.kinds import Kind
from service.verification.tokens import FEWEST_WORDS, LONGEST_QUOTE
from service.verification.verdict import MOST_MATCHES, Match, Verdict, Verification, verify

__all__ = [
    "FEWEST_WORDS",
    "LONGEST_QUOTE",
    "MOST_MATCHES",
    "Difference",
    "Kind",
    "Match",
    "Verdict",
    "Verification",
    "verify",
]
