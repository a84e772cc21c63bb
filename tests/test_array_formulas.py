"""Formulas on arrays as answers: right in any form, for all arrays of the shapes; other shapes and transposes are named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bpcli
from bpcli.exercises import bank
from bpcli.exercises.acceptance import fault
from bpcli.exercises.keys import keys
from bpcli.exercises.marking import mark_problem
from bpcli.exercises.variants import draw
from bpcli.marking.answers import Line
from bpcli.marking.array_formulas import Setting, mark_array_formula
from bpcli.marking.key import Asked
from bpcli.marking.meter import Meter
from bpcli.marking.verdicts import Mark
from bpcli.passes import prepare

PRODUCT = ("y = W @ x", {"W": [[1, 2, 3], [4, 5, 6]], "x": [1, 0, -1]})
LAYER = (
    "Z = X @ W + b; H = relu(Z); L = sum(H*H)",
    {"X": [[1, 2], [3, -1], [0, 1]], "W": [[1, 2], [3, 4]], "b": [1, -1]},
)
SOFTMAX = ("z = W @ x; L = cross_entropy(z, t)", {"W": [[1, 2, 3], [4, 5, 6], [0, 1, 2]], "x": [1, 0, -1], "t": 2})


def setting(formula: str, values: dict[str, Any]) -> Setting:
    graph, point, _ = prepare(formula, values, {})
    assert graph.shapes is not None
    shapes, near = {name: graph.shapes[node] for name, node in graph.inputs.items()}, dict(point)
    if not graph.shapes[graph.output]:
        return Setting(graph, shapes, near)
    shapes["dy"], near["dy"] = graph.shapes[graph.output], np.ones(graph.shapes[graph.output])
    return Setting(graph, shapes, near, lambda point: point["dy"])


def marked(problem: tuple[str, dict[str, Any]], name: str, text: str, secret: bytes = b"s", **options: Any) -> Mark:
    where = setting(*problem)
    graph = where.graph
    gradient = name[:1] == "d"
    stem = name.removeprefix("d") if gradient else name
    node = graph.inputs.get(stem, graph.scope.get(stem, -1))
    return mark_array_formula(where, Asked(name, "gradient" if gradient else "value", node), text, secret, **options)


@pytest.mark.parametrize("secret", [b"a", b"b", b"c"])
@pytest.mark.parametrize(
    ("problem", "name", "text"),
    [
        (PRODUCT, "dW", "outer(dy, x)"), (PRODUCT, "dW", "dy[:, None] * x[None, :]"), (PRODUCT, "dW", "np.outer(dy, x) + 0*W"),
        (PRODUCT, "dW", "dy.reshape(-1, 1) @ x.reshape(1, -1)"), (PRODUCT, "dW", "[dy[0]*x, dy[1]*x]"), (PRODUCT, "dW", "np.outer(x, dy).T"),
        (PRODUCT, "dx", "W.T @ dy"), (PRODUCT, "dx", "dy @ W"), (PRODUCT, "dx", "np.dot(W.T, dy)"), (PRODUCT, "dx", "np.sum(W * dy[:, None], axis=0)"),
        (PRODUCT, "y", "np.dot(W, x)"), (PRODUCT, "y", "[dot(W[0], x), dot(W[1], x)]"),
        (LAYER, "db", "np.sum(dZ, axis=0)"), (LAYER, "db", "np.sum(dZ, axis=0, keepdims=True)"), (LAYER, "db", "2*sum(H, axis=0)"),
        (LAYER, "dW", "X.T @ dZ"), (LAYER, "dW", "(dZ.T @ X).T"), (LAYER, "dX", "dZ @ W.T"), (LAYER, "dH", "2*H"), (LAYER, "dZ", "dH * (Z > 0)"),
        (LAYER, "dW", "X.T @ (2*np.maximum(0, X @ W + b) * np.where(X @ W + b > 0, 1, 0))"), (LAYER, "L", "np.sum(np.maximum(Z, 0)**2)"),
        (SOFTMAX, "dz", "softmax(z) - [0, 0, 1]*dL if 0 > 1 else softmax(z) - np.where([0, 1, 2] == t, 1, 0)"),
        (SOFTMAX, "dW", "outer(dz, x)"), (SOFTMAX, "dx", "W.T @ dz"),
    ],
)  # fmt: skip
def test_other_forms_are_right(problem: tuple[str, dict[str, Any]], name: str, text: str, secret: bytes) -> None:
    mark = marked(problem, name, text, secret)
    assert mark.verdict == "right", mark.reason


@pytest.mark.parametrize(
    ("problem", "name", "text", "slips", "reason"),
    [
        (PRODUCT, "dW", "outer(x, dy)", ("transposed",), "exchanged: its shape is (3, 2); the gradient has the shape of W, (2, 3)"),
        (PRODUCT, "dW", "outer(dy, x)*2", (), "it is another function"), (PRODUCT, "dW", "x", (), "its shape is (3,); the gradient"),
        (PRODUCT, "dW", "3", (), "it is a number; the gradient has the shape of W, (2, 3)"), (PRODUCT, "dx", "W @ dy", (), "W @ dy: (2, 3) @ (2,) do not fit"),
        (PRODUCT, "dx", "np.where(1 > 2, x, 3.5)", (), "another function"), (PRODUCT, "dx", "np.ones(-3)", (), "does not stretch"),
        (PRODUCT, "dW", "dy*x", (), "(2,) and (3,) do not fit together"), (PRODUCT, "dx", "W.T @ [1, 1]", ("upstream-dropped", "upstream-added"), ""),
        (PRODUCT, "dx", "[W[0,0]*dy[0] + W[1,0]*dy[1], 1, 2]", (), "it is another function in entries [1] and [2]"),
        (PRODUCT, "y", "x @ W.T + [1, 0]", (), "another function in entry [0]"), (PRODUCT, "y", "W", (), "its shape is (2, 3); y has the shape (2,)"),
        (LAYER, "db", "dZ", ("bias-not-summed",), "its shape is (3, 2)"), (LAYER, "db", "dZ.mean(axis=0)", ("bias-averaged",), "averaged"),
        (LAYER, "dW", "dZ.T @ X", ("transposed",), "rows and columns are exchanged"), (LAYER, "dX", "dZ @ W", ("transpose-forgotten",), "matmul transpose"),
        (LAYER, "dW", "X.T @ Z*2", (), ""), (LAYER, "db", "sum(dZ, axis=1)", (), "its shape is (3,); the gradient has the shape of b, (2,)"),
        (LAYER, "dW", "[[8, 2], [3, 4]]", (), "another function"), (LAYER, "L", "sum(H)", (), "another function"), (LAYER, "L", "H", (), "and a number is asked"),
    ],
)  # fmt: skip
def test_others_are_wrong(
    problem: tuple[str, dict[str, Any]], name: str, text: str, slips: tuple[str, ...], reason: str
) -> None:
    mark = marked(problem, name, text)
    assert mark.verdict == "wrong"
    assert set(mark.slips) >= set(slips[:1])
    assert reason in mark.reason
    hinted = marked(problem, name, text, hint=True)
    assert (hinted.verdict, hinted.slips) == ("wrong", ())


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("dW", "dW", "dW is no name of this problem, which has X, W, b, Z, H, L, dZ, dH and dL"), ("Z", "H - 0", "H is no name"), ("dH", "dZ", "dZ is no name"),
        ("dW", "dW = X.T @ dZ", "without ="), ("dW", "X.T @ dZ; 1", "without ="), ("dW", "__import__('os')", ""), ("dW", "X[0:2]", "x[1:3]"),
        ("dW", "stretch(1, 100000, 100000)", "10,000 entries"), ("dW", "X" + "[:, None]" * 9, "10,000 entries"), ("dW", "(" * 101 + "X" + ")" * 101, "100"),
        ("dW", "X +", ""), ("dW", "X if X > 0 and W > 0 else 0", "without 'and'"), ("dW", "X.T @ dZ\x1b[31m", "U+001B"),
    ],
)  # fmt: skip
def test_what_is_no_formula_is_invalid(name: str, text: str, reason: str) -> None:
    mark = marked(LAYER, name, text)
    assert mark.verdict == "invalid"
    assert reason in mark.reason
    assert mark.reason.isprintable()


def test_what_cannot_be_decided_goes_to_a_person() -> None:
    hidden = marked(LAYER, "dW", "X.T @ (2*H + 1e-9*relu(Z))")
    assert (hidden.verdict, hidden.credit) == ("undecided", 0)
    assert marked(LAYER, "dW", " ? ").verdict == "blank"
    where = setting(*LAYER)
    costly = Setting(where.graph, where.shapes, where.near, meter=Meter(limit=100))
    mark = mark_array_formula(costly, Asked("dW", "gradient", where.graph.inputs["W"]), "X.T @ dZ", b"s")
    assert (mark.verdict, "gate evaluations" in mark.reason) == ("undecided", True)


def test_points_depend_on_the_secret_alone() -> None:
    where = setting(*SOFTMAX)
    one, again, other = (
        [point for _, point in zip(range(6), where.points(secret), strict=False)] for secret in (b"a", b"a", b"b")
    )
    assert all(np.array_equal(a[name], b[name]) for a, b in zip(one, again, strict=True) for name in a)
    assert not any(np.array_equal(a["W"], b["W"]) for a, b in zip(one, other, strict=True))
    assert {float(point["t"]) for point in one} == {2.0}
    assert any((point["W"] > 0).all() for point in one)
    assert any((point["W"] < 0).any() for point in one)


def test_a_constant_is_no_gradient_however_right_at_the_sheets_point() -> None:
    """The numbers of the sheet itself, typed in as a formula."""
    w, x, g = np.array([[1, 2], [3, 4]]), np.array([1, -1]), np.array([1, 2])
    found = bpcli.mark(
        "y = W @ x", {"W": w, "x": x}, {"dx": "0*x + [7, 10]", "dW": "outer(dy, x)", "y": "W @ x"}, upstream=g
    )
    assert [one.verdict for one in found.marks] == ["wrong", "right", "right"]


@pytest.mark.parametrize(
    ("text", "verdict"), [("outer(G, p)", "right"), ("G[:, None]*p", "right"), ("np.outer(p, G)", "wrong"), ("outer(dh, p)", "right"), ("outer(da, p)", "invalid"),
                          ("[[10, 15, 15], [8, 12, 12]]", "wrong"), ("", "blank"), ("outer(G, p)*G[0]/G[0]", "right")]
)  # fmt: skip
def test_a_problem_of_the_bank(text: str, verdict: str) -> None:
    (problem,) = bank.problems(["nets/linear-module"])
    variant = draw(problem, "seed", "ada", fault)
    assert {one.blank.name: one.text for one in keys(variant) if one.text} == {
        "dp_formula": "W.T @ G",
        "dW_formula": "outer(G, p)",
    }
    marks = {
        one.name: one for one in mark_problem(variant, [Line("dp_formula", "G @ W", 1), Line("dW_formula", text, 2)])
    }
    assert marks["dp_formula"].verdict == "right"
    assert marks["dW_formula"].verdict == verdict
