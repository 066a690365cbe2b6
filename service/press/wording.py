"""Whether words that a text puts in quotation marks stand in the reports."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date

from indexer.errors import InputError
from service.press.claims import QuoteClaim
from service.press.reports import FRESH, Report, Shelf
from service.press.verdicts import Bearing, Evidence, Outcome, not_covered
from service.verification.differences import Comparison, Difference, compare, in_words
from service.verification.kinds import Kind
from service.verification.running import Running
from service.verification.tokens import ELLIPSIS, Quote, read_quote

PLACES = 3  # passages of a report that are compared, those that share most words with the quotation
# A quotation is altered where at least so much of it is the same, and it is long enough that this is no chance: a
# sentence on the same matter in a report on the same body comes nearer than one on another (0.6 in `verification`).
LIKE = 0.75
FEWEST_ALTERED = 7  # words
LIKE_AT_ANY_TIME = 0.85


def quote_outcome(claim: QuoteClaim, text: str, shelf: Shelf, day: date | None) -> Outcome:
    """Look for quoted words in all reports on a line of bodies that were known on a day."""
    try:
        quote = read_quote(text)
    except InputError as error:
        return not_covered(str(error))
    reports = shelf.until(day)
    newest = {one.document.doc_id for one in shelf.standing(day)} if day else set()
    best: tuple[float, Report, Running, Comparison] | None = None
    for report in reversed(reports):
        for running in _places(quote, report):
            found = compare(quote, running.text, running.tokens)
            if not found:
                continue
            if not _changes(found.differences):
                return _outcome(
                    Bearing.SUPPORTED, f"it stands in the report of {report.last}", report, running, found
                )
            if best is None or found.similarity > best[0]:
                best = found.similarity, report, running, found
    if best:
        likeness, report, running, found = best
        is_of_story = report.document.doc_id in newest and day is not None and day - report.last <= FRESH
        least = LIKE if is_of_story else LIKE_AT_ANY_TIME
        if not claim.is_of_person and claim.words >= FEWEST_ALTERED and likeness >= least:
            return _outcome(Bearing.ALTERED, in_words(found.differences), report, running, found)
    return not_covered("nothing like it stands in the reports here")


def _changes(differences: Iterable[Difference]) -> bool:
    """Tell whether something differs beside what a quotation itself says that it leaves out."""
    return any(one.kind is not Kind.OTHER or not _is_gap(one) for one in differences)


def _is_gap(one: Difference) -> bool:
    return any(sign in one.quoted for sign in (ELLIPSIS, "..")) and not any(map(str.isalpha, one.quoted))


def _places(quote: Quote, report: Report) -> Iterator[Running]:
    """Give the texts around the passages that share most of a quotation's words."""
    words = Counter(token.key for token in quote.tokens if token.is_word)
    scores = [(sum((words & one).values()), place) for place, one in enumerate(report.words)]
    least = 0.5 * words.total()
    for score, place in sorted(scores, key=lambda one: (-one[0], one[1]))[:PLACES]:
        if score >= least:
            yield report.running(place)


def _outcome(verdict: Bearing, reason: str, report: Report, running: Running, found: Comparison) -> Outcome:
    spans, _ = running.place(found.start, found.end)
    return Outcome(verdict, reason, Evidence(report.document, report.last, report.quote(spans)))
