"""What people read on a terminal of counts, threads, grades, recommendations and the press."""

from itertools import groupby

from rich.console import Console
from rich.text import Text

from indexer.judgements import GRADES
from indexer.records import Standing
from service.answering import Quote
from service.schemas import (
    CountResponse,
    GradeOut,
    GradesResponse,
    InspectionOut,
    PressResponse,
    QuotedOut,
    RecommendationsResponse,
    ReportOut,
    ThreadResponse,
)
from service.signs import safe, safe_line
from service.terminal import INDENT, console, print_place, print_text


def print_count(found: CountResponse) -> None:
    """Print numerator and denominator, each report that is counted with a quote, and what comes near."""
    out = console()
    which = "the latest report on each body" if found.latest else "the reports"
    out.print(
        Text(
            safe_line(f"{found.count:,} of {found.reports:,} ({which}) have a sentence with {_words(found.words)}"),
            style="bold",
        )
    )
    for one in found.raised:
        out.print()
        more = f" · {one.sentences} sentences" if one.sentences > 1 else ""
        _print_report(out, one.report, more)
        _print_quote(out, one.quote)
    if found.near:
        out.print()
        out.print("not counted, as the words are not there; the nearest in meaning:")
    for near in found.near:
        out.print()
        _print_report(out, near.report, f" · likeness {near.likeness:.2f}")
        _print_quote(out, near.quote)
    for report in found.incomplete:
        console(stderr=True).print(
            Text(safe_line(f"note: {report.source} has pages without text, so it may say more")), soft_wrap=True
        )


def print_thread(found: ThreadResponse) -> None:
    """Print what each inspection said, the oldest first."""
    out = console()
    bodies = ", ".join(found.bodies)
    out.print(Text(safe_line(f"{bodies}: {_words(found.words)}, inspection by inspection"), style="bold"))
    for link in found.links:
        out.print(
            Text(safe_line(f"{INDENT}{link.from_} {link.how} {link.to}{f' from {link.on}' if link.on else ''}"))
        )
    for one in found.inspections:
        out.print()
        _print_report(out, one.report, f" · overall: {_overall(one)}" if one.overall_state else "")
        if one.said is None:
            out.print(f"{INDENT}not mentioned")
            continue
        said = one.said
        change = f", {said.change} by its own words" if said.change else ""
        tones = ", ".join(f"{count} {tone}" for tone, count in said.tones.items())
        out.print(f"{INDENT}{said.tone}{change} ({tones})")
        _print_quote(out, said.quote)
        if said.changed and said.changed.citation.text_sha256 != said.quote.citation.text_sha256:
            _print_quote(out, said.changed)
    if not found.inspections:
        console(stderr=True).print("nothing found: no report of an inspection of a known day fits the filters")
    if found.left_out:
        out.print()
        others = "1 document" if found.left_out == 1 else f"{found.left_out} documents"
        out.print(f"{others} on the same left out, which report no inspection of a known day")


def print_grades(found: GradesResponse) -> None:
    """Print the grades of each report, the oldest first, and where each stands."""
    out = console()
    for number, (_, rows) in enumerate(groupby(found.grades, key=lambda one: one.report.doc_id)):
        some = list(rows)
        if number:
            out.print()
        framework = some[0].framework
        _print_report(out, some[0].report, f" · {safe_line(framework)}" if framework else "")
        width = max(len(one.area_label) for one in some)
        for one in some:
            out.print(Text(f"{INDENT}{one.area_label.ljust(width)}  {_grade(one)}"))
    if not found.grades:
        console(stderr=True).print(
            "nothing found: no report that the filters let through gives, or owes, such a grade"
        )
    if found.without:
        out.print()
        count = len(found.without)
        out.print(f"{count:,} document{'s' * (count > 1)} under no framework that is known here, without grades")


def print_recommendations(found: RecommendationsResponse) -> None:
    """Print what each report wants improved, and what became of it."""
    out = console()
    if not found.reports:
        console(stderr=True).print(
            "nothing found: no report that the filters let through has a list of recommendations"
        )
    for number, one in enumerate(found.reports):
        if number:
            out.print()
        _print_report(out, one.report)
        for item in one.recommendations:
            out.print()
            print_text(out, Text(safe(f"• {item.text}")))
            print_place(out, item.citation)
            if item.repeated:
                _print_then(out, "repeated", item.repeated)
            for later in item.later:
                _print_then(out, "later", later)


def print_press(found: PressResponse) -> None:
    """Print each claim of a story, what became of it, and the words of the reports."""
    out = console()
    _print_report(out, found.document)
    counts = ", ".join(f"{count} {verdict}" for verdict, count in found.counts.items() if count)
    out.print(Text(INDENT + (counts or "no claim in it can be checked"), style="bold"))
    for one in found.claims:
        out.print()
        out.print(Text(safe_line(f"{one.verdict}: {one.kind} “{' '.join(one.words.split())}”"), style="bold"))
        if one.quote:
            print_text(out, Text("“").append(safe(one.quote.text)).append("”"))
        count = len(one.looked_through)
        through = f" ({count} report{'s' * (count > 1)} looked through)" if count else ""
        out.print(Text(safe_line(f"{INDENT}{one.reason}{through}")))
        for said in (one.primary, one.later):
            if said:
                out.print(Text(safe_line(f"{INDENT}{said.report.title}, {said.day}:")))
                _print_quote(out, said.quote)


def _print_then(out: Console, what: str, said: QuotedOut) -> None:
    day, kind = said.report.inspected_to or said.report.published, said.report.kind or "report"
    out.print(Text(safe_line(f"{INDENT}{what} in {kind} of {day}, p. {said.citation.page}:")))
    print_text(out, Text("“").append(safe(said.text)).append("”"))
    print_place(out, said.citation)


def _grade(one: GradeOut) -> str:
    if one.citation:
        return f"{one.grade_label or one.state}, p. {one.citation.page}"
    return one.grade_label or one.state


def _overall(one: InspectionOut) -> str:
    if one.overall_state is Standing.GRADED:
        return GRADES.get(one.overall or "", one.overall or "").lower()
    return str(one.overall_state)


def _words(words: tuple[tuple[str, ...], ...]) -> str:
    return " or ".join(f"all of {' + '.join(one)}" if len(one) > 1 else one[0] for one in words)


def _print_report(out: Console, report: ReportOut, more: str = "") -> None:
    inspected = report.inspected_to and f"inspected to {report.inspected_to}"
    published = report.published and f"published {report.published}"
    facts = [report.body, report.kind, inspected, published]
    out.print(Text(safe_line(" ".join(report.title.split())), style="bold"))
    out.print(Text(INDENT + " · ".join(safe_line(fact) for fact in facts if fact) + more))


def _print_quote(out: Console, quote: Quote) -> None:
    print_text(out, Text("“").append(safe(quote.text)).append("”"))
    print_place(out, quote.citation)
