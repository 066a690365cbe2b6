"""Manifests: read as they were written, or not at all."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.manifests import file_sha256, read_manifest, sealed

CONTENT = b'{"generation":12,"files":{"a.idx":"ab"}}'


def test_a_manifest_is_read_as_written(tmp_path: Path) -> None:
    """The content comes back without its hash."""
    (tmp_path / "m").write_bytes(sealed(CONTENT))
    assert read_manifest(tmp_path / "m") == CONTENT


@given(st.integers(0, 8 * len(sealed(CONTENT)) - 1))
def test_any_flipped_bit_is_noticed(tmp_path_factory: pytest.TempPathFactory, bit: int) -> None:
    """Wherever it is: in the content, in the hash or between them."""
    path = tmp_path_factory.getbasetemp() / "flipped"
    data = bytearray(sealed(CONTENT))
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    with pytest.raises(ValueError, match="not as it was written"):
        read_manifest(path)


@pytest.mark.parametrize("length", [0, 1, len(CONTENT), len(CONTENT) + 1, len(sealed(CONTENT)) - 1])
def test_a_cut_manifest_is_noticed(tmp_path: Path, length: int) -> None:
    """An end that is missing is missed."""
    (tmp_path / "m").write_bytes(sealed(CONTENT)[:length])
    with pytest.raises(ValueError, match="not as it was written"):
        read_manifest(tmp_path / "m")


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "zeros"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    """A pipe would never end, nor would a link to zeros."""
    path = tmp_path / "m"
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "zeros":
            path.symlink_to("/dev/zero")
    for read in (read_manifest, file_sha256):
        with pytest.raises(OSError, match="missing, or not a file"):
            read(path)
