"""The `citewell` command: parses, calls one function, prints. Only this package prints and exits.

Whatever is slow to import is imported by the command that needs it, so that help comes at once.
"""

import os
import sys
from io import StringIO
from typing import NoReturn

import typer

from indexer.errors import CitewellError, ModelError, UnusableIndexError
from service.cli import assist, backup, check, doctor, find, judge, keep, keys, measure, move, serve, watch  # noqa: F401 - each adds its commands to the application
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
        message = StringIO()
        error.show(message)  # it repeats the arguments, which a script may have taken from anywhere
        _print(message.getvalue())
        code = USAGE
    if code == INTERRUPTED:  # which is also what Typer makes of a KeyboardInterrupt
        _failed("interrupted; the index is whole", INTERRUPTED)
    sys.exit(code if isinstance(code, int) else FOUND)


def _drop_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tries once more when it ends


def _failed(message: str, code: int) -> int:
    _print(f"citewell: {message.replace(chr(10), ' ')}\n")
    return code


def _print(message: str) -> None:
    from service.signs import safe

    print(safe(message), end="", file=sys.stderr)  # noqa: T201


def _exit_code(error: CitewellError) -> int:
    return NO_INDEX if isinstance(error, UnusableIndexError | ModelError) else USAGE
