"""The page as one message: its text, style, modules and pictures, for a frame that asks nowhere.

    page = carried()     # {"html": …, "modules": {name: source}, "workers": {name: source}}

Whoever shows it makes an address for each module and puts them in the page's import map: a
module `js/api.js` is imported as `backprove/js/api.js`. Names are paths from the page's assets.
"""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from pathlib import Path
from posixpath import dirname, normpath
from typing import Any

from .pages import ASSETS, FONTS, KINDS

POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}' blob:; worker-src blob:;"
    " style-src 'nonce-{nonce}'; img-src data: blob:; font-src data:"
)
"""What the frame may load: what it carries, and nothing from any address."""

FIRST_STYLES = ("base", "layout", "editor", "dialogs")
"""The styles of the page as a whole come before those of its parts, which may overrule them."""

_IMPORT = re.compile(r"""(\bfrom\s*|\bimport\s*\(?\s*)(["'`])(\.{1,2}/[^"'`]*)\2""")
_ADDRESS = re.compile(r"""url\(["']?([^"')]+)["']?\)""")
_STYLE = re.compile(r"""@import url\(["']?([^"')]+)["']?\);""")
_IMAGE = re.compile(r"""(<img[^>]*\bsrc=)"assets/([^"]+)\"""")


@cache
def carried() -> dict[str, Any]:
    """The page's files, read once."""
    names = sorted(
        file.relative_to(ASSETS).as_posix()
        for folder in ("js", "vendor")
        for file in (ASSETS / folder).rglob("*.js")
    )
    sources = {name: module(name) for name in names if name != "js/early.js"}
    workers = {name: source for name, source in sources.items() if name.endswith("-worker.js")}
    modules = {name: source for name, source in sources.items() if name not in workers}
    return {"html": html(), "modules": modules, "workers": workers}


def module(name: str) -> str:
    """A module's source, with what it imports from beside it named from the top."""
    here = dirname(name)
    source = (ASSETS / name).read_text(encoding="utf-8")
    return _IMPORT.sub(
        lambda found: f"{found[1]}{found[2]}backprove/{_joined(here, found[3])}{found[2]}", source
    )


def html() -> str:
    """The page. {nonce}, {theme} and {imports} stand for what is known where it is shown."""
    page = (ASSETS / "index.html").read_text(encoding="utf-8")
    body = page[page.index("<body>") :]
    body = _IMAGE.sub(lambda found: f'{found[1]}"{_data(ASSETS / found[2])}"', body)
    files = [ASSETS / "css" / f"{name}.css" for name in FIRST_STYLES]
    for folder in ("vendor", "css"):
        files += [file for file in sorted((ASSETS / folder).rglob("*.css")) if file not in files]
    shown = "\n".join(
        f'<style nonce="{{nonce}}" data-part="{file.stem}">\n{_style(file)}</style>'
        for file in files
    )
    return f"""<!doctype html>
<html lang="en" data-theme="{{theme}}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>backprove explorer</title>
{shown}
<script type="importmap" nonce="{{nonce}}">{{imports}}</script>
<script type="module" nonce="{{nonce}}">import "backprove/js/frame.js";</script>
</head>
{body}"""


def _style(file: Path) -> str:
    """A style with what it imports, its fonts and its pictures within it."""
    text = file.read_text(encoding="utf-8")
    whole = _STYLE.sub(lambda found: _style(file.parent / found[1]), text)
    return _ADDRESS.sub(lambda found: _inside(file, found[1]), whole)


def _inside(file: Path, address: str) -> str:
    return f'url("{address if address.startswith("data:") else _data(_near(file, address))}")'


def _near(file: Path, address: str) -> Path:
    """The file that a style names; the font lies where exported pages have it."""
    found = (file.parent / address).resolve()
    return found if found.is_file() else FONTS / found.name


def _data(file: Path) -> str:
    kind = KINDS[file.suffix].replace(" ", "")
    return f"data:{kind};base64,{b64encode(file.read_bytes()).decode()}"


def _joined(folder: str, address: str) -> str:
    return normpath(f"{folder}/{address}")
