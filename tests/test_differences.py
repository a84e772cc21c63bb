"""The witness: right verdicts at smooth points, kinks, jumps, edges of domains, poles and fast oscillations.

Never a wrong "ok" and never a false "mismatch"; where it cannot see, it says "cannot tell".
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from formulas import ANALYTIC, Formula, formulas, many
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions import Command

import bpcli
from bpcli import differences
from bpcli.checking import CANNOT_TELL, KINK, MISMATCH, OK, Comparison, blame, judge
from bpcli.checking import check as compare
from bpcli.differences import Slope, Witness, analytic, complex_step, quotient
from bpcli.gates import GATES
from bpcli.passes import parse
from bpcli.sweeps import forward

each_formula = settings(max_examples=100, deadline=None, derandomize=True)


def compared(text: str, **point: float) -> Comparison:
    """The comparison for the first of the variables of POINT."""
    return bpcli.check(text, point).check.comparisons[next(iter(point))]


def slope(text: str, **point: float) -> Slope | None:
    """What the witness measures along the first of the variables."""
    return Witness(parse(text, variables=list(point)), point).slope(next(iter(point)))


# --- smooth points -----------------------------------------------------------------------------------------

#: Formula, x, slope: from the textbook, not from bpcli.
SMOOTH: list[tuple[str, float, float]] = [
    ("x^2", 1.5, 3), ("exp(x)", 1, math.e), ("sin(x)", 1, math.cos(1)), ("softplus(50*x)/50", 0, 0.5),
    ("softplus(50*x)/50", 0.01, 1 / (1 + math.exp(-0.5))), ("softplus(1e6*x)/1e6", 0, 0.5), ("x^3", 0, 0),
    ("x^7", 0, 0), ("cos(x)", 0, 0), ("x^4", 0, 0), ("sin(x)", 0, 1), ("tanh(x)", 0, 1), ("x*abs(x)", 0, 0),
    ("abs(x)^1.5", 0, 0), ("abs(x)^1.5 + x", 0, 1), ("relu(x)^2", 0, 0), ("abs(x)^2", 0, 0), ("elu(x)", 0, 1),
    ("silu(x)", 0, 0.5), ("gelu(x)", 0, 0.5), ("max(x, x)", 1, 1), ("max(x^2, 0)", 0, 0), ("x*0 + 3", 2, 0),
    ("3 + 0*sin(x)", 2, 0), ("floor(x)", 2.5, 0), ("step(x)", -1, 0), ("abs(x)*0", 0, 0), ("abs(x) - abs(x)", 0, 0),
    ("max(x, 0) + min(x, 0)", 0, 1), ("where(x > 0, x^2, 0)", 0, 0), ("where(x >= 0, sin(x), x)", 0, 1),
    ("where(x > 0, log(x), x^2)", -1, -2), ("where(x == 0, 1, sin(x)/x)", 0, 0), ("x", 3, 1),
]  # fmt: skip
#: A kink or an edge is near, but not here.
NEAR: list[tuple[str, float, float]] = [
    ("relu(x)", 3e-6, 1), ("relu(x)", -3e-6, 0), ("relu(x)", 5e-7, 1), ("abs(x)", 1e-8, 1), ("abs(x)", -1e-12, -1),
    ("abs(x - 1)", 1 + 1e-9, 1), ("abs(x - 1)", 1 - 1e-12, -1), ("abs(x - 1) + 1000", 1 + 1e-12, 1),
    ("step(x)", 1e-12, 0), ("floor(1e6*x)/1e6", 0.5000005, 0), ("elu(x)", 1e-9, 1), ("max(x, sin(x))", 0, 1),
    ("where(x > 1e-9, 2*x, x)", 0, 1), ("hypot(x, 0)", 1e-9, 1), ("sqrt(x^2)", 1e-9, 1), ("sqrt(x)", 1e-12, 5e5),
    ("sqrt(x)", 1e-300, 5e149), ("asin(x)", 0.999999, 1 / math.sqrt(1 - 0.999999**2)), ("log(x)", 1e-10, 1e10),
    ("log(x)", 1e-300, 1e300), ("x^1.5", 0, 0), ("x^2.5", 0, 0), ("sqrt(x*x + 1e-12)", 0, 0),
    ("sqrt(x*x + 1e-20)", 0, 0), ("sqrt(x*x + 1e-12)", 1e-7, 1e-7 / math.sqrt(1e-14 + 1e-12)),
]  # fmt: skip
#: A pole is near, the function turns fast, or x is very large or small.
HARD: list[tuple[str, float, float]] = [
    ("1/x", 1e-3, -1e6), ("1/x", -1e-3, -1e6), ("1/x", 1e-8, -1e16), ("tan(x)", 1.57, 1 / math.cos(1.57) ** 2),
    ("1/(x - 1)", 1.0001, -1 / (1.0001 - 1) ** 2), ("sin(1000*x)", 0.3, 1000 * math.cos(1000 * 0.3)),
    ("sin(1e6*x)", 0.3, 1e6 * math.cos(1e6 * 0.3)), ("sin(1e8*x)", 0.3, 1e8 * math.cos(1e8 * 0.3)),
    ("sin(1/x)", 1e-4, -1e8 * math.cos(1 / 1e-4)), ("cos(1e5*x^2)", 1, -2e5 * math.sin(1e5)),
    ("exp(-1e4*x^2)", 0.001, -20 * math.exp(-0.01)), ("exp(-1e4*x^2)", 0.1, -2000 * math.exp(-100)),
    ("tanh(1e4*(x - 0.1))", 0.1, 1e4), ("tanh(1e4*(x - 0.1))", 0, 0), ("sin(x)", 1e5, math.cos(1e5)),
    ("x^2", 1e150, 2e150), ("x^2", 1e-10, 2e-10), ("x", 1.7e308, 1), ("sqrt(x)", 1e300, 5e-151),
    ("log(x)", 1e300, 1e-300), ("exp(x)", 700, math.exp(700)), ("exp(x)", -700, math.exp(-700)),
    ("1e200*x", 1, 1e200), ("1e-300*x", 1, 1e-300), ("1e-20*x", 1, 1e-20), ("x*1e-320", 1, 1e-320),
    ("sigmoid(x)", -40, math.exp(-40)), ("erfc(x)", 10, -2 / math.sqrt(math.pi) * math.exp(-100)),
    ("1e8 + x", 1, 1), ("sigmoid(x)", 800, 0), ("hypot(x, 1)", 0, 0), ("log(abs(x))", -2, -0.5),
]  # fmt: skip


@pytest.mark.parametrize(("text", "x", "true"), SMOOTH + NEAR + HARD)
def test_a_smooth_point_is_ok(text: str, x: float, true: float) -> None:
    """The figure is the slope within the error it claims, which is small; the verdict is ok."""
    one = compared(text, x=float(x))
    assert one.verdict == OK
    assert one.slope is not None
    assert not one.slope.kinked
    assert abs(one.slope.figure - true) <= 10 * one.slope.error + 1e-9 * abs(true)
    assert one.slope.error <= max(1e-3 * abs(true), 2e-8)
    assert one.reverse == pytest.approx(true, rel=1e-8, abs=1e-300)


@pytest.mark.parametrize(
    ("text", "x", "true"), [case for case in SMOOTH + NEAR + HARD if not 0 < abs(case[2]) < 1e-310]
)
def test_a_wrong_gradient_is_never_ok(text: str, x: float, true: float) -> None:
    """A gradient that is off by a tenth, of the wrong sign, or absent is a mismatch, even one that is off by 1 in 1000."""
    measured = slope(text, x=float(x))
    unit = 1.0 if true == 0 else abs(true)
    exact = 2e-3 * unit > max(12 * measured.error, measured.hidden)
    at_a_kink = bool(measured.gates)
    for wrong in (true + 0.1 * unit, true - 0.1 * unit, -true - unit, 0.0 if true else 1.0, true + 2e-3 * unit):
        wanted = (KINK if at_a_kink else MISMATCH) if exact else judge(wrong, measured)
        assert judge(wrong, measured) == wanted != OK
        assert judge(-3 * wrong, measured, factor=-3.0) == wanted


@pytest.mark.parametrize(
    "text", ["1e16 + x", "1e12 + sin(x)", "(x + 1e15) - 1e15", "(x + 1e13) - 1e13", "tanh(x) + 1e14"]
)
def test_what_rounding_hides(text: str) -> None:
    """Where the digits of x are lost in a larger number, differences say so; only the complex step can tell."""
    measured = slope(text, x=1.0)
    assert judge(1.0, measured) in (CANNOT_TELL, OK)
    assert all(judge(wrong, measured) in (CANNOT_TELL, MISMATCH) for wrong in (2.0, -1.0, 0.0))
    assert compared(text, x=1.0).verdict == OK
    assert bpcli.grad(text, x=1.0).check.comparisons["x"].verdict in (CANNOT_TELL, OK)


def test_what_hides_on_the_scale_of_x() -> None:
    """A wave as short as x and smaller than rounding is not seen by larger steps; that refutes nothing."""
    measured = slope("3000 + 1e-12*sin(1e6*x)", x=1e-6)
    assert judge(1e-6 * math.cos(1), measured) == CANNOT_TELL
    assert judge(1.0, measured) == MISMATCH


def test_what_cannot_be_seen_is_not_confirmed() -> None:
    """A figure too uncertain for three digits confirms nothing and refutes little."""
    assert judge(1.0, None) == CANNOT_TELL
    assert judge(1.0, Slope(1.0, 0.1, 0.1)) == CANNOT_TELL
    assert judge(1.2, Slope(1.0, 0.1, 0.1)) == CANNOT_TELL
    assert judge(1e3, Slope(1.0, 0.1, 0.1)) == MISMATCH
    assert judge(1e-6, Slope(0.0, 1e-7, 0.1)) == CANNOT_TELL
    assert judge(0.0, Slope(0.0, 1e-12, 0.1)) == OK
    assert judge(0.0, Slope(0.0, 1e-12, 0.1), factor=1e30) == OK
    assert judge(0.0, Slope(0.0, 1e-3, 0.1, scale=1e9)) == OK
    assert judge(1e5, Slope(0.0, 1e-8, 0.1, hidden=1e6)) == CANNOT_TELL


# --- kinks, jumps, edges -----------------------------------------------------------------------------------

#: Formula, point (the first variable is measured), slopes on the left and on the right, ids of the gates to blame.
KINKS: list[tuple[str, dict[str, float], float, float, list[str]]] = [
    ("abs(x)", {"x": 0}, -1, 1, ["g1"]), ("max(x, 0)", {"x": 0}, 0, 1, ["g1"]), ("relu(x)", {"x": 0}, 0, 1, ["g1"]),
    ("leaky_relu(x)", {"x": 0}, 0.01, 1, ["g1"]), ("min(x, -x)", {"x": 0}, 1, -1, ["g2"]),
    ("max(x, y)", {"x": 2, "y": 2}, 0, 1, ["g1"]), ("min(x, y)", {"x": 2, "y": 2}, 1, 0, ["g1"]),
    ("max(1, x, y)", {"x": 2, "y": 2}, 0, 1, ["g1"]), ("clip(x, 0, 1)", {"x": 0}, 0, 1, ["g1"]),
    ("clip(x, 0, 1)", {"x": 1}, 1, 0, ["g1"]), ("clip(3, x, 5)", {"x": 3}, 0, 1, ["g1"]),
    ("x*step(x)", {"x": 0}, 0, 1, ["g1"]), ("x*sign(x - 2)", {"x": 2 + 0.0}, -1, 1, []),
    ("where(x > 0, x^2, -x)", {"x": 0}, -1, 0, ["g1"]), ("where(x >= 2, 3*x, 6)", {"x": 2}, 0, 3, ["g1"]),
    ("abs(x) + 1e-5*x", {"x": 0}, -1 + 1e-5, 1 + 1e-5, ["g1"]), ("max(x, x^2)", {"x": 1}, 1, 2, ["g2"]),
    ("abs(sin(x))", {"x": math.pi}, -1, 1, ["g2"]), ("max(x, -x, 0)", {"x": 0}, -1, 1, ["g2"]),
    ("max(sin(x), cos(x))", {"x": math.pi / 4}, -math.sqrt(0.5), math.sqrt(0.5), ["g3"]),
    ("q = abs(x - 3)\nexp(q)", {"x": 3}, -1, 1, ["q"]), ("relu(x) + abs(x)", {"x": 0}, -1, 2, ["g1", "g2"]),
    ("u = abs(x)\nabs(x - 1)*2", {"x": 1}, -2, 2, ["g2"]), ("abs(x + y - 0.3)", {"x": 0.1, "y": 0.2}, -1, 1, ["g3"]),
    ("5*abs(x)*y", {"x": 0, "y": -2}, 10, -10, ["g1"]), ("1e-12*abs(x)", {"x": 0}, -1e-12, 1e-12, ["g1"]),
    ("1e12*abs(x - 1)", {"x": 1}, -1e12, 1e12, ["g2"]), ("where(y > 0, abs(x), x)", {"x": 0, "y": 1}, -1, 1, ["g2"]),
    ("where(x > 0, abs(x - 5), 5)", {"x": 0}, 0, -1, ["g1"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "point", "left", "right", "gates"), KINKS)
def test_a_kink(text: str, point: dict[str, float], left: float, right: float, gates: list[str]) -> None:
    """The verdict is kink, never an ok by accident, with both one-sided slopes right and the gates to blame named."""
    result = bpcli.check(text, {name: float(x) for name, x in point.items()})
    one = result.check.comparisons[next(iter(point))]
    if "sign" in text:  # the value jumps too
        assert (one.verdict, one.slope.jumps) == (KINK, True)
        return
    assert one.verdict == KINK
    assert not one.slope.jumps
    assert one.slope.left == pytest.approx(left, rel=1e-6, abs=1e-9 * max(abs(left), abs(right)))
    assert one.slope.right == pytest.approx(right, rel=1e-6, abs=1e-9 * max(abs(left), abs(right)))
    assert list(blame(result.graph, one)) == gates
    assert one.difference == pytest.approx((left + right) / 2, abs=1e-9 * max(abs(left), abs(right)))
    assert one.error is None
    assert one.complex is None
    assert result.ok


@pytest.mark.parametrize(
    ("text", "x", "gates"),
    [("step(x)", 0, ["g1"]), ("sign(x)", 0, ["g1"]), ("floor(x)", 2, ["g1"]), ("ceil(x)", -3, ["g1"]),
     ("x + step(x)", 0, ["g1"]), ("floor(1e6*x)/1e6", 0.5, ["g2"]), ("where(x == 0, 1, x)", 0, ["g1"]),
     ("where(x == 0, 5, sin(x)/x)", 0, ["g1"]), ("where(x > 0.5, 2*x, x)", 0.5, ["g1"]), ("x + 1e-9*step(x)", 0, ["g1"]),
     ("x*sign(x - 2)", 2, ["g2"]), ("atan2(x, -1)", 0, [])],
)  # fmt: skip
def test_a_jump(text: str, x: float, gates: list[str]) -> None:
    """Where the value itself jumps there is no slope at all, and no figure."""
    result = bpcli.check(text, x=float(x))
    one = result.check.comparisons["x"]
    assert (one.verdict, one.slope.jumps) == (KINK, True)
    assert one.difference is None
    assert one.error is None
    assert list(blame(result.graph, one)) == gates
    record = result.record(text)["comparisons"]["x"]
    assert (record["jumps"], record["differences"], record["left"], record["right"]) == (True, None, None, None)


def test_conventions_that_do_not_add_up() -> None:
    """relu(x) - relu(-x) is x, but the conventions at 0 give 0: a kink is named, with the slope 1 on both sides."""
    result = bpcli.check("relu(x) - relu(-x)", x=0.0)
    one = result.check.comparisons["x"]
    assert (one.verdict, one.reverse) == (KINK, 0.0)
    assert (one.slope.left, one.slope.right) == (1.0, 1.0)
    assert list(blame(result.graph, one)) == ["g1", "g3"]
    assert result.ok


def test_a_kink_of_another_variable_or_output_is_no_kink() -> None:
    """Only gates that the variable moves, and that the output depends on, are blamed."""
    result = bpcli.check("abs(y)*x", x=2.0, y=0.0)
    assert [one.verdict for one in result.check.comparisons.values()] == [KINK, OK]
    unused = compared("u = abs(x)\nx^2", x=0.0)
    assert (unused.verdict, unused.slope.gates) == (OK, ())
    assert compared("where(y > 0, x, abs(x))", x=0.0, y=1.0).verdict == OK


@pytest.mark.parametrize("kinks", ["torch", "jax", "tf", "left", "right"])
@pytest.mark.parametrize("text", ["abs(x)", "max(x, 0)", "relu(x)", "clip(x, 0, 1)", "leaky_relu(x)"])
def test_no_convention_makes_a_kink_ok(text: str, kinks: str) -> None:
    """Also not the one whose gradient happens to be the mean of the slopes (0 for |x|)."""
    result = bpcli.check(text, x=0.0, kinks=kinks)
    assert result.check.comparisons["x"].verdict == KINK
    assert result.ok


@pytest.mark.parametrize("text", ["sqrt(x^2)", "(x^2)^0.5", "hypot(x, 0)", "sqrt(x*x)"])
def test_a_kink_that_no_gate_tells_of(text: str) -> None:
    """The slopes on the two sides stay apart however small the step."""
    measured = slope(text, x=0.0)
    assert measured.kinked
    assert (measured.left, measured.right) == (pytest.approx(-1), pytest.approx(1))
    assert measured.gates == ()


@pytest.mark.parametrize(
    ("text", "x", "side"),
    [("asin(x)", 1, "left"), ("acos(x)", -1, "right"), ("sqrt(x)", 0, "right"), ("sqrt(abs(x))", 0, None),
     ("where(x > 0, sqrt(x), 0)", 0, None), ("x^0.3", 0, "right"), ("x^1.2", 0, "right")],
)  # fmt: skip
def test_an_infinite_slope_is_nothing_to_agree_with(text: str, x: float, side: str | None) -> None:
    """At the edge of a domain, or where the slope grows without end, no figure is sure enough to confirm anything."""
    measured = slope(text, x=float(x))
    for gradient in (0.0, 1.0, -1.0, 1e3, 1e6):
        assert judge(gradient, measured) in (CANNOT_TELL, MISMATCH)
    if measured is not None:
        assert not measured.kinked
        assert getattr(measured, side) == measured.figure


def test_one_side_of_an_edge_is_enough() -> None:
    """Where only one side exists and its slope is finite, that slope is the figure."""
    measured = slope("x^2.5 + 3*x", x=0.0)
    assert (measured.left, measured.kinked) == (None, False)
    assert measured.right == measured.figure == pytest.approx(3.0, rel=1e-9)
    assert compared("x*log(x + 1)", x=0.0).verdict == OK
    assert slope("log(x)", x=-1.0) is None


# --- wrong derivatives -------------------------------------------------------------------------------------


def broken(monkeypatch: pytest.MonkeyPatch, name: str, *local: str) -> None:
    """Give the gate NAME other local gradients, both in the numeric and in the symbolic passes."""
    monkeypatch.setitem(GATES, name, replace(GATES[name], local=local, shown=local))


@pytest.mark.parametrize(
    ("name", "local", "text", "point"),
    [("sin", ("-cos(x)",), "sin(x)*y", {"x": 0.5, "y": 2}), ("atan2", ("1/b", "0"), "atan2(x, y)", {"x": 2, "y": 3}),
     ("tanh", ("1 - y",), "tanh(x)", {"x": 0.3}), ("sigmoid", ("y*(1 - y) + 1/1000000",), "sigmoid(x)", {"x": 0.3}),
     ("hypot", ("b/y", "a/y"), "hypot(x, y)", {"x": 2, "y": 3}), ("relu", ("1 - step(x)",), "relu(x)", {"x": 2}),
     ("exp", ("y*1.0001",), "exp(x)", {"x": 1}), ("log", ("1/x + 1/1000",), "log(x)", {"x": 4})],
)  # fmt: skip
def test_a_wrong_row_is_a_mismatch(
    monkeypatch: pytest.MonkeyPatch, name: str, local: tuple[str, ...], text: str, point: dict[str, float]
) -> None:
    """A mistake in the gate table does not reach the witness, which says so, with exit code 1."""
    assert bpcli.check(text, point).ok
    broken(monkeypatch, name, *local)
    result = bpcli.check(text, point)
    assert not result.ok
    assert MISMATCH in {one.verdict for one in result.check.comparisons.values()}
    words = ["check", text, *[f"--{name}={x}" for name, x in point.items()]]
    printed = Command({}, words, "").in_process()
    assert printed.code == 1
    assert "mismatch" in printed.out
    record = Command({}, [*words, "--json"], "").in_process()
    assert record.code == 1
    assert json.loads(record.out)["ok"] is False
    assert not bpcli.grad(text, point).check.ok
    assert "DISAGREES" in str(bpcli.grad(text, point))


def test_exit_code_0_for_ok_kink_and_cannot_tell() -> None:
    for text, verdict in (("sin(x)", "ok"), ("abs(x)", "kink"), ("where(x > 0, sqrt(x), 0)", "cannot tell")):
        printed = Command({}, ["check", text, "--x=0"], "").in_process()
        assert (printed.code, printed.err) == (0, "")
        assert verdict in printed.out


def test_forward_mode_alone_being_wrong_is_a_mismatch() -> None:
    """Both modes are held against the witness."""
    graph = parse("x*y")
    point = {"x": 2.0, "y": 3.0}
    values = forward(graph, point)
    right = compare(graph, point, values, {"x": 3.0, "y": 2.0}, thorough=True)
    assert right.ok
    values[graph.inputs["y"]] = 3.5  # forward mode now sees another y than the witness
    wrong = compare(graph, point, values, {"x": 3.0, "y": 2.0}, thorough=True)
    assert wrong.comparisons["x"].verdict == MISMATCH
    assert wrong.comparisons["y"].verdict == OK


def test_rounding_is_no_disagreement() -> None:
    """Gradients that cancel to 0 up to rounding, differently in the two modes, agree."""
    for text in (
        "sin(x)^2 + cos(x)^2",
        "cosh(x)^2 - sinh(x)^2",
        "(x + 1)^2 - x^2 - 2*x",
        "exp(x)*exp(-x)",
        "log(exp(x)) - x",
    ):
        for x in (0.1, 0.7, 1.3, 2.9, 5.3):
            assert compared(text, x=x).verdict == OK


# --- the complex step --------------------------------------------------------------------------------------


@each_formula
@given(formulas(gates=ANALYTIC, most=12))
def test_complex_step(formula: Formula) -> None:
    """For analytic formulas it is the gradient to 1e-13 of what cancels in it: no step, no rounding."""
    result = bpcli.check(formula.text, formula.point)
    if not analytic(result.graph):
        return
    for one in result.check.comparisons.values():
        paths = max(1.0, abs(one.reverse), *(abs(send or 0) for line in _lines(formula) for send in line.sends))
        assert one.complex is not None
        assert abs(one.complex - one.reverse) <= 1e-13 * paths * len(result.graph.gates)


def _lines(formula: Formula) -> Any:
    return bpcli.grad(formula.text, formula.point, check=False).lines()


@pytest.mark.parametrize(
    ("text", "x", "true"),
    [("exp(x)", 1, math.e), ("x^3", 0, 0), ("cos(x)", 0, 0), ("log(x)", 1e-300, 1e300), ("sqrt(x)", 1e-300, 5e149),
     ("log(x)", 1e300, 1e-300), ("sigmoid(x)", 40, math.exp(-40)), ("tanh(x)", 20, 4 * math.exp(-40)), ("1e16 + x", 1, 1),
     ("x^2", 1e150, 2e150), ("(-2)^3*x^3", 2, -96), ("where(x > 0, log(x), sqrt(x))", 2, 0.5), ("x/3 + log10(5)", 1, 1 / 3),
     ("where(x < 0, log(x - 5), x^2)", 3, 6), ("1/x", 1e-8, -1e16)],
)  # fmt: skip
def test_complex_step_figures(text: str, x: float, true: float) -> None:
    """To 1e-13, on every scale of x, also where differences see nothing."""
    assert compared(text, x=float(x)).complex == pytest.approx(true, rel=1e-13, abs=1e-60)


@pytest.mark.parametrize(
    "text", ["abs(x)", "relu(x) + x", "max(x, 1)", "erf(x)", "floor(x)*x", "gelu(x)", "atan2(x, 2)"]
)
def test_no_complex_step_where_the_formula_is_not_analytic(text: str) -> None:
    """A figure that would be wrong is absent: null in JSON."""
    result = bpcli.check(text, x=0.6)
    assert result.check.comparisons["x"].complex is None
    assert result.record(text)["comparisons"]["x"]["complex"] is None
    assert "complex" not in str(result)


@pytest.mark.parametrize(("text", "x"), [("where(x > 0, x, -x)", 0), ("exp(x)", -700), ("x^1.5", 0), ("1e-300*x", 1)])
def test_no_complex_step_at_kinks_edges_and_underflows(text: str, x: float) -> None:
    assert compared(text, x=float(x)).complex is None


def test_the_complex_step_says_where_it_has_no_answer() -> None:
    graph = parse("log(x)")
    assert complex_step(graph, {"x": 2.0}, "x") == pytest.approx(0.5, rel=1e-15)
    assert complex_step(parse("exp(x)*0 + y"), {"x": 700.0, "y": 1.0}, "x") == 0.0


# --- budget, quotients, noise ------------------------------------------------------------------------------


def test_sampling_is_said() -> None:
    """Above the budget only some variables are measured, spread evenly over all; the result and the pages say so."""
    names = [f"v{k}" for k in range(600)]
    text = " + ".join(f"sin({name})*{k}" for k, name in enumerate(names))
    point = dict.fromkeys(names, 0.5)
    result = bpcli.check(text, point)
    measured = list(result.check.comparisons)
    assert result.check.sampled
    assert 1 <= len(measured) < 600
    assert len(measured) * differences.EVALUATIONS * len(result.graph.gates) <= differences.BUDGET
    steps = {names.index(b) - names.index(a) for a, b in itertools.pairwise(measured)}
    assert len(steps) == 1
    assert names.index(measured[-1]) >= 400
    assert result.record(text)["sampled"] is True
    assert f"measured {len(measured)} of 600 variables" in str(result)
    assert f"measured {len(measured)} of 600 variables" in str(bpcli.grad(text, point))
    assert not bpcli.check("x + y", x=1, y=2).check.sampled
    assert len(bpcli.check(text, point, wrt=["v3", "v7"]).check.comparisons) == 2


def test_no_variable_is_measured_far_beyond_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slope takes about EVALUATIONS evaluations of the formula on average, kinks and hard points included."""
    counted = 0
    evaluate = Witness.evaluate

    def counting(self: Witness, point: Mapping[str, float]) -> Any:
        nonlocal counted
        counted += 1
        return evaluate(self, point)

    monkeypatch.setattr(Witness, "evaluate", counting)
    variables = 0
    for formula in many(60):
        graph = parse(formula.text, variables=list(formula.point))
        witness = Witness(graph, formula.point)
        variables += len([witness.slope(name) for name in graph.inputs])
    assert counted <= differences.EVALUATIONS * variables
    counted = 0
    for text, x, _ in SMOOTH + NEAR + HARD:
        slope(text, x=float(x))
    assert counted <= 6 * differences.EVALUATIONS * len(SMOOTH + NEAR + HARD)


def test_quotient() -> None:
    """The plain quotients of the lectures."""
    for scheme, wanted in (
        ("forward", (2.1**3 - 8) / 0.1),
        ("backward", (8 - 1.9**3) / 0.1),
        ("central", (2.1**3 - 1.9**3) / 0.2),
    ):
        assert quotient(lambda t: (2 + t) ** 3, 0.1, scheme) == pytest.approx(wanted, rel=1e-12)


def test_noise() -> None:
    """What rounding does to a value is measured on the graph, not guessed from the value."""

    def noise(text: str, x: float) -> float:
        return Witness(parse(text), {"x": x}).noise

    assert 1e-16 < noise("x + 2", 1.0) < 1e-14
    assert 1e-7 < noise("(x + 1e9) - 1e9", 1.0) < 1e-5
    assert noise("1e-9*((x + 1e9) - 1e9)", 1.0) < 1e-14
    assert noise("sin(1e8*x)", 0.3) > 1e-10
    assert noise("floor(x)", 2.0) < 1e-14
    assert noise("where(x > 2, log(x - 2), asin(x/4))", 2.0) < 1e-14
    assert noise("asin(x/2)", 2.0) > 1e-9


@pytest.mark.parametrize(("text", "most"), [("3*x + 7", 15), ("x^3", 17), ("sin(x)", 19)])
def test_halving_stops_when_rounding_alone_is_worse(text: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every halving of the step doubles what rounding does; sin took 27 evaluations when that was not asked."""
    counted = 0
    evaluate = Witness.evaluate

    def counting(witness: Witness, point: Mapping[str, float]) -> Any:
        nonlocal counted
        counted += 1
        return evaluate(witness, point)

    monkeypatch.setattr(Witness, "evaluate", counting)
    assert slope(text, x=1.0) is not None
    assert 10 < counted <= most


# --- fuzz --------------------------------------------------------------------------------------------------


@each_formula
@given(formulas(), st.floats(1e-3, 1e3), st.sampled_from([-1, 1]))
def test_random_formulas_are_ok_and_wrong_gradients_are_not(formula: Formula, upstream: float, sign: int) -> None:
    """No false mismatch on smooth formulas, and none of some wrong gradients passes."""
    assert_judged_well(formula, sign * upstream)


def assert_judged_well(formula: Formula, upstream: float = 1.0) -> None:
    result = bpcli.check(formula.text, formula.point)
    for name, one in result.check.comparisons.items():
        assert one.verdict == OK, f"d/d{name} of {formula}: {one}"
        right = one.reverse * upstream
        assert judge(right, one.slope, upstream) == OK
        unit = max(abs(right), abs(upstream) * max(1e-6, 1e3 * one.slope.error))
        for wrong in (right + 2e-3 * unit, right - 0.1 * unit, right + unit, -right - unit):
            if abs(wrong - right) > 12 * one.slope.error * abs(upstream):
                assert judge(wrong, one.slope, upstream) in (MISMATCH, CANNOT_TELL), f"{wrong} for {name} of {formula}"
        assert judge(right + 10 * unit, one.slope, upstream) == MISMATCH


@each_formula
@given(
    formulas(most=12, named=False),
    st.sampled_from(["abs({0})", "relu({0})*3", "max({0}, 2*({0}))", "where({0} >= 0, {0}, sin({0})*2)"]),
)
def test_a_kink_added_to_a_random_formula(formula: Formula, kink: str) -> None:
    """Is found whatever surrounds it: both slopes, and its gate alone to blame."""
    if not formula.point:
        return
    name, x = next(iter(formula.point.items()))
    before = bpcli.grad(formula.text, formula.point, check=False).gradients.get(name, 0.0)
    left, right = {"a": (-1, 1), "r": (0, 3), "m": (1, 2), "w": (2, 1)}[kink[0]]
    result = bpcli.check(f"{formula.text} + {kink.format(f'({name} - ({x!r}))')}", formula.point, wrt=name)
    one = result.check.comparisons[name]
    assert one.verdict == KINK
    allowed = 10 * one.slope.error + 1e-9 * (1 + abs(before))
    assert abs(one.slope.left - before - left) <= allowed
    assert abs(one.slope.right - before - right) <= allowed
    assert allowed < 0.1
    assert len(one.slope.gates) == 1


@pytest.mark.slow
def test_no_false_mismatch_in_2000_formulas() -> None:
    for formula in many(2000):
        assert_judged_well(formula)
