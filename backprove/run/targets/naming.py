"""Identifiers of generated source: each is used once, none is a word of the language."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterable

from ..escaping import identifier

LETTERS = ("i", "j", "k", "l", "m", "p", "q", "r", "u", "v")
"""The letters of axes, in the order in which they are taken."""

PYTHON_WORDS = frozenset((*keyword.kwlist, *keyword.softkwlist, *dir(builtins), "self", "ctx"))

C_WORDS = frozenset((
    # C11 and C23
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else",
    "enum", "extern", "float", "for", "goto", "if", "inline", "int", "long", "register",
    "restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch", "typedef",
    "union", "unsigned", "void", "volatile", "while", "alignas", "alignof", "bool", "constexpr",
    "false", "nullptr", "static_assert", "thread_local", "true", "typeof", "typeof_unqual",
    # GNU
    "asm", "linux", "unix", "i386", "main",
    # macros of math.h
    "NAN", "INFINITY", "HUGE", "MAXFLOAT", "DOMAIN", "SING", "OVERFLOW", "UNDERFLOW", "PLOSS",
    "TLOSS", "NULL", "isnan", "isinf", "isfinite", "isnormal", "signbit", "fpclassify",
    "isgreater", "isless", "isunordered", "islessgreater", "isgreaterequal", "islessequal",
    "signgam", "math_errhandling",
    # functions of math.h that the code may call, or that compilers know
    "acos", "asin", "atan", "atan2", "cbrt", "ceil", "copysign", "cos", "cosh", "erf", "erfc",
    "exp", "exp2", "expm1", "fabs", "floor", "fma", "fmax", "fmin", "fmod", "frexp", "gamma",
    "hypot", "j0", "j1", "jn", "ldexp", "lgamma", "log", "log10", "log1p", "log2", "logb", "modf",
    "pow", "remainder", "rint", "round", "sin", "sinh", "sqrt", "tan", "tanh", "tgamma", "trunc",
    "y0", "y1", "yn", "abs", "labs",
))  # fmt: skip
C_MACROS = ("M_", "FP_", "HUGE_", "X_TLOSS")
"""How further macros of math.h begin."""


class Names:
    """The identifiers of one piece of source.

    reserved: words that none may be. prefixes: how none may begin.
    """

    def __init__(self, reserved: Iterable[str], prefixes: tuple[str, ...] = ()) -> None:
        self._reserved = frozenset(reserved)
        self._taken = set(self._reserved)
        self._prefixes = prefixes
        self._counts: dict[str, int] = {}

    def claim(self, name: str) -> str:
        """An identifier like `name` that nothing else has: `w1`, `lambda_`, `z_2`."""
        word = identifier(name)
        if word.startswith(self._prefixes):
            word = f"v_{word}"
        found = f"{word}_" if word in self._reserved else word
        count = self._counts.get(word, 1)
        while found in self._taken:
            count += 1
            found = f"{word}_{count}"
        self._counts[word] = count
        self._taken.add(found)
        return found

    def letters(self, count: int) -> tuple[str, ...]:
        """Letters for axes, such that no quantity is called the same."""
        free = [letter for letter in LETTERS if letter not in self._taken]
        while len(free) < count:
            free.append(self.claim("axis"))
        return tuple(free[:count])
