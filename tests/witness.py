"""An independent witness: every gate in mpmath from its mathematical definition, and slopes by differences.

Nothing here reads a formula of `bpcli.gates`. What does not exist comes out as None: the value of a node that has
no finite real one (harmless in a branch that `where` does not take), a slope at a corner, a jump or an edge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mpmath import mp, mpf

from bpcli.graph import Graph

Number = Any  # mpmath has no types


def _power(a: Number, b: Number) -> Number:
    if a == 0:
        if b < 0:
            raise ZeroDivisionError
        return mpf(b == 0)
    if a < 0:
        if b != mp.floor(b):
            raise ValueError
        return mp.power(-a, b) * (1 if b % 2 == 0 else -1)
    return mp.power(a, b)


def _clip(x: Number, low: Number, high: Number) -> Number:
    if low > high:
        raise ValueError
    return low if x < low else min(x, high)


def _erfc(x: Number) -> Number:
    return mpf(0) if x > mpf("1e10") else mp.erfc(x)  # mpmath cannot write erfc(1e200), some 10^(-10^400)


def _indicator(holds: Callable[..., bool]) -> Callable[..., Number]:
    return lambda *inputs: mpf(1 if holds(*inputs) else 0)


#: Gate name -> its value. `where` also stands here for callers with all three inputs in hand.
WITNESSES: dict[str, Callable[..., Number]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda x: -x,
    "pow": _power,
    "square": lambda x: x * x,
    "exp": mp.exp,
    "log": mp.log,
    "log10": lambda x: mp.log(x) / mp.log(10),
    "log2": lambda x: mp.log(x) / mp.log(2),
    "log1p": mp.log1p,
    "expm1": mp.expm1,
    "sqrt": mp.sqrt,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "asin": mp.asin,
    "acos": mp.acos,
    "atan": mp.atan,
    "atan2": mp.atan2,
    "hypot": lambda a, b: mp.sqrt(a * a + b * b),
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "relu": lambda x: x if x > 0 else mpf(0),
    "leaky_relu": lambda x: x if x > 0 else x / 100,
    "elu": lambda x: x if x > 0 else mp.expm1(x),
    "softplus": lambda x: mp.log1p(mp.exp(x)),
    "silu": lambda x: x / (1 + mp.exp(-x)),
    "gelu": lambda x: x * _erfc(-x / mp.sqrt(2)) / 2,
    "erf": mp.erf,
    "erfc": _erfc,
    "abs": lambda x: -x if x < 0 else x,
    "sign": lambda x: mpf((x > 0) - (x < 0)),
    "step": _indicator(lambda x: x > 0),
    "floor": mp.floor,
    "ceil": mp.ceil,
    "clip": _clip,
    "where": lambda condition, a, b: a if condition else b,
    "gt": _indicator(lambda a, b: a > b),
    "ge": _indicator(lambda a, b: a >= b),
    "lt": _indicator(lambda a, b: a < b),
    "le": _indicator(lambda a, b: a <= b),
    "eq": _indicator(lambda a, b: a == b),
    "ne": _indicator(lambda a, b: a != b),
    "max": lambda *inputs: max(inputs),
    "min": lambda *inputs: min(inputs),
    "ties": lambda value, *others: mpf(sum(other == value for other in others)),
    "place": lambda value, *others: mpf(next((k for k, other in enumerate(others, 1) if other == value), 0)),
}


def witness(name: str) -> Callable[..., Number]:
    """The witness of a gate; an AssertionError says when a new row of the table has none yet."""
    assert name in WITNESSES, f"the gate {name} has no witness: write its definition into WITNESSES in {__file__}"
    return WITNESSES[name]


def _apply(name: str, inputs: list[Number]) -> Number | None:
    if name == "where":
        condition, taken, other = inputs
        return None if condition is None else taken if condition else other
    if None in inputs:
        return None
    function = witness(name)
    try:
        value = function(*inputs)
    except (ArithmeticError, ValueError):
        return None
    return value if isinstance(value, mpf) and mp.isfinite(value) else None


def evaluate(graph: Graph, point: Mapping[str, Any], digits: int = 50) -> list[Number | None]:
    """The value of every node to DIGITS digits; None where there is none (numbers in the text are their doubles)."""
    with mp.workdps(digits):
        values: list[Number | None] = [None] * graph.size
        for name, node in graph.inputs.items():
            values[node] = mpf(point[name])
        for node, value in graph.constants.items():
            values[node] = mpf(value)
        for place, node in enumerate(graph.gates):
            values[node] = _apply(graph.row(place).name, [values[given] for given in graph.args[place]])
        return values


def gradient(graph: Graph, point: Mapping[str, Any], wrt: tuple[str, ...] | None = None) -> dict[str, Number | None]:
    """The slope of the output along every variable (or those WRT), to 20 digits; None where there is none."""

    def along(name: str) -> Callable[[Number, int], Number | None]:
        return lambda x, digits: evaluate(graph, {**point, name: x}, digits)[graph.output]

    return {name: slope(along(name), point[name]) for name in (graph.inputs if wrt is None else wrt)}


def slope(function: Callable[[Number, int], Number | None], x: Any) -> Number | None:
    """The slope of FUNCTION(x, digits) at X by central differences, None at a corner, a jump or an edge.

    With ever more digits and smaller steps (relative to a small X) until two results agree to 20 digits; "0" is
    believed once a slope of 1e-600 would have shown.
    """
    before = None
    for digits in (80, 160, 640, 1280, 2560):
        with mp.workdps(digits):
            at = mpf(x)
            h = (min(abs(at), 1) or mpf(1)) * mpf(10) ** (-digits // 4)
            below, above = function(at - h, digits), function(at + h, digits)
            if below is None or above is None:
                return None
            central = (above - below) / (2 * h)
            agree = before is not None and abs(central - before) <= abs(central) * mpf("1e-20")
            if agree and (central or digits >= 1280):
                here = function(at, digits)
                return central if here is not None and _smooth((here - below) / h, (above - here) / h) else None
            before = central
    return None


def _smooth(left: Number, right: Number) -> bool:
    return bool(abs(left - right) <= mpf("1e-6") * (abs(left) + abs(right)) + mpf("1e-10"))


def one_sided(function: Callable[[Number, int], Number | None], x: Any, side: int) -> Number:
    """The limit of the slope as X is approached from the left (SIDE -1) or the right (1)."""
    with mp.workdps(120):
        beside = mpf(x) + side * mpf(10) ** -30
    return slope(function, beside)
