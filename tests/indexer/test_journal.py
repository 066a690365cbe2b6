"""What an interrupted sync has encoded is there for the next one, and nothing that was torn or altered is trusted."""

import logging
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer import journal
from indexer.journal import JOURNAL_FILE, Journal, drop_journal

DIM = 4
ENCODER = '{"model": "words"}'


def digest(word: str) -> str:
    return sha256(word.encode()).hexdigest()


def vectors(word: str) -> NDArray[np.float16]:
    """Make up the vectors of a word: one, and one more for each letter."""
    return np.array([[ord(letter) / place for place in range(1, DIM + 1)] for letter in f"-{word}"], np.float16)


def journal_of(folder: Path, *, encoder: str = ENCODER) -> Any:
    """Open a journal for a block."""
    return closing(Journal(folder, encoder, DIM))


def keep(folder: Path, *words: str, encoder: str = ENCODER) -> None:
    with journal_of(folder, encoder=encoder) as opened:
        for word in words:
            opened.put({digest(word): vectors(word)})


def kept(folder: Path, *words: str, encoder: str = ENCODER) -> list[str]:
    """Tell of which words the vectors are there, and check these."""
    with journal_of(folder, encoder=encoder) as opened:
        found = opened.vectors_of([digest(word) for word in words])
    for word in words:
        if digest(word) in found:
            assert found[digest(word)].dtype == np.float16
            assert np.array_equal(found[digest(word)], vectors(word))
    return [word for word in words if digest(word) in found]


def test_what_was_put_is_found_again(tmp_path: Path) -> None:
    """By the same journal, and by the next one, which adds to it."""
    with journal_of(tmp_path) as opened:
        opened.put({digest(word): vectors(word) for word in ("boat", "tree")})
        opened.put({digest("oak"): vectors("oak")})
        found = opened.vectors_of([digest("oak"), digest("boat"), digest("bread")])
        assert {one: some.tolist() for one, some in found.items()} == {
            digest(word): vectors(word).tolist() for word in ("oak", "boat")
        }
        opened.put({digest("ferry"): vectors("ferry")})
    keep(tmp_path, "bread")
    assert kept(tmp_path, "bread", "ferry", "oak", "tree", "boat", "road") == [
        "bread",
        "ferry",
        "oak",
        "tree",
        "boat",
    ]


def test_no_file_is_made_before_there_is_something_to_keep(tmp_path: Path) -> None:
    """A sync that finds all vectors in the index writes no journal."""
    assert kept(tmp_path, "boat") == []
    assert list(tmp_path.iterdir()) == []


def test_a_closed_journal_is_left_alone(tmp_path: Path) -> None:
    """A thread that comes late neither reads nor writes a file that may be another process's by then."""
    opened = Journal(tmp_path, ENCODER, DIM)
    opened.put({digest("boat"): vectors("boat")})
    opened.close()
    before = (tmp_path / JOURNAL_FILE).read_bytes()
    opened.put({digest("tree"): vectors("tree")})
    assert opened.vectors_of([digest("boat")]) == {}
    assert (tmp_path / JOURNAL_FILE).read_bytes() == before


@pytest.mark.parametrize("other", ['{"model": "signs"}', f"{ENCODER} "])
def test_the_journal_of_another_encoder_is_of_no_use(tmp_path: Path, other: str) -> None:
    """Its vectors are not given, and it makes room for those of this one."""
    keep(tmp_path, "boat", "tree", encoder=other)
    assert kept(tmp_path, "boat", "tree") == []
    keep(tmp_path, "oak", encoder=ENCODER)
    assert kept(tmp_path, "boat", "oak") == ["oak"]
    assert kept(tmp_path, "boat", "oak", encoder=other) == []


@given(
    words=st.lists(st.text("abc", max_size=3), min_size=1, max_size=4, unique=True),
    damage=st.data(),
)
def test_only_what_is_as_it_was_written_is_given(words: list[str], damage: st.DataObject) -> None:
    """Cut anywhere, or with any byte altered, it gives right vectors or none, and takes new ones all the same."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        keep(folder, *words)
        path = folder / JOURNAL_FILE
        data = path.read_bytes()
        place = damage.draw(st.integers(0, len(data) - 1))
        if damage.draw(st.booleans()):
            path.write_bytes(data[:place])
        else:
            flip = damage.draw(st.integers(1, 255))
            path.write_bytes(data[:place] + bytes([data[place] ^ flip]) + data[place + 1 :])
        found = kept(folder, *words)
        assert len(found) < len(words)
        assert found == words[: len(found)]
        keep(folder, "later")
        assert kept(folder, *words, "later") == [*found, "later"]


@pytest.mark.parametrize("content", [b"", b"another thing\n" * 9, bytes(500)])
def test_a_foreign_file_is_replaced(tmp_path: Path, content: bytes) -> None:
    """What is not ours says nothing; where the name is a link, what it leads to stays as it is."""
    (tmp_path / "other").write_bytes(content)
    (tmp_path / JOURNAL_FILE).symlink_to("other")
    assert kept(tmp_path, "boat") == []
    keep(tmp_path, "boat")
    assert kept(tmp_path, "boat") == ["boat"]
    assert (tmp_path / "other").read_bytes() == content


def test_vectors_that_were_altered_meanwhile_are_not_given(tmp_path: Path) -> None:
    """Each record is checked again when it is read."""
    with journal_of(tmp_path) as opened:
        opened.put({digest("boat"): vectors("boat"), digest("oak"): vectors("oak")})
        data = (tmp_path / JOURNAL_FILE).read_bytes()
        with (tmp_path / JOURNAL_FILE).open("r+b") as file:
            file.seek(data.index(vectors("boat").tobytes()))
            file.write(b"\x01")
        assert list(opened.vectors_of([digest("boat"), digest("oak")])) == [digest("oak")]


@pytest.mark.parametrize("every_s", [0.0, 1e9])
def test_it_reaches_the_disk_from_time_to_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every_s: float
) -> None:
    """Waiting for the disk takes long, so it is not done with each addition; the name is made sure of as well."""
    flushed: list[Path] = []
    monkeypatch.setattr(journal, "FLUSH_EVERY_S", every_s)
    monkeypatch.setattr(journal, "flush", flushed.append)
    keep(tmp_path, "boat", "tree")
    assert flushed == ([tmp_path / JOURNAL_FILE, tmp_path] * 2 if every_s == 0 else [])


def test_a_journal_that_cannot_be_written_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It only saves time, so nothing else fails with it; it is told once, and the space is free again."""

    def full(_: object, __: object, ___: object) -> None:
        raise OSError(28, "No space left on device")

    keep(tmp_path, "boat")
    with caplog.at_level(logging.WARNING), journal_of(tmp_path) as opened:
        assert list(opened.vectors_of([digest("boat")])) == [digest("boat")]
        monkeypatch.setattr(Journal, "_append", full)
        opened.put({digest("tree"): vectors("tree")})
        opened.put({digest("oak"): vectors("oak")})
        assert opened.vectors_of([digest("boat"), digest("tree")]) == {}
    assert [record.getMessage().count("No space left") for record in caplog.records] == [1]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_its_name_is_given_up_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is deleted that is no file."""
    (tmp_path / JOURNAL_FILE / "inside").mkdir(parents=True)
    keep(tmp_path, "boat")
    assert kept(tmp_path, "boat") == []
    drop_journal(tmp_path)
    assert (tmp_path / JOURNAL_FILE / "inside").is_dir()
    assert "cannot be kept" in caplog.text
