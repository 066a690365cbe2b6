"""Public retrieval sets in the form of BEIR (Thakur et al. 2021), run through the ordinary pipeline.

A folder holds `corpus.jsonl` {_id, title, text}, `queries.jsonl` {_id, text} and `qrels.tsv`, whose header line is
followed by lines of query id, document id and gain.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from pydantic import BaseModel, Field

from indexer.encoder import Encoder
from indexer.errors import IndexMissingError, InputError
from indexer.opening import existing
from indexer.settings import Settings
from indexer.sources import MANIFEST
from indexer.sync import Progress, Readers, sync
from service.evaluation.questions import Evidence, Question, Questions, QuestionType, read_lines

QRELS_COLUMNS = 3


@dataclass(frozen=True, slots=True)
class Text:
    """One document of a set, as it is written to a file: one page."""

    title: str
    data: bytes


@dataclass(frozen=True, slots=True)
class PublicSet:
    """A set's documents by file name, which is the number of their line in `corpus.jsonl`, and its questions."""

    texts: dict[str, Text]
    questions: Questions


def read_set(folder: Path, limit: int | None = None) -> PublicSet:
    """Read a set with those of its queries that have a relevant document, at most the first `limit`.

    Raises InputError naming the file and the line that cannot be used.
    """
    texts: dict[str, Text] = {}
    files: dict[str, str] = {}  # document id -> file name, as an id may hold signs that no file name may
    for number, line in read_lines(folder / "corpus.jsonl", _DocumentLine):
        if line.id in files:
            raise InputError(f"`{folder / 'corpus.jsonl'}` line {number}: document `{line.id}` is there already")
        files[line.id] = f"{number:07}.txt"
        text = (line.text.strip() or line.title).replace("\f", " ")
        texts[files[line.id]] = Text(_one_line(line.title), text.encode(errors="replace"))
    gains = _read_qrels(folder / "qrels.tsv")
    asked = {line.id: line.text for _, line in read_lines(folder / "queries.jsonl", _QueryLine)}
    if unknown := sorted(gains.keys() - asked.keys()):
        raise InputError(f"`{folder / 'qrels.tsv'}` judges query `{unknown[0]}`, which `queries.jsonl` does not have")
    questions = tuple(
        Question(
            id=query,
            type=QuestionType.QUERY,
            text=text,
            evidence=tuple(Evidence(files.get(one, one), 1, gain) for one, gain in gains[query].items()),
        )
        for query, text in islice(((one, text) for one, text in asked.items() if one in gains), limit)
    )
    if not (texts and questions):
        raise InputError(
            f"`{folder}` has no documents, or no query with a relevant one, so there is nothing to measure"
        )
    return PublicSet(texts, Questions(folder.resolve().name, questions))


def make_index(
    public: PublicSet,
    settings: Settings,
    *,
    encoder: Encoder,
    readers: Readers,
    progress: Callable[[Progress], None] = lambda _: None,
) -> bool:
    """Make `settings.index` hold the set's documents; tell whether that had to be done, or was so already.

    An index of the same texts is used as it is, also where it was made by an older version. Raises InputError where
    the folder holds an index of anything else, which is left alone.
    """
    try:
        holds = _holds(settings, public)
    except IndexMissingError:
        with TemporaryDirectory() as folder:
            _write(public, Path(folder))
            own = {"include": ("*.txt",), "exclude": (), "path_rules": (), "keep_originals": False}
            sync(
                [Path(folder)],
                settings.model_copy(update=own),
                encoder=encoder,
                readers=readers,
                progress=progress,
            )
        return True
    if not holds:
        raise InputError(
            f"the index in `{settings.index}` does not hold the documents of `{public.questions.name}`, and stays as "
            "it is; name an empty folder for a new one"
        )
    return False


class _DocumentLine(BaseModel):
    id: Annotated[str, Field(alias="_id", min_length=1)]
    title: str = ""
    text: str


class _QueryLine(BaseModel):
    id: Annotated[str, Field(alias="_id", min_length=1)]
    text: Annotated[str, Field(pattern=r"\S")]


def _read_qrels(path: Path) -> dict[str, dict[str, float]]:
    """Read the relevant documents of each query, with their gains; those judged 0 or less are not relevant."""
    gains: dict[str, dict[str, float]] = {}
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"`{path}` cannot be read ({reason}); name a folder that holds it") from error
    for number, line in enumerate(lines, start=1):
        cells = line.rstrip("\r").split("\t")
        if number == 1 and _gain(cells[-1]) is not None:
            raise InputError(
                f"`{path}` line 1: this is no header; put query-id, corpus-id, score above, between tabs"
            )
        if number == 1 or not line.strip():
            continue
        if len(cells) != QRELS_COLUMNS or (gain := _gain(cells[-1])) is None:
            raise InputError(f"`{path}` line {number}: write query id, document id and a number, between tabs")
        if gain > 0:
            gains.setdefault(cells[0], {})[cells[1]] = gain
    return gains


def _gain(cell: str) -> float | None:
    try:
        return gain if isfinite(gain := float(cell)) else None
    except ValueError:
        return None


def _holds(settings: Settings, public: PublicSet) -> bool:
    with existing(settings).reading() as reader:
        held = {document.path: document.sha256 for document in reader.documents()}
        refused = {one.path for one in reader.refusals()}
    wanted = {path: sha256(text.data).hexdigest() for path, text in public.texts.items()}
    return held.items() <= wanted.items() and held.keys() | refused == wanted.keys()


def _write(public: PublicSet, folder: Path) -> None:
    with (folder / MANIFEST).open("w", encoding="utf-8", errors="replace", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("path", "title"))
        rows.writerows((path, text.title) for path, text in public.texts.items())
    for path, text in public.texts.items():
        (folder / path).write_bytes(text.data)


def _one_line(text: str) -> str:
    return " ".join(text.split())
