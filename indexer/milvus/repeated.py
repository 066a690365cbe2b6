"""How widely runs of words are repeated, counted over all passages of a generation."""

from base64 import b64decode, b64encode
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from indexer.errors import IndexFormatError
from indexer.milvus.server import Server, Table
from indexer.repetition import Repeated, count_owners


def counted(server: Server, bounds: str, at: int, owners: Mapping[int, str], passages: int) -> Repeated:
    """Count over the passages within some bounds, of documents whose owners are named by number.

    Raises IndexFormatError where there are not as many as there should be.
    """
    numbers = {owner: number for number, owner in enumerate(dict.fromkeys(owners.values()))}
    of_passages: list[int] = []
    lengths: list[int] = []
    runs: list[NDArray[np.uint32]] = []
    for rows in server.scan(Table.PASSAGES, bounds, ["document", "sketch"], at):
        mine = [row for row in rows if row["document"] in owners]
        sketches = [sketch_of(str(row["sketch"])) for row in mine]
        of_passages += [numbers[owners[int(str(row["document"]))]] for row in mine]
        lengths += map(len, sketches)
        if sketches:
            runs.append(np.concatenate(sketches))
    if len(lengths) != passages:
        raise IndexFormatError(
            f"the index has {len(lengths)} passages where there should be {passages}; run `citewell index --reencode "
            "SOURCE`, or restore the index from an export"
        )
    joined = np.concatenate(runs) if runs else np.empty(0, np.uint32)
    return count_owners(joined, np.cumsum([0, *lengths], dtype=np.int64), np.array(of_passages, np.int64))


def sketch_text(sketch: NDArray[np.uint32]) -> str:
    """Write a sketch as its field has it."""
    return b64encode(sketch.astype("<u4").tobytes()).decode()


def sketch_of(text: str) -> NDArray[np.uint32]:
    """Read what `sketch_text` wrote."""
    return np.frombuffer(b64decode(text), "<u4")


def to_bytes(repeated: Repeated) -> bytes:
    """Write what was counted."""
    return repeated.runs.astype("<u4").tobytes() + repeated.owners.astype("<u4").tobytes()


def from_bytes(data: bytes) -> Repeated:
    """Read what `to_bytes` wrote."""
    runs, owners = np.frombuffer(data, "<u4").reshape(2, -1)
    return Repeated(runs, owners)
