"""From a collection to a folder of files."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from time import perf_counter

from indexer.collection import Reader
from indexer.moving.files import (
    FORMAT,
    MODES,
    PART_DOCUMENTS,
    Manifest,
    Part,
    Place,
    Question,
    drop_others,
    kept_part,
    part_path,
    require_place,
    write_manifest,
    write_part,
)
from indexer.records import Mode
from indexer.words import take_apart

QUESTIONS = 25  # that are made of the collection where none are given
WORDS = range(6, 40)  # of a sentence that is taken for a question


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote."""

    folder: Path
    generation: int
    documents: int
    passages: int
    parts: int
    kept: int  # parts that an earlier run had written
    instead_of: int | None  # generation of an export that was there and is no more
    bytes: int
    questions: int
    took_s: float


def export(
    reader: Reader,
    folder: Path,
    *,
    ask: Callable[[str, Mode], Sequence[Place]],
    questions: Sequence[str] = (),
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Exported:
    """Write all documents of a generation to a folder, going on where an export of the same generation was stopped.

    `ask` gives the first ten places that a question finds, best first; without questions, sentences of the collection
    are asked. `progress` is told how many documents of how many are done. Raises InputError where the folder holds
    something else, UnusableIndexError where it cannot be written or the collection cannot be read.
    """
    started = perf_counter()
    folder = folder.resolve()
    require_place(folder)
    # In the order in which they came, so that passages of equal score come in the same order at the other end too.
    numbered = sorted(zip(reader.owners(), reader.documents(), strict=True), key=itemgetter(0))
    ids = [document.doc_id for _, document in numbered]
    instead_of = drop_others(folder, reader.version)
    parts: list[Part] = []
    kept = done = 0
    while done < len(ids):
        path, wanted = part_path(folder, len(parts)), ids[done : done + PART_DOCUMENTS]
        part = kept_part(path, reader.version, wanted)
        kept += part is not None
        parts.append(part or write_part(path, reader, wanted))
        done += len(parts[-1].documents)
        progress(done, len(ids))
    texts = [_plain(text) for text in questions] or _sentences(reader, ids)
    manifest = Manifest(
        FORMAT,
        datetime.now(UTC),
        reader.version.generation,
        reader.version.token,
        reader.fingerprint or "",
        reader.counts(),
        tuple(reader.refusals()),
        tuple(parts),
        tuple(Question(text, {mode: tuple(ask(text, mode)) for mode in MODES}) for text in texts),
    )
    write_manifest(folder, manifest)
    return Exported(
        folder=folder,
        generation=manifest.generation,
        documents=len(ids),
        passages=manifest.counts.passages,
        parts=len(parts),
        kept=kept,
        instead_of=instead_of,
        bytes=sum(part.size for part in parts),
        questions=len(texts),
        took_s=round(perf_counter() - started, 3),
    )


_SYNTAX = re.compile(r'["“”„‟«»＂]|(?<!\S)-(?=\S)')  # that asks for phrases, or leaves words out


def _plain(text: str) -> str:
    """Give a question without what only a store with words can look for."""
    return " ".join(_SYNTAX.sub(" ", text).split())


def _sentences(reader: Reader, ids: Sequence[str]) -> list[str]:
    """Give sentences of the collection, from documents, and from places in these, that lie evenly apart."""
    found = []
    for number in range(QUESTIONS if ids else 0):
        passages = reader.contents(ids[number * len(ids) // QUESTIONS]).passages
        sentences = (_plain(one.text[start:end]) for one in passages for start, end in one.sentences)
        fitting = [one for one in sentences if len(take_apart(one)[0]) in WORDS]
        if fitting:
            found.append(fitting[number * len(fitting) // QUESTIONS])
    return list(dict.fromkeys(found))
