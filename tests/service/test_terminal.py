import io
import sys
from datetime import UTC, date, datetime

import pytest

from indexer.collection import Engine
from indexer.encoder import Fingerprint
from indexer.errors import Refusal
from indexer.records import Approximation, Counts, Refused
from indexer.sync import Progress, Report
from service.answering import Quote, Status
from service.citation import Citation
from service.receipts import Outcome
from service.schemas import (
    AskResponse,
    HitOut,
    Interpreted,
    PageResponse,
    Reason,
    ReceiptResponse,
    Scores,
    SearchedOut,
    SearchResponse,
    StatusResponse,
)
from service.signs import safe
from service.terminal import (
    console,
    page_list,
    print_answer,
    print_page,
    print_receipt,
    print_report,
    print_search,
    print_status,
    progress_bar,
)

HASH = "0" * 64
EVIL = "\x1b[2J\x07\u202e\x9b\x7f\u200d"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def hit(rank: int = 1, **changes: object) -> HitOut:
    """Make a hit whose text has a line end of the page inside its second word."""
    values = {
        "doc_id": "d0c",
        "title": "The pier\nof Redbrook",
        "publisher": None,
        "body": "Redbrook Council",
        "published": date(2019, 5, 22),
        "kind": None,
        "source": "redbrook/2019.txt",
        "page": 3,
        "page_end": 3,
        "spans": ((3, 5, 27),),
        "text_sha256": HASH,
        "doc_sha256": HASH,
        "link": "/v1/documents/d0c/pages/3?spans=5-27",
    }
    return HitOut(
        rank=rank,
        score=0.831,
        scores=Scores(dense=0.5, lexical=None),
        passage_id=rank,
        text=str(changes.pop("text", "The pier\nwas repaired.")),
        highlights=((4, 8),),
        citation=Citation(**(values | changes)),  # type: ignore[arg-type]  # the values have the fields' types
        superseded_by=None,
        twins=(),
    )


def search(*hits: HitOut) -> SearchResponse:
    """Make a search result."""
    return SearchResponse(
        query="pier", mode="dense", generation=1, took_ms=1.0, interpreted=READ, hits=hits, without=(), links=()
    )


READ = Interpreted(body=None, from_=None, to=None, phrases=())


def answer(*quotes: Quote, status: Status = Status.ANSWERED, reason: str | None = None, hits: int = 0) -> AskResponse:
    """Make an answer."""
    return AskResponse(
        question="How long is the pier?",
        status=status,
        answer="\n\n".join(one.text for one in quotes) or None,
        confidence=0.876,
        quotes=quotes,
        reason=reason,
        searched=SearchedOut(documents=1, bodies=(), from_=None, to=None),
        interpreted=READ,
        hits=tuple(hit(rank) for rank in range(1, hits + 1)),
        without=(),
        links=(),
        generation=1,
        took_ms=1.0,
    )


def quote(
    text: str = "The pier\nis 90 feet long.", short: tuple[int, int] | None = (12, 19), **changes: object
) -> Quote:
    """Make a quote whose short answer is a length."""
    return Quote(text, hit(1, **changes).citation, short)


def resolved(outcome: Outcome = Outcome.HOLDS, **changes: object) -> ReceiptResponse:
    """Make what became of a receipt."""
    values = {
        "text": "The pier\nis 90 feet long.",
        "question": "How long is the pier?",
        "passed": outcome is Outcome.HOLDS,
        "reason": "it is as it was",
        "citation": hit().citation,
        "instead": None,
        "notes": ("made with another model than this index",),
    }
    return ReceiptResponse.model_validate({"outcome": outcome, **values, **changes})


def page(text: str, *spans: tuple[int, int], title: str | None = None) -> PageResponse:
    """Make a page."""
    return PageResponse(
        generation=1,
        doc_id="d0c",
        title=title,
        source="redbrook/2019.txt",
        page=3,
        pages=9,
        text=text,
        text_sha256=HASH,
        spans=spans,
        furniture=(),
        needs_ocr=False,
    )


@pytest.mark.parametrize(
    ("stream", "environment", "is_bold"),
    [
        (Terminal, {"TERM": "xterm"}, True),
        (Terminal, {"TERM": "xterm", "NO_COLOR": ""}, True),
        (Terminal, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Terminal, {"TERM": "dumb"}, False),
        (io.StringIO, {"TERM": "xterm"}, False),
        (io.StringIO, {"TERM": "xterm", "FORCE_COLOR": "1"}, True),
        (io.StringIO, {"TERM": "xterm", "FORCE_COLOR": "1", "NO_COLOR": "1"}, True),
        (io.StringIO, {"TERM": "xterm", "FORCE_COLOR": ""}, False),
    ],
)
def test_bold_is_for_terminals_that_want_it(
    monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO], environment: dict[str, str], is_bold: bool
) -> None:
    """NO_COLOR, TERM=dumb and pipes get no escape codes; FORCE_COLOR wins; each stream is judged by itself."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for name, stderr in (("stdout", False), ("stderr", True)):
        judged, other = stream(), io.StringIO()
        monkeypatch.setattr(sys, "stdout", other)
        monkeypatch.setattr(sys, "stderr", other)
        monkeypatch.setattr(sys, name, judged)
        console(stderr=stderr).print("x", style="bold")
        assert ("\x1b[" in judged.getvalue()) == is_bold
        assert judged.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "") == "x\n"


def test_hits_are_printed_as_blocks(capsys: pytest.CaptureFixture[str]) -> None:
    """Title, known facts, the text in one line, the file, the command that shows it; a blank line between hits."""
    print_search(search(hit(), hit(2, page=3, page_end=4, spans=((3, 5, 27), (4, 0, 9)), body=None, published=None)))
    out = capsys.readouterr().out
    assert out == (
        "1. The pier of Redbrook\n"
        "   Redbrook Council · 2019-05-22 · p. 3 · score 0.83 (meaning 0.50)\n"
        "   The pier was repaired.\n"
        "   redbrook/2019.txt\n"
        "   citewell show d0c --page 3 --spans 5-27\n"
        "\n"
        "2. The pier of Redbrook\n"
        "   pp. 3-4 · score 0.83 (meaning 0.50)\n"
        "   The pier was repaired.\n"
        "   redbrook/2019.txt\n"
        "   citewell show d0c --page 3 --spans 5-27\n"
    )


def test_an_answer_is_its_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    """Each has a number, its words between quotation marks in one line, and where it stands; then how sure it is."""
    more = quote("It is shut.", None, page=3, page_end=4, spans=((3, 5, 9), (4, 0, 7)), body=None, published=None)
    print_answer(answer(quote(), more, hits=5))
    out, err = capsys.readouterr()
    assert err == ""
    assert out == (
        "[1] The pier of Redbrook\n"
        "   Redbrook Council · 2019-05-22 · p. 3\n"
        "   “The pier is 90 feet long.”\n"
        "   redbrook/2019.txt\n"
        "   citewell show d0c --page 3 --spans 5-27\n"
        "\n"
        "[2] The pier of Redbrook\n"
        "   pp. 3-4\n"
        "   “It is shut.”\n"
        "   redbrook/2019.txt\n"
        "   citewell show d0c --page 3 --spans 5-9\n"
        "\n"
        "confidence 0.88\n"
    )


def test_a_part_of_an_answer_begins_with_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    """The reason comes before the quotes, so that nobody takes them for the whole."""
    print_answer(answer(quote(), status=Status.PARTIAL, reason="found nothing of this on Bluehill"))
    out = capsys.readouterr().out
    assert out.startswith("partial: found nothing of this on Bluehill\n\n[1] The pier of Redbrook\n")


@pytest.mark.parametrize("hits", [0, 1, 3, 5])
def test_where_there_is_no_answer_the_nearest_passages_are_printed(
    capsys: pytest.CaptureFixture[str], hits: int
) -> None:
    """Why there is none comes first; three passages at most follow, as a search prints them, and none as a quote."""
    print_answer(answer(status=Status.UNANSWERABLE, reason="nothing here is about Quagmire", hits=hits))
    out = capsys.readouterr().out
    print_search(search(*(hit(rank) for rank in range(1, min(hits, 3) + 1))))
    nearest = capsys.readouterr().out
    assert out == (
        "unanswerable: nothing here is about Quagmire\n" + f"\nthe nearest passages:\n\n{nearest}" * bool(hits)
    )


def test_the_short_answer_is_bold(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It is bold where bold is shown, also over a line end of the page and behind signs that were replaced."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    print_answer(answer(quote("\x1b\u202eThe pier is 90\nfeet long.", (14, 21))))
    out = capsys.readouterr().out
    assert "\x1b[1m[1] The pier of Redbrook\x1b[0m" in out
    assert "“\ufffd\ufffdThe pier is \x1b[1m90\x1b[0m \x1b[1mfeet\x1b[0m long.”" in out
    print_answer(answer(quote(short=None)))
    assert "“The pier is 90 feet long.”" in capsys.readouterr().out


def test_a_receipt_is_printed_with_what_became_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The outcome first, then the quote, where it stands, and what else there is to know."""
    print_receipt(resolved())
    assert capsys.readouterr().out == (
        "holds: it is as it was\n"
        "   “The pier is 90 feet long.”\n"
        "   Redbrook Council · 2019-05-22 · p. 3\n"
        "   redbrook/2019.txt\n"
        "   citewell show d0c --page 3 --spans 5-27\n"
        "   made with another model than this index\n"
    )
    print_receipt(resolved(Outcome.CHANGED, citation=None, instead="The pier\nis gone.", notes=()))
    assert capsys.readouterr().out == (
        "source changed: it is as it was\n   “The pier is 90 feet long.”\n   instead: “The pier is gone.”\n"
    )


def test_twins_and_reasons_stand_below_a_hit(capsys: pytest.CaptureFixture[str]) -> None:
    """Where else it is said has a line each; what moved the hit most comes first, with its sign."""
    twin = hit(source="bluehill/2021.txt", page=7).citation
    reasons = tuple(
        Reason(signal=signal, value=value, weight=weight, adds=value * weight)
        for signal, value, weight in (("body", 0.5, 2.0), ("repeated elsewhere", 1.0, -3.0), ("time", 0.0, 2.0))
    )
    print_search(search(hit().model_copy(update={"twins": (twin,), "explanation": reasons})))
    assert capsys.readouterr().out.splitlines()[4:] == [
        "   citewell show d0c --page 3 --spans 5-27",
        "   the same in bluehill/2021.txt, p. 7",
        "     -3.00  repeated elsewhere 1.000",
        "     +1.00  body 0.500",
        "     +0.00  time 0.000",
    ]


def test_the_words_of_the_query_are_bold(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where bold is shown, the title and the highlights have it, and signs that were replaced do not move it."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    print_search(search(hit(text="\x1b\x1b\n\npier was repaired.")))
    out = capsys.readouterr().out
    assert "\x1b[1m1. The pier of Redbrook\x1b[0m" in out
    assert "\x1b[1mpier\x1b[0m was repaired." in out


def test_long_texts_are_wrapped_and_long_paths_are_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines keep to the width, words stay whole, and a path can be put together again."""
    path = f"{'deep/' * 40}end.txt"
    print_search(search(hit(text="pier " * 100, source=path)))
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 100 for line in lines)
    assert sum(line.split() == ["pier"] * len(line.split()) for line in lines) > 5
    assert path in "".join(line.strip() for line in lines)


def test_nothing_that_is_printed_steers(capsys: pytest.CaptureFixture[str]) -> None:
    """Every field that comes from a document or a file name is made safe on its way out."""
    evil = f"x{EVIL}y"
    bad = hit(title=evil, body=evil, kind=evil, source=evil, text=f"The {evil}")
    print_search(search(bad.model_copy(update={"twins": (bad.citation,)})))
    said = quote(f"The {evil}", (4, 8), title=evil, body=evil, kind=evil, source=evil)
    print_answer(answer(said, status=Status.PARTIAL, reason=f"not {evil}\n[2] forged"))
    print_answer(answer(status=Status.UNANSWERABLE, reason=evil).model_copy(update={"hits": (bad,)}))
    became = {"text": evil, "reason": f"{evil}\nholds", "citation": bad.citation, "instead": evil, "notes": (evil,)}
    print_receipt(resolved(Outcome.CHANGED, **became))
    print_page(page(f"The {evil}", (2, 8), title=evil))
    print_page(page(f"The {evil}"))
    print_report(report(evil))
    print_status(status(evil))
    out, err = capsys.readouterr()
    assert out.count("x") > 20
    assert err.count("x") > 4
    assert safe(out + err) == out + err
    assert not any(line.startswith(("[2]", "holds")) for line in out.splitlines())


def report(name: str) -> Report:
    """Make a report of one document of each kind."""
    return Report(
        generation=1_234,
        added=(name,),
        updated=(),
        removed=(),
        unchanged=1,
        refused=(Refused("/r", name, Refusal.ENCRYPTED, f"the file {name} needs a password"),),
        needs_ocr={name: (2, 5)},
        notes={name: ("read as cp1252", f"of {name}")},
        pages=1_000,
        passages=12_345,
        encoded=6,
        took_s=1.26,
    )


def status(name: str) -> StatusResponse:
    """Make a status."""
    return StatusResponse(
        index=name,
        engine=Engine(name, has_words=False, shards=2, replicas=2),
        generation=7,
        finished_at=datetime(2024, 3, 2, 1, 0, tzinfo=UTC),
        counts=Counts(1_234, 20_000, 1, 98_765, 1, {"page number": 1_000, "caption": 1}),
        bodies={name: 3, "Bluehill": 1},
        kinds={},
        encoder=Fingerprint(name, HASH, HASH, 384, 256, "", "", "float32"),
        approximation=Approximation("ivf", 1_264, 231, 0.9975, 400),
        refused=(Refused("/r", name, Refusal.EMPTY, "the file is empty"),),
        needs_ocr={name: (4,)},
    )


def test_a_report_is_a_line_of_numbers_and_what_needs_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    """The numbers go to stdout; what to look at goes to stderr, one line a file."""
    print_report(report("a.pdf"))
    out, err = capsys.readouterr()
    assert out == (
        "1 added, 0 updated, 1 unchanged, 0 removed, 1 refused; 12,345 passages of 1,000 pages, 6 encoded."
        " Generation 1234, 1.3 s\n"
    )
    assert err == (
        "needs OCR: a.pdf: pages 2, 5 without text\n"
        "note: a.pdf: read as cp1252; of a.pdf\n"
        "refused: a.pdf: the file a.pdf needs a password\n"
    )


def test_a_status_is_a_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """How much is indexed, with which encoder, of whom, and what is not."""
    print_status(status("a"))
    assert capsys.readouterr().out == (
        "Index a: generation 7, made 2024-03-02 01:00 UTC\n"
        "1,234 documents, 20,000 pages, 98,765 passages\n"
        "Encoder a, 384 dimensions, 256 tokens\n"
        "Engine a, 2 shards, 2 replicas\n"
        "Found by meaning alone: the engine of this index has no words, so phrases cannot be asked for.\n"
        "Search by meaning: 231 of 1,264 lists of neighbours, which hold 99.8% of the ten nearest (400 questions)\n"
        "Left out of passages: 1,000 page numbers, 1 caption\n"
        "Bodies: a (3), Bluehill (1)\n"
        "Without text, needs OCR: a page 4\n"
        "Refused: a: the file is empty\n"
    )


@pytest.mark.parametrize(
    ("spans", "shown"),
    [
        ([], "0123456789"),
        ([(0, 10)], "»0123456789«"),
        ([(2, 4), (6, 7)], "01»23«45»6«789"),
        ([(6, 7), (2, 4)], "01»23«45»6«789"),
        ([(2, 4), (4, 6)], "01»23«»45«6789"),
        ([(2, 6), (4, 8)], "01»2345«»67«89"),
        ([(2, 8), (4, 6)], "01»234567«89"),
        ([(2, 4), (2, 4)], "01»23«456789"),
    ],
    ids=str,
)
def test_a_page_has_its_spans_marked(
    capsys: pytest.CaptureFixture[str], spans: list[tuple[int, int]], shown: str
) -> None:
    """Every character of the page is printed once, in whatever order and however tangled the spans are."""
    print_page(page("0123456789", *spans))
    out, err = capsys.readouterr()
    assert (out, err) == (f"{shown}\n", "redbrook/2019.txt, page 3 of 9\n")


def test_a_page_is_not_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    """A page's lines are the stored ones, however long, so that it can be piped and compared."""
    text = f"{'long ' * 100}\n\n  indented\n[bold]no markup[/bold] :smile:"
    print_page(page(text))
    assert capsys.readouterr().out == f"{text}\n"


def test_marks_are_bold_where_bold_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On such a terminal no sign is added to the page."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    print_page(page("0123456789", (2, 4)))
    assert capsys.readouterr().out == "01\x1b[1;7m23\x1b[0m456789\n"


def test_progress_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe or log sees nothing of the progress bar, a terminal sees how far things are."""
    for stream, is_shown in ((io.StringIO(), False), (Terminal(), True)):
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr(sys, "stderr", stream)
        with progress_bar() as progress:
            progress(Progress(files=3, files_total=12, encoded=1_234))
        assert ("3/12" in stream.getvalue() and "1,234 passages" in stream.getvalue()) == is_shown
        assert is_shown or stream.getvalue() == ""


def test_pages_are_listed() -> None:
    """One page is a page, several are pages."""
    assert page_list((3,)) == "page 3"
    assert page_list((3, 4, 10)) == "pages 3, 4, 10"
