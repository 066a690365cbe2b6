"""Manifests of derived files: what these were when they were written. A manifest also holds its own hash."""

from hashlib import file_digest, sha256
from pathlib import Path


def sealed(content: bytes) -> bytes:
    """Give what to write for a manifest's content, one line of JSON: it, and a line with its hash."""
    return content + b"\n" + sha256(content).hexdigest().encode() + b"\n"


def read_manifest(path: Path) -> bytes:
    """Give the content of a manifest. Raises ValueError where it is not as written, OSError."""
    _require_file(path)
    content, _, rest = path.read_bytes().partition(b"\n")
    if sealed(content) != content + b"\n" + rest:
        raise ValueError("the manifest is not as it was written")
    return content


def file_sha256(path: Path) -> str:
    """Hash a file. Raises OSError."""
    _require_file(path)
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _require_file(path: Path) -> None:
    if not path.is_file():  # a pipe, for one, could be waited for without end
        raise OSError(f"`{path}` is missing, or not a file")
