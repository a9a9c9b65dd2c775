"""Names and what they stand for: unfolding, folding, constants, constraints."""

from __future__ import annotations

from ..expr import (
    MINUS_ONE,
    ONE,
    Add,
    Apply,
    Delta,
    Derivative,
    Expr,
    Index,
    Mul,
    Number,
    Power,
    Reduce,
    Ref,
    canonical,
    flat_factors,
    flat_terms,
    product,
    total,
    walk,
    with_indices,
)
from ..network import Equation
from ..rewrite import Change, Rule
from .scope import WRITTEN_OUT, Scope

q, x, E = Ref("q"), Ref("x"), Ref("E")


def _unfold(e: Expr, scope: Scope) -> Change | None:
    """∂q/∂x = ∂E/∂x where q = E is the equation of q."""
    if not isinstance(e, Derivative) or not scope.computed(e.body) or e.body is e.wrt:
        return None
    assert isinstance(e.body, Ref)
    if isinstance(e.wrt, Ref) and e.body.name == e.wrt.name:
        return None
    definition = scope.network.definition(e.body)
    return Derivative(definition, e.wrt, e.total), (
        "put in the definition ", e.body, " = ", definition,
    )  # fmt: skip


UNFOLD: Rule[Scope] = Rule(
    "definition", ((Derivative(q, x, True), Derivative(E, x, True)),), _unfold, "q = E"
)  # fmt: skip


def _put_in(e: Expr, scope: Scope) -> Change | None:
    """q = E: a quantity gives way to its definition."""
    if not scope.computed(e):
        return None
    assert isinstance(e, Ref)
    definition = scope.network.definition(e)
    return definition, ("put in ", e, " = ", definition)


PUT_IN: Rule[Scope] = Rule("definition", ((q, E),), _put_in, "q = E")


def _constant_value(e: Expr, scope: Scope) -> Change | None:
    """A constant of 1 takes its value: u c = u 1."""
    if not isinstance(e, Ref) or e.name not in scope.network.quantities or e.indices:
        return None
    known = scope.network[e.name]
    if known.kind != "constant" or known.value != 1:
        return None
    return ONE, (e, " is the constant ", ONE)


CONSTANT_VALUE: Rule[Scope] = Rule("constant value", ((Ref("c"), Number(1)),), _constant_value,
                                   "c = 1")  # fmt: skip


def _expand_function(e: Expr, scope: Scope) -> Change | None:
    """σ'(u) = σ(u) (1 - σ(u)), and so for every function of the table."""
    if not isinstance(e, Apply) or not e.function.endswith("'"):
        return None
    row = scope.function(e.function)
    if row.definition is None:
        return None
    new = row.definition_at(e.argument)
    return new, ("the derivative of ", Apply(e.function[:-1], e.argument), " is ", new)


DERIVATIVE_OF_FUNCTION: Rule[Scope] = Rule(
    "derivative of a function",
    ((Apply("sigmoid'", Ref("u")),
      Apply("sigmoid", Ref("u")) * (1 - Apply("sigmoid", Ref("u")))),),
    _expand_function,
)  # fmt: skip


def _own_value(e: Expr, scope: Scope) -> Change | None:
    """f'(u) in terms of f(u), where the derivative is made of the function's own value."""
    if not isinstance(e, Apply) or not e.function.endswith("'"):
        return None
    row = scope.function(e.function)
    base = e.function[:-1]
    if row.definition is None:
        return None
    applied = {p.function for p in walk(row.definition) if isinstance(p, Apply)}
    bare = any(isinstance(r, Ref) for r in _outside(row.definition, base))
    if applied != {base} or bare:
        return None
    return _expand_function(e, scope)


def _outside(e: Expr, function: str) -> list[Expr]:
    """The leaves of `e` that do not stand inside `function(…)`."""
    if isinstance(e, Apply) and e.function == function:
        return []
    if not e.children:
        return [e]
    return [leaf for child in e.children for leaf in _outside(child, function)]


OWN_VALUE: Rule[Scope] = Rule(
    "derivative of a function", DERIVATIVE_OF_FUNCTION.law, _own_value,
    "the derivative is made of the function's own value",
)  # fmt: skip


_BOUND = "·"
"""The beginning of letters that stand for bound ones while two expressions are compared."""


def match(
    pattern: Expr, e: Expr, letters: dict[str, Index], free: frozenset[str], scope: Scope
) -> bool:
    """Whether `e` is `pattern` with the `free` letters replaced; fills `letters`.

    Order and parentheses count. Bound letters are compared by their place, and no free letter
    may stand for one. A small sum of the pattern may stand written out in `e`.
    """
    if isinstance(e, Add) and isinstance(pattern, Add | Reduce):
        if isinstance(pattern, Add) and _match_all(pattern.terms, e.terms, letters, free, scope):
            return True
        return _match_all(_written(pattern, scope), flat_terms(e), letters, free, scope)
    if type(pattern) is not type(e):
        return False
    match (pattern, e):
        case (Ref(), Ref()):
            same = pattern.name == e.name and len(pattern.indices) == len(e.indices)
            pairs = zip(pattern.indices, e.indices, strict=True) if same else ()
            return same and all(_match_index(a, b, letters, free) for a, b in pairs)
        case (Delta(), Delta()):
            if not _match_index(pattern.left, e.left, letters, free):
                return False
            if isinstance(pattern.right, Expr) and isinstance(e.right, Expr):
                return match(pattern.right, e.right, letters, free, scope)
            return (
                not isinstance(pattern.right, Expr)
                and not isinstance(e.right, Expr)
                and _match_index(pattern.right, e.right, letters, free)
            )
        case (Reduce(), Reduce()):
            if (pattern.op, pattern.size) != (e.op, e.size):
                return False
            letter = _BOUND + str(sum(i.startswith(_BOUND) for i in e.free | pattern.free))
            left = with_indices(pattern.body, {pattern.index: letter})
            right = with_indices(e.body, {e.index: letter})
            return match(left, right, letters, free, scope)
        case (Apply(), Apply()) if pattern.function != e.function:
            return False
        case (Derivative(), Derivative()) if pattern.total != e.total:
            return False
    if not pattern.children:
        return pattern is e
    return _match_all(pattern.children, e.children, letters, free, scope)


def _match_all(
    patterns: tuple[Expr, ...],
    parts: tuple[Expr, ...],
    letters: dict[str, Index],
    free: frozenset[str],
    scope: Scope,
) -> bool:
    if len(patterns) != len(parts):
        return False
    trial = dict(letters)
    if not all(match(a, b, trial, free, scope) for a, b in zip(patterns, parts, strict=True)):
        return False
    letters.update(trial)
    return True


def _match_index(a: Index, b: Index, letters: dict[str, Index], free: frozenset[str]) -> bool:
    if not isinstance(a, str) or a not in free:
        return a == b
    if isinstance(b, str) and b.startswith(_BOUND):
        return False
    return letters.setdefault(a, b) == b


def _written(pattern: Expr, scope: Scope) -> tuple[Expr, ...]:
    """The terms of a sum, small sums over an index written out."""
    if isinstance(pattern, Add):
        return tuple(t for term in pattern.terms for t in _written(term, scope))
    if isinstance(pattern, Reduce) and pattern.op == "sum":
        length = scope.length(pattern.size)
        if length is not None and length <= WRITTEN_OUT:
            positions = range(1, length + 1)
            return tuple(with_indices(pattern.body, {pattern.index: k}) for k in positions)
    return (pattern,)


def _units(factors: tuple[Expr, ...]) -> list[Expr]:
    """Factors with small whole powers taken apart: S^(-2) is S^(-1) S^(-1)."""
    found: list[Expr] = []
    for f in factors:
        if (
            isinstance(f, Power)
            and isinstance(f.exponent, Number)
            and abs(f.exponent.value) in _SMALL
        ):
            sign = 1 if f.exponent.value > 0 else -1
            unit = f.base if sign > 0 else Power(f.base, MINUS_ONE)
            found.extend([unit] * int(abs(f.exponent.value)))
        else:
            found.append(f)
    return found


_SMALL = (2, 3, 4)


def _match_some(
    wanted: tuple[Expr, ...],
    units: list[Expr],
    letters: dict[str, Index],
    free: frozenset[str],
    scope: Scope,
) -> list[Expr] | None:
    """What is left of `units` when each wanted factor is matched to one of them, or None."""
    if not wanted:
        return units
    for position, unit in enumerate(units):
        trial = dict(letters)
        if match(wanted[0], unit, trial, free, scope):
            others = units[:position] + units[position + 1 :]
            rest = _match_some(wanted[1:], others, trial, free, scope)
            if rest is not None:
                letters.update(trial)
                return rest
    return None


def _candidates(e: Expr, scope: Scope) -> list[Equation]:
    """The equations whose right sides could stand inside `e`."""
    found: dict[str, Equation] = {}
    for name in sorted(e.names & scope.network.quantities.keys()):
        for user in scope.network.consumers[name]:
            equation = scope.network.equations[user]
            right = equation.right
            alike = type(right) is type(e) or (isinstance(right, Reduce) and isinstance(e, Add))
            if alike and right.names <= e.names:
                found[user] = equation
    return list(found.values())


def _in_place(e: Expr, name: Ref, rest: list[Expr]) -> Expr:
    """The name where the first factor stood that it takes the place of."""
    if not isinstance(e, Mul):
        return name
    waiting, factors, placed = list(rest), [], False
    for factor in _units(e.factors):
        if factor in waiting:
            waiting.remove(factor)
            factors.append(factor)
        elif not placed:
            factors.append(name)
            placed = True
    return product(tuple(factors))


def _fold(e: Expr, scope: Scope) -> Change | None:
    """E = q where q = E is an equation: a(1 - a) instead of σ(z)(1 - σ(z))."""
    if not isinstance(e, Apply | Mul | Power | Reduce | Add) or not e.names:
        return None
    for equation in _candidates(e, scope):
        letters: dict[str, Index] = {}
        free = frozenset(equation.indices)
        right = equation.right
        rest: list[Expr] | None = []
        if isinstance(e, Mul) and isinstance(right, Mul):
            rest = _match_some(right.factors, _units(e.factors), letters, free, scope)
        elif not match(right, e, letters, free, scope):
            continue
        if rest is None or set(letters) != free:
            continue
        name = Ref(equation.name, tuple(letters[i] for i in equation.indices))
        what = with_indices(right, letters)
        return _in_place(e, name, rest), (what, " is ", name)
    return _fold_in_sum(e, scope) if isinstance(e, Mul) else None


def _fold_in_sum(e: Mul, scope: Scope) -> Change | None:
    """c Σ_k u_k = Σ_k q_k where q_k = c u_k is an equation: a softmax's denominator goes in."""
    for at, inner in enumerate(e.factors):
        if not isinstance(inner, Reduce) or inner.op != "sum":
            continue
        for other, factor in enumerate(e.factors):
            if other == at or isinstance(factor, Number | Reduce) or inner.index in factor.free:
                continue
            change = _fold(Mul((*flat_factors(inner.body), factor)), scope)
            if change is not None and factor not in flat_factors(change[0]):
                factors = [f for n, f in enumerate(e.factors) if n != other]
                factors[at - (other < at)] = inner.rebuilt((change[0],))
                return product(tuple(factors)), change[1]
    return None


FOLD: Rule[Scope] = Rule("name", ((E, q),), _fold, "q = E")


def _constraint(e: Expr, scope: Scope) -> Change | None:
    """What a target promises, such as Σ_k y_k = 1."""
    for known in scope.network.constraints:
        if isinstance(e, type(known.left)) and canonical(e) == canonical(known.left):
            return known.right, ("the target promises ", known.left, " = ", known.right)
    return None


CONSTRAINT: Rule[Scope] = Rule(
    "constraint", ((Reduce("sum", "k", "n", Ref("y", ("k",))), Number(1)),), _constraint,
    "a target's constraint",
)  # fmt: skip


def _constraint_written(e: Expr, scope: Scope) -> Change | None:
    """c y_1 + c y_2 + … + c y_n = c where the target promises Σ_k y_k = 1."""
    if not isinstance(e, Add):
        return None
    for known in scope.network.constraints:
        parts = _written(known.left, scope)
        if len(parts) < 2:
            continue
        for term in e.terms:
            found = _multiples(term, parts, e.terms)
            if found is not None:
                factor, gone = found
                terms = list(e.terms)
                terms[gone[0]] = product((*factor, known.right))
                kept = (t for i, t in enumerate(terms) if i == gone[0] or i not in gone)
                return total(tuple(kept)), (
                    "the target promises ", known.left, " = ", known.right,
                )  # fmt: skip
    return None


def _multiples(
    term: Expr, parts: tuple[Expr, ...], terms: tuple[Expr, ...]
) -> tuple[tuple[Expr, ...], tuple[int, ...]] | None:
    """If terms holds c·p for every p of parts, with this term as c·parts[0]: c and the places."""
    factors = list(flat_factors(term))
    if parts[0] not in factors:
        return None
    factors.remove(parts[0])
    keys = [canonical(t) for t in terms]
    wanted = [canonical(product((*factors, p))) for p in parts]
    places = tuple(keys.index(key) for key in wanted if key in keys)
    if len(set(places)) < len(parts):
        return None
    return tuple(factors), places


CONSTRAINT_WRITTEN: Rule[Scope] = Rule(
    "constraint",
    ((Ref("c") * Ref("y", (1,)) + Ref("c") * Ref("y", (2,)), Ref("c")),),
    _constraint_written,
    "a target's constraint",
)


def adjoint_rule(equations: dict[str, tuple[Ref, Expr]]) -> Rule[Scope]:
    """A rule that puts known adjoints in their place: name → (left side, right side)."""

    def apply(e: Expr, scope: Scope) -> Change | None:
        """An adjoint without a symbol of its own is put in where it is used."""
        if not isinstance(e, Ref) or e.name not in equations:
            return None
        left, right = equations[e.name]
        change = dict(zip((str(i) for i in left.indices), e.indices, strict=True))
        new = with_indices(right, change)
        return new, (e, " = ", new)

    return Rule("put in", ((q, E),), apply, "q = E")
