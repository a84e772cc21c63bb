"""Every way to a derivative gives the same one: reverse mode, forward mode, symbolic, differences, and outside witnesses.

The formulas are random (`formulas.py`). HIPS autograd and mpmath evaluate the parts they were written from, so they
share neither the parser nor the gate table with what they are compared with.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import autograd
import autograd.numpy as anp
import pytest
from autograd.extend import defvjp, primitive
from formulas import ANALYTIC, MPMATH, Formula, evaluate, formulas, many
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

import bpcli
from bpcli import rewrite
from bpcli.differences import Witness
from bpcli.graph import Graph
from bpcli.passes import parse
from bpcli.sweeps import Values, forward, reverse

EPSILON = 2.0**-52
#: Rounding errors allowed by the bound of `test_accuracy`, each moving a gate by one part in 2^52.
ULPS = 2

each_formula = settings(max_examples=100, deadline=None, derandomize=True)
few_formulas = settings(max_examples=40, deadline=None, derandomize=True)


# --- helpers -----------------------------------------------------------------------------------------------


def read(formula: Formula, **options: Any) -> Graph:
    return parse(formula.text, variables=list(formula.point), **options)


def size(graph: Graph, values: Values, adjoints: Values) -> float:
    """How large the numbers are that cancel to a gradient: no digit far below the largest of them is meant."""
    products = (abs(a) * max(1.0, abs(v)) for v, a in zip(values, adjoints, strict=True) if v is not None)
    return max(1.0, max(products, default=0.0))


def gradients(graph: Graph, point: Mapping[str, float], output: int | None = None) -> tuple[dict[str, float], float]:
    """The gradients by reverse mode, and their `size`."""
    values = forward(graph, point)
    adjoints = reverse(graph, values, {graph.output if output is None else output: 1.0})
    return {name: adjoints[node] for name, node in graph.inputs.items()}, size(graph, values, adjoints)


def assert_same(found: Mapping[str, Any], wanted: Mapping[str, Any], allowed: float) -> None:
    assert list(found) == list(wanted)
    for name, value in wanted.items():
        assert abs(found[name] - value) <= allowed, f"{name}: {found[name]!r}, not {value!r} (± {allowed:.1e})"


# --- autograd ----------------------------------------------------------------------------------------------


@primitive
def erf(x: float) -> float:
    return math.erf(x)


defvjp(erf, lambda _, x: lambda g: g * 2 / math.sqrt(math.pi) * anp.exp(-x * x))

#: Every gate in autograd's functions, from its definition.
AUTOGRAD: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "div": lambda a, b: a / b,
    "neg": lambda x: -x, "pow": lambda a, b: a**b, "square": lambda x: x * x,
    "exp": anp.exp, "log": anp.log, "log10": anp.log10, "log2": anp.log2, "log1p": anp.log1p, "expm1": anp.expm1,
    "sqrt": anp.sqrt, "sin": anp.sin, "cos": anp.cos, "tan": anp.tan, "asin": anp.arcsin, "acos": anp.arccos,
    "atan": anp.arctan, "atan2": anp.arctan2, "hypot": lambda a, b: anp.sqrt(a * a + b * b),
    "sinh": anp.sinh, "cosh": anp.cosh, "tanh": anp.tanh,
    "sigmoid": lambda x: anp.exp(-anp.logaddexp(0.0, -x)), "softplus": lambda x: anp.logaddexp(0.0, x),
    "silu": lambda x: x * anp.exp(-anp.logaddexp(0.0, -x)), "gelu": lambda x: x * (1 + erf(x / math.sqrt(2))) / 2,
    "erf": erf, "erfc": lambda x: 1 - erf(x),
    "relu": lambda x: x if x > 0 else 0.0 * x, "leaky_relu": lambda x: x if x > 0 else x / 100,
    "elu": lambda x: x if x > 0 else anp.exp(x) - 1, "abs": lambda x: x if x > 0 else -x,
    "sign": lambda x: 1.0 if x > 0 else -1.0, "step": lambda x: 1.0 if x > 0 else 0.0,
    "floor": lambda x: math.floor(plain(x)), "ceil": lambda x: math.ceil(plain(x)),
    "clip": lambda x, low, high: low if x < low else high if x > high else x,
    "max": lambda *inputs: max(inputs, key=plain), "min": lambda *inputs: min(inputs, key=plain),
}  # fmt: skip


def plain(x: Any) -> float:
    """The number inside autograd's boxes."""
    while hasattr(x, "_value"):
        x = x._value
    return float(x)


def as_function(formula: Formula) -> tuple[Callable[[Any], Any], Any]:
    """FORMULA as a function of one vector, and the vector (with a term for which autograd does not warn of constants)."""
    names = list(formula.point)

    def function(vector: Any) -> Any:
        return 0.0 * vector[0] ** 3 + evaluate(formula, AUTOGRAD, {name: vector[k] for k, name in enumerate(names)})

    return function, anp.array([formula.point[name] for name in names])


def smooth(most: int = 25) -> st.SearchStrategy[Formula]:
    """Formulas with at least one variable."""
    return formulas(most=most).filter(lambda formula: bool(formula.point))


# --- one point, many ways ----------------------------------------------------------------------------------


@each_formula
@given(formulas())
def test_reverse_forward_and_symbolic(formula: Formula) -> None:
    """Reverse mode, forward mode, and both forms of the symbolic derivative."""
    graph = read(formula)
    found, scale = gradients(graph, formula.point)
    by_forward_mode = bpcli.grad(graph, formula.point, mode="forward", check=False)
    assert_same(by_forward_mode.gradients, found, 1e-12 * scale)
    if not found:
        return
    for blackboard in (True, False):
        derived = bpcli.derive(graph, formula.point, blackboard=blackboard)
        assert_same(dict(zip(found, derived.numbers.values(), strict=True)), found, 1e-9 * scale)
        there = forward(derived.graph, formula.point)
        assert_same(dict(zip(found, (there[k] for k in derived.graph.outputs), strict=True)), found, 1e-9 * scale)


@each_formula
@given(formulas())
def test_differences(formula: Formula) -> None:
    """The witness's figure is the gradient within ten times the error that it claims, and it claims a small one."""
    graph = read(formula)
    found, scale = gradients(graph, formula.point)
    witness = Witness(graph, formula.point)
    for name, gradient in found.items():
        slope = witness.slope(name)
        assert slope is not None
        assert not slope.gates
        assert abs(slope.figure - gradient) <= 10 * slope.error + 1e-12 * scale
        assert slope.error <= 1e-6 * scale


@each_formula
@given(smooth())
def test_autograd(formula: Formula) -> None:
    """HIPS autograd has the same value and gradients."""
    function, vector = as_function(formula)
    graph = read(formula)
    found, scale = gradients(graph, formula.point)
    assert forward(graph, formula.point)[graph.output] == pytest.approx(plain(function(vector)), rel=1e-9, abs=1e-9)
    with anp.errstate(all="ignore"):
        theirs = autograd.grad(function)(vector)
    assert_same({name: found.get(name, 0.0) for name in formula.point},
                dict(zip(formula.point, map(float, theirs), strict=True)), 1e-9 * scale)  # fmt: skip


@each_formula
@given(formulas(most=12), st.floats(-1e6, 1e6), st.sampled_from(["reverse", "forward"]))
def test_upstream_scales_the_gradients(formula: Formula, upstream: float, mode: str) -> None:
    """The gradients, and all that the gates send, are linear in the upstream gradient; the check scales with it."""
    one = bpcli.grad(formula.text, formula.point, mode=mode)
    scaled = bpcli.grad(formula.text, formula.point, mode=mode, upstream=upstream)
    assert scaled.value == one.value
    largest = (
        size(one.graph, one.values, one.adjoints) if one.adjoints else max(map(abs, one.gradients.values()), default=0)
    )
    assert_same(
        scaled.gradients, {name: upstream * g for name, g in one.gradients.items()}, 1e-12 * abs(upstream) * largest
    )
    assert scaled.check.ok
    for line, unit in zip(scaled.lines(), one.lines(), strict=True):
        assert line.local == unit.local
        if line.upstream is not None:
            assert line.upstream == pytest.approx(
                upstream * unit.upstream, rel=1e-12, abs=1e-12 * abs(upstream) * largest
            )
            assert line.sends == [None if local is None else line.upstream * local for local in line.local]


# --- other graphs for the same function --------------------------------------------------------------------


@each_formula
@given(formulas())
def test_rewritten_graphs_are_the_same_function(formula: Formula) -> None:
    """Expanding, fusing and sharing keep value and gradients, and fusing and sharing never make a graph larger."""
    graph = read(formula)
    found, scale = gradients(graph, formula.point)
    value = forward(graph, formula.point)[graph.output]
    expanded, fused, shared = rewrite.expand(graph), rewrite.fuse(graph), rewrite.share(graph)
    again = rewrite.fuse(expanded)
    assert len(again.gates) <= len(expanded.gates)
    assert len(fused.gates) <= len(graph.gates)
    assert len(shared.gates) <= len(graph.gates)
    for other in (expanded, fused, shared, again, rewrite.share(again)):
        assert list(other.inputs) == list(graph.inputs)
        assert list(other.scope) == list(graph.scope)
        slopes, larger = gradients(other, formula.point)
        allowed = 1e-9 * max(scale, min(larger, 1e3 * scale))
        assert forward(other, formula.point)[other.output] == pytest.approx(value, rel=1e-9, abs=allowed)
        assert_same(slopes, found, allowed)


@each_formula
@given(formulas())
def test_rewriting_twice_changes_nothing_more(formula: Formula) -> None:
    """A rewritten graph is as rewritten as it can be; options of `parse` do the same as the functions."""
    graph = read(formula)
    for name in ("expand", "fuse", "share"):
        change = getattr(rewrite, name)
        once = change(graph)
        assert len(change(once).gates) == len(once.gates)
        option = read(formula, **{name: True})
        assert [option.row(k) for k in range(len(option.gates))] == [once.row(k) for k in range(len(once.gates))]


def test_sharing_finds_all_that_is_equal() -> None:
    """Equal parts become one node however they were written, but a sum is not its mirror image."""
    graph = parse("q = sin(x*y) + 1; sin(x*y)*q + (sin(x*y) + 1) + (1 + sin(x*y))", share=True)
    assert sum(graph.row(k).name == "sin" for k in range(len(graph.gates))) == 1
    assert len(graph.gates) == 7


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "softplus", "silu", "relu"])
def test_fuse_undoes_expand(name: str) -> None:
    """A gate that lectures take apart is found again in what it was taken apart into."""
    text = f"q = x*y + 1; {name}(q)*x"
    names = [row.name for row, _ in rewrite.fuse(parse(text, expand=True)).kind_table]
    assert name in names
    assert len(rewrite.fuse(parse(text, expand=True)).gates) == len(parse(text).gates)


def test_fuse_leaves_what_is_used_elsewhere() -> None:
    """A part of the group that has a name or another use stays, and so does the group."""
    assert len(rewrite.fuse(parse("q = exp(-x); 1/(1 + q) + q")).gates) == 5
    assert [row.name for row, _ in rewrite.fuse(parse("1/(1 + exp(-x)) + x")).kind_table] == ["sigmoid", "add"]


# --- second derivatives and several outputs ----------------------------------------------------------------


def second(graph: Graph, point: Mapping[str, float]) -> tuple[dict[str, dict[str, float]], float]:
    """The Hessian, and how large the numbers are that cancel in it."""
    from bpcli.symbolic import gradient

    slopes = gradient(graph, list(graph.inputs), blackboard=False)
    values = forward(slopes, point)
    scale = max(size(slopes, values, reverse(slopes, values, {node: 1.0})) for node in slopes.outputs)
    return bpcli.hessian(graph, point).rows, scale


@few_formulas
@given(smooth(most=12))
def test_hessian(formula: Formula) -> None:
    """The Hessian is symmetric, equal to autograd's, to differences of gradients and to `derive --order 2`."""
    function, vector = as_function(formula)
    graph = read(formula)
    if not graph.inputs:
        return
    rows, scale = second(graph, formula.point)
    with anp.errstate(all="ignore"):
        theirs = autograd.hessian(function)(vector)
    derived = bpcli.derive(graph, formula.point, order=2).numbers
    names = list(graph.inputs)
    places = [list(formula.point).index(name) for name in names]
    for i, a in enumerate(names):
        for j, b in enumerate(names):
            assert rows[a][b] == pytest.approx(rows[b][a], rel=1e-9, abs=1e-9 * scale)
            assert rows[a][b] == pytest.approx(float(theirs[places[i]][places[j]]), rel=1e-8, abs=1e-9 * scale)
            if j >= i:
                assert list(derived.values())[_pair(i, j, len(names))] == pytest.approx(
                    rows[a][b], rel=1e-9, abs=1e-9 * scale
                )
    for name in names:
        h = 1e-5
        ends = [gradients(graph, formula.point | {name: formula.point[name] + shift})[0] for shift in (-h, h)]
        for other in names:
            slope = (ends[1][other] - ends[0][other]) / (2 * h)
            assert rows[other][name] == pytest.approx(slope, rel=1e-4, abs=1e-5 * scale)


def _pair(i: int, j: int, count: int) -> int:
    """The place of the pair i <= j among all such pairs."""
    return [(a, b) for a in range(count) for b in range(a, count)].index((i, j))


@few_formulas
@given(formulas(gates=ANALYTIC, most=10).filter(lambda formula: bool(formula.point)))
def test_second_derivatives_against_mpmath(formula: Formula) -> None:
    """The Hessian is mpmath's second difference quotient with 100 digits."""
    graph = read(formula)
    if not graph.inputs:
        return
    rows, scale = second(graph, formula.point)
    with mp.workdps(100):
        h = mpf(10) ** -22
        point = {name: mpf(value) for name, value in formula.point.items()}

        def at(**shifts: int) -> mpf:
            moved = point | {name: point[name] + shift * h for name, shift in shifts.items()}
            return evaluate(formula, MPMATH, moved, mpf)

        for a in graph.inputs:
            for b in graph.inputs:
                if a == b:
                    true = (at(**{a: 1}) - 2 * at() + at(**{a: -1})) / h**2
                else:
                    corners = [i * j * at(**{a: i, b: j}) for i in (-1, 1) for j in (-1, 1)]
                    true = sum(corners) / (4 * h**2)
                assert abs(rows[a][b] - true) <= 1e-10 * scale


@few_formulas
@given(formulas())
def test_jacobian(formula: Formula) -> None:
    """Each row of the Jacobian is the gradient of that output alone, whichever lines are asked for."""
    graph = read(formula)
    outputs = [name for name, node in graph.scope.items() if node in graph.position][:4]
    if not outputs:
        return
    rows = bpcli.jacobian(formula.text, outputs, formula.point).rows
    assert list(rows) == outputs
    for name in outputs:
        assert rows[name] == bpcli.grad(formula.text, formula.point, output=name, check=False).gradients


def test_jacobian_of_a_rotation() -> None:
    """Two outputs of polar coordinates: the matrix of every textbook."""
    rows = bpcli.jacobian("u = r*cos(t); v = r*sin(t)", ["u", "v"], r=2.0, t=0.5).rows
    assert rows == {
        "u": {"r": pytest.approx(math.cos(0.5)), "t": pytest.approx(-2 * math.sin(0.5))},
        "v": {"r": pytest.approx(math.sin(0.5)), "t": pytest.approx(2 * math.cos(0.5))},
    }
    chosen = bpcli.jacobian("u = r*cos(t); v = r*sin(t); u*v", ["v", "u"], r=2.0, t=0.5, wrt=["t"]).rows
    assert list(chosen) == ["v", "u"]
    assert list(chosen["u"]) == ["t"]


def test_micrograd() -> None:
    """The published example of micrograd: value and both gradients to every digit its page shows."""
    program = ("c = a + b; d = a*b + b^3; c += c + 1; c += 1 + c + (-a); d += d*2 + relu(b + a); "
               "d += 3*d + relu(b - a); e = c - d; f = e^2; g = f/2.0; g += 10.0/f")  # fmt: skip
    result = bpcli.grad(program, a=-4.0, b=2.0)
    assert round(result.value, 4) == 24.7041
    assert {name: round(g, 4) for name, g in result.gradients.items()} == {"a": 138.8338, "b": 645.5773}
    assert result.check.ok


# --- accuracy ----------------------------------------------------------------------------------------------


def assert_accurate(formula: Formula) -> None:
    """Value and gradients are within ULPS rounding errors, of every gate at once, of mpmath at 50 digits.

    What a rounding error of each gate does is found by making some, in mpmath, by random patterns of up and down;
    what one in the backward pass does, from the paths to a variable when nothing cancels.
    """
    result = bpcli.grad(formula.text, formula.point, check=False)
    with mp.workdps(90):
        exact = [None, *(_rounded(random.Random(seed)) for seed in range(4))]
        values = [evaluate(formula, MPMATH, _mpfs(formula.point), mpf, after) for after in _afters(exact)]
        _assert_within(result.value, values, 0.0, "the value", formula)
        paths = _paths(result)
        for name, gradient in result.gradients.items():
            slopes = [_slope(formula, name, after) for after in _afters(exact)]
            _assert_within(gradient, slopes, paths.get(name, 0.0), f"d/d{name}", formula)


def _paths(result: Any) -> dict[str, float]:
    """For each node the sum over all paths from the output of the products of |local gradients|."""
    paths = {result.graph.ids[result.graph.output]: 1.0}
    for line in reversed(list(result.lines())):
        for node, local in zip(line.inputs, line.local, strict=True):
            if local:
                paths[node] = paths.get(node, 0.0) + paths.get(line.id, 0.0) * abs(local)
    return paths


def _mpfs(point: Mapping[str, float]) -> dict[str, mpf]:
    return {name: mpf(value) for name, value in point.items()}


def _rounded(signs: random.Random) -> Callable[[int], mpf]:
    chosen: dict[int, mpf] = {}
    return lambda k: chosen.setdefault(k, 1 + signs.choice((-1, 1)) * mpf(10) ** -30)


def _afters(factors: Sequence[Callable[[int], mpf] | None]) -> list[Callable[[int, mpf], mpf]]:
    return [(lambda k, v: v) if factor is None else (lambda k, v, f=factor: v * f(k)) for factor in factors]


def _slope(formula: Formula, name: str, after: Callable[[int, mpf], mpf]) -> mpf:
    point, h = _mpfs(formula.point), mpf(10) ** -30
    above, below = (evaluate(formula, MPMATH, point | {name: point[name] + shift}, mpf, after) for shift in (h, -h))
    return (above - below) / (2 * h)


def _assert_within(found: float, exact: Sequence[mpf], paths: float, what: str, formula: Formula) -> None:
    true, *moved = exact
    moves = max(abs(other - true) for other in moved) * mpf(10) ** 30
    allowed = ULPS * EPSILON * (abs(true) + 4 * moves + paths) + mpf(2) ** -1060
    assert abs(found - true) <= allowed, (
        f"{what} of {formula}: {found!r}, not {mp.nstr(true, 20)}, {mp.nstr(allowed, 3)} allowed"
    )


@pytest.mark.parametrize("formula", many(60), ids=range(60))
def test_accuracy(formula: Formula) -> None:
    """60 random formulas to a few units in the last place, where the problem is well conditioned."""
    assert_accurate(formula)


@pytest.mark.slow
def test_accuracy_of_500_formulas() -> None:
    for formula in many(560)[60:]:
        assert_accurate(formula)
