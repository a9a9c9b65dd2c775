"""Text of a file in generated source: identifiers, comments and string literals.

Names and comments of a file may hold anything. Nothing of them reaches generated source but
through these functions: an identifier is made of ASCII letters, digits and underscores; a line
of a comment cannot end the comment, nor its line, nor show text in another order than it has.
"""

from __future__ import annotations

import re
import unicodedata

from ..errors import seen

LONGEST_IDENTIFIER = 48

_MARKS = {"\u0302": "_hat", "\u0303": "_tilde", "\u0304": "_bar", "\u0307": "_dot"}
_SIGNS = {
    "'": "_prime", "\u2032": "_prime", "+": "_plus_", "-": "_minus_", "\u2212": "_minus_",
    "∂": "d",
}  # fmt: skip
_TURNING = {"R", "AL", "AN", "RLE", "RLO", "RLI", "LRE", "LRO", "LRI", "FSI", "PDF", "PDI"}
"""Bidirectional classes that change the order in which the characters beside them are shown."""


def identifier(name: str) -> str:
    """A word of ASCII letters, digits and underscores that resembles `name`.

    It begins with a letter and is never empty; different names may come to the same word.

        >>> [identifier(name) for name in ("w{L-1}", "σ", "ŷ", "x₁", "z'", "2 a", "*/")]
        ['w_L_minus_1', 'sigma', 'y_hat', 'x1', 'z_prime', 'v2_a', 'v']
    """
    spelled = "".join(_spelled(c) for c in unicodedata.normalize("NFKD", name))
    word = re.sub("_+", "_", spelled)[:LONGEST_IDENTIFIER].strip("_")
    return word if word[:1].isalpha() else f"v{word}"


def _spelled(character: str) -> str:
    if character.isascii() and character.isalnum():
        return character
    if character in _SIGNS or character in _MARKS:
        return _SIGNS.get(character) or _MARKS[character]
    if unicodedata.combining(character):
        return ""
    if not character.isalnum() or character.isascii():
        return "_"
    words = unicodedata.name(character, "").partition(" LETTER ")[2].partition(" WITH ")[0]
    if not re.fullmatch("[A-Z0-9 ]+", words):
        return f"u{ord(character):x}"
    letter = words.replace(" ", "_").lower()
    return letter.capitalize() if character.isupper() else letter


def comment(text: str) -> str:
    """One line that is safe in a comment of C or Python, whatever `text` holds.

    Characters that cannot be seen are shown by number; `*/`, `/*` and trigraphs are taken
    apart; a backslash at the end, which would join the next line in C, is shown by number.

        >>> comment("a */ b" + chr(10) + "c ??/ d" + chr(92))
        'a * / b<U+000A>c ? ?/ d<U+005C>'
    """
    shown = re.sub(r"\*(?=/)|/(?=\*)|\?(?=\?)", r"\g<0> ", seen(text))
    return re.sub(r"\\(?=\s*$)", "<U+005C>", shown)


def python_string(text: str) -> str:
    """A literal of Python for `text`, on one line and shown in the order it has.

    >>> python_string('w"1' + chr(0x202e))
    '"w\\\\"1\\\\u202e"'
    """
    return '"' + "".join(_in_string(c) for c in text) + '"'


def _in_string(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if _hidden(character) or unicodedata.bidirectional(character) in _TURNING:
        code = ord(character)
        return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return character


def _hidden(character: str) -> bool:
    """Whether it cannot be seen: controls, format signs, line ends, unusual spaces."""
    return not character.isprintable()
