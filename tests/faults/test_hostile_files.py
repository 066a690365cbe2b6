"""Hostile files among honest ones, in small; and planted bugs that the same attempts must see."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

import pytest

from indexer.errors import Refusal
from tests.faults.files import Bad, Target, archives, make
from tests.faults.hostile_files import QUICK, attempt, mixture
from tests.indexer.extract.files import bomb_pdf

linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="measures memory through /proc")
COUNTS = {"pdf": 37, "mutated": 10, "archives": 23, "web": 11, "plain": 19}
ONE_READER = QUICK | {"parse_workers": 1}


SEEN = {  # what such a mixture has always had; fewer would mean that it has become harmless
    *(Refusal.RESOURCES, Refusal.DAMAGED, Refusal.ENCRYPTED, Refusal.UNSUPPORTED, Refusal.METADATA, Refusal.EMPTY),
    *(Refusal.ERROR_PAGE, Refusal.UNREADABLE, Refusal.TOO_LARGE),
}


@linux
def test_hostile_files_harm_nobody() -> None:
    """Every good file is read as if it were alone; the others are refused with a reason, or read without harm."""
    outcome = attempt(11, partial(mixture, counts=COUNTS, scale=0.04), QUICK, with_places=True)
    assert outcome.problems == ()
    assert len(outcome.result.alone) == 20
    assert len(outcome.bad) == sum(COUNTS.values())
    assert {Refusal(code) for code, _ in outcome.result.refused.values()} >= SEEN


# --- planted bugs

NO_MEMORY_LIMIT = """
import resource
limit = resource.setrlimit
resource.setrlimit = lambda which, value: None if which == resource.RLIMIT_AS else limit(which, value)
"""
ENTITIES_RESOLVED = """
from lxml import etree
class Trusting(etree.XMLParser):
    def __init__(self, **options):
        super().__init__(**options | {"resolve_entities": True, "load_dtd": True})
etree.XMLParser = Trusting
"""
HEADERS_TRUSTED = """
import io, zipfile
import indexer.extract.docx as word
def check(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > word.MOST_BYTES:
            raise word._too_big("too much")
word._check_archive = check
"""
WRITING_ALLOWED = """
import pathlib, resource, sys
import indexer.extract.text as text
limit, read = resource.setrlimit, text.read
resource.setrlimit = lambda which, value: None if which == resource.RLIMIT_FSIZE else limit(which, value)
sys.addaudithook = lambda hook: None
def careless(data):
    (pathlib.Path(OUTSIDE) / "notes.txt").write_text("x")
    return read(data)
text.read = careless
"""
RAW_TEXT = """
import indexer.extract.blocks as blocks
blocks.clean = lambda raw: (raw, ())
"""


def bomb(random: Random, target: Target) -> list[Bad]:
    return [Bad("bomb.pdf", bomb_pdf(700), refused=True)]


def entities(random: Random, target: Target) -> list[Bad]:
    return list(make([archives.entities_from_elsewhere], random, target, 12, 1))


def lying_archive(random: Random, target: Target) -> list[Bad]:
    liar = archives.Entry(b"word/media/picture.png", archives.deflated(b"", b"much" * 10**6).packed, 9, 0)
    return [Bad("lying.docx", archives.pack(archives.word(liar)), refused=True)]


def note(random: Random, target: Target) -> list[Bad]:
    return [Bad("note.txt", b"Families in Ashby are seen by their \x1b[2Jworker.\n", refused=False)]


def all_of_them(random: Random, target: Target) -> list[Bad]:
    return [bad for files in (bomb, entities, lying_archive, note) for bad in files(random, target)]


@linux
def test_product_without_a_planted_bug_passes() -> None:
    """The files that planted bugs are seen by do no harm to the product as it is."""
    assert attempt(1, all_of_them, ONE_READER).problems == ()


@linux
@pytest.mark.parametrize(
    ("plant", "files", "complaint"),
    [
        pytest.param(NO_MEMORY_LIMIT, bomb, "MB, more than 384", id="no memory limit"),
        pytest.param(ENTITIES_RESOLVED, entities, "text of a file outside", id="entities resolved"),
        pytest.param(HEADERS_TRUSTED, lying_archive, "not refused: lying.docx", id="headers trusted"),
        pytest.param(WRITING_ALLOWED, note, "changed outside the index", id="writing allowed"),
        pytest.param(RAW_TEXT, note, "raw character", id="raw text"),
    ],
)
def test_planted_bug_is_seen(plant: str, files: Callable[[Random, Target], list[Bad]], complaint: str) -> None:
    """With one defence taken away the product fails the check that it passes as it is."""
    assert any(complaint in problem for problem in attempt(1, files, ONE_READER, plant=plant).problems)
