"""The gate table in JavaScript: every rule, run in Chromium on wide grids, against the table run in Python."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from mpmath import mp, mpf
from test_gates import ROWS, corners, moderate

import bpcli
from bpcli.compiled import condition, local_function, value_function
from bpcli.gates import CONVENTIONS, Gate, find
from bpcli.javascript import expression, key, rules

ARITHMETIC = (Path(bpcli.__file__).parent / "pictures" / "arithmetic.js").read_text(encoding="utf-8")
POINTS = {
    key(row): [*dict.fromkeys([*corners(row), *moderate(row), *[(x,) * len(row.inputs) for x in (-1.5, 0.0, 2.5)]])]
    for row in ROWS
}

#: Runs every rule on every point: value, local gradients (both sides' too), domain and kink; null for none.
RUN = """
([arithmetic, rules, points]) => {
  const RULES = (0, eval)(`(() => {${arithmetic}\\nreturn ${rules}})()`);
  const number = (f, inputs) => {
    try {
      const found = f(...inputs);
      return typeof found === "boolean" || Number.isFinite(found) ? found : null;
    } catch (error) {
      if (error.constructor.name !== "NoValue") throw error;
      return null;
    }
  };
  return Object.entries(points).map(([name, grid]) => grid.map(inputs => {
    const rule = RULES[name], y = number(rule.value, inputs), all = [...inputs, y];
    return {
      value: y,
      local: y === null ? [] : rule.local(...all).map(local => local && number(local, [])),
      sides: y === null ? [] : (rule.sides || []).map(side => side(...all).map(local => number(local, []))),
      domain: rule.domain.map(([holds, sentence]) => [number(holds, all), sentence]),
      kink: rule.kink && y !== null ? [rule.kink(...all), rule.sentence] : null,
    };
  }));
}
"""


def outcome(function: Callable[..., Any], inputs: Sequence[Any]) -> float | None:
    """What Python finds, or None where it raises or the number is not finite."""
    try:
        found = float(function(*inputs))
    except (ArithmeticError, ValueError):
        return None
    return found if math.isfinite(found) else None


def same(got: float | None, wanted: float | None) -> bool:
    """Both none, or equal to 1e-12 (below the normal doubles there are fewer digits to agree)."""
    if got is None or wanted is None:
        return got is wanted
    return abs(got - wanted) <= 1e-12 * abs(wanted) + 1e-321


@cache
def python_rule(name: str, kinks: str) -> Callable[[tuple[float, ...]], dict[str, Any]]:
    row = next(row for row in ROWS if key(row) == name)

    def slopes(all_inputs: list[Any], convention: str) -> list[float | None]:
        return [outcome(local_function(row, k, convention), all_inputs) if text else None
                for k, text in enumerate(row.local)]  # fmt: skip

    def run(inputs: tuple[float, ...]) -> dict[str, Any]:
        y = outcome(value_function(row), inputs)
        known = [*inputs, y]
        return {
            "value": y,
            "local": [] if y is None else slopes(known, kinks),
            "sides": [slopes(known, side) for side in ("left", "right")] if y is not None and row.at else [],
            "domain": [[bool(condition(row, holds)(*known)), sentence] for holds, sentence in row.domain],
            "kink": [bool(condition(row, row.kink[0])(*known)), row.kink[1]] if row.kink and y is not None else None,
        }

    return run


@pytest.mark.browser
@pytest.mark.parametrize("kinks", CONVENTIONS)
def test_every_rule_is_the_tables(browser: Any, kinks: str) -> None:
    """Value, local gradients, domain and kink of every gate agree with Python's at every point of the grids."""
    page = browser.new_page()
    found = page.evaluate(RUN, [ARITHMETIC, rules(ROWS, kinks), POINTS])
    page.close()
    compared = 0
    for (name, grid), answers in zip(POINTS.items(), found, strict=True):
        for inputs, got in zip(grid, answers, strict=True):
            wanted = python_rule(name, kinks)(inputs)
            numbers = [wanted["value"], *wanted["local"], *chain(*wanted["sides"])]
            here = [got["value"], *got["local"], *chain(*got["sides"])]
            assert len(here) == len(numbers)
            assert all(map(same, here, numbers)), f"{name} at {inputs}: {here}, not {numbers}"
            assert (got["domain"], got["kink"]) == (wanted["domain"], wanted["kink"]), f"{name} at {inputs}"
            compared += sum(one is not None for one in numbers)
    assert compared > 5000


@pytest.mark.browser
def test_error_function(browser: Any) -> None:
    """erf and erfc against mpmath to 1e-14, on both sides of every seam of the approximations and far out."""
    points = [sign * x for x in (1e-300, 1e-9, 0.1, 0.46875, 0.468751, 0.5, 1, 2, 3.999, 4, 4.001, 6, 10, 20, 26.2)
              for sign in (1, -1)]  # fmt: skip
    points += [random.Random(k).uniform(-6, 26) for k in range(400)]
    page = browser.new_page()
    found = page.evaluate(f"points => {{{ARITHMETIC}\nreturn points.map(x => [erf(x), erfc(x)]);}}", points)
    page.close()
    with mp.workdps(40):
        for x, (plain, complement) in zip(points, found, strict=True):
            for got, wanted in ((plain, mp.erf(mpf(x))), (complement, mp.erfc(mpf(x)))):
                assert abs(got - wanted) <= 1e-14 * abs(wanted), (x, got, wanted)


@pytest.mark.parametrize(
    ("formula", "written"),
    [
        ("a*(b - 1)^2", "a*pow(b - 1, 2)"),
        ("a - (b - c)", "a - (b - c)"),
        ("a - b + c", "a - b + c"),
        ("-a*b", "-a*b"),
        ("-(a*b)", "-(a*b)"),
        ("x/2/y", "quotient(x/2, y)"),
        ("where(a < b <= 1, 0, where(a == b, 1/2, 2))", "a < b && b <= 1 ? 0 : a === b ? 1/2 : 2"),
        ("where(a > 0 or b != 1, a, b)", "a > 0 || b !== 1 ? a : b"),
        ("where(a > 0, 1, 2)*3", "(a > 0 ? 1 : 2)*3"),
        ("e*pi", "e*3.141592653589793"),
    ],
)
def test_expression(formula: str, written: str) -> None:
    """Brackets where JavaScript needs them; a name of an input is not a constant."""
    assert expression(formula, ("a", "b", "c", "e")) == written


@pytest.mark.parametrize("formula", ["a.b", "a[0]", "lambda: 1", "'a'", "a if b else c", "f(*a)", "a % b", "a; b"])
def test_nothing_else_is_translated(formula: str) -> None:
    with pytest.raises((TypeError, SyntaxError)):
        expression(formula)


def test_rules_call_only_what_is_defined() -> None:
    """Every function that a rule calls is in arithmetic.js or defined beside the rules, and each only once."""
    text = rules(ROWS)
    defined = set(re.findall(r"(?:const|function) (\w+)", ARITHMETIC + text))
    for listed in re.findall(r"const [\[{]([^\]}]*)[\]}] =", ARITHMETIC):
        defined |= set(listed.split(", "))
    assert set(re.findall(r"\b([a-z]\w*)\(", text)) <= defined
    assert sorted(json.loads(name) for name in re.findall(r'^("\w+/\d+"):', text, re.MULTILINE)) == sorted(POINTS)


def test_size_of_a_rule() -> None:
    """The rule of a gate with many inputs grows with their number, not with its square."""
    sizes = [len(rules([find("max", count)], kinks)) for count in (100, 200) for kinks in ("torch", "left")]
    assert sizes[2] < 2.2 * sizes[0]
    assert sizes[3] < 2.2 * sizes[1] < 70_000


def test_a_rule_for_each_kind_once() -> None:
    """The rows of a graph give one rule for each kind of gate, with the functions it needs and no others."""
    graph = bpcli.parse("relu(x) + relu(y) + sigmoid(x)")
    rows: list[Gate] = [graph.row(place) for place in range(len(graph.gates))]
    text = rules(rows)
    assert (
        text.count('"relu/1"') == text.count('"add/2"') == text.count("const sigmoid") == text.count("const step") == 1
    )
    assert "erf" not in text
    assert rules(rows) == text
