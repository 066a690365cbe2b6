"""Moves a collection from any store to any other by a folder of files.

    part-00000, ...  a line of JSON that names some documents, a line with its hash, and the documents
    export.json      the manifest, written last: what there was, what is in each part, and what was found

Documents travel with their vectors, so nothing is read or encoded again. Both ends ask the same questions, and the
passages that these find are compared by where they stand, since each store has numbers of its own for them.
"""

from indexer.moving.comparison import SAME_RANKINGS, Comparison, compare
from indexer.moving.exporting import Exported, export
from indexer.moving.files import MANIFEST, MODES, Manifest, Place, Question, read_export
from indexer.moving.importing import Imported, import_into

__all__ = [
    "MANIFEST",
    "MODES",
    "SAME_RANKINGS",
    "Comparison",
    "Exported",
    "Imported",
    "Manifest",
    "Place",
    "Question",
    "compare",
    "export",
    "import_into",
    "read_export",
]
