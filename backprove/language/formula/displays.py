"""Where formulas and lines begin and end in LaTeX: $, \\[ \\], environments, \\\\."""

from __future__ import annotations

from collections.abc import Collection

from ..tree import Mistake
from .commands import BODIES, CASES, DISPLAYS
from .scanner import Scanner

MAX_INSIDE = 20
"""How many environments may stand inside each other."""

_WITH_COLUMNS = frozenset(("array", "alignat", "alignat*", "alignedat", "IEEEeqnarray"))


class Displays(Scanner):
    """Reads what formulas stand in.

    ends_rows: for each formula that is open, whether \\\\ ends its rows, so that the line ends
    of the text do not.
    """

    def __init__(self, text: str, words: Collection[str] = ()) -> None:
        super().__init__(text, words)
        self.ends_rows: list[bool] = []

    def row_end(self, start: int, end: int) -> None:
        r"""\\ , which in brackets only breaks a long line."""
        inside = self.braces[-1] if self.braces else ""
        if inside == "cases":
            self.add("row", "", start, end)
        elif inside == "substack":
            self.add("comma", ",", start, end)
        elif not self.braces:
            self.add("break", "", start, end)

    def line_end(self, start: int, end: int) -> None:
        """The end of a line of the text."""
        if self.braces:
            return
        if not self.math:
            self.add("break", "", start, end)
        elif not self.ends_rows[-1]:
            self.add("newline", "", start, end)

    def dollar(self, sign: str, start: int, end: int) -> None:
        """$ or $$."""
        inside = self.math[-1][0] if self.math else ""
        if inside == "$" and sign == "$$":  # $a$$b$
            self.at = start + 1
            self._leave()
            return
        if inside == sign:
            self._leave()
        else:
            self._enter(sign, sign, start, end)
        if sign == "$$":
            self.add("break", "", start, end)

    def parenthesis(self, sign: str, start: int, end: int) -> None:
        r"""\( \) \[ \]"""
        if sign in ("\\(", "\\["):
            self._enter(sign, "\\)" if sign == "\\(" else "\\]", start, end)
        else:
            opened = "\\(" if sign == "\\)" else "\\["
            if not (self.math and self.math[-1][0] == opened):
                raise Mistake(f"this {sign} closes nothing", (start, end), f"open it with {opened}")
            self._leave()
        if sign in ("\\[", "\\]"):
            self.add("break", "", start, end)

    def environment(self, begins: bool, start: int, end: int) -> None:
        r"""\begin{…} or \end{…}"""
        name, self.at = self.argument(end)
        name = name.strip()
        inside = self.braces[-1] if self.braces else ""
        if name in CASES or (name == "array" and inside == ("visible" if begins else "cases")):
            if not begins:
                self.close("cases", start, self.at)
                return
            if name == "array":
                self._columns()
            self.open("cases", "cases", start, self.at)
        elif name in DISPLAYS:
            self._display(name, begins, start)
        elif name in BODIES:
            self.add("break", "", start, self.at)
        else:
            matrix = ": matrices written out are not read" if "matrix" in name else ""
            raise Mistake(
                f"the environment {name[:40] or '{}'} is not read",
                (start, self.at),
                f"write one formula a line, or use align or cases{matrix}",
            )

    def _display(self, name: str, begins: bool, start: int) -> None:
        sign, end = f"\\begin{{{name}}}", self.at
        if begins:
            if name in _WITH_COLUMNS:
                self._columns()
            self._enter(sign, f"\\end{{{name}}}", start, end)
        elif not self.braces:
            if not (self.math and self.math[-1][0] == sign):
                raise Mistake(
                    f"this \\end{{{name}}} closes nothing", (start, end), f"open it with {sign}"
                )
            self._leave()
        if not self.braces:
            self.add("break", "", start, end)

    def _columns(self) -> None:
        """Pass over {ll} behind an array."""
        at = self.behind_blanks(self.at)
        if self.text[at : at + 1] == "{":
            self.at = self.argument(at)[1]

    def _enter(self, sign: str, ends: str, start: int, end: int) -> None:
        if self.braces:  # it sets a part of a formula, and begins none
            return
        closes = self.text.find(ends, end)
        if closes < 0:
            raise Mistake(f"this {sign} is never closed", (start, end), f"close it with {ends}")
        if len(self.math) == MAX_INSIDE:
            raise Mistake(
                f"more than {MAX_INSIDE} environments inside each other",
                (start, end),
                "remove some",
            )
        rows = self.text.find("\\\\", end, closes) >= 0
        self.ends_rows.append(rows or (bool(self.ends_rows) and self.ends_rows[-1]))
        self.math.append((sign, start))

    def _leave(self) -> None:
        self.math.pop()
        self.ends_rows.pop()
