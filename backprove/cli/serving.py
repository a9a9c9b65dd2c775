"""The command that opens the explorer in the browser: serve."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import BackproveError
from .app import app
from .arguments import network_of, warn

if TYPE_CHECKING:
    from ..web.pages import Interface

NEEDED = ("fastapi", "uvicorn", "websockets", "pebble")
"""The packages of the extra `serve`."""


@app.command()
def serve(
    file: Annotated[
        str | None,
        typer.Argument(metavar="[FILE]", help="The .bp file or builder that the page starts with."),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="The address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            metavar="N",
            min=0,
            max=65535,
            show_default=False,
            help="By default 8765, or the next that is free.",
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            metavar="TOKEN",
            envvar="BACKPROVE_TOKEN",
            show_default=False,
            show_envvar=False,
            help="What opens the page; by default drawn. Others see an option, but not the variable"
            " BACKPROVE_TOKEN.",
        ),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Whether to open the browser.")
    ] = True,
) -> None:
    """Open the explorer in the browser.

    Runs until Ctrl-C. The link that it prints carries a token, without which the page does not
    open.
    """
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise BackproveError(
            f"the explorer needs packages that are not installed: {', '.join(missing)}",
            "pip install 'backprove[serve]'",
        )
    if token is not None and not _fits_link(token):
        raise BackproveError(
            "the token is empty, or has blanks or signs that a link does not hold",
            "leave it out, and one is drawn",
        )
    start = None if file is None else _text_of(file)

    from ..web.server import open_to_others
    from ..web.server import serve as serve_page

    if open_to_others(host):
        warn(
            f"other machines can reach this page at {host}; the token keeps them out, but it is"
            " sent unencrypted"
        )

    def load() -> Interface:
        from ..web.workers import Workers

        workers = Workers(warming="backprove.web.warming")
        workers.start()  # they load while this process does

        from ..web.app import interface
        from ..web.opening import Start

        first = None if start is None else Start(text=start[0], file=start[1])
        return interface(workers, first)

    serve_page(load, host, port, token, browser, say=_say)


def _fits_link(token: str) -> bool:
    return token.isascii() and token.isprintable() and token != "" and " " not in token


def _text_of(file: str) -> tuple[str, str]:
    """The text and the name of what the page starts with. Raises BackproveError where it is no
    network, or longer than a page takes."""
    from ..web import limits

    text = network_of(file).text or file  # a builder is its own text
    if len(text) > limits.TEXT:
        raise BackproveError(
            f"{file} has {len(text):,} characters; the page takes {limits.TEXT:,}",
            "the other commands take it as it is",
        )
    return text, Path(file).name if text != file else file


def _say(link: str) -> None:
    typer.echo(f"The explorer is at {link} (Ctrl-C ends it)")
    sys.stdout.flush()
