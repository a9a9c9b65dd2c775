"""What the sources in NumPy, PyTorch and JAX have in common: forward pass and loss."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import prod

from ...network import ADJOINT, Network, Quantity, Value
from ..escaping import python_string
from ..lower import MEAN_LOSS
from ..numpy_backend import as_float
from .comments import Equations, about, described, lines, shape_text
from .expressions import Body, Dialect, Statement, Writer
from .naming import PYTHON_WORDS, Names
from .plan import Part, Plan, plan

MEANS = "# below, ∂ is of each sample's own loss; the gradients are means over the samples"
"""What stands at the beginning of a backward pass."""

FUNCTIONS = (
    "forward",
    "loss",
    "loss_and_values",
    "gradients",
    "initial_parameters",
    "SHAPES",
    "CONSTANTS",
)
"""Names that the sources define themselves."""

INDENT = "    "


class PythonSource:
    """The pieces of one source, from which a target puts its file together.

    data: whether the gradients in inputs and targets are wanted. parameters_first: whether the
    parameters stand before the data among a function's arguments.
    """

    def __init__(
        self,
        network: Network,
        dialect: Dialect,
        reserved: Iterable[str],
        *,
        inputs: bool,
        targets: bool,
        parameters_first: bool = False,
    ) -> None:
        self.plan = plan(network, inputs=inputs, targets=targets)
        self.dialect, self.parameters_first = dialect, parameters_first
        words = (*PYTHON_WORDS, *reserved, *FUNCTIONS, dialect.module, *dialect.helpers)
        self.names = Names(words)
        self.parameters, self.values = self.names.claim("parameters"), self.names.claim("values")
        self.argument = {name: self.names.claim(name) for name in self.plan.given}
        """The identifier of each given quantity, by name."""
        kinds = ("weight", "bias", "input", "target", "constant")
        first = sorted(self.plan.given, key=lambda n: kinds.index(network[n].kind))
        self.writer = Writer(
            self.plan, dialect, self.names, {self.plan.given[n]: self.argument[n] for n in first}
        )
        self.bodies: dict[Part, Body] = {
            "forward": self.writer.body("forward"),
            "loss": self.writer.body("loss"),
            "backward": self.writer.body("backward"),
        }
        self.inputs = [self.argument[q.name] for q in self.plan.inputs]
        self.targets = [self.argument[q.name] for q in self.plan.targets]
        self.trained = [self.argument[q.name] for q in network.trained]
        self._by_buffer = {b: n for n, b in self.plan.given.items()}
        self.gradients = {
            name: self.writer.result(ADJOINT + name, self.plan.given[name])
            for name in self.plan.gradients
        }
        """The code of each gradient, by quantity."""
        self.bodies["backward"].read(*self.gradients.values())
        self.mean_loss = self.writer.result(MEAN_LOSS)
        self.bodies["loss"].read(self.mean_loss)
        owned = self.plan.owner(self.plan.results[MEAN_LOSS].buffer) == MEAN_LOSS
        self.mean_name = self.mean_loss.text if owned else self.names.claim("mean_loss")
        self._shown = {
            name: self.writer.result(name) for name in self.plan.values if not network[name].hidden
        }
        self.bodies["forward"].read(*self._shown.values())
        constants = {self.plan.given[q.name] for q in self.plan.constants}
        for body in self.bodies.values():
            if body.reads & constants:
                body.read(self.writer.kind())

    # -- pieces ----------------------------------------------------------------------------

    def arguments(self, *names: str) -> str:
        """The data arguments with the parameters beside them: `x, y, parameters`."""
        row = [self.parameters, *names] if self.parameters_first else [*names, self.parameters]
        return ", ".join(row)

    def head(self, title: str) -> Iterator[str]:
        """The comment at the top."""
        for line in about(self.plan, title):
            yield f"# {line}"
        for q in (*self.plan.inputs, *self.plan.targets):
            shape = shape_text(self.plan.shape(q.name), "n")
            text = f"{described(q, self.argument[q.name])}: shape {shape}, n samples"
            yield from (f"# {line}" for line in lines(text))

    def shapes(self) -> Iterator[str]:
        """`SHAPES`: of the parameters, by name."""
        yield "SHAPES = {"
        for q in self.plan.network.trained:
            yield f"{INDENT}{python_string(q.name)}: {shape_text(self.plan.shape(q.name))},"
        yield "}"

    def constants(self, template: str) -> Iterator[str]:
        """`CONSTANTS`: the tensors that the file gives, by name; template: `np.array({})`."""
        if self.plan.constants:
            yield from ("", "CONSTANTS = {")
            for q in self.plan.constants:
                assert q.value is not None, "constants without a value were refused"
                text = literal(q.value, self.plan.shape(q.name))
                yield f"{INDENT}{python_string(q.name)}: {template.format(text)},"
            yield "}"

    def helpers(self) -> Iterator[str]:
        """The definitions of the helpers that are used, and of those that these use."""
        table, waiting = self.dialect.helpers, list(self.writer.helpers)
        wanted: set[str] = set()
        while waiting:
            name = waiting.pop()
            wanted.add(name)
            waiting += _words(table[name]) & table.keys() - wanted
        for name, text in table.items():
            if name in wanted:
                yield from ("", "", *text.strip("\n").splitlines())

    def forward(self) -> Iterator[str]:
        """The function of the forward pass."""
        body = self.bodies["forward"]
        yield f"def forward({self.arguments(*self.inputs)}):"
        yield f'{INDENT}"""The values of the forward pass, by name; a row a sample."""'
        yield from self.unpacked(body.reads, "forward")
        yield from self.statements("forward")
        yield f"{INDENT}return {{"
        shown = {python_string(name): code.text for name, code in self._shown.items()}
        for key, text in shown.items():
            yield f"{INDENT}{INDENT}{key}: {text},"
        later = self.bodies["loss"].reads | self.bodies["backward"].reads
        for buffer in sorted(later):
            key = self.key(buffer)
            if self.writer.made_in.get(buffer) == "forward" and key not in shown:
                yield f"{INDENT}{INDENT}{key}: {self.writer.identifiers[buffer]},"
        yield f"{INDENT}}}"

    def loss(self) -> Iterator[str]:
        """The function of the mean loss, which hands on the values of the forward pass."""
        writer, body = self.writer, self.bodies["loss"]
        yield f"def loss_and_values({self.arguments(*self.inputs, *self.targets)}):"
        yield f'{INDENT}"""The mean loss over the samples, and the values behind it, by name."""'
        yield f"{INDENT}{self.values} = forward({self.arguments(*self.inputs)})"
        yield from self.unpacked(body.reads, "loss")
        yield from self.statements("loss")
        for buffer in sorted(self.bodies["backward"].reads):
            if writer.made_in.get(buffer) == "loss":
                yield f"{INDENT}{self.values}[{self.key(buffer)}] = {writer.identifiers[buffer]}"
        yield f"{INDENT}return {self.mean_loss.text}, {self.values}"

    def unpacked(self, reads: Iterable[int], part: Part, indent: str = INDENT) -> Iterator[str]:
        """The lines that give names to what a part reads: parameters, and earlier values."""
        writer, found = self.writer, set(reads)
        for q in self.plan.network.trained:
            if self.plan.given[q.name] in found:
                key = python_string(q.name)
                yield f"{indent}{self.argument[q.name]} = {self.parameters}[{key}]"
        yield from self.cast_constants(found, indent)
        for buffer in sorted(found):
            if writer.made_in.get(buffer, part) != part:
                name = writer.identifiers[buffer]
                yield f"{indent}{name} = {self.values}[{self.key(buffer)}]"
        yield from self.counted(part, indent)

    def cast_constants(self, reads: Container[int], indent: str = INDENT) -> Iterator[str]:
        """The lines that make constants which a part reads of the precision at hand."""
        for q in self.plan.constants:
            if self.plan.given[q.name] in reads:
                whole = f"CONSTANTS[{python_string(q.name)}]"
                cast = self.dialect.cast.format(whole, self.writer.kind().text)
                yield f"{indent}{self.argument[q.name]} = {cast}"

    def counted(self, part: Part, indent: str = INDENT) -> Iterator[str]:
        """The line that counts the samples, where the part needs their number."""
        if self._counts(part):
            yield f"{indent}{self.writer.samples} = len({[*self.inputs, *self.targets][0]})"

    def counting_needs(self, part: Part) -> set[int]:
        """The buffer whose length is the number of samples, where the part needs that."""
        data = [*self.plan.inputs, *self.plan.targets]
        return {self.plan.given[data[0].name]} if self._counts(part) else set()

    def _counts(self, part: Part) -> bool:
        codes = [s.code for s in self.bodies[part].statements]
        codes += [self.mean_loss] if part == "loss" else []
        codes += self.gradients.values() if part == "backward" else []
        return any(self.writer.samples in _words(code.text) for code in codes)

    def statements(
        self,
        part: Part,
        indent: str = INDENT,
        only: Sequence[Statement] | None = None,
        said: Container[str] | None = None,
    ) -> Iterator[str]:
        """The statements of a part, each under its equation.

        only: some of them. said: the equations to be said; by default all.
        """
        equations = Equations(self.plan, part, said)
        for statement in self.bodies[part].statements if only is None else only:
            for line in equations.upto(statement.origin):
                yield f"{indent}# {line}"
            yield f"{indent}{statement.name} = {statement.code.text}"
        for line in equations.rest():
            yield f"{indent}# {line}"

    def key(self, buffer: int) -> str:
        """Under what a value is handed on: its quantity's name, else like its identifier."""
        owner = self.plan.owner(buffer)
        shown = owner in self.plan.values and not self.plan.network[owner or ""].hidden
        if owner is not None and shown and self._shown[owner].text == self.identifier(buffer):
            return python_string(owner)
        word = self.identifier(buffer)
        while word in self._shown:  # another quantity is called as this identifier
            word += "_"
        return python_string(word)

    def identifier(self, buffer: int) -> str:
        return self.writer.identifiers[buffer]


def glorot_limit(shape: Sequence[int]) -> str:
    """The bound of Glorot's uniform distribution for a weight of shape (to, from)."""
    return f"(6 / {(shape[0] if shape else 1) + prod(shape[1:])}) ** 0.5"


def literal(value: Value, shape: Sequence[int]) -> str:
    """A value of a file as nested lists; a single number fills the whole shape."""
    if isinstance(value, Fraction):
        row = repr(as_float(value))
        for length in reversed(shape):
            row = f"[{', '.join([row] * length)}]"
        return row
    return f"[{', '.join(literal(v, shape[1:]) for v in value)}]"


def initial_value(plan: Plan, q: Quantity, texts: Mapping[str, str]) -> str:
    """What a weight or bias begins with; texts: templates for `given`, `zeros` and `drawn`."""
    shape = plan.shape(q.name)
    shown = shape_text(shape)
    if q.value is not None:
        return texts["given"].format(literal(q.value, shape))
    if q.kind == "bias":
        return texts["zeros"].format(shown)
    return texts["drawn"].format(glorot_limit(shape), shown)


def _words(text: str) -> set[str]:
    return set("".join(c if c.isalnum() or c == "_" else " " for c in text).split())


def initial_parameters(source: PythonSource, library: str, precision: str) -> Iterator[str]:
    """What the parameters begin with, as arrays of `np` or `jnp`: NumPy's generator draws what
    the file does not give."""
    texts = {
        "given": f"{library}.array({{}}, dtype={library}.{precision})",
        "zeros": f"{library}.zeros({{}}, dtype={library}.{precision})",
        "drawn": f"{library}.asarray({{0}} * random.uniform(-1, 1, {{1}}),"
        f" dtype={library}.{precision})",
    }
    rows = [(q, initial_value(source.plan, q, texts)) for q in source.plan.network.trained]
    yield "def initial_parameters(seed=0):"
    yield f'{INDENT}"""The file\'s values; else weights drawn (Glorot uniform) and biases 0."""'
    if any("random." in text for _, text in rows):
        yield f"{INDENT}random = np.random.default_rng(seed)"
    yield f"{INDENT}return {{"
    yield from (f"{INDENT}{INDENT}{python_string(q.name)}: {text}," for q, text in rows)
    yield f"{INDENT}}}"
