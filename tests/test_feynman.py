"""The 100 formulas of the Feynman Symbolic Regression Database (data/README.md): read as written, and differentiated.

The witness shares nothing with bpcli: Python's own parser reads the formula's text, mpmath evaluates it with 60
digits, and a central difference gives the slope.
"""

from __future__ import annotations

import ast
import csv
import operator
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from mpmath import mp, mpf

import bpcli

with open(Path(__file__).parent / "data" / "feynman-equations.csv", encoding="utf-8-sig", newline="") as _file:
    ROWS = [row for row in csv.DictReader(_file) if row["Formula"]]

Number = Any  # mpmath has no types

_OPERATORS: dict[type[ast.AST], Callable[..., Number]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.USub: operator.neg,
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., Number]] = {
    "sqrt": mp.sqrt, "exp": mp.exp, "sin": mp.sin, "cos": mp.cos, "arcsin": mp.asin, "tanh": mp.tanh, "ln": mp.log,
    "log": mp.log,
}  # fmt: skip


def evaluate(node: ast.AST, point: Mapping[str, Number]) -> Number:
    """The value of a parsed formula at POINT, in mpmath's current precision."""
    match node:
        case ast.Expression(body):
            return evaluate(body, point)
        case ast.BinOp(left, sign, right):
            return _OPERATORS[type(sign)](evaluate(left, point), evaluate(right, point))
        case ast.UnaryOp(sign, operand):
            return _OPERATORS[type(sign)](evaluate(operand, point))
        case ast.Call(ast.Name(name), arguments):
            return _FUNCTIONS[name](*[evaluate(argument, point) for argument in arguments])
        case ast.Name(name):
            return point[name] if name in point else {"pi": mp.pi}[name]
        case ast.Constant(value):
            return mpf(value)
    raise AssertionError(ast.dump(node))


def slope(tree: ast.AST, point: Mapping[str, Number], name: str) -> Number:
    step = mpf(10) ** -20
    ends = [evaluate(tree, {**point, name: point[name] + side * step}) for side in (1, -1)]
    return (ends[0] - ends[1]) / (2 * step)


#: Where all variables have the same range, these divide by zero or take the slope of a square root of 0 in its middle.
SINGULAR = {"I.8.14", "I.29.16", "III.9.52"}


def middle(row: Mapping[str, str], beside: float = 0.0) -> dict[str, float]:
    """The middle of the range of every variable, or a point BESIDE it, to a different side for each."""
    point = {}
    for k in range(1, int(row["# variables"]) + 1):
        low, high = float(row[f"v{k}_low"]), float(row[f"v{k}_high"])
        point[row[f"v{k}_name"]] = (low + high) / 2 + beside * k * (high - low)
    return point


def where_it_is_smooth(row: Mapping[str, str]) -> dict[str, float]:
    return middle(row, beside=1 / 32 if row["Filename"] in SINGULAR else 0)


def test_there_are_a_hundred() -> None:
    assert len(ROWS) == 100
    assert len({row["Formula"] for row in ROWS}) == 100


@pytest.mark.parametrize("row", [row for row in ROWS if row["Filename"] in SINGULAR], ids=lambda row: row["Filename"])
def test_no_gradient(row: dict[str, str]) -> None:
    with pytest.raises(bpcli.Trouble) as caught:
        bpcli.grad(row["Formula"], middle(row))
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["Filename"])
def test_value_and_gradient(row: dict[str, str]) -> None:
    """Value and gradient to 1e-12 of mpmath's, in reverse and in forward mode; the variables are those of the file.

    A gradient that is 0 there because its terms cancel may keep a rounding of them.
    """
    point = where_it_is_smooth(row)
    result = bpcli.grad(row["Formula"], point)
    forward = bpcli.grad(row["Formula"], point, mode="forward", check=False)
    assert set(result.gradients) == set(point)
    assert result.check is not None
    assert {one.verdict for one in result.check.comparisons.values()} == {"ok"}
    tree = ast.parse(row["Formula"], mode="eval")
    with mp.workdps(60):
        exact = {name: mpf(number) for name, number in point.items()}
        assert abs(result.value - evaluate(tree, exact)) <= 1e-12 * abs(evaluate(tree, exact))
        for name in point:
            expected = slope(tree, exact, name)
            for found in (result.gradients[name], forward.gradients[name]):
                assert abs(found - expected) <= 1e-12 * abs(expected) + 1e-15 * abs(result.value / point[name]), name


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["Filename"])
def test_printing_reads_back(row: dict[str, str]) -> None:
    """What bpcli writes of a formula, and of its derivatives, has the same values."""
    point = where_it_is_smooth(row)
    result = bpcli.grad(row["Formula"], point, check=False)
    again = bpcli.grad(result.reading, point, check=False)
    assert (again.value, again.gradients) == (result.value, result.gradients)
    derived = bpcli.derive(row["Formula"], point)
    for name, gradient in result.gradients.items():
        found = bpcli.grad(f"{derived.program}; d{name}", point, check=False).value
        assert abs(found - gradient) <= 1e-12 * abs(gradient) + 1e-14 * abs(result.value / point[name])
