"""What came of asking a question, held against its gold answers and evidence, and the figures over all questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from service.answering.answer import Answer, Quote, Status
from service.evaluation import measures
from service.evaluation.measures import Calibration, Group, Latency, RiskCoverage
from service.evaluation.questions import Question, QuestionType
from service.evaluation.wording import contains, exact_match, f1, overlaps

MEASURES = (
    *("answered", "unanswerable_recall"),
    *("answer_em", "answer_f1"),
    *("quote_hit@1", "quote_hit@all", "quote_overlap@1", "quote_overlap@all"),
    *("reports_quoted", "reports_in_order"),
    "bodies_quoted",
)


@dataclass(frozen=True, slots=True)
class Quoted:
    """A quote that was shown."""

    source: str
    body: str | None
    day: date | None  # the last that its document is known to be of
    has_answer: bool | None  # whether a gold answer stands in it; None where the question has none to look for
    on_evidence: bool  # whether it is on a gold page and overlaps what is quoted there, if anything is

    @property
    def is_right(self) -> bool:
        """Tell whether it answers the question: by the gold answers of a factual question, else by the evidence."""
        return self.on_evidence if self.has_answer is None else self.has_answer


@dataclass(frozen=True, slots=True)
class Answered:
    """What was said to one question."""

    status: Status
    confidence: float
    took_ms: float
    quotes: tuple[Quoted, ...]  # none where the status is unanswerable, as nothing is said then
    short: str | None  # the marked part of the first quote
    exact: float | None  # exact match and F1 of it; None where the question has no gold answers to match
    f1: float | None
    complete: bool  # whether every document of the evidence is quoted

    @property
    def is_given(self) -> bool:
        """Tell whether there is an answer, if only to a part of the question."""
        return self.status is not Status.UNANSWERABLE

    @property
    def is_right(self) -> bool:
        """Tell whether a quote answers the question."""
        return any(quote.is_right for quote in self.quotes)


@dataclass(frozen=True, slots=True)
class Answers:
    """Figures of all answers.

    Risk is the share of wrong ones, over all questions: where no quote that is shown is right. A question that is
    called unanswerable is the last that would be answered, and wrongly. Calibration compares the confidence of those
    that were answered with whether a quote is right; its AUC is over all questions.
    """

    groups: dict[str, Group]  # by type, first that of all questions
    coverage: float  # share of the questions that were answered
    risk: RiskCoverage
    calibration: Calibration | None
    latency: Latency


def answered(question: Question, answer: Answer, days: Mapping[str, date], absent: Sequence[str] = ()) -> Answered:
    """Hold an answer against what the question expects.

    `days` are the last that documents are known to be of, by doc_id; `absent` are those that the index does not hold.
    """
    quotes = answer.quotes if answer.status is not Status.UNANSWERABLE else ()
    golds = _golds(question)
    wanted = set(question.documents) - set(absent)
    short = quotes[0].text[slice(*quotes[0].short)] if quotes and quotes[0].short else None
    return Answered(
        status=answer.status,
        confidence=answer.confidence,
        took_ms=answer.took_ms,
        quotes=tuple(_quoted(question, quote, golds, days) for quote in quotes),
        short=short,
        exact=float(exact_match(short or "", golds)) if golds else None,
        f1=f1(short or "", golds) if golds else None,
        complete=bool(wanted) and wanted <= {quote.citation.source for quote in quotes},
    )


def answer_measured(type_: QuestionType, found: Answered) -> dict[str, float]:
    """Give every one of `MEASURES` that applies to one question of this type, by name.

    `reports_in_order` wants two quotes of a known day at least, none of them older than the one before;
    `bodies_quoted` is a number of bodies, all others are 0 to 1.
    """
    if type_ is QuestionType.UNANSWERABLE:
        return {"unanswerable_recall": float(not found.is_given)}
    values = {"answered": float(found.is_given)}
    if found.exact is not None and found.f1 is not None:
        values |= {"answer_em": found.exact, "answer_f1": found.f1}
        has_answer = [bool(quote.has_answer) for quote in found.quotes]
        values |= {"quote_hit@1": float(any(has_answer[:1])), "quote_hit@all": float(any(has_answer))}
    overlap = [quote.on_evidence for quote in found.quotes]
    values |= {"quote_overlap@1": float(any(overlap[:1])), "quote_overlap@all": float(any(overlap))}
    if type_ is QuestionType.TEMPORAL:
        days = [quote.day for quote in found.quotes if quote.day]
        in_order = len(days) > 1 and all(one <= other for one, other in pairwise(days))
        values |= {"reports_quoted": float(found.complete), "reports_in_order": float(in_order)}
    if type_ is QuestionType.THEMATIC:
        values["bodies_quoted"] = float(len({quote.body for quote in found.quotes if quote.body}))
    return values


def answer_figures(given: Sequence[tuple[QuestionType, Answered]], everything: str) -> Answers:
    """Work out the figures of answers to questions of these types, at least one; `everything` names their group."""
    members = {everything: list(given)} | {kind: [one for one in given if one[0] is kind] for kind in QuestionType}
    said = [one for _, one in given if one.is_given]
    return Answers(
        groups={
            name: measures.group([answer_measured(*one) for one in some], MEASURES)
            for name, some in members.items()
            if some
        },
        coverage=len(said) / len(given),
        risk=measures.risk_coverage(
            [one.confidence if one.is_given else 0.0 for _, one in given], [not one.is_right for _, one in given]
        ),
        calibration=measures.calibration(
            [one.confidence for one in said],
            [one.is_right for one in said],
            [one.confidence for kind, one in given if kind is not QuestionType.UNANSWERABLE],
            [one.confidence for kind, one in given if kind is QuestionType.UNANSWERABLE],
        ),
        latency=measures.latency([one.took_ms for _, one in given]),
    )


def _golds(question: Question) -> tuple[str, ...]:
    """Give the gold answers that words can be compared with: those of other questions are sentences."""
    return question.answers if question.type is QuestionType.FACTUAL else ()


def _quoted(question: Question, quote: Quote, golds: Sequence[str], days: Mapping[str, date]) -> Quoted:
    cited = quote.citation
    places = {(cited.source, page) for page, _, _ in cited.spans}
    return Quoted(
        source=cited.source,
        body=cited.body,
        day=days.get(cited.doc_id),
        has_answer=contains(quote.text, golds) if golds else None,
        on_evidence=any(
            (one.path, one.page) in places and (not one.quotes or overlaps(quote.text, one.quotes))
            for one in question.evidence
        ),
    )
