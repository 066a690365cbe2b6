"""Quotes and receipts that are checked."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from service.citation import Citation
from service.receipts import Outcome, Receipt, Resolution
from service.verification import LONGEST_QUOTE, Match, Verdict, Verification


class VerifyRequest(BaseModel):
    """A quote to be verified. Unknown fields are refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"quote": "Most children in need have a social worker."}]},
    )

    quote: str = Field(
        description=f"the words as quoted; at most {LONGEST_QUOTE:,} characters, and an ellipsis leaves words out"
    )
    document: str | None = Field(
        None, max_length=1000, description="look only into this document: its id, path or end of a path"
    )


class VerifyResponse(BaseModel):
    """Whether a quote stands in the reports, and where."""

    quote: str
    verdict: Verdict
    matches: tuple[Match, ...] = Field(description="the best ones that are alike, newest document first")
    reason: str | None = Field(description="in plain words, what differs from the first match, or what else to know")
    generation: int
    took_ms: float

    @classmethod
    def of(cls, found: Verification) -> Self:
        """Write what became of a quote."""
        return cls.model_validate(found, from_attributes=True)


class ReceiptResponse(BaseModel):
    """What became of the quote that a receipt is of."""

    text: str = Field(description="the quote")
    question: str
    outcome: Outcome
    passed: bool = Field(description="whether the quote can be relied on")
    reason: str
    citation: Citation | None = Field(description="where it stands now")
    instead: str | None = Field(description="what stands in its place, where it is gone and its surroundings are not")
    notes: tuple[str, ...]

    @classmethod
    def of(cls, receipt: Receipt, found: Resolution) -> Self:
        """Write what became of a receipt's quote."""
        return cls(
            text=receipt.text,
            question=receipt.question,
            outcome=found.outcome,
            passed=found.passed,
            reason=found.reason,
            citation=found.citation,
            instead=found.instead,
            notes=found.notes,
        )
