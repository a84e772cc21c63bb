"""Formulas as answers: equal ones in another form are right, others are told apart by a point, doubts go to a person."""

from __future__ import annotations

import math
import re

import formulas
import pytest

import bpcli
from bpcli.deriving import derive
from bpcli.graph import Graph
from bpcli.language import parse
from bpcli.marking.equivalence import DIFFERENT, EQUAL, UNDECIDED, Outcome, Quantity, compare, points, said, same_graph
from bpcli.marking.formulas import mark_formula
from bpcli.marking.key import Asked
from bpcli.passes import parse as parse_formula
from bpcli.printing import write
from bpcli.slips import SLIPS

SECRETS = [b"a", b"b", b"c"]
NEAR = {"x": 2.0, "y": -1.5}


def quantity(text: str) -> Quantity:
    graph = parse(text)
    return Quantity(graph, graph.output)


def outcomes(answer: str, key: str) -> list[Outcome]:
    return [compare(quantity(answer), quantity(key), secret, NEAR) for secret in SECRETS]


EQUALS = [
    ("x*y", "y*x"), ("(x+y)^2", "x^2+2*x*y+y^2"), ("sin(x)^2+cos(x)^2", "1+0*x"), ("log(x*y)*x", "x*log(y*x)"),
    ("sigmoid(x)*(1-sigmoid(x))", "exp(-x)/(1+exp(-x))^2"), ("tanh(x)", "(exp(x)-exp(-x))/(exp(x)+exp(-x))"),
    ("1-tanh(x)^2", "4/(exp(x)+exp(-x))^2"), ("relu(x)", "max(x,0)"), ("abs(x)", "sqrt(x^2)"),
    ("max(x,y)", "(x+y+abs(x-y))/2"), ("x/x", "1+0*x"), ("0*x", "x-x"), ("2^x*log(2)", "exp(x*log(2))*log(2)"),
    ("x^0.5", "sqrt(x)"), ("1/(1+x)^2", "(1+x)^-2"), ("softplus(x)", "log(1+exp(x))"), ("x*(x-1)*(x+1)", "x^3-x"),
    ("where(x > 0, x, -x)", "abs(x)"), ("np.exp(x) ", "e^x"), ("x**2", "x·x"), ("3", "6/2"), ("y*exp(x*y)", "exp(y*x)*y"),
]  # fmt: skip
#: (answer, key)
DIFFERENTS = [
    ("abs(x)", "x"), ("x", "abs(x)"), ("sqrt(x^2)", "x"), ("relu(x)", "x"), ("x^2+1e-5", "x^2"), ("x+y", "x*y"),
    ("x+x", "x*x"), ("x^x", "x^2"), ("2^x", "x^2"), ("log(x)", "log(abs(x))"), ("-1/x", "1/x"), ("x^3", "x^2"),
    ("sigmoid(x)+1e-4", "sigmoid(x)"), ("x*1.00001", "x"), ("1e-9", "0*x"), ("x", "1"), ("1", "x"),
    ("softplus(50*x)/50", "relu(x)"), ("where(x > 2.5, x + 0.01, x)", "x"), ("x+relu(0.001-abs(x-1.2345))", "x"),
    ("x+relu(0.001-abs(y+0.4321))", "x+0*y"), ("floor(x)", "x"), ("max(x,y)", "x"), ("x^4/x^4*y", "x"),
    ("sqrt(x)", "sqrt(abs(x))"), ("1/(x-y)", "1/(y-x)"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), EQUALS)
def test_other_forms_are_equal(one: str, other: str) -> None:
    assert {outcome.verdict for outcome in outcomes(one, other) + outcomes(other, one)} == {EQUAL}


@pytest.mark.parametrize(("answer", "key"), DIFFERENTS)
def test_other_functions_are_different(answer: str, key: str) -> None:
    """Whatever the points are; and the point that tells them apart does."""
    for outcome in outcomes(answer, key):
        assert outcome.verdict == DIFFERENT
        assert outcome.point is not None
        right = quantity(key).at(outcome.point)
        given = quantity(answer).at(outcome.point)
        assert right is not None
        assert given is None or abs(given.value - right.value) > 1e-7 * max(abs(given.value), abs(right.value))


@pytest.mark.parametrize("bump", ["x+exp(-(10000*(x-1.2345))^2)", "x+1e-9*y", "x+relu(x-9e5)"])
def test_what_could_hide_is_undecided(bump: str) -> None:
    """Numbers of very large or small size that the key has not: never right without a person, never wrong for it."""
    for outcome in outcomes(bump, "x"):
        assert outcome.verdict in (UNDECIDED, DIFFERENT)


def test_what_rounding_swallows_is_undecided() -> None:
    """Both have lost most of their digits at every point."""
    for outcome in outcomes("x*(1e9 + y) - x*1e9", "x*y"):
        assert outcome.verdict == UNDECIDED
        assert "only" in outcome.note


def test_rounded_numbers_are_equal_and_said() -> None:
    (outcome, *_) = outcomes("0.333333333*x", "x/3")
    assert outcome == Outcome(EQUAL, note="up to rounded numbers in the formula")


def test_a_key_without_a_value_anywhere_is_undecided() -> None:
    assert {one.verdict for one in outcomes("x", "log(-1 - x^2)")} == {UNDECIDED}


def test_graphs_are_compared_in_any_order() -> None:
    assert same_graph(parse("x*y + z*w"), parse("w*z + y*x"))
    assert same_graph(parse("q = x*y; q + max(1, z)"), parse("max(z, 1) + y*x"))
    assert not same_graph(parse("x - y"), parse("y - x"))
    assert not same_graph(parse("x^2"), parse("x*x"))


def test_points_depend_on_the_secret_alone() -> None:
    first = [*points(["x", "y"], b"a", NEAR)]
    assert first == [*points(["y", "x"], b"a", NEAR)]
    assert first != [*points(["x", "y"], b"b", NEAR)]
    assert any(point["x"] < 0 for point in first)
    assert len({point["x"] for point in first}) == len(first)
    assert all(point["x"] != point["y"] for point in first)


@pytest.mark.parametrize("seed", range(30))
def test_symbolic_derivatives_are_equal_to_the_key(seed: int) -> None:
    """bpcli's own derivatives, as text, in the blackboard's form and in the stable one, of random formulas."""
    formula = formulas.many(30, most=6, named=False)[seed]
    graph = parse_formula(formula.text, variables=list(formula.point))
    name = next(iter(formula.point))
    key = Quantity(graph, graph.inputs[name], gradient=True)
    for blackboard in (True, False):
        text = write(derive(formula.text, wrt=[name], blackboard=blackboard).graph, inline=True)
        answer = parse(text, variables=list(formula.point))
        outcome = compare(Quantity(answer, answer.output), key, b"s", formula.point)
        assert outcome.verdict != DIFFERENT, (text, outcome)


# --- formulas as answers ----------------------------------------------------------------------------------


def marked(formula: str, **answers: str) -> dict[str, tuple[str, tuple[str, ...], str]]:
    return {one.name: (one.verdict, one.slips, one.reason) for one in bpcli.mark(formula, answers=answers).marks}


def test_derivatives_as_answers() -> None:
    found = marked("f = x^2*y + exp(x)", dx="2*y*x + e^x", dy="x*x", f="np.exp(x) + y*x**2")
    assert {verdict for verdict, _, _ in found.values()} == {"right"}


def test_names_of_the_problem_may_be_used() -> None:
    found = marked("q = x + y; f = q*z", dz="q", dq="z", dx="1*z", f="q*z", q="x + y")
    assert {verdict for verdict, _, _ in found.values()} == {"right"}


@pytest.mark.parametrize(
    ("formula", "answer", "slip"),
    [
        ("x^3", "3*x^3", "power-off-by-one"), ("exp(2*x)", "exp(2*x)", "local-dropped"), ("1/x", "-1/x", "reciprocal-not-squared"),
        ("log(x)*5", "5*exp(x)", "log-exp-swapped"), ("sigmoid(x)", "sigmoid(x)", "sigmoid-not-times-one-minus"),
        ("x^2*exp(x)", "2*x*exp(x)", "product-of-derivatives"), ("sin(x^2)", "cos(x^2)", "upstream-dropped"),
    ],
)  # fmt: skip
def test_slips_in_formulas_are_named(formula: str, answer: str, slip: str) -> None:
    ((verdict, slips, reason),) = marked(formula, dx=answer).values()
    assert verdict == "wrong"
    assert slip in slips or SLIPS[slip].title in reason or slip == "upstream-dropped"
    assert "it is different at x = " in reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("2*r", "r is no name of this problem, which has x and y"), ("dx = 2*x", "write the formula alone, without ="),
        ("2*x*", "ends"), ("[1, 2]", "not of an array"), ("x; y", "write the formula alone"), ("f", "f is no name"),
        ("(" * 101 + "x" + ")" * 101, "100"), ("x+" * 3000 + "x", "4,096"), ("diff(f, x)", "diff"),
        ("open('/etc/passwd')", ""), ("x.__class__", ""), ("1e400*x", ""), ("x\u202e", "U+202E"), ("9**9**9**9", ""),
    ],
)  # fmt: skip
def test_what_is_no_formula_is_invalid(answer: str, reason: str) -> None:
    graph = parse("f = x^2*y")
    mark = mark_formula(graph, Asked("f", "value", graph.output), answer, b"s")
    assert mark.verdict in ("invalid", "wrong")
    assert reason in mark.reason
    assert mark.reason.isprintable()
    if answer != "9**9**9**9":
        assert mark.verdict == "invalid"


def test_a_slip_that_changes_nothing_is_not_named() -> None:
    """Dropping the upstream gradient 1 leaves the key; what is wrong here is where the answer has no value."""
    mark = bpcli.mark("x^2*y", answers={"dx": "2*x*y + 0*log(x)"}).marks[0]
    assert (mark.verdict, mark.slips) == ("wrong", ())
    assert mark.reason.startswith("it has no value at x = -")


@pytest.mark.parametrize(
    ("formula", "answer", "where"),
    [
        ("x^3", "x^2", ["look again at the derivative of x^3; it is different at x ="]),
        ("h = tanh(w*x); L = (h - y)^2", "2*(h - y)*(1 - h)*w", ["look again at the derivative of h = tanh(w*x)", "it is different at"]),
        ("x^3", "7*x + 1", ["it is different at x ="]), ("x^2*y", "2*x*y + 0*log(x)", ["it has no value at x ="]),
    ],
)  # fmt: skip
def test_a_hint_for_a_formula_says_where_and_not_what(formula: str, answer: str, where: list[str]) -> None:
    hint = bpcli.mark(formula, answers={"dx": answer}, hint=True).marks[0]
    told = bpcli.mark(formula, answers={"dx": answer}).marks[0]
    assert all(part in hint.reason for part in where), hint.reason
    assert "gives" not in hint.reason
    assert not hint.slips
    assert not any(SLIPS[slip].title in hint.reason for slip in told.slips)


def test_the_points_are_not_told() -> None:
    """What is said of a difference is a round point, and never the key's own number there."""
    graph: Graph = parse("x^2*exp(y)")
    key = Quantity(graph, graph.inputs["x"], gradient=True)
    outcome = compare(quantity("x*exp(y)"), key, b"secret", NEAR)
    words = said(outcome, quantity("x*exp(y)"), key)
    assert outcome.point is not None
    assert not any(repr(value)[:8] in words for value in outcome.point.values())
    x, y = (float(figure) for figure in re.findall(r"[xy] = (-?[\d.]+)", words))
    assert f"{2 * x * math.exp(y):.4g}" not in words
