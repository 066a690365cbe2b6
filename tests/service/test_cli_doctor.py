"""`citewell doctor`: what it prints, and its exit codes."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from indexer.database import STORE_FILE
from indexer.errors import ModelError
from tests.service.conftest import Citewell, Library


def spoil(library: Library) -> None:
    """Alter a page of a document behind the index's back."""
    with closing(sqlite3.connect(library.settings.index / STORE_FILE)) as db, db:
        assert db.execute("UPDATE pages SET text = text || 'x' WHERE document = 1").rowcount > 0


def test_a_sound_index(library: Library, citewell: Citewell) -> None:
    """One line says so."""
    ran = citewell("doctor", "--index", str(library.settings.index))
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"the index in {library.settings.index} is well, generation 1\n"


def test_damage_and_its_repair(library: Library, citewell: Citewell) -> None:
    """The row is named with the remedy, which mends it."""
    spoil(library)
    ran = citewell("doctor", "--index", str(library.settings.index))
    assert ran.code == 3
    assert "store.sqlite: pages 1 1: altered\n" in ran.out
    assert ran.out.endswith("is damaged; run `citewell doctor --repair`\n")
    ran = citewell("doctor", "--repair", "--index", str(library.settings.index))
    assert ran.code == 0
    assert "read again from its copy: " in ran.out
    assert ran.out.endswith("is mended, generation 2\n")
    assert citewell("doctor", "--index", str(library.settings.index)).code == 0


def test_what_is_lost(library: Library, citewell: Citewell) -> None:
    """A repair that could not give all back says so with a code of its own."""
    with closing(sqlite3.connect(library.settings.index / STORE_FILE)) as db, db:
        db.execute("DELETE FROM documents WHERE document = 1")
    ran = citewell("doctor", "--repair", "--index", str(library.settings.index))
    assert ran.code == 5
    assert "lost: 1 documents of which nothing is left" in ran.out
    assert "run `citewell index SOURCE`" in ran.out


def test_json(library: Library, citewell: Citewell) -> None:
    """One document, with file and row of each problem."""
    spoil(library)
    ran = citewell("doctor", "--json", "--index", str(library.settings.index))
    found = json.loads(ran.out)
    assert (ran.code, found["is_well"], found["generation"]) == (3, False, 1)
    assert {"file": "store.sqlite", "row": "pages 1 1", "what": "altered"} in found["problems"]


def test_no_index(tmp_path: Path, citewell: Citewell) -> None:
    """A folder without an index is not examined."""
    assert citewell("doctor", "--index", str(tmp_path / "none")).code == 3


def test_without_a_model(library: Library, citewell: Citewell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing model is told, and does not keep from repairing what needs none."""

    def missing(_: object) -> None:
        raise ModelError("no model")

    monkeypatch.setattr("indexer.encoder.SentenceEncoder", missing)
    assert citewell("doctor", "--index", str(library.settings.index)).code == 3
    assert citewell("doctor", "--repair", "--index", str(library.settings.index)).code == 0
