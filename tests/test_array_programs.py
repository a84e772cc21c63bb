"""Programs on arrays: lines of numpy, each marked by itself, against the key and against what it is made from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bpcli
from bpcli.exercises.staging import backward_lines, forward_lines
from bpcli.marking.verdicts import Mark
from bpcli.passes import prepare

LAYER = (
    "Z = X @ W + b; H = relu(Z); L = sum(H*H)",
    {"X": [[1, 2], [3, -1], [0, 1]], "W": [[1, 2], [3, 4]], "b": [1, -1]},
)
TWO = ("z = W1 @ x + b1; a = tanh(z); h = W2 @ a + b2; J = 0.5*sum((h - t)**2)", {
    "W1": [[1, 2, 0.5], [-1, 0.5, 1]], "x": [0.5, -1, 2], "b1": [0.1, 0.2], "W2": [[1, -1], [2, 0.5], [0.3, 0.4]], "b2": [0, 1, 2], "t": [1, 0, 2],
})  # fmt: skip
PASTED = """\
import numpy as np
# forward
Z = np.dot(X, W) + b            # (3, 2)
H = np.maximum(0, Z)
L = np.sum(H * H)
# backward
dH = 2.0 * H
dZ = dH.copy()
dZ[Z <= 0] = 0
dW = X.T.dot(dZ)
db = np.sum(dZ, axis=0)
dX = np.dot(dZ, W.T)
print(dW.shape)
"""
NET = """\
z = np.dot(W1, x) + b1; a = np.tanh(z)
h = W2.dot(a) + b2
e = h - t
J = 0.5 * np.sum(np.square(e))
dh = np.subtract(h, t)
dW2, db2 = np.outer(dh, a), dh
dW2 = np.outer(dh, a)
db2 = dh
da = W2.T @ dh
dz = np.multiply(da, 1 - a ** 2)
dW1 = dz[:, None] * x[None, :]
db1 = dz.copy()
dx = dz @ W1
"""


def marked(problem: tuple[str, dict[str, Any]], text: str, hint: bool = False) -> dict[str, Mark]:
    formula, values = problem
    return {one.name: one for one in bpcli.mark(formula, values, program=text, hint=hint).marks}


@pytest.mark.parametrize(("problem", "text", "count"), [(LAYER, PASTED, 8), (TWO, NET, 13)])
def test_a_notebook_is_right(problem: tuple[str, dict[str, Any]], text: str, count: int) -> None:
    found = marked(problem, text)
    assert {name: one.verdict for name, one in found.items() if one.verdict != "right" and name != "dt"} == {}
    assert sum(one.verdict == "right" for one in found.values()) == count


@pytest.mark.parametrize(
    "problem",
    [
        LAYER,
        TWO,
        (
            "p = softmax(W @ x); L = cross_entropy(W @ x, t)*sum(p*p)",
            {"W": [[1, 2], [0, 1]], "x": [1, -1], "t": [0, 1]},
        ),
    ],
)
def test_bpclis_own_staging_is_right(problem: tuple[str, dict[str, Any]]) -> None:
    formula, values = problem
    graph, _, computed = prepare(formula, values, {})
    text = "\n".join([*forward_lines(graph), *backward_lines(graph, "1", computed)])
    found = marked(problem, text)
    assert {name: (one.verdict, one.reason) for name, one in found.items() if one.verdict != "right"} == {}
    assert {f"d{name}" for name in graph.inputs} <= found.keys()


def test_a_sum_over_the_batch_is_staged_as_numpy_has_it() -> None:
    graph, _, computed = prepare(*LAYER, {})
    assert "db = sum(dg2, axis=0)" in list(backward_lines(graph, "1", computed))


@pytest.mark.parametrize(
    ("old", "new", "name", "slip", "reason"),
    [
        ("X.T.dot(dZ)", "dZ.T.dot(X)", "dW", "transposed", "rows and columns are exchanged, in line 10"), ("np.sum(dZ, axis=0)", "dZ", "db", "bias-not-summed", "in line 11"),
        ("np.dot(dZ, W.T)", "np.dot(dZ, W)", "dX", "transpose-forgotten", "matmul transpose forgotten, in line 12"),
        ("np.sum(dZ, axis=0)", "np.mean(dZ, axis=0)", "db", "bias-averaged", "in line 11"), ("np.sum(dZ, axis=0)", "dZ.sum(axis=1)", "db", "", "line 11: its shape is (3,); db has the shape of b, (2,)"),
        ("X.T.dot(dZ)", "X.dot(dZ)", "dW", "", "line 10: "), ("np.dot(dZ, W.T)", "dZ @ V", "dX", "", "line 12: V has no value yet"), ("2.0 * H", "H * H", "dH", "", "line 7"),
        ("np.sum(H * H)", "np.sum(H)", "L", "", "line 5"), ("np.dot(dZ, W.T)", "__import__('os')", "dX", "", "line 12"), ("np.dot(dZ, W.T)", "np.ones((9999, 9999))", "dX", "", "10,000 entries"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_charged_once(old: str, new: str, name: str, slip: str, reason: str) -> None:
    assert PASTED.count(old) == 1
    found = marked(LAYER, PASTED.replace(old, new))
    assert [one.name for one in found.values() if one.credit < 1] == [name]
    assert slip in ("", *found[name].slips)
    assert reason in found[name].reason
    assert "would give" not in found[name].reason
    hinted = marked(LAYER, PASTED.replace(old, new), hint=True)[name]
    assert (hinted.credit, hinted.slips) == (0, ())


def test_what_follows_from_a_wrong_line() -> None:
    found = marked(LAYER, PASTED.replace("2.0 * H", "3.0 * H"))
    assert [found[name].verdict for name in ("dH", "dZ", "dW", "db", "dX")] == ["wrong", *["follows"] * 4]


def test_a_mask_forgotten_and_a_branch_overwritten() -> None:
    found = marked(LAYER, PASTED.replace("dH = 2.0 * H", "dH = 2.0 * H + 1").replace("dZ[Z <= 0] = 0\n", ""))
    assert found["dZ"].verdict == "wrong"
    twice = ("q = x*w; f = sum(q*x)", {"x": [1, 2, -1], "w": [0.5, 3, 2]})
    right = marked(twice, "q = x * w\nf = np.dot(q, x)\ndq = x\ndx = q\ndx += dq * w\ndw = dq * x")
    assert {one.verdict for one in right.values()} == {"right"}
    wrong = marked(twice, "q = x * w\nf = np.dot(q, x)\ndq = x\ndx = q\ndx = dq * w\ndw = dq * x")
    assert wrong["dx"].slips == ("forgot-branch",)


def test_the_upstream_gradient_of_an_array_is_given() -> None:
    w, x = np.array([[1.0, 2], [3, 4]]), np.array([1.0, -1])
    found = bpcli.mark("y = W @ x", {"W": w, "x": x}, program="dW = np.outer(dy, x)\ndx = dy @ W", upstream=[1, 5])
    assert found.ok
    dropped = bpcli.mark("y = W @ x", {"W": w, "x": x}, program="dW = np.outer(np.ones(2), x)\ndx = dy @ W")
    assert [one.verdict for one in dropped.marks] == ["wrong", "right"]
