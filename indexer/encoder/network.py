"""What runs a model: the Network protocol."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.encoder.tokens import Part


class Network(Protocol):
    """Runs a model; threads may share it."""

    def vectors(
        self, texts: Sequence[str], prompt: str, parts: Sequence[Sequence[Part]], *, is_question: bool
    ) -> NDArray[np.float32]:
        """Shape (texts + parts, dim): of the whole texts, then of their parts in order; not yet of unit length.

        The prompt is put in front of each text, and parts are counted without it. Tokens beyond the model's limit
        are left out. A question comes by itself, among other work; passages come many at a time.
        """
        ...
