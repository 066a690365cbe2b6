"""The `citewell` command: parses, calls one function, prints. Only this module exits.

Whatever is slow to import is imported by the command that needs it, so that help comes at once.
"""

import os
import signal
import sys
from collections.abc import Iterable
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TextIO

import typer

from indexer.errors import CitewellError, InputError, ModelError, UnusableIndexError
from indexer.records import Mode

if TYPE_CHECKING:
    from indexer.encoder import Encoder
    from indexer.settings import Settings
    from service.evaluation.outcomes import Evaluation
    from service.evaluation.questions import Questions
    from service.query import Query
    from service.search import Searcher

FOUND, NOT_FOUND, USAGE, NO_INDEX, REFUSED, INTERRUPTED = 0, 1, 2, 3, 5, 130

EXIT_CODES = (
    "Exit codes: 0 fine or found; 1 nothing found; 2 wrong usage or input; 3 index missing or unusable; "
    "5 finished, but some documents were refused; 130 interrupted."
)

app = typer.Typer(
    help="Ask reports, get passages with citations that can be checked.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Index = Annotated[
    Path | None,
    typer.Option("--index", metavar="DIR", help="Folder of the index. [default: .citewell]", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
SearchMode = Annotated[Mode, typer.Option("--mode", help="How passages are found.")]
NoInfer = Annotated[bool, typer.Option("--no-infer", help="Do not read bodies and times from the question.")]


def main() -> NoReturn:
    """Run the command and exit with its code."""
    _configure(sys.stdout, errors="replace")  # a terminal that is not UTF-8 gets "?" for what it cannot show
    try:
        code = app(prog_name="citewell", standalone_mode=False)
        sys.stdout.flush()
    except CitewellError as error:
        code = _failed(str(error), _exit_code(error))
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except (BrokenPipeError, SystemExit):  # the reader of our output has seen enough; Typer and Rich exit at that
        _drop_output()
        code = FOUND
    except OSError as error:  # a full disk, a missing right
        if error.filename is None:  # perhaps of the output itself
            _drop_output()
        code = _failed(f"{error.strerror}{f': `{error.filename}`' if error.filename else ''}", NO_INDEX)
    except Exception as error:
        if not hasattr(error, "show"):  # not one of the command line's own usage errors
            raise
        error.show()
        code = USAGE
    if code == INTERRUPTED:  # which is also what Typer makes of a KeyboardInterrupt
        _failed("interrupted; the index is whole", INTERRUPTED)
    sys.exit(code if isinstance(code, int) else FOUND)


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        from importlib.metadata import version as installed

        print(f"citewell {installed('citewell')}")  # noqa: T201
        raise typer.Exit(FOUND)


@app.command(epilog=EXIT_CODES)
def index(
    sources: Annotated[list[Path] | None, typer.Argument(metavar="[SOURCE]...", help="Folders and files.")] = None,
    no_prune: Annotated[bool, typer.Option("--no-prune", help="Keep documents that are in no source.")] = False,
    reencode: Annotated[
        bool, typer.Option("--reencode", help="Make all documents anew, for another encoder.")
    ] = False,
    index: Index = None,
    json: Json = False,
) -> int:
    """Make the index equal to the sources (default: corpus/): add, update, remove; encode only what changed."""
    from indexer.encoder import SentenceEncoder
    from indexer.extract import Readers
    from indexer.sync import sync
    from service.terminal import print_report, progress_bar

    settings = _settings(index)
    encoder = SentenceEncoder(settings)
    with Readers(settings) as readers, progress_bar() as progress:
        report = sync(
            sources or [Path("corpus")],
            settings,
            encoder=encoder,
            readers=readers,
            prune=not no_prune,
            reencode=reencode,
            progress=progress,
        )
    if json:
        _print_json(report)
    else:
        print_report(report)
    return REFUSED if report.refused else FOUND


@app.command(epilog=EXIT_CODES)
def search(
    query: Annotated[str, typer.Argument(help="A question in plain English; `-` reads it from standard input.")],
    k: Annotated[int, typer.Option("-k", help="How many passages.")] = 10,
    body: Annotated[list[str] | None, typer.Option(help="Only documents about this body; may be repeated.")] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="Published on this day or later.")
    ] = None,
    to: Annotated[str | None, typer.Option(metavar="DATE", help="Published on this day or earlier.")] = None,
    as_of: Annotated[str | None, typer.Option(metavar="DATE", help="What had been published by this day.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="Only documents of this kind; may be repeated.")] = None,
    mode: SearchMode = Mode.HYBRID,
    no_infer: NoInfer = False,
    explain: Annotated[bool, typer.Option("--explain", help="Say what speaks for each hit.")] = False,
    index: Index = None,
    json: Json = False,
) -> int:
    """Find the passages that best fit a question, each with its citation."""
    from service.schemas import SearchRequest, SearchResponse
    from service.terminal import console, print_search

    request = SearchRequest.model_validate(
        {
            "q": _standard_input() if query == "-" else query,
            "k": k,
            "body": body or (),
            "from": from_,
            "to": to,
            "as_of": as_of,
            "kind": kind or (),
            "mode": mode,
            "infer": not no_infer,
            "explain": explain,
        }
    )
    checked = request.checked()  # before the seconds that loading the model takes
    found = SearchResponse.of(_searcher(_settings(index)).search(checked), explain=explain)
    if json:
        _print_json(found)
    elif found.hits:
        print_search(found)
    else:
        is_filtered = any((checked.bodies, checked.kinds, checked.published_from, checked.published_to))
        why = "no document fits the filters" if is_filtered else "the index holds no documents"
        if found.interpreted.phrases or checked.terms.excluded:
            why = "no passage has all the words in quotation marks and none of those with a dash"
        console(stderr=True).print(f"nothing found: {why}")
    return FOUND if found.hits else NOT_FOUND


@app.command(epilog=EXIT_CODES)
def show(
    doc: Annotated[str, typer.Argument(help="A document's id, as in a citation, or its path.")],
    page: Annotated[int, typer.Option(help="Page number, from 1.")] = 1,
    spans: Annotated[str, typer.Option(metavar="START-END,...", help="Characters of the page to mark.")] = "",
    index: Index = None,
    json: Json = False,
) -> int:
    """Print a page's text as it is stored, with the cited characters marked."""
    from indexer.store import Store
    from service.routes import parse_spans
    from service.schemas import PageResponse
    from service.terminal import print_page

    with Store.open(_settings(index).index).reading() as reader:
        document = reader.find(doc.encode(errors="replace").decode())  # no name in the index holds other bytes
        found, removals = reader.page(document.doc_id, page)
        shown = PageResponse.of(reader, document, found, removals, parse_spans(spans, found))
    if json:
        _print_json(shown)
    else:
        print_page(shown)
    return FOUND


@app.command(epilog=EXIT_CODES)
def status(index: Index = None, json: Json = False) -> int:
    """Say what is indexed, what was refused and why."""
    from indexer.store import Store
    from service.schemas import StatusResponse
    from service.terminal import print_status

    settings = _settings(index)
    with Store.open(settings.index).reading() as reader:
        found = StatusResponse.of(reader, str(settings.index))
    if json:
        _print_json(found)
    else:
        print_status(found)
    return FOUND


@app.command("eval", epilog=EXIT_CODES)
def evaluate(
    questions: Annotated[
        Path | None, typer.Argument(metavar="QUESTIONS.jsonl", help="Questions and where their answers stand.")
    ] = None,
    beir: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="A public set instead: corpus.jsonl, queries.jsonl, qrels.tsv. Its documents are indexed in the "
            "folder that --index names, and stay there for the next time, or in a temporary one.",
        ),
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="BEFORE.json AFTER.json", help="Compare two runs that --json printed."),
    ] = None,
    k: Annotated[
        int | None, typer.Option("-k", help="Hits asked for each question. [default: 20]", show_default=False)
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the first N questions.")] = None,
    mode: SearchMode = Mode.HYBRID,
    no_infer: NoInfer = False,
    plots: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Draw the figures in this folder, as SVG.")
    ] = None,
    index: Index = None,
    json: Json = False,
) -> int:
    """Measure search on a question file or a public set, or compare two such runs."""
    from service.evaluation.compare import compare_files
    from service.evaluation.plots import check_plots, plot_comparison, plot_evaluation
    from service.evaluation.report import comparison_lines, evaluation_lines

    if [questions, beir, compare].count(None) != 2:
        raise InputError("name one of a question file, --beir FOLDER and --compare BEFORE.json AFTER.json")
    if k is not None and not questions:
        raise InputError("-k goes with a question file; queries of a public set are always asked for 100 hits")
    if limit is not None and compare:
        raise InputError("--limit goes with a question file or a public set; --compare looks at all questions")
    if plots:
        check_plots()
    if compare:
        comparison = compare_files(*compare)
        _print_answer(comparison, comparison_lines(comparison), json=json)
        if plots:
            plot_comparison(comparison, plots)
    else:
        found = (
            _evaluated_set(beir, index, limit, mode=mode, infer=not no_infer)
            if beir
            else _evaluated(questions, index, limit, k, mode=mode, infer=not no_infer)
        )
        _print_answer(found, evaluation_lines(found), json=json)
        if plots:
            plot_evaluation(found, plots)
    return FOUND


@app.command(epilog=EXIT_CODES)
def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]", show_default=False)
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on. [default: 8000]", show_default=False)] = None,
    index: Index = None,
) -> int:
    """Serve the HTTP API; it follows the index as that changes."""
    import uvicorn

    from service.app import LOOPBACK, create_app

    settings = _settings(index, host=host, port=port)
    if settings.host not in {*LOOPBACK, "::1"}:
        raise InputError(
            f"without API keys the service listens on this machine only, not on {settings.host}; "
            "put a proxy that checks who asks in front of it"
        )
    searcher = _searcher(settings)
    searcher.warm_up()
    host = settings.host.strip("[]")
    # uvicorn ends its requests, then hands the signal on; being stopped is how a service ends well, so with code 0.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        # The access log would hold what people ask, as part of the addresses.
        uvicorn.run(create_app(searcher), host=host, port=settings.port, log_level="info", access_log=False)
    except SystemExit as error:  # before it listened; the log has the reason
        raise InputError(f"cannot listen on {host}, port {settings.port}; is another service there?") from error
    return FOUND


def _settings(index: Path | None, **given: str | int | None) -> "Settings":
    from indexer.settings import Settings

    return Settings.load(index=index, **given)


def _searcher(settings: "Settings", encoder: "Encoder | None" = None) -> "Searcher":
    from indexer.encoder import SentenceEncoder, locate_model
    from indexer.reranker import CrossEncoderReranker
    from indexer.store import Store
    from service.search import Searcher

    store = Store.open(settings.index)
    reranker = CrossEncoderReranker(locate_model(settings.rerank, "rerank"), settings) if settings.rerank else None
    return Searcher(
        store, encoder or SentenceEncoder(settings), reranker=reranker, rerank_depth=settings.rerank_depth
    )


def _evaluated(
    file: Path | None, index: Path | None, limit: int | None, k: int | None, *, mode: Mode, infer: bool
) -> "Evaluation":
    from service.evaluation.questions import read_questions
    from service.query import Query

    assert file is not None, "the command has checked it"
    questions = read_questions(file, limit)
    like = Query(questions.name, k=20 if k is None else k, mode=mode, infer=infer)
    return _run(questions, _searcher(_settings(index)), like)


def _evaluated_set(folder: Path, index: Path | None, limit: int | None, *, mode: Mode, infer: bool) -> "Evaluation":
    from tempfile import TemporaryDirectory

    from indexer.encoder import SentenceEncoder
    from indexer.extract import Readers
    from service.evaluation.beir import make_index, read_set
    from service.query import MOST_HITS, Query
    from service.terminal import console, progress_bar

    public = read_set(folder, limit)
    with TemporaryDirectory() as scratch:
        settings = _settings(index or Path(scratch, "index"))
        encoder = SentenceEncoder(settings)
        with Readers(settings) as readers, progress_bar() as progress:
            made = make_index(public, settings, encoder=encoder, readers=readers, progress=progress)
        if not made:
            console(stderr=True).print(f"using the index in `{settings.index}` as it was made before", soft_wrap=True)
        like = Query(public.questions.name, k=MOST_HITS, mode=mode, infer=infer)
        return _run(public.questions, _searcher(settings, encoder), like)


def _run(questions: "Questions", searcher: "Searcher", like: "Query") -> "Evaluation":
    from service.evaluation.run import Held, evaluate
    from service.terminal import counting_bar

    with searcher.store.reading() as reader:
        held = Held.of(reader)
    with counting_bar("Asking") as progress:
        return evaluate(questions, searcher, held, like=like, progress=progress)


def _standard_input() -> str:
    try:
        return sys.stdin.read().strip()
    except UnicodeDecodeError as error:
        raise InputError("standard input is not text in UTF-8") from error


def _print_answer(answer: object, lines: Iterable[str], *, json: bool) -> None:
    from service.terminal import print_lines

    if json:
        _print_json(answer)
    else:
        print_lines(lines)


def _print_json(answer: object) -> None:
    from pydantic import TypeAdapter

    from service.terminal import safe_json

    _configure(sys.stdout, encoding="utf-8")  # as RFC 8259 wants it, and so that no quote is altered
    print(safe_json(TypeAdapter(type(answer)).dump_json(answer, by_alias=True, indent=2).decode()))  # noqa: T201


def _configure(stream: TextIO, *, encoding: str | None = None, errors: str | None = None) -> None:
    if isinstance(stream, TextIOWrapper):  # and not something a test has put in its place
        stream.reconfigure(encoding=encoding, errors=errors)


def _drop_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tries once more when it ends


def _failed(message: str, code: int) -> int:
    from service.terminal import safe

    print(f"citewell: {safe(message)}", file=sys.stderr)  # noqa: T201
    return code


def _exit_code(error: CitewellError) -> int:
    return NO_INDEX if isinstance(error, UnusableIndexError | ModelError) else USAGE


if __name__ == "__main__":
    main()
