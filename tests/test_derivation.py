"""Derivations of many networks, each step and each answer against the oracle."""

from __future__ import annotations

import re
from functools import cache

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from backprove.adjoints import LONG_SUM, backprop
from backprove.derivation import STYLES, derive
from backprove.errors import BackproveError, DerivationError, NetworkError
from backprove.expr import Apply, Derivative, Expr, Reduce, Ref, canonical, plain, walk
from backprove.language import load, parse
from backprove.network import Network
from backprove.rewrite import rewritten
from backprove.rules import DIFFERENTIATION, Scope
from backprove.verify import Oracle, verify_derivation, verify_network

NETWORKS = {
    "layer norm": """
        size n = 2
        input x[n]
        target y[n]
        weight w[n,n], g[n]
        bias b[n]
        z[i] = sum(j: w[i,j]*x[j])
        m = sum(i: z[i])/n
        v = sum(i: (z[i]-m)^2)/n
        h[i] = g[i]*(z[i]-m)/sqrt(v + 0.1) + b[i]
        loss J = sum(i: (y[i]-h[i])^2)/2
        """,
    "maximum": """
        input x[2]
        target y
        weight w[3,2], u
        z[i] = sum(j: w[i,j]*x[j])
        m = max(i: z[i])
        o = tanh(u*m)
        loss J = (y - o)^2
        """,
    "attention": """
        size n = 2, d = 1
        input x[n,d]
        target y[n,d]
        weight wq[d,d], wk[d,d], wv[d,d]
        q[i,a] = sum(b: x[i,b]*wq[b,a])
        k[i,a] = sum(b: x[i,b]*wk[b,a])
        v[i,a] = sum(b: x[i,b]*wv[b,a])
        s[i,j] = sum(a: q[i,a]*k[j,a])/sqrt(d)
        p[i,j] = exp(s[i,j])/sum(m: exp(s[i,m]))
        o[i,a] = sum(j: p[i,j]*v[j,a])
        loss L = sum(i,a: (o[i,a]-y[i,a])^2)
        """,
    "gates over two steps": """
        input x1, x2
        target y
        weight w, u, r
        h1 = tanh(w*x1)
        g = sigmoid(r*x2 + u*h1)
        h2 = g*h1 + (1-g)*tanh(w*x2 + u*h1)
        loss J = (y-h2)^2/2
        """,
    "literal indices": """
        input x[3]
        target y[2]
        weight w[2,3], v[3,3]
        z[i] = w[i,1]*x[1] + w[i,3]*x[2]^2
        tr = sum(i: v[i,i]*x[i])
        h[i] = softplus(z[i]) + tr*x[3]
        loss J = sum(i: abs(y[i]-h[i])) + 0.1*sum(i,j: w[i,j]^2)
        """,
    "powers": """
        input x = 2
        target t = 1
        weight a = 1.5, b = 0.5, c = 2
        u = abs(a*x) + 1
        p = u^b
        q = 2^(c*p)
        r = p^p
        l = log(q) + sin(r)*cos(p) + erf(p) + sqrt(u)
        loss E = (l - t)^2/2
        """,
    "sigmoid with cross-entropy": """
        input x[2]
        target y
        weight w[2]
        bias b
        z = sum(j: w[j]*x[j]) + b
        h = sigmoid(z)
        loss J = -(y*log(h) + (1-y)*log(1-h))
        """,
    "functions of a file": """
        function swish(u) = u*sigmoid(u)
        function f, g with derivative k
        input x
        target y
        weight w, v
        a = swish(w*x)
        b = f(a) * g(v*a)
        loss C = (y-b)^2
        """,
    "one line": """
        input x[2]
        target y[2]
        weight w1[3,2], w2[2,3]
        loss J = sum(i: (y[i] - tanh(sum(j: w2[i,j]*relu(sum(k: w1[j,k]*x[k])))))^2)/2
        """,
    "tied weights": """
        input x[3]
        weight w[2,3]
        bias b[2], c[3]
        h[i] = sigmoid(sum(j: w[i,j]*x[j]) + b[i])
        r[j] = sigmoid(sum(i: w[i,j]*h[i]) + c[j])
        loss E = sum(j: (x[j]-r[j])^2)/2
        """,
    # what only the whole network tells apart: another use of the same activation …
    "equal layers, one of them used twice": """
        input x[2]
        target y[2]
        weight w1[2,2], w2[2,2], w3[2,2]
        z1[i] = sum(j: w1[i,j]*x[j])
        h1[i] = sigmoid(z1[i])
        z2[i] = sum(j: w2[i,j]*h1[j])
        h2[i] = sigmoid(z2[i])
        z3[i] = sum(j: w3[i,j]*h2[j])
        h3[i] = sigmoid(z3[i])
        g3[i] = 1 - h3[i]
        loss J = sum(i: (y[i]-h3[i]*g3[i])^2)
        """,
    # … a promise that holds for one of two equal sums …
    "one promise of two": """
        input x
        target y1[2] with sum(k: y1[k]) = 1
        target y2[2]
        weight u, v
        c1 = u*sum(k: y1[k])
        c2 = v*sum(k: y2[k])
        loss J = (c1 - x)^2 + (c2 - x)^2
        """,
    # … a letter that is bound where a definition has a free one …
    "a trace beside a product": """
        input x[2]
        weight w[2,2], v, u[2]
        z[i] = sum(j: w[i,j]*x[j])
        o = v*sum(k: w[k,k]*x[k])
        p[k] = u[k]*sum(j: w[k,j]*x[j])
        loss J = o^2 + sum(i: z[i]*p[i])
        """,
    # … and a delta whose left side counts
    "positions of a maximum": """
        input x[3]
        weight a[3], v
        m[i] = delta(i,argmax(k: x[k]))*a[i]
        o = v*sum(j: delta(2,argmax(k: x[k]))*a[j])
        z[i] = a[i]*x[i]
        loss J = o + sum(i: m[i]) + sum(i: delta(i,argmax(k: z[k]))*z[i])
        """,
    "nothing but a maximum": """
        weight w[3]
        loss L = max(i: w[i])
        """,
    "a term that vanishes": """
        input x
        weight w
        h = w*x
        q = h + 0*w
        loss J = q^2 + h*w^0
        """,
    "components that may coincide": """
        input x[2]
        weight w[2]
        h[i] = w[i]*x[i]
        c[i] = tanh(h[i]*h[1])
        d[i,j] = h[i]*h[j]
        loss J = sum(i: c[i]) + sum(i,j: d[i,j]*x[j])
        """,
    "weights on a diagonal and transposed": """
        input x[2]
        weight w[2,2], a[2]
        s[i] = sum(j: (w[i,j] + w[j,i])*x[i]*x[j])
        d[i] = w[i,i]*a[i] + a[2]
        g[i,j] = a[i]*a[j] + delta(i,j)*x[i]
        t[i] = max(j: g[i,j]*x[j])
        loss L = sum(i,j: g[i,j]*s[i]*d[j])^2 + sum(i: t[i]*x[1]) + a[1]*a[1]*a[2]
        """,
}


@cache
def network(text: str) -> Network:
    return parse(re.sub(r"(?m)^ +", "", text))


@cache
def oracle(net: Network) -> Oracle:
    """Its points are the same for every question; so are the values of the network there."""
    return Oracle(net)


def confirmed(net: Network, quantity: str, style: str, zoom: str | None = None) -> None:
    derivation = derive(net, quantity, style, zoom)
    report = verify_derivation(derivation, oracle=oracle(net))
    assert report.ok, [(row.what, row.verdict.says) for row in report.wrong + report.open]
    assert derivation.answer is not None
    assert not any(isinstance(node, Derivative) for node in walk(derivation.answer))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_step_of_every_quantity_is_confirmed(name: str, style: str) -> None:
    net = network(NETWORKS[name])
    for q in net.quantities.values():
        if q.kind != "constant" and not q.hidden and q.name != net.loss:
            confirmed(net, q.name, style, "index")


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    "builder",
    [
        "mlp:2-2-1,sigmoid,squared_error",
        "mlp:2-2-2,tanh,cross_entropy",
        "mlp:2-1-2-1,relu,sse,nobias",
        "mlp:2-2-2,gelu,sse",
        "mlp:1-2-1,elu,squared_error",
    ],
)
def test_scalar_zoom_of_the_first_weight(builder: str, style: str) -> None:
    confirmed(load(builder), "w1[1,2]" if "2-" in builder[4:6] else "w1[1,1]", style)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_dynamic_program_agrees_with_the_oracle(name: str) -> None:
    net = network(NETWORKS[name])
    report = verify_network(net, backprop(net).adjoints, oracle=oracle(net))
    assert report.ok, [(row.what, row.verdict.says) for row in report.wrong + report.open]


@pytest.mark.parametrize("output", ["z", "sigmoid(z)", "exp(z)/(1 + exp(z))", "z*w1 + x1"])
@pytest.mark.parametrize("term", ["w{0}*x{0}", "exp(w{0})*x{0}", "(w{0} - x{0})^2/w1", "-w{0}"])
def test_a_long_sum_is_differentiated_like_a_short_one(term: str, output: str) -> None:
    count = LONG_SUM + 3
    text = "\n".join((
        "input " + ", ".join(f"x{n}" for n in range(1, count)),
        "weight " + ", ".join(f"w{n}" for n in range(1, count)),
        "z = " + " + ".join(term.format(n) for n in range(1, count)),
        f"h = {output}", "loss J = (h - 1)^2",
    ))  # fmt: skip
    network = parse(text.replace("+ -", "- ").replace("= -", "= 0 - "))
    report = verify_network(network, backprop(network).adjoints)
    assert report.ok, [(row.what, row.verdict.says) for row in report.wrong + report.open]


@pytest.mark.parametrize(
    ("builder", "quantity", "expected"),
    [
        ("mlp:2-2-2,tanh,cross_entropy", "z3", "o[i] - y[i]"),
        ("mlp:2-3-2,sigmoid,squared_error", "w2", "∂z3[i]*h2[j]"),
        ("mlp:2-3-2,sigmoid,squared_error", "h2", "sum(k: ∂z3[k]*w2[k,i])"),
    ],
)
def test_closed_forms(builder: str, quantity: str, expected: str) -> None:
    right = plain(backprop(load(builder)).adjoints[quantity].right)
    assert re.sub(r"\b[klm]\b", "k", right) == expected


def test_sigmoid_with_cross_entropy_folds() -> None:
    net = network(NETWORKS["sigmoid with cross-entropy"])
    assert plain(backprop(net).adjoints["z"].right) == "h - y"


# -- what is used several times, or not at all ---------------------------------------------


def test_a_quantity_used_twice_counts_twice() -> None:
    net = parse("weight a = 1\nb = a + a\nloss c = b + b")
    assert [plain(backprop(net).adjoints[n].right) for n in ("b", "a")] == ["2", "4"]
    confirmed(net, "a", "chain")
    derivation = derive(net, "a", "equation")
    assert derivation.answer is not None
    assert plain(derivation.answer) == "4"


def test_the_words_about_a_chain_that_is_cut_lead_on_to_the_loss() -> None:
    """Six layers of two: 32 paths, so the chain is cut where they part first, at h2[1]."""
    derivation = derive(load("mlp:2-2-2-2-2-2-1,tanh"), "w1[1,2]", "chain")
    words = " ".join(
        "".join(w if isinstance(w, str) else plain(w) for w in sentence)
        for sentence in derivation.blocks[0].before
    )
    assert words.startswith("J is the loss, h2[1] is an activation")
    assert "From h2[1] several paths lead on to J, through z3, h3," in words
    # each of five more layers has a weighted input and an activation; then the loss
    assert "h6, z7 and h7: 11 more factors on each" in words


def test_local_factors_are_local() -> None:
    # with b = a^2 and c = b*a the paths sum to 3a^2: 12 at a = 2
    net = parse("weight a = 2\nb = a^2\nloss c = b*a")
    for style in STYLES:
        confirmed(net, "a", style)


def test_a_dead_branch_is_zero_with_its_reason() -> None:
    net = parse("input x\nweight w, v\nd = v*x\nloss e = w*x")
    derivation = derive(net, "v")
    assert derivation.answer is not None
    assert plain(derivation.answer) == "0"
    words = [w for b in derivation.blocks for s in b.before for w in s]
    assert Ref("v") in words
    assert Ref("e") in words
    assert plain(backprop(net).adjoints["v"].right) == "0"
    assert backprop(net).reason("v")


def test_a_zero_names_what_was_looked_for() -> None:
    derivation = derive(load("mlp:2-2-1,sigmoid,squared_error"), "w2[1,2]")
    zeros = [s for b in derivation.blocks for s in b.steps if plain(s.after) == "0"]
    assert zeros
    for step in zeros:
        assert isinstance(step.before, Derivative) or step.rule == "zero"
        assert any(isinstance(word, Ref) for word in step.says) or step.rule == "zero"


def test_an_unknown_function_is_an_error() -> None:
    net = parse("weight w\nz = 2*w\nloss e = z^2")
    mystery = Derivative(Apply("mystery", Ref("z")), Ref("w"), True)
    with pytest.raises(NetworkError, match="mystery"):
        rewritten(mystery, DIFFERENTIATION, Scope(net), set())


def test_no_letter_is_bound_twice_on_one_line() -> None:
    from_inside: list[str] = []
    for block in derive(load("mlp:2-3-3-2,sigmoid,squared_error"), "w1", "dynamic").blocks:
        for line in block.lines:
            for node in walk(line.right):
                inner = getattr(node, "index", None)
                if inner is not None:
                    nested = [getattr(p, "index", None) for p in walk(node) if p is not node]
                    from_inside.extend(n for n in nested if n == inner)
    assert from_inside == []


def test_a_deep_gradient_stays_short() -> None:
    # an adjoint per quantity: the length is linear in the depth, the equations of eight
    # layers together stay under 3,000 characters
    lengths = []
    for layers in (8, 16):
        net = load(f"mlp:5x{layers + 1},sigmoid,squared_error")
        blocks = derive(net, "w1", "dynamic").blocks
        lines = [plain(line.right) for block in blocks for line in block.lines]
        lengths.append(sum(map(len, lines)))
    assert lengths[0] < 3000
    assert lengths[1] < 2.2 * lengths[0]


# -- questions that cannot be answered -----------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "style", "piece"),
    [
        ("w9", "chain", "did you mean w"),
        ("w1[1]", "chain", "2 axes"),
        ("w1[3,1]", "chain", "axis 1 of w1 is 2 long"),
        ("w1[0,1]", "chain", "indices count from 1"),
        ("w1[", "chain", "never closed"),
        ("w1[1,x+y]", "chain", "an index is a letter or a whole number"),
        ("w1", "magic", "chain, equation, dynamic"),
    ],
)
def test_bad_questions(quantity: str, style: str, piece: str) -> None:
    with pytest.raises(BackproveError, match=re.escape(piece)):
        derive(load("mlp:2-2-1,sigmoid,squared_error"), quantity, style)


def test_too_long_to_read_is_refused_and_names_the_way_out() -> None:
    net = load("mlp:6-6-6-6-6-6,sigmoid,squared_error")
    with pytest.raises(DerivationError, match="dynamic"):
        derive(net, "w1[1,1]", "equation")
    derive(net, "w1[1,1]", "dynamic")


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("text", ["a^(1+{}a{})", "tanh({}a{})"])
def test_deep_nesting_ends_in_an_answer_or_a_message(text: str, style: str) -> None:
    head, tail = text.split("{}a{}")
    net = parse("weight a\nloss e = " + head * 90 + "a" + tail * 90)
    try:
        derive(net, "a", style)
    except DerivationError as error:
        refusal = str(error)
    else:
        refusal = ""
    assert not refusal or re.search("be read|to read|too deeply", refusal)


# -- all networks --------------------------------------------------------------------------

FUNCTIONS = ("sigmoid", "tanh", "softplus", "silu", "gelu", "exp", "sin", "cos", "elu", "relu")


@st.composite
def graphs(draw: st.DrawFn) -> str:
    """A random acyclic network of scalars: every form an equation may take."""
    lines = ["input x1, x2", "target t", "weight w1, w2, w3", "bias b"]
    names = ["x1", "x2", "w1", "w2", "w3", "b"]
    for k in range(draw(st.integers(2, 5))):
        one, two, three = (draw(st.sampled_from(names)) for _ in range(3))
        form = draw(
            st.sampled_from(
                [
                    "{f}({a}*{b} + {c})",
                    "{a}*{b} - {c}/2",
                    "({a} + {b})^2*{c}",
                    "{f}({a}) + {b}*{c}",
                    "{a}*{f}({b} - {c})",
                    "({a} - {b})/(2 + {c}^2)",
                ]
            )
        )
        f = draw(st.sampled_from(FUNCTIONS))
        lines.append(f"q{k} = " + form.format(f=f, a=one, b=two, c=three))
        names.append(f"q{k}")
    lines.append(f"loss e = (t - {names[-1]})^2/2 + {draw(st.sampled_from(names))}*w1/10")
    return "\n".join(lines)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs())
def test_the_dynamic_program_of_any_network(text: str) -> None:
    net = parse(text)
    report = verify_network(net, backprop(net).adjoints)
    assert not report.wrong, (text, [(r.what, r.verdict.says) for r in report.wrong])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs(), st.sampled_from(["w1", "w2", "x1"]), st.sampled_from(STYLES))
def test_the_derivation_of_any_network(text: str, quantity: str, style: str) -> None:
    net = parse(text)
    report = verify_derivation(derive(net, quantity, style))
    assert not report.wrong, (text, [(r.what, r.verdict.says) for r in report.wrong])


VECTORS = (
    "sum(j: {m}[i,j]*{a}[j]) + {b}[i]",
    "sum(j: {m}[j,i]*{a}[j])",
    "{f}({a}[i]) + {b}[1]*{a}[i]",
    "{m}[i,i]*{a}[i]",
    "{a}[i]*sum(k: {b}[k]*{a}[k])",
    "{m}[i,1]*{a}[2] - {b}[i]^2",
    "exp({a}[i])/sum(k: exp({a}[k]))",
    "{a}[i]*max(k: {b}[k])",
    "sum(j,k: {m}[i,j]*{n}[j,k]*{a}[k])",
    "1 - {a}[i]",
    "{a}[i]*{b}[i] + sum(j: delta(i,j)*{a}[j])",
)
MATRICES = (
    "{a}[i]*{b}[j]",
    "{f}({a}[i]*{b}[j])",
    "{m}[i,j]*{n}[j,i]",
    "exp({m}[i,j])/sum(k: exp({m}[i,k]))",
    "sum(k: {m}[i,k]*{n}[k,j])",
    "{m}[j,i] + {n}[i,i]*{a}[j]",
)


@st.composite
def tensor_networks(draw: st.DrawFn) -> str:
    """Vectors and matrices used straight, transposed, on the diagonal and in several places."""
    lines = ["input x[2]", "target y[2] with sum(k: y[k]) = 1", "weight w[2,2], u[2]", "bias b[2]"]
    vectors, matrices = ["x", "u", "b"], ["w"]
    for k in range(draw(st.integers(2, 4))):
        made, forms, indices = draw(
            st.sampled_from([(vectors, VECTORS, "i"), (vectors, VECTORS, "i"),
                             (matrices, MATRICES, "i,j")])
        )  # fmt: skip
        one, two = draw(st.sampled_from(vectors)), draw(st.sampled_from(vectors))
        right = draw(st.sampled_from(forms)).format(
            a=one, b=two, m=draw(st.sampled_from(matrices)), n=draw(st.sampled_from(matrices)),
            f=draw(st.sampled_from(("sigmoid", "tanh", "exp", "softplus", "silu"))),
        )  # fmt: skip
        lines.append(f"v{k}[{indices}] = {right}")
        made.append(f"v{k}")
    last, table = vectors[-1], matrices[-1]
    lines.append(f"loss J = sum(i: (y[i] - {last}[i])^2)/2 + sum(i,j: {table}[i,j]^2)/5")
    return "\n".join(lines)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tensor_networks())
def test_the_dynamic_program_of_any_tensors(text: str) -> None:
    net = parse(text)
    report = verify_network(net, backprop(net).adjoints)
    assert not report.wrong, (text, [(r.what, r.verdict.says) for r in report.wrong])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    tensor_networks(),
    st.sampled_from(["w", "u", "b", "x", "v0", "w[1,2]", "u[2]"]),
    st.sampled_from(STYLES),
)
def test_the_derivation_of_any_tensors(text: str, quantity: str, style: str) -> None:
    net = parse(text)
    try:
        derivation = derive(net, quantity, style)
    except DerivationError:
        reject()  # too long to read
    report = verify_derivation(derivation)
    assert not report.wrong, (text, [(r.what, r.verdict.says) for r in report.wrong])


def test_a_key_is_the_same_whatever_was_asked_before() -> None:
    """Keys of parts are remembered: within a sum, its letter counts for nothing."""

    def nested(outer: str, inner: str) -> tuple[Expr, Expr]:
        part = Reduce("max", inner, 3, Ref("a", (inner, outer)) * Ref("a", (outer,)))
        return part, Reduce("sum", outer, 3, part + Ref("b"))

    part, whole = nested("k", "j")
    for e in (*walk(part), part):
        canonical(e)
    other, same = nested("l", "m")
    assert canonical(whole) == canonical(same)
    assert canonical(part) != canonical(other)
    assert (whole.bound, part.bound, part.free) == ({"j", "k"}, {"j"}, {"k"})
