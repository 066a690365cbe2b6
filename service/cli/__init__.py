"""The `citewell` command: parses, calls one function, prints. Only this package prints and exits.

Whatever is slow to import is imported by the command that needs it, so that help comes at once.
"""

import os
import sys
from typing import NoReturn

import typer

from indexer.errors import CitewellError, ModelError, UnusableIndexError
from service.cli import find, keep, measure, serve  # noqa: F401 - each adds its commands to the application
from service.cli.command import FOUND, INTERRUPTED, NO_INDEX, USAGE, app, configure


def main() -> NoReturn:
    """Run the command and exit with its code."""
    configure(sys.stdout, errors="replace")  # a terminal that is not UTF-8 gets "?" for what it cannot show
    try:
        code = app(prog_name="citewell", standalone_mode=False)
        sys.stdout.flush()
    except CitewellError as error:
        code = _failed(str(error), _exit_code(error))
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except (BrokenPipeError, SystemExit):  # the reader of our output has seen enough; Typer and Rich exit at that
        _drop_output()
        code = FOUND
    except OSError as error:  # a full disk, a missing right
        if error.filename is None:  # perhaps of the output itself
            _drop_output()
        code = _failed(f"{error.strerror}{f': `{error.filename}`' if error.filename else ''}", NO_INDEX)
    except Exception as error:
        if not hasattr(error, "show"):  # not one of the command line's own usage errors
            raise
        error.show()
        code = USAGE
    if code == INTERRUPTED:  # which is also what Typer makes of a KeyboardInterrupt
        _failed("interrupted; the index is whole", INTERRUPTED)
    sys.exit(code if isinstance(code, int) else FOUND)


def _drop_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tries once more when it ends


def _failed(message: str, code: int) -> int:
    from service.terminal import safe

    print(f"citewell: {safe(message)}", file=sys.stderr)  # noqa: T201
    return code


def _exit_code(error: CitewellError) -> int:
    return NO_INDEX if isinstance(error, UnusableIndexError | ModelError) else USAGE
