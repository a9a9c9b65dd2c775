r"""The commands of LaTeX: one row each, `\cdot` is a product's sign, `\quad` is space."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from .tokens import SIGNS, Kind
from .words import word_set

_GREEK = {
    unicodedata.name(letter).split()[-1].lower(): letter for letter in "αβγδεζηθικμνξοπρστυφχψω"
} | {
    unicodedata.name(letter).split()[-1].capitalize(): letter for letter in "ΓΘΞΠΣΥΦΨΩ"
} | {
    "lambda": "λ", "Lambda": "Λ", "varepsilon": "ε", "varphi": "φ", "vartheta": "θ",
    "varrho": "ρ", "varsigma": "σ", "ell": "ℓ", "hbar": "ħ", "imath": "i", "jmath": "j",
    "infty": "∞", "top": "T", "intercal": "T", "dagger": "†", "aleph": "ℵ",
}  # fmt: skip

_SIGN_OF = {
    "cdot": "·", "cdotp": "·", "bullet": "·", "times": "×", "ast": "*", "div": "÷",
    "odot": "⊙", "circ": "∘", "bigodot": "⊙", "oslash": "⊘", "otimes": "⊗", "neq": "≠",
    "ne": "≠", "leq": "≤", "le": "≤", "leqslant": "≤", "geq": "≥", "ge": "≥", "geqslant": "≥",
    "lt": "<", "gt": ">", "in": "∈", "equiv": "≡", "coloneqq": "≔", "triangleq": "≜",
    "partial": "∂", "nabla": "∇", "Delta": "Δ", "sum": "∑", "prod": "∏", "dots": "…",
    "ldots": "…", "cdots": "…", "dotsc": "…", "dotsb": "…", "dotsm": "…", "vdots": "…",
    "colon": ":", "prime": "′", "vert": "|", "Vert": "‖", "mid": "|", "forall": "∀",
    "Rightarrow": "⇒", "implies": "⇒", "Longrightarrow": "⇒", "therefore": "⇒",
    "because": "⇒", "Leftrightarrow": "⇒", "iff": "⇒", "Longleftrightarrow": "⇒",
    "lbrack": "[", "rbrack": "]", "slash": "/", "land": "∧", "wedge": "∧",
}  # fmt: skip

COMMANDS: Mapping[str, tuple[Kind, str]] = {
    **{name: ("name", letter) for name, letter in _GREEK.items()},
    **{name: SIGNS[sign] for name, sign in _SIGN_OF.items() if sign in SIGNS},
    "frac": ("fraction", ""), "dfrac": ("fraction", ""), "tfrac": ("fraction", ""),
    "cfrac": ("fraction", ""), "nicefrac": ("fraction", ""), "sfrac": ("fraction", ""),
    "over": ("over", ""), "sqrt": ("root", "√"),
    "max": ("big", "max"), "min": ("big", "min"), "argmax": ("big", "argmax"),
    "lvert": ("open", "|"), "rvert": ("close", "|"), "lVert": ("open", "‖"),
    "rVert": ("close", "‖"), "lbrace": ("open", "{"), "rbrace": ("close", "}"),
    "hat": ("accent", "\u0302"), "widehat": ("accent", "\u0302"), "tilde": ("accent", "\u0303"),
    "widetilde": ("accent", "\u0303"), "bar": ("accent", "\u0304"),
    "overline": ("accent", "\u0304"), "dot": ("accent", "\u0307"), "check": ("accent", "\u030c"),
    "underbrace": ("wrapper", ""), "overbrace": ("wrapper", ""),
    "quad": ("quad", ""), "qquad": ("quad", ""), "hfill": ("quad", ""),
    "par": ("break", ""), "newline": ("break", ""), "cr": ("break", ""), "item": ("break", ""),
}  # fmt: skip

FUNCTION_COMMANDS = word_set(
    "exp ln log tanh sin cos sinh cosh tan cot arctan lg sec arcsin arccos"
)

IGNORED = word_set("""
    displaystyle textstyle scriptstyle scriptscriptstyle limits nolimits nonumber notag mathstrut
    strut allowbreak nobreak noindent centering boxed cancel bcancel xcancel enspace thinspace
    medspace thickspace negthinspace relax big Big bigg Bigg bigl Bigl biggl Biggl bigr Bigr
    biggr Biggr bigm Bigm biggm Biggm middle mathop mathrel mathbin mathord mathopen mathclose
    substack smash mathstrut maketitle newpage allowdisplaybreaks bf it rm sf tt cal boldmath
    underline blacksquare square Box qed qedhere
    smallskip medskip bigskip hline hfil ensuremath
""")  # fmt: skip
"""Commands that change the look only; what they stand before is read."""

DROPPED: Mapping[str, int] = {
    "label": 1, "tag": 1, "tag*": 1, "hspace": 1, "hspace*": 1, "vspace": 1, "vspace*": 1,
    "rule": 2, "phantom": 1, "hphantom": 1, "vphantom": 1, "color": 1, "textcolor": 1,
    "colorbox": 1, "documentclass": 1, "usepackage": 1, "cite": 1, "href": 1, "fontsize": 2,
    "setlength": 2,
}  # fmt: skip
"""Commands that are dropped with so many arguments."""

PROSE = word_set("""
    intertext shortintertext section subsection subsubsection paragraph title author caption
    footnote emph textbf textit section* subsection* subsubsection* paragraph* ref eqref
    textsl textsc
""")  # fmt: skip
"""Commands whose argument is words."""

TITLES = word_set("""
    intertext shortintertext section subsection subsubsection section* subsection* subsubsection*
    paragraph paragraph*
    """)
"""Those of them that stand on a line of their own."""

WORDS = word_set("""
    text mbox textrm textnormal textsf texttt hbox mathrm mathit mathsf mathtt operatorname
    operatorname* mathnormal
""")  # fmt: skip
"""Fonts in which several letters are one word."""

BOLD = word_set("mathbf boldsymbol bm pmb vec mathbfit bold")

LETTERS = BOLD | word_set("mathcal mathscr mathfrak mathbb mathds mathbbm")
"""Fonts in which each letter stands for itself."""

DISPLAYS = word_set("""
    align align* aligned equation equation* gather gather* gathered split multline multline*
    eqnarray eqnarray* alignat alignat* alignedat flalign flalign* displaymath math array
    IEEEeqnarray IEEEeqnarray*
""")  # fmt: skip
"""Environments that hold lines of formulas."""

CASES = word_set("cases dcases cases* dcases* rcases")

BODIES = word_set("document center quote itemize enumerate proof")
"""Environments that hold text."""

REFUSED = word_set("""
    def edef gdef xdef let newcommand renewcommand providecommand DeclareMathOperator input include
    includegraphics write read openin openout catcode csname expandafter loop repeat special
    newenvironment renewenvironment futurelet afterassignment
""")  # fmt: skip

UNREAD_COMMANDS: Mapping[str, str] = {
    "approx": "≈", "simeq": "≃", "cong": "≅", "sim": "∼", "propto": "∝", "leftarrow": "←",
    "gets": "←", "longleftarrow": "←", "to": "→", "rightarrow": "→", "longrightarrow": "→",
    "mapsto": "↦", "langle": "⟨", "rangle": "⟩", "pm": "±", "mp": "∓", "int": "∫",
    "lor": "∨", "vee": "∨",
}  # fmt: skip
