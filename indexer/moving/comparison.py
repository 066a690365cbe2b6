"""Whether a collection holds what was exported, and finds what was found there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from indexer.collection import Reader
from indexer.contents import to_bytes
from indexer.moving.files import MODES, Manifest, Place
from indexer.records import Counts, Mode

SAME_RANKINGS = 0.99  # share of the questions that must find the same by meaning


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a collection differs from an export."""

    documents: int  # of the export
    missing: tuple[str, ...]  # doc_ids of those that are not there
    altered: tuple[str, ...]  # doc_ids of those that are not as they were exported
    others: int  # documents that are not of the export
    exported: Counts
    counted: Counts
    questions: int
    same_rankings: Mapping[Mode, float]  # share of the questions that find the same ten passages in the same order
    same_passages: Mapping[Mode, float]  # share of the passages found there that are found here, in any order

    @property
    def has_same_documents(self) -> bool:
        """Tell whether all that was exported is there, and is all that there is unless other documents are."""
        return not (self.missing or self.altered) and (self.others > 0 or self.exported == self.counted)

    @property
    def has_same_rankings(self) -> bool:
        """Tell whether questions find the same by meaning; where there are other documents, they may find these."""
        return self.others > 0 or self.same_rankings[Mode.DENSE] >= SAME_RANKINGS


def compare(
    manifest: Manifest,
    reader: Reader,
    *,
    ask: Callable[[str, Mode], Sequence[Place]],
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Comparison:
    """Read back every document of an export from a collection, and ask what was asked when the export was made.

    `ask` and `progress` are as for `export`. Raises UnusableIndexError where the collection cannot be read.
    """
    documents = manifest.documents
    there = {document.doc_id for document in reader.documents()}
    altered = []
    for done, (doc_id, expected) in enumerate(documents.items(), start=1):
        if doc_id in there and sha256(to_bytes(reader.contents(doc_id))).hexdigest() != expected:
            altered.append(doc_id)
        progress(done, len(documents))
    asked = manifest.questions
    pairs = {mode: [(one.found[mode], tuple(ask(one.text, mode))) for one in asked] for mode in MODES}
    return Comparison(
        documents=len(documents),
        missing=tuple(doc_id for doc_id in documents if doc_id not in there),
        altered=tuple(altered),
        others=len(there - documents.keys()),
        exported=manifest.counts,
        counted=reader.counts(),
        questions=len(asked),
        same_rankings={mode: _share(sum(one == other for one, other in pairs[mode]), len(asked)) for mode in MODES},
        same_passages={
            mode: _share(
                sum(len(set(one) & set(other)) for one, other in pairs[mode]), sum(len(one) for one, _ in pairs[mode])
            )
            for mode in MODES
        },
    )


def _share(part: int, of: int) -> float:
    return part / of if of else 1.0
