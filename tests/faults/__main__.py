"""Run the attempts at their full numbers and write the dated table: `python -m tests.faults [NAME ...]`.

The tests run the same attempts in small. A name is a module of this folder with a function `rows(seed)`.
"""

import argparse
import platform
import secrets
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from time import perf_counter

from tests.faults.table import Row

NAMES = (
    "crashes",
    "damage",
    "traffic",
    "sequences",
    "gone",
    "backups",
    "hostile_files",
    "hostile_requests",
    "soak",
)
RESULTS = Path(__file__).parent / "RESULTS.md"
ROOT = Path(__file__).parents[2]


def main() -> None:
    """Run what is named, or all, and write the table where all was run."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(NAMES)}; all if none")
    parser.add_argument("--seed", type=int, default=None, help="of everything random; a new one if not given")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"there is no {min(unknown)}; there are {', '.join(NAMES)}")
    seed = secrets.randbelow(2**31) if arguments.seed is None else arguments.seed
    rows: list[Row] = []
    for name in arguments.names or NAMES:
        print(f"{name} (seed {seed}) ...", flush=True)
        started = perf_counter()
        found = import_module(f"tests.faults.{name}").rows(seed)
        print("\n".join(_line(row) for row in found), f"  {perf_counter() - started:.0f} s", sep="\n", flush=True)
        rows += found
    if not arguments.names:
        RESULTS.write_text(_page(rows, seed), "utf-8")
        print(f"written to {RESULTS.relative_to(ROOT)}")
    sys.exit(0 if all(row.met for row in rows) else 1)


def _page(rows: Sequence[Row], seed: int) -> str:
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    lines = [
        "# What was tried to break Citewell",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit or 'unknown'}, seed {seed}, Python {platform.python_version()} "
        f"on {platform.system()} {platform.machine()}. Written by `make soak`.",
        "",
        "| tried | times | wanted | found | met |",
        "| --- | ---: | --- | --- | --- |",
        *(_line(row) for row in rows),
    ]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    return f"| {row.tried} | {row.times:,} | {row.wanted} | {row.found} | {'yes' if row.met else '**no**'} |"


if __name__ == "__main__":
    main()
