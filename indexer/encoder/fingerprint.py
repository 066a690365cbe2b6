"""What must agree for two vectors to be comparable."""

import json
from dataclasses import asdict, dataclass, fields

from indexer.errors import EncoderMismatchError


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What must agree for two vectors to be comparable."""

    model: str
    weights_sha256: str
    tokenizer_sha256: str
    dim: int
    max_tokens: int  # of a whole input: prompt, context, text and special tokens
    query_prompt: str
    passage_prompt: str
    precision: str

    def differences(self, other: "Fingerprint") -> str:
        """Say in words what differs, e.g. "dim 384, not 768"."""
        return "; ".join(
            f"{f.name.replace('_', ' ')} {getattr(self, f.name)!r}, not {getattr(other, f.name)!r}"
            for f in fields(self)
            if getattr(self, f.name) != getattr(other, f.name)
        )

    def check(self, stored: str | None) -> None:
        """Compare with the fingerprint that an index holds as JSON.

        Raises EncoderMismatchError where another encoder made the index; one without a fingerprint holds no vectors.
        """
        if stored is not None and stored != self.to_json():
            raise EncoderMismatchError(
                f"the encoder is not the one that made the index: {self.differences(Fingerprint.from_json(stored))}; "
                "set the one that did, or run `citewell index --reencode SOURCE`"
            )

    def to_json(self) -> str:
        """Serialise; equal fingerprints give equal strings."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Fingerprint":
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))
