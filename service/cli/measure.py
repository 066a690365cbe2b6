"""The command that measures: `eval`."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.errors import InputError
from indexer.records import Mode
from service.cli.command import (
    EXIT_CODES,
    FOUND,
    Index,
    Json,
    NoInfer,
    SearchMode,
    app,
    load_settings,
    open_searcher,
    print_json,
)

if TYPE_CHECKING:
    from service.evaluation.outcomes import Evaluation
    from service.evaluation.questions import Questions
    from service.evaluation.run import Asks
    from service.query import Query
    from service.search import Searcher


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
    no_answers: Annotated[
        bool, typer.Option("--no-answers", help="Measure search alone; do not ask the questions.")
    ] = False,
    plots: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Draw the figures in this folder, as SVG.")
    ] = None,
    index: Index = None,
    json: Json = False,
) -> int:
    """Measure search and answers on a question file, or search on a public set, or compare two such runs."""
    from service.evaluation.compare import compare_files
    from service.evaluation.plots import check_plots, plot_comparison, plot_evaluation
    from service.evaluation.report import comparison_lines, evaluation_lines

    if [questions, beir, compare].count(None) != 2:
        raise InputError("name one of a question file, --beir FOLDER and --compare BEFORE.json AFTER.json")
    if k is not None and not questions:
        raise InputError("-k goes with a question file; queries of a public set are always asked for 100 hits")
    if limit is not None and compare:
        raise InputError("--limit goes with a question file or a public set; --compare looks at all questions")
    if no_answers and not questions:
        raise InputError("--no-answers goes with a question file; queries of a public set are never asked")
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
            else _evaluated(questions, index, limit, k, mode=mode, infer=not no_infer, ask=not no_answers)
        )
        _print_answer(found, evaluation_lines(found), json=json)
        if plots:
            plot_evaluation(found, plots)
    return FOUND


def _evaluated(
    file: Path | None, index: str | None, limit: int | None, k: int | None, *, mode: Mode, infer: bool, ask: bool
) -> "Evaluation":
    from service.answering import Answerer
    from service.evaluation.questions import read_questions
    from service.query import Query

    assert file is not None, "the command has checked it"
    questions = read_questions(file, limit)
    like = Query(questions.name, k=20 if k is None else k, mode=mode, infer=infer)
    settings = load_settings(index)
    # A searcher and its model remember what they were asked, so an answerer that shared them would look too fast.
    answerer = Answerer(open_searcher(settings)) if ask else None
    return _run(questions, open_searcher(settings), like, answerer)


def _evaluated_set(folder: Path, index: str | None, limit: int | None, *, mode: Mode, infer: bool) -> "Evaluation":
    from tempfile import TemporaryDirectory

    from indexer.encoder import SentenceEncoder
    from indexer.extract import Readers
    from service.evaluation.beir import make_index, read_set
    from service.query import MOST_HITS, Query
    from service.terminal import console, progress_bar

    public = read_set(folder, limit)
    with TemporaryDirectory() as scratch:
        settings = load_settings(index or str(Path(scratch, "index")))
        encoder = SentenceEncoder(settings)
        with Readers(settings) as readers, progress_bar() as progress:
            made = make_index(public, settings, encoder=encoder, readers=readers, progress=progress)
        if not made:
            console(stderr=True).print(f"using the index in `{settings.index}` as it was made before", soft_wrap=True)
        like = Query(public.questions.name, k=MOST_HITS, mode=mode, infer=infer)
        return _run(public.questions, open_searcher(settings, encoder), like)


def _run(questions: "Questions", searcher: "Searcher", like: "Query", asks: "Asks | None" = None) -> "Evaluation":
    from service.evaluation.run import Held, evaluate
    from service.terminal import counting_bar

    with searcher.store.reading() as reader:
        held = Held.of(reader)
    with counting_bar("Asking") as progress:
        return evaluate(questions, searcher, held, like=like, asks=asks, progress=progress)


def _print_answer(answer: object, lines: Iterable[str], *, json: bool) -> None:
    from service.terminal import print_lines

    if json:
        print_json(answer)
    else:
        print_lines(lines)
