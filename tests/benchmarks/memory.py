"""What memory a warm service holds, beside the usual recipe for search by meaning alone on the same passages.

    python -m tests.benchmarks.memory INDEX QUESTIONS.jsonl [ASKED]

Both answer the same questions as processes of their own. Memory is PSS: what processes share counts once, and of
files that are mapped only the parts that were read.
"""

import sys
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import urlencode

from tests.benchmarks.processes import memory_mb, run, serving
from tests.benchmarks.quality import read

ASKED = 200


def main(folder: Path, file: Path, asked: int) -> None:
    questions = list(islice(cycle([question.text for question in read(file).all]), asked))
    with serving(folder) as service:
        ready = memory_mb(service.process.pid)
        failed = sum(service.get(f"/v1/search?{urlencode({'q': one})}") != 200 for one in questions)
        warm = memory_mb(service.process.pid)
    usual = float(run([sys.executable, "-m", "tests.benchmarks.usual", str(folder), str(file), str(asked)]).output)
    print(f"MB after {asked} questions, {failed} of which failed")
    print(f"  citewell serve    {warm:6.0f}  ({ready:.0f} when ready)")
    print(f"  the usual recipe  {usual:6.0f}  {usual / warm:.2f} times ours")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else ASKED)
