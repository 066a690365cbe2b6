"""Tags by which a client asks whether the answer that it has is still right (RFC 9110, 8.8.3 and 13.1.2)."""

import re
from dataclasses import dataclass
from hashlib import sha256

from indexer.records import Version

KEEP = "private, no-cache"  # keep it, but ask each time before using it again: it may have been removed


class Unchanged(Exception):  # noqa: N818 - it is no error
    """The client has the answer already."""

    def __init__(self, tag: str) -> None:
        super().__init__(tag)
        self.tag = tag


@dataclass(frozen=True, slots=True)
class Tagger:
    """Makes the tags of answers to one address, and compares them with those that the client knows.

    `edition` stands for all that an answer depends on beside index and request: code, settings, models. Some answers
    are `alike` where they are asked for again, though not to the letter, as they tell how long they took.
    """

    edition: str
    target: str  # address and query string
    known: str  # what the client knows, as its header says

    def tag(self, version: Version, *, alike: bool = False) -> str:
        """Make the tag of the answer from this generation. Raises Unchanged where the client has that answer."""
        basis = "\n".join((self.edition, str(version.generation), version.token, self.target))
        tag = f'"{version.generation}-{sha256(basis.encode(errors="surrogateescape")).hexdigest()[:24]}"'
        weak = f"W/{tag}" if alike else tag
        if tag in re.findall(r'"[^"]*"', self.known):  # which compares weakly, as it should here
            raise Unchanged(weak)
        return weak
