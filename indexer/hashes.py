"""Hashes of texts: what is quoted goes by them, and what was encoded is known again by them."""

import json
from hashlib import sha256

from indexer.records import Passage


def text_sha256(text: str) -> str:
    """Hash a text, as citations do."""
    return sha256(text.encode()).hexdigest()


def input_sha256(passage: Passage) -> str:
    """Hash what the vectors of a passage are made of."""
    return text_sha256(json.dumps([passage.input, passage.sentences]))
