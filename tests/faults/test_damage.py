"""A quick form of the damage to the files of an index, and bugs that it must see."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from indexer import lexical, snapshots
from indexer.database import STORE_FILE
from indexer.manifests import read_manifest
from indexer.store import Reader, reader, rows
from indexer.store.rows import Table
from tests.faults.damage import Kind, Made, Plant, alter_row, attempts, flip, lose_row, make, swap_pages

SEED = 5
ATTEMPTS = 110


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Make the index that is damaged, in copies."""
    return make(tmp_path_factory.mktemp("damage") / "made", SEED)


def test_damage_is_never_served(made: Made) -> None:
    """Every answer is as it should be, or an error of ours; nothing altered is parsed, nothing hangs or dies."""
    outcomes = list(attempts(made, ATTEMPTS, SEED))
    assert [(outcome.damage, outcome.faults) for outcome in outcomes if outcome.faults] == []
    # The damage was none to nobody: much of it is mended on the way, some makes the store refuse.
    assert sum(not outcome.refused for outcome in outcomes) > ATTEMPTS / 4
    assert sum(outcome.refused > 0 for outcome in outcomes) > ATTEMPTS / 20


# --- bugs


def plant(target: object, name: str, value: object) -> None:
    """Put a bug into the product, in a process that lives no longer than the attempt."""
    pytest.MonkeyPatch().setattr(target, name, value)


def no_hashes_of_snapshots() -> None:
    def believed(path: Path) -> object:
        return json.loads(read_manifest(path.with_suffix(".json")))["sha256"]

    plant(snapshots, "file_sha256", believed)


def no_hashes_of_words() -> None:
    def believed(path: Path) -> object:
        return json.loads(read_manifest(path.parent / lexical.MANIFEST))["files"].get(path.name)

    plant(lexical, "file_sha256", believed)


def no_check_of_manifests() -> None:
    for module in (snapshots, lexical):
        plant(module, "read_manifest", lambda path: path.read_bytes().partition(b"\n")[0])


def no_hashes_of_rows() -> None:
    def believed(self: Table[Any], db: Any, where: str, parameters: Any) -> Iterator[tuple[Any, bytes]]:
        columns = ", ".join((*self.columns, "hash"))
        for *row, its_hash in db.execute(f"SELECT {columns} FROM {self.name} {where}", parameters):
            yield self.make(row), its_hash

    plant(Table, "_checked", believed)


def no_tallies() -> None:
    plant(Reader, "_check_whole", lambda *_: None)


def no_look_at_the_order() -> None:
    plant(Reader, "_check_order", lambda *_: None)
    plant(reader, "_added_since", lambda _: "WHERE generation > ? ORDER BY passage")  # as where all are read


def no_checks_of_vectors() -> None:
    for module in (reader, rows):
        plant(module, "vectors_crc", lambda *_: Anything())


class Anything:
    """Equals all."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


@pytest.mark.parametrize(
    ("bug", "kind", "names", "within"),
    [
        (no_hashes_of_snapshots, flip, "*.faiss", 3),
        (no_hashes_of_snapshots, flip, "outlines-*.bin", 3),
        (no_hashes_of_words, flip, "*.idx", 3),
        (no_check_of_manifests, flip, "manifest.json", 60),
        (no_hashes_of_rows, alter_row, STORE_FILE, 30),
        (no_tallies, lose_row, STORE_FILE, 30),
        (no_look_at_the_order, swap_pages, STORE_FILE, 60),
        (no_checks_of_vectors, flip, STORE_FILE, 60),
    ],
)
def test_a_planted_bug_is_seen(made: Made, bug: Plant, kind: Kind, names: str, within: int) -> None:
    """Without any one of the checks some damage comes through, and the attempts notice."""
    outcomes = attempts(made, within, SEED, plant=bug, kinds=[kind], names=names)
    assert any(outcome.faults for outcome in outcomes)
