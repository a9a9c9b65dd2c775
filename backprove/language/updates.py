"""Files of update equations: optimizers, schedules, and what is done to a gradient before.

They are written in the equations of a network, with other declarations. A label says which
step is meant: `w{t}` is what an update makes of `w{t-1}`; `t` itself is the number of the
step, from 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from ..expr import ZERO
from ..functions import Function
from ..network import Kind, Label, Network
from .elaborate import Elaborator, refuse_cycles
from .names import Known
from .source import normalized, text_of
from .syntax import lines_of
from .tree import (
    EquationLine,
    FunctionLine,
    ItemLine,
    Line,
    Mistake,
    Name,
    Scope,
    SizeLine,
    Source,
    Span,
    UpdateItemLine,
    Use,
)

Gives: TypeAlias = Literal["parameter", "gradient", "rate"]
"""What a file makes: an optimizer the parameter, a schedule the rate, others a gradient."""

FLOOR = Function("floor", ZERO, numpy="floor", text="floor", latex=r"\operatorname{floor}")
"""The largest whole number that is not above its argument, a number of the step only."""

_LABELLED = ("gradient", "parameter", "state")


@dataclass(frozen=True)
class Update:
    """What one file says.

    network: its quantities and equations, all for one component of a parameter; what it makes
    stands as the loss. gives: what that is. step: the name of the step's number. rate, decay,
    gradient, parameter, steps: the names declared so, "" where there is none (gradient and
    parameter without their label); steps is the number of all steps of a run.
    states: what is kept from step to step beside the parameter, 0 at first.
    """

    network: Network
    gives: Gives
    step: str
    rate: str = ""
    decay: str = ""
    gradient: str = ""
    parameter: str = ""
    steps: str = ""
    states: tuple[str, ...] = ()

    def now(self, name: str) -> str:
        """The name of a state, the parameter or the gradient at this step: w{t}."""
        return f"{name}{{{Label(self.step, 0)}}}"

    def before(self, name: str) -> str:
        """The name of a state or the parameter before this step: w{t-1}."""
        return f"{name}{{{Label(self.step, -1)}}}"


def parse_update(text: str, file: str = "<text>") -> Update:
    """What a text of update equations says.

    Raises SourceError, with the line, the column and a suggestion, for the first mistake.
    """
    source = Source(normalized(text), file)
    try:
        return _UpdateElaborator(source).update(lines_of(source, "update"))
    except Mistake as mistake:
        raise source.error(mistake) from None


def read_update(path: str | Path) -> Update:
    """What a file of update equations says. Raises SourceError, BackproveError."""
    return parse_update(text_of(path), str(path))


class _UpdateElaborator(Elaborator):
    def update(self, lines: list[Line]) -> Update:
        """Raises Mistake at the first thing that does not fit."""
        self.names.functions[FLOOR.name] = FLOOR
        self.names.words[FLOOR.name] = "a function"
        items = [line for line in lines if isinstance(line, UpdateItemLine)]
        functions = [line for line in lines if isinstance(line, FunctionLine)]
        equations = [line for line in lines if isinstance(line, EquationLine)]
        for size in (line for line in lines if isinstance(line, SizeLine)):
            self.names.claim(size.name, "a size")
            self.names.sizes[size.name.text] = None if size.value is None else int(size.value)
        for function in functions:
            self.names.claim_function(function)
        step = self._step(items, equations)
        kinds: dict[str, list[ItemLine]] = {}
        for line in items:
            kinds.setdefault(line.kind, []).append(line.item)
            self._declare_one(line.kind, line.item, step)
        for kind in ("rate", "decay", "gradient", "parameter", "steps"):
            if len(kinds.get(kind, ())) > 1:
                raise Mistake(f"there is already a {kind}", kinds[kind][1].name.span)
        scopes = [self._head_of(equation, step) for equation in equations]
        for function in functions:
            self._define(function)
        users: dict[str, dict[str, Span]] = {}
        for equation, scope in zip(equations, scopes, strict=True):
            self.look.mentions = users[equation.left.name.text] = {}
            self.look.look(equation.right, scope)
        self._check_axes()
        self.look.settle()
        refuse_cycles(users, f"what was there before the step has the label {{{Label(step, -1)}}}")
        declared = {kind: rows[0].name.base for kind, rows in kinds.items()}
        states = tuple(item.name.base for item in kinds.get("state", ()))
        gives, made = self._made(kinds, equations, users, step)
        self._refuse_misplaced(gives, kinds, functions)
        network = Network(
            [self._quantity(known) for known in self.names.known.values()],
            [self._equation(equation) for equation in equations],
            made,
            functions=self.names.functions,
            sizes=self.names.sizes,
            file=self.source.file,
            text=self.source.text,
        )
        return Update(
            network, gives, step,
            declared.get("rate", ""), declared.get("decay", ""), declared.get("gradient", ""),
            declared.get("parameter", ""), declared.get("steps", ""), states,
        )  # fmt: skip

    # -- declarations ----------------------------------------------------------------------

    def _step(self, items: Iterable[UpdateItemLine], equations: Iterable[EquationLine]) -> str:
        """The letter of the step, as the first label says; it becomes a number."""
        names = [line.item.name for line in items] + [line.left.name for line in equations]
        labels = [name for name in names if name.label is not None]
        if not labels:
            span = names[0].span if names else (0, 1)
            raise Mistake(
                "no label says what belongs to which step",
                span,
                "write w{t} for what the step makes of w{t-1}",
            )
        label = labels[0].label
        assert label is not None
        if not label.symbol or label.offset:
            raise Mistake(
                f"{labels[0].text} is not at this step",
                labels[0].span,
                f"declare {labels[0].base}{{t}}; t is the number of the step",
            )
        name = Name(label.symbol, label.symbol, None, labels[0].span)
        self.names.claim(name, "the number of the step")
        self.names.known[label.symbol] = Known(name, "constant", ())
        return label.symbol

    def _declare_one(self, kind: str, item: ItemLine, step: str) -> None:
        name = item.name
        if item.constraint is not None:
            raise Mistake(f"a {kind} cannot have a constraint", name.span)
        if item.axes and kind != "gradient":
            raise Mistake(
                f"a {kind} has no axes here: the equations are those of one component",
                name.span,
                f"write `{kind} {name.text}`",
            )
        if kind not in _LABELLED:
            if name.label is not None:
                raise Mistake(f"a {kind} is declared without a label", name.span)
            self._declare_as(item, "constant")
            return
        self._refuse_other_label(name, step)
        if item.value is not None:
            raise Mistake(
                f"a {kind} is given no value here",
                item.value.span,
                "a state is 0 before the first step" if kind == "state" else "",
            )
        if kind == "gradient":
            self._declare_as(item, "input")
            return
        text = f"{name.base}{{{Label(step, -1)}}}"
        before = Name(text, name.base, Label(step, -1), name.span)
        self._declare_as(ItemLine("input", before, (), None, None), "input")

    def _declare_as(self, item: ItemLine, kind: Kind) -> None:
        item.kind = kind
        self._declare(item)

    def _check_axes(self) -> None:
        """An axis that goes over all components has no literal positions."""
        for axis, position in self.look.literals:
            raise Mistake(
                f"{axis.says} is as long as all parameters together: no component is singled out",
                position.span,
                "write a letter, as in g{t}[i]",
            )

    @staticmethod
    def _refuse_other_label(name: Name, step: str) -> None:
        if name.label != Label(step, 0):
            raise Mistake(
                f"{name.text} is not at this step", name.span, f"write {name.base}{{{step}}}"
            )

    # -- equations -------------------------------------------------------------------------

    def _head_of(self, line: EquationLine, step: str) -> Scope:
        if line.left.name.label is not None:
            self._refuse_other_label(line.left.name, step)
        return self._head(line)

    def _made(
        self,
        kinds: dict[str, list[ItemLine]],
        equations: Sequence[EquationLine],
        users: dict[str, dict[str, Span]],
        step: str,
    ) -> tuple[Gives, str]:
        """What the file makes, and the name of that; everything declared must be given."""

        def now(item: ItemLine) -> str:
            return f"{item.name.base}{{{Label(step, 0)}}}"

        for item in kinds.get("state", []):
            if now(item) not in users:
                raise Mistake(
                    f"no equation gives {now(item)}", item.name.span, f"write `{now(item)} = …`"
                )
        for item in kinds.get("parameter", []):
            if now(item) in users:
                if "rate" not in kinds:
                    raise Mistake("no rate is declared", item.name.span, "write `rate eta = 0.01`")
                return "parameter", now(item)
        for item in kinds.get("rate", []):
            if "gradient" not in kinds:
                if now(item) in users:
                    return "rate", now(item)
                raise Mistake(
                    f"no equation gives {now(item)}", item.name.span, f"write `{now(item)} = …`"
                )
        used = {name for mentioned in users.values() for name in mentioned}
        unused = [equation.left for equation in equations if equation.left.name.text not in used]
        if len(unused) != 1 or "gradient" not in kinds or "state" in kinds:
            raise Mistake(*_nothing_made(kinds, unused))
        return "gradient", unused[0].name.text

    @staticmethod
    def _refuse_misplaced(
        gives: Gives, kinds: dict[str, list[ItemLine]], functions: Sequence[FunctionLine]
    ) -> None:
        """What one kind of file may declare and another may not."""
        for item in kinds.get("gradient", []):
            if not item.axes:
                continue
            if gives == "parameter" or "parameter" in kinds:
                raise Mistake(
                    "the gradient has an axis only in a file for gradients alone",
                    item.name.span,
                    f"write `gradient {item.name.text}`: the equations are those of one component",
                )
            if len(item.axes) > 1 or isinstance(item.axes[0].value, int):
                raise Mistake(
                    "a gradient has one axis, for the components of all parameters together",
                    item.axes[0].span,
                    f"write `size n` and `gradient {item.name.text}[n]`",
                )
        for function in functions:
            if function.body is None and gives != "rate":
                raise Mistake(
                    f"{function.name.text} is only a name, so it has no numbers",
                    function.name.span,
                    f"define it: `function {function.name.text}(u) = …`",
                )


def _nothing_made(kinds: dict[str, list[ItemLine]], unused: Sequence[Use]) -> tuple[str, Span, str]:
    """What to say of a file of which it is not clear what it makes."""
    for item in kinds.get("parameter", []):
        text = item.name.text
        return f"no equation gives {text}", item.name.span, f"write `{text} = …`"
    if len(unused) > 1:
        return (
            f"nothing uses {unused[0].name.text}, nor {unused[1].name.text}",
            unused[1].name.span,
            "what becomes of the gradient is the one quantity that no other equation uses",
        )
    return (
        "nothing says what this file is for",
        (0, 1),
        "declare a parameter for an optimizer, a rate alone for a schedule",
    )
