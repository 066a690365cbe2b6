"""What people read on a terminal: plain lines, with bold only where the terminal can and nobody minds."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.text import Text

from indexer.sync import Progress, Report
from service.citation import Citation
from service.schemas import (
    AskResponse,
    HitOut,
    PageResponse,
    ReceiptResponse,
    SearchResponse,
    StatusResponse,
    VerifyResponse,
)
from service.signs import safe, safe_line
from service.verification import Match

WIDTH = 100
INDENT = "   "
NEAREST = 3  # passages shown where there is no answer
WITHOUT_WORDS = "Found by meaning alone: the engine of this index has no words, so phrases cannot be asked for."


def console(*, stderr: bool = False) -> Console:
    """Make a console for stdout or stderr; escape codes go to terminals only, and never against NO_COLOR."""
    stream = sys.stderr if stderr else sys.stdout
    forced = bool(os.environ.get("FORCE_COLOR"))
    is_plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    on_terminal = forced or (stream.isatty() and not is_plain)
    made = Console(file=stream, force_terminal=on_terminal, highlight=False, markup=False, emoji=False)
    made.width = min(made.width, WIDTH)
    return made


def print_search(found: SearchResponse) -> None:
    """Print hits: title, whose and when, why it ranked, the text with the query's words in bold, where it stands."""
    out = console()
    for hit in found.hits:
        if hit.rank > 1:
            out.print()
        _print_hit(out, hit)
    _print_links(out, found)
    _print_without(found)


def _print_hit(out: Console, hit: HitOut) -> None:
    arms = (("meaning", hit.scores.dense), ("words", hit.scores.lexical))
    found = ", ".join(f"{name} {score:.2f}" for name, score in arms if score is not None)
    scores = f"score {hit.score:.2f} ({found})" if found else f"score {hit.score:.2f}"
    text = Text(safe(hit.text))
    for start, end in hit.highlights:
        text.stylize("bold", start, end)
    _print_title(out, hit.citation, f"{hit.rank}. ")
    out.print(Text(INDENT + _facts(hit.citation, scores)))
    print_text(out, text)
    print_place(out, hit.citation)
    if later := hit.superseded_by:
        out.print(Text(safe_line(f"{INDENT}superseded by {later.title}, {later.day}"), overflow="fold"))
    for twin in hit.twins:
        out.print(Text(safe_line(f"{INDENT}the same in {twin.source}, p. {twin.page}"), overflow="fold"))
    if hit.reranked:
        out.print(f"{INDENT}reranker's score {hit.reranked.score:.3f}, rank {hit.reranked.rank_before} before")
    for reason in sorted(hit.explanation or (), key=lambda one: -abs(one.adds)):
        out.print(Text(f"{INDENT}{reason.adds:+7.2f}  {reason.signal} {reason.value:.3f}"))


def print_answer(answer: AskResponse) -> None:
    """Print the quotes, the short answer in bold, each with where it stands; or why there is none."""
    out = console()
    if answer.reason:
        out.print(Text(safe_line(f"{answer.status}: {answer.reason}"), style="bold"))
    for number, quote in enumerate(answer.quotes, start=1):
        if number > 1 or answer.reason:
            out.print()
        text = Text(safe(quote.text))
        if quote.short:
            text.stylize("bold", *quote.short)
        _print_title(out, quote.citation, f"[{number}] ")
        out.print(Text(INDENT + _facts(quote.citation)))
        print_text(out, Text("“").append_text(text).append("”"))
        print_place(out, quote.citation)
    if answer.quotes:
        out.print()
        out.print(f"confidence {answer.confidence:.2f}")
    elif answer.hits:
        out.print()
        out.print("the nearest passages:")
        for hit in answer.hits[:NEAREST]:
            out.print()
            _print_hit(out, hit)
    _print_links(out, answer)
    _print_without(answer)


def _print_links(out: Console, found: SearchResponse | AskResponse) -> None:
    """Say why there is something on bodies that nobody named."""
    if found.links:
        out.print()
    for link in found.links:
        since = f" from {link.on}" if link.on else ""
        out.print(Text(safe_line(f"{link.from_} {link.how} {link.to}{since}")))


def _print_without(found: SearchResponse | AskResponse) -> None:
    if found.without:
        console(stderr=True).print(WITHOUT_WORDS)


def print_verification(found: VerifyResponse) -> None:
    """Print the verdict and why, then each match: where it stands, its own words, and what differs."""
    out = console()
    out.print(Text(safe_line(f"{found.verdict}: {found.reason}" if found.reason else found.verdict), style="bold"))
    for match in found.matches:
        out.print()
        _print_match(out, match)


def _print_match(out: Console, match: Match) -> None:
    _print_title(out, match.citation)
    out.print(Text(INDENT + _facts(match.citation)))
    print_text(out, Text(safe(match.text)))
    for one in match.differences:
        said, says = (safe_line(" ".join(text.split())) or "nothing" for text in (one.quoted, one.source))
        out.print(Text(f"{INDENT}{one.kind} at {one.start}: quoted {said} | source {says}", overflow="fold"))
    print_place(out, match.citation)


def _print_title(out: Console, citation: Citation, before: str = "") -> None:
    out.print(Text(safe_line(before + " ".join(citation.title.split())), style="bold"))


def _facts(citation: Citation, *more: str) -> str:
    one_page = citation.page == citation.page_end
    pages = f"p. {citation.page}" if one_page else f"pp. {citation.page}-{citation.page_end}"
    facts = [citation.body, citation.kind, citation.published and f"{citation.published}", pages]
    return " · ".join([*(safe_line(fact) for fact in facts if fact), *more])


def print_text(out: Console, text: Text) -> None:
    """Lay a text out anew: line ends are the page's, not the reader's; blank lines and bullets start a line."""
    flowing = Text()
    gap = ""
    for line in text.split("\n"):
        line.rstrip()
        if not line:
            gap = "\n"
            continue
        flowing.append("\n" if flowing and line.plain.startswith("•") else gap).append_text(line)
        gap = " "
    for line in flowing.wrap(out, out.width - len(INDENT)):
        line.rstrip()
        out.print(Text(INDENT).append_text(line))


def print_place(out: Console, citation: Citation) -> None:
    """Name the document, and the command that shows the place."""
    marked = ",".join(f"{start}-{end}" for page, start, end in citation.spans if page == citation.page)
    out.print(Text(safe_line(f"{INDENT}{citation.source}"), overflow="fold"))
    command = f"citewell show {citation.doc_id} --page {citation.page} --spans {marked}"
    out.print(Text(INDENT + command, overflow="fold"))


def print_receipt(found: ReceiptResponse) -> None:
    """Print what became of a receipt's quote, the quote, and where it stands now."""
    out = console()
    out.print(Text(safe_line(f"{found.outcome}: {found.reason}"), style="bold"))
    print_text(out, Text("“").append(safe(found.text)).append("”"))
    if found.instead:
        print_text(out, Text("instead: “").append(safe(found.instead)).append("”"))
    if found.citation:
        out.print(Text(INDENT + _facts(found.citation)))
        print_place(out, found.citation)
    for note in found.notes:
        out.print(Text(safe_line(f"{INDENT}{note}"), overflow="fold"))


def print_page(page: PageResponse) -> None:
    """Print a page as it is stored, the spans in bold, or between »« where nothing can be bold."""
    out = console()
    text = Text()
    at = 0
    for start, end in sorted(page.spans):
        fresh = max(start, at)  # spans may overlap, and no character is shown twice
        if fresh >= end:
            continue
        text.append(safe(page.text[at:fresh]))
        if out.is_terminal:
            text.append(safe(page.text[fresh:end]), style="bold reverse")
        else:
            text.append(f"»{safe(page.text[fresh:end])}«")
        at = end
    text.append(safe(page.text[at:]))
    name = " ".join(page.title.split()) if page.title else page.source
    console(stderr=True).print(Text(safe_line(f"{name}, page {page.page} of {page.pages}"), style="bold"))
    out.print(text, soft_wrap=True)


def print_status(status: StatusResponse) -> None:
    """Print what is indexed."""
    counts = status.counts
    made = f", made {status.finished_at:%Y-%m-%d %H:%M} UTC" if status.finished_at else ""
    lines = [
        f"Index {status.index}: generation {status.generation}{made}",
        f"{counts.documents:,} documents, {counts.pages:,} pages, {counts.passages:,} passages",
        f"Encoder {status.encoder.model}, {status.encoder.dim} dimensions, {status.encoder.max_tokens} tokens",
    ]
    engine = status.engine
    spread = f", {engine.shards} shards, {engine.replicas} replicas" if engine.shards * engine.replicas > 1 else ""
    lines.append(f"Engine {engine.name}{spread}")
    if not engine.has_words:
        lines.append(WITHOUT_WORDS)
    if part := status.approximation:
        lines.append(
            f"Search by meaning: {part.probes:,} of {part.lists:,} lists of neighbours, which hold {part.recall:.1%} "
            f"of the ten nearest ({part.sample} questions)"
        )
    if counts.furniture:
        kinds = ", ".join(f"{count:,} {kind}{'s' * (count > 1)}" for kind, count in counts.furniture.items())
        lines.append(f"Left out of passages: {kinds}")
    for name, values in (("Bodies", status.bodies), ("Kinds", status.kinds)):
        if values:
            lines.append(f"{name}: " + ", ".join(f"{value} ({count})" for value, count in values.items()))
    for path, pages in status.needs_ocr.items():
        lines.append(f"Without text, needs OCR: {path} {page_list(pages)}")
    lines += [f"Refused: {refused.path}: {refused.message}" for refused in status.refused]
    for line in lines:
        console().print(Text(safe_line(line)), soft_wrap=True)


def print_report(report: Report) -> None:
    """Print what a sync did: one line of numbers, one for each file that people must look at."""
    out, notes = console(), console(stderr=True)
    out.print(
        f"{len(report.added)} added, {len(report.updated)} updated, {report.unchanged} unchanged,"
        f" {len(report.removed)} removed, {len(report.refused)} refused;"
        f" {report.passages:,} passages of {report.pages:,} pages, {report.encoded:,} encoded."
        f" Generation {report.generation}, {report.took_s:.1f} s",
        soft_wrap=True,
    )
    for path, pages in report.needs_ocr.items():
        notes.print(Text(safe_line(f"needs OCR: {path}: {page_list(pages)} without text")), soft_wrap=True)
    for path, texts in report.notes.items():
        notes.print(Text(safe_line(f"note: {path}: {'; '.join(texts)}")), soft_wrap=True)
    for refused in report.refused:
        notes.print(Text(safe_line(f"refused: {refused.path}: {refused.message}")), soft_wrap=True)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines as they are, without folding them."""
    out = console()
    for line in lines:
        out.print(Text(safe_line(line)), soft_wrap=True)


@contextmanager
def progress_bar() -> Iterator["ProgressBar"]:
    """Show how far a sync is, on a terminal only; pipes and logs stay clean."""
    with _bars() as bars:
        yield ProgressBar(bars)


@contextmanager
def counting_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how many of how many are done, likewise; call it with both numbers."""
    with _bars() as bars:
        task = bars.add_task(what, total=None, more="")
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _bars() -> Bars:
    out = console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[more]}")
    return Bars(*columns, TimeElapsedColumn(), console=out, disable=not out.is_terminal, transient=True)


class ProgressBar:
    """A line on the terminal; call it with how far things are."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task = bars.add_task("Indexing", total=None, more="")

    def __call__(self, progress: Progress) -> None:
        """Show it."""
        more = f"{progress.encoded:,} passages encoded"
        self._bars.update(self._task, completed=progress.files, total=progress.files_total, more=more)


def page_list(pages: tuple[int, ...]) -> str:
    """Name pages: "page 3" or "pages 3, 4"."""
    return f"page{'s' * (len(pages) > 1)} {', '.join(map(str, pages))}"
