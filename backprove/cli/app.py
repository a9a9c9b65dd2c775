"""The application: its commands, and what becomes of anything that goes wrong in one.

Exit codes: 0 good, 1 not right as asked, 2 the input could not be read or used, 130 stopped
by Ctrl-C. Whatever happens, one clear message goes to stderr and no traceback; with
BACKPROVE_DEBUG=1 the traceback of an unexpected error is shown.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from .. import __version__
from ..errors import BackproveError
from .output import prepare_streams

NOT_RIGHT = 1
UNUSABLE = 2
INTERRUPTED = 130


class Commands(TyperGroup):
    """The group of commands; turns every exception into one message and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except BackproveError as error:
            complain(str(error))
            raise typer.Exit(UNUSABLE) from None
        except KeyboardInterrupt:
            complain("stopped")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # The reader has left (`| head`); nothing more can be said, not even at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except (OSError, MemoryError, RecursionError) as error:
            complain(_ordinary(error))
            raise typer.Exit(UNUSABLE) from None
        except Exception as error:
            if type(error).__module__.partition(".")[0] in ("typer", "click"):
                raise
            if os.environ.get("BACKPROVE_DEBUG"):
                traceback.print_exc()
            complain(
                f"this is a mistake in backprove: {type(error).__name__}: {first_line(error)}\n"
                "  please report it with the command and the file; BACKPROVE_DEBUG=1 shows where"
            )
            raise typer.Exit(UNUSABLE) from None


def complain(message: str) -> None:
    """Print one message on stderr."""
    print(f"backprove: {message}", file=sys.stderr)


def first_line(error: BaseException) -> str:
    """What an exception says, shortened to a line."""
    return next(iter(str(error).splitlines()), "")[:200]


def _ordinary(error: BaseException) -> str:
    """What to say of an error of the machine: a file, memory, or depth."""
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or first_line(error)}"
    if isinstance(error, MemoryError):
        return "this needs more memory than there is; make the sizes smaller"
    return "this is nested too deeply; write it in several equations"


app = typer.Typer(
    cls=Commands,
    help="Turns a neural network into its equations, derives every gradient step by step, "
    "verifies each step, and trains the network.",
    epilog="FILE is a .bp file or a builder such as mlp:784-128-10,tanh,squared_error.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"backprove {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and leave."
        ),
    ] = False,
) -> None:
    """Options that stand before a command."""


def main() -> None:
    """Run the command line with the arguments of this process."""
    prepare_streams()
    app(prog_name="backprove")
