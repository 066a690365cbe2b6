"""Text to vectors: which model, its identity, and the networks that run it."""

from indexer.encoder.files import DEFAULT_PACKAGE, DEFAULT_WEIGHTS_SHA256, ModelFiles, locate_model
from indexer.encoder.fingerprint import Fingerprint
from indexer.encoder.sentence import Encoder, SentenceEncoder

__all__ = [
    "DEFAULT_PACKAGE",
    "DEFAULT_WEIGHTS_SHA256",
    "Encoder",
    "Fingerprint",
    "ModelFiles",
    "SentenceEncoder",
    "locate_model",
]
