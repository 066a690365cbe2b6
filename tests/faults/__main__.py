"""Run the attempts at their full numbers and write the dated table: `python -m tests.faults [AREA ...]`.

The tests run the same attempts in small. An area is a module of this folder with a function `rows(seed)`; its rows
take the place of those that an earlier run left in the table.
"""

import argparse
import platform
import secrets
import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from time import perf_counter

from tests.faults.table import Row

AREAS = (
    "crashes",
    "disks",
    "damage",
    "traffic",
    "sequences",
    "gone",
    "backups",
    "hostile_files",
    "hostile_requests",
    "network",
    "soak",
)
RESULTS = Path(__file__).parent / "RESULTS.md"
ROOT = Path(__file__).parents[2]
HEAD = """# What was tried to break Citewell

Written by `make soak` (`python -m tests.faults`), which says with each row when, on which commit and with which seed.
The tests run the same attempts in small, and plant bugs that the attempts must see.

| area | tried | times | wanted | found | met | run |
| --- | --- | ---: | --- | --- | --- | --- |
"""


def main() -> None:
    """Run what is named, or all, and keep the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("areas", nargs="*", metavar="AREA", help=f"some of {', '.join(AREAS)}; all if none")
    parser.add_argument("--seed", type=int, default=None, help="of everything random; a new one if not given")
    arguments = parser.parse_args()
    if unknown := set(arguments.areas) - set(AREAS):
        parser.error(f"there is no {min(unknown)}; there are {', '.join(AREAS)}")
    seed = secrets.randbelow(2**31) if arguments.seed is None else arguments.seed
    met = True
    for area in arguments.areas or AREAS:
        print(f"{area} (seed {seed}) ...", flush=True)
        run = f"{datetime.now(UTC):%Y-%m-%d}, {_commit()}, seed {seed}"
        started = perf_counter()
        lines: list[str] = []
        for row in import_module(f"tests.faults.{area}").rows(seed):
            lines.append(_line(area, row, run))
            print(lines[-1], f"  after {perf_counter() - started:.0f} s", sep="\n", flush=True)
            _keep(area, lines)  # at once, since some take long and may be interrupted
            met = met and row.met
    sys.exit(0 if met else 1)


def _keep(area: str, lines: list[str]) -> None:
    """Put an area's lines into the table, in the order of the areas."""
    kept: dict[str, list[str]] = {one: [] for one in AREAS}
    if RESULTS.exists():
        for line in RESULTS.read_text("utf-8").splitlines():
            name = line.split("|")[1].strip() if line.count("|") > 2 else ""
            if name in kept:
                kept[name].append(line)
    kept[area] = lines
    system = f"\nPython {platform.python_version()} on {platform.system()} {platform.machine()}.\n"
    RESULTS.write_text(HEAD + "\n".join(line for some in kept.values() for line in some) + "\n" + system, "utf-8")


def _commit() -> str:
    """Name what is tried; the table itself, which changes as rows come, does not count."""
    name = _git("describe", "--always")
    changed = _git("status", "--porcelain", "--", ".", f":!{RESULTS.relative_to(ROOT)}")
    return f"{name}-dirty" if name and changed else name or "unknown"


def _git(*arguments: str) -> str:
    ran = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return ran.stdout.strip()


def _line(area: str, row: Row, run: str) -> str:
    met = "yes" if row.met else "**no**"
    return f"| {area} | {row.tried} | {row.times:,} | {row.wanted} | {row.found} | {met} | {run} |"


if __name__ == "__main__":
    main()
