"""The command that judges: check."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import BackproveError
from .app import NOT_RIGHT, app
from .arguments import File, NotationName, Output, Samples, Seed, network_of
from .output import coloured, emit, note_input, width

if TYPE_CHECKING:
    from ..network import Network

MOST = 1_000_000
"""Characters of an answer that are read; the reader refuses longer ones."""


@app.command()
def check(
    file: File,
    quantity: Annotated[
        str | None,
        typer.Argument(
            metavar="QUANTITY",
            help="What it is the derivative in: 'w2[1,2]' or w2.",
            show_default=False,
        ),
    ] = None,
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="ANSWER", help="The answer; else --answer, --file or stdin.", show_default=False
        ),
    ] = None,
    answer: Annotated[
        str | None,
        typer.Option(
            "--answer",
            "-a",
            metavar="TEXT",
            show_default=False,
            help="The answer: LaTeX or plain, one line or many.",
        ),
    ] = None,
    given: Annotated[
        Path | None,
        typer.Option("--file", metavar="F", show_default=False, help="A file with the answer."),
    ] = None,
    claim: Annotated[
        bool, typer.Option("--claim", help="Judge equations on their own, about no QUANTITY.")
    ] = False,
    code: Annotated[
        str | None,
        typer.Option(
            "--code",
            metavar="PATH[:NAME]",
            show_default=False,
            help="Judge a backward pass in Python: this RUNS the file.",
        ),
    ] = None,
    notation: NotationName = "as-written",
    samples: Samples = None,
    seed: Seed = 0,
    json_: Annotated[bool, typer.Option("--json", help="Answer as JSON.")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Append the correct derivation.")
    ] = False,
    output: Output = None,
) -> None:
    """Judge a hand-written derivation.

    Each line is compared with the one before, the last with the truth. The exit code is 0 for
    right, 1 for wrong or right under another convention, 2 for unreadable.
    """  # fmt: skip
    network = network_of(file, samples)
    if code is not None:
        if answer is not None or given is not None or claim:
            raise BackproveError("--code stands alone: it takes no answer", "leave the others out")
        _judge_code(network, code, tuple(n for n in (quantity, text) if n), seed, json_, output)
        return
    if claim and text is None and answer is None and given is None and quantity is not None:
        quantity, text = None, quantity
    if quantity is None and not claim:
        raise BackproveError(
            "nothing says what the answer is about",
            f"write `backprove check {file} QUANTITY`, or --claim for an equation on its own",
        )
    _judge(network, file, quantity or "", _answer(text, answer, given), notation, claim, seed,
           json_, explain, output)  # fmt: skip


def _judge(
    network: Network, file: str, quantity: str, answer: str, notation: str, claim: bool,
    seed: int, json_: bool, explain: bool, output: Path | None,
) -> None:  # fmt: skip
    from ..judge import check as check_
    from ..judge.report import report

    verdict = check_(network, quantity, answer, notation=notation, claim=claim, seed=seed)
    if json_:
        emit(json.dumps(verdict.as_json(), ensure_ascii=False, indent=1), output)
        raise typer.Exit(verdict.exit_code)
    text = report(verdict, width(), output is None and coloured())
    asked = "" if notation == "as-written" else f" --notation {notation}"
    if quantity and explain:
        from ..derivation import derive
        from ..render import render

        named = verdict.notation.named_adjoints if verdict.notation else None
        correct = derive(network, quantity, named=named)
        text += "\n" + render(correct, verdict.notation or notation, "text", width=width())
    elif quantity and not verdict.ok:
        text += f"\nThe derivation: backprove explain {file} '{quantity}'{asked}\n"
    emit(text, output)
    raise typer.Exit(verdict.exit_code)


def _judge_code(
    network: Network, code: str, asked: tuple[str, ...], seed: int, json_: bool,
    output: Path | None,
) -> None:  # fmt: skip
    from ..judge.code.passes import check_code

    path, _, name = (
        code.rpartition(":") if ":" in code and not Path(code).exists() else (code, "", "")
    )
    note_input(path)
    print(f"running {path}", file=sys.stderr)
    found = check_code(network, path, name, asked=asked, seed=seed)
    if json_:
        emit(json.dumps(found.as_json(), ensure_ascii=False, indent=1), output)
    else:
        emit(found.text(width()), output)
    raise typer.Exit(0 if found.ok else NOT_RIGHT)


def _answer(text: str | None, answer: str | None, given: Path | None) -> str:
    """The answer's text from the one place where it is given."""
    places = [place for place in (text, answer, given) if place is not None]
    if len(places) > 1:
        raise BackproveError(
            "the answer is given twice", "give it once: ANSWER, --answer or --file"
        )
    if given is not None:
        note_input(given)
        return _decoded(_bytes(given), str(given))
    if places:
        return str(places[0])
    if sys.stdin.isatty():
        print("Write the derivation, then Ctrl-D on a line of its own:", file=sys.stderr)
    return _decoded(sys.stdin.buffer.read(4 * MOST + 1), "stdin")


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4 * MOST + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise BackproveError(f"{path} cannot be read: {why}") from None


def _decoded(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BackproveError(
            f"{where} is not UTF-8 text (byte {error.start})", "save it as plain text"
        ) from None
