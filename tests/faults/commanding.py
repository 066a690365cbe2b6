"""The `citewell` command with stand-ins for the model and the readers, once for each list of arguments.

`python -m tests.faults.commanding JSON`, where JSON is a list of lists. With PLANTED_BUG set, nothing is made safe.
"""

import json
import os
import sys
from types import TracebackType
from typing import Self

import indexer.encoder
import indexer.extract
from indexer.settings import Settings
from service import cli, signs, terminal
from tests.fakes import TextReaders, WordEncoder

END = "--- end of a command ---"


class FakeReaders(TextReaders):
    """`TextReaders` in the shape that the command uses."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def main() -> None:
    """Run the commands one after the other, each in a process of its own."""
    setattr(indexer.encoder, "SentenceEncoder", lambda settings: WordEncoder())  # noqa: B010 - mypy minds the other
    setattr(indexer.extract, "Readers", FakeReaders)  # noqa: B010
    if os.environ.get("PLANTED_BUG"):
        for module in (terminal, signs):
            setattr(module, "safe", str)  # noqa: B010
        setattr(terminal, "safe_line", str)  # noqa: B010
    for arguments in json.loads(sys.argv[1]):
        if not (child := os.fork()):
            sys.argv = ["citewell", *arguments]
            cli.main()
        os.waitpid(child, 0)
        sys.stdout.write(f"{END}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
