"""Commands that move a collection to another store: `export` and `import`."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.records import Mode
from service.cli.command import (
    EXIT_CODES,
    FOUND,
    NOT_FOUND,
    Index,
    Json,
    app,
    load_settings,
    open_searcher,
    print_json,
)

if TYPE_CHECKING:
    from indexer.collection import Reader
    from indexer.moving import Comparison, Exported, Imported, Place
    from service.candidates import Generation
    from service.search import Searcher

SHOWN = 3  # documents that are named where some are not as they were exported


@app.command("export", epilog=EXIT_CODES)
def export_collection(
    dest: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder, or one of an export.")],
    questions: Annotated[
        Path | None,
        typer.Option(
            metavar="QUESTIONS.jsonl",
            help="Questions, as for `eval`, whose first ten passages both ends compare. "
            "[default: sentences of the collection]",
            show_default=False,
        ),
    ] = None,
    index: Index = None,
    json: Json = False,
) -> int:
    """Write the collection to a folder, for `import` into any store; goes on where it was stopped.

    Files that were uploaded, copies of indexed files and API keys stay where they are.
    """
    from indexer.moving import export
    from service.evaluation.questions import read_questions
    from service.terminal import counting_bar, print_lines

    asked = [question.text for question in read_questions(questions).all] if questions else []
    searcher = open_searcher(load_settings(index, rerank=""))
    with searcher.opened() as (reader, generation), counting_bar("Exporting") as progress:
        ask = _asking(searcher, reader, generation)
        made = export(reader, dest, ask=ask, questions=asked, progress=progress)
    if json:
        print_json(made)
    else:
        print_lines(_told(made))
    return FOUND


@app.command("import", epilog=f"{EXIT_CODES} Here 1 means: imported, but not with the same documents or rankings.")
def import_collection(
    src: Annotated[Path, typer.Argument(metavar="DIR", help="A folder made by `citewell export`.")],
    into_existing: Annotated[
        bool,
        typer.Option("--into-existing", help="Add to the documents that are there, and replace; remove none."),
    ] = False,
    index: Index = None,
    json: Json = False,
) -> int:
    """Put an export into an empty collection, then compare both; goes on where it was stopped."""
    from indexer.encoder import SentenceEncoder
    from indexer.moving import compare, import_into, read_export
    from indexer.opening import collection_of
    from service.terminal import console, counting_bar, print_lines

    settings = load_settings(index, rerank="")
    manifest = read_export(src)
    encoder = SentenceEncoder(settings)
    encoder.fingerprint.check(manifest.fingerprint)  # before hours of work, as the questions are asked with it
    with closing(collection_of(settings)) as collection, counting_bar("Importing") as progress:
        done = import_into(collection, src, into_existing=into_existing, progress=progress)
    searcher = open_searcher(settings, encoder)
    with searcher.opened() as (reader, generation), counting_bar("Comparing") as progress:
        found = compare(manifest, reader, ask=_asking(searcher, reader, generation), progress=progress)
    if json:
        print_json({"imported": done, "comparison": found})
    else:
        print_lines([*_done(done), *_compared(found)])
    problems = list(_problems(found))
    for problem in problems:
        console(stderr=True).print(problem, soft_wrap=True)
    return NOT_FOUND if problems else FOUND


def _asking(searcher: "Searcher", reader: "Reader", generation: "Generation") -> Callable[[str, Mode], list["Place"]]:
    """Give what asks the generation that is being read, even where there is a newer one by now."""
    from indexer.moving import Place
    from service.query import Query

    def ask(text: str, mode: Mode) -> list[Place]:
        hits = searcher.search_in(reader, generation, Query(text, mode=mode)).hits
        cited = [hit.citation for hit in hits]
        return [Place(one.doc_id, one.page, one.spans, one.text_sha256) for one in cited]

    return ask


def _told(made: "Exported") -> Iterator[str]:
    size = f"{made.documents:,} documents, {made.passages:,} passages, {made.bytes / 1e6:,.1f} MB"
    parts = f"{made.parts:,} parts, of which {made.kept:,} were there; {made.questions:,} questions"
    yield f"generation {made.generation} exported to {made.folder}: {size} in {made.took_s:.1f} s"
    yield parts
    if made.instead_of is not None:
        yield f"begun anew: what was there is of generation {made.instead_of}, or of another index"


def _done(done: "Imported") -> Iterator[str]:
    counts = f"{done.added:,} documents added, {done.replaced:,} replaced, {done.skipped:,} there already"
    yield f"generation {done.generation} imported from {done.folder}: {counts}, in {done.took_s:.1f} s"


def _compared(found: "Comparison") -> Iterator[str]:
    same = found.documents - len(found.missing) - len(found.altered)
    others = f"; {found.others:,} others" if found.others else ""
    yield f"{same:,} of {found.documents:,} documents are as they were exported{others}"
    for name in ("pages", "passages", "refused"):
        yield f"{getattr(found.counted, name):,} {name}, {getattr(found.exported, name):,} exported"
    for mode, share in found.same_rankings.items():
        passages = f"{found.same_passages[mode]:.1%} of the passages in any order"
        yield f"{mode} mode: {share:.1%} of {found.questions:,} questions find the same ten passages, {passages}"


def _problems(found: "Comparison") -> Iterator[str]:
    if not found.has_same_documents:
        names = [*found.missing, *found.altered][:SHOWN]
        such = f", such as {', '.join(names)}" if names else "; the counts differ"
        yield f"not the same documents: {len(found.missing):,} missing, {len(found.altered):,} altered{such}"
    if not found.has_same_rankings:
        share = f"{found.same_rankings[Mode.DENSE]:.1%}"
        yield f"not the same rankings: {share} of the questions find the same passages by meaning"
