"""Lines as students paste them from a notebook: read as bpcli's formulas, with the values that numpy gives them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bpcli
from bpcli.marking.pasted import plain
from bpcli.marking.statements import Assignment, assignments, statements
from bpcli.passes import prepare
from bpcli.trouble import Trouble

X, Y, Z = 1.5, -0.75, 0.25
W = np.array([[1.0, -2, 3], [0.5, 4, -1]])
D = np.array([[0.3, -1], [2, 0.7]])
V = np.array([2.0, -1, 0.5])
U = np.array([-0.5, 3.0])

#: As Python evaluates them itself, here, with numpy: the witness.
NUMBERS = [
    "np.multiply(x, y)", "np.add(x, 2)", "np.subtract(x, y)", "np.divide(x, y)", "np.power(x, 3)", "math.pow(x, 2)",
    "np.square(y)", "x ** 2", "np.negative(x)", "np.absolute(y)", "np.reciprocal(x)", "np.where(x > y, x, y)",
    "np.where((x > y), x*z, y)", "float(x > y)", "int(x < y)", "1.0 if x > y else 0.0", "(x > y) * z", "z * (x < y)",
    "x if x > y else z if z > 0 else y", "(x if x < y else z) * 2", "1.0 * (x >= 1.5)", "0 < z < 1", "-1 < y < z < x",
    "np.maximum(0, y) + np.minimum(x, 0)", "(1.0 / (1 + math.exp(-x)))", "np.float64(x) * float(y)", "np.float_power(x, 2)",
    "(x == 1.5) + (y != 2)", "np.where(x > y, np.where(y > 0, 1, 2), 3)", "np.amax([x, y]) - np.amin([x, y])",
    "(x > y) * (y < 0) * z", "np.sqrt(np.abs(y)) - np.log(x)", "(1 - np.tanh(x)**2) * y", "np.heaviside(y, 0.5)",
]  # fmt: skip
ARRAYS = [
    "W @ v", "np.dot(W, v)", "W.dot(v)", "np.dot(v, v)", "np.matmul(D, W)", "D.T.dot(W).T", "u @ W", "np.outer(u, v)",
    "np.sum(W, axis=0)", "W.sum(axis=1)", "W.sum(0)", "np.sum(W)", "np.sum(W, 1)", "W.mean()", "np.mean(W, axis=-1)",
    "np.sum(W, axis=0, keepdims=True)", "W / np.sum(W, axis=1, keepdims=True)", "W - W.max(axis=1, keepdims=True)",
    "np.max(W, axis=0)", "np.maximum(0, W)", "(W > 0) * W", "np.where(W > 0, 1, 0)", "(W > 0).astype(float)", "u[:, None] * v[None, :]",
    "u[:, np.newaxis] + W", "u.reshape(-1, 1) @ v.reshape((1, -1))", "np.reshape(W, (3, 2))", "W.flatten()", "W.T", "W[0]", "W[1, 2]",
    "W[:, 1]", "W[0, :]", "np.zeros_like(W) + 1", "np.ones_like(v)", "np.zeros((2, 3)) - W", "np.ones(3) + v", "np.ones(W.shape)",
    "W / W.shape[0]", "v / v.size", "W.copy() * W.shape[-1]", "np.array([1.0, 2]) @ W", "np.linalg.norm(v)", "np.expand_dims(v, 1)",
    "np.multiply(W, v)", "np.exp(v) / np.sum(np.exp(v))", "np.transpose(W) @ u", "W.transpose()", "np.clip(v, -0.5, 1)", "-np.sum(np.log(np.abs(v)))",
    "np.square(W).sum()", "np.sum((W @ v - u)**2) / 2", "0.5 * np.sum(W * W)", "np.add(W, v)[1]",
]  # fmt: skip


def value(text: str, values: dict[str, Any]) -> Any:
    shapes = {name: np.shape(one) for name, one in values.items()}
    graph = bpcli.parse(plain(text, shapes), variables=list(values))
    graph, _, found = prepare(graph, {name: values[name] for name in graph.inputs}, {})
    return found[graph.output]


@pytest.mark.parametrize("text", NUMBERS)
def test_numbers_are_what_python_says(text: str) -> None:
    import math

    values = {"x": X, "y": Y, "z": Z}
    assert value(text, values) == pytest.approx(float(eval(text, {"np": np, "math": math}, values)))


@pytest.mark.parametrize("text", ARRAYS)
def test_arrays_are_what_numpy_says(text: str) -> None:
    values = {"W": W, "D": D, "v": V, "u": U}
    found, expected = np.asarray(value(text, values)), np.asarray(eval(text, {"np": np}, values), dtype=float)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x > y and y > z", "write where(x > y, where(y > z, …, 0), 0)"), ("z if x > 0 or y > 0 else 0", "write where(x > 0, …, where(y > 0, …, 0))"),
        ("(x > y) & (y > z)", "write where(x > y, where(y > z, …, 0), 0)"), ("not x > y", "write where(x > y, 0, 1)"),
        ("x[1:3]", "[x[1], x[2]]"), ("np.sum(x, keepdims=True)", "axis=0"),
    ],
)  # fmt: skip
def test_what_has_to_be_written_in_another_way(text: str, message: str) -> None:
    with pytest.raises(Trouble) as caught:
        plain(text)
    assert message in caught.value.message


@pytest.mark.parametrize(
    "text",
    ["x", "2x(y+1)", "x^2 + |y|", "lambda: z", "open('/etc/passwd')", "x.__class__", "x[", "(x > y", "x > y)", "f'{x > y}'", "σ(x) > 0)",
     "a ? b : c", "__import__('os') if x else y", "x if y", "(" * 60 + "x > y" + ")" * 60, "where(x > 0, 1, 0)", "max(x, y, axis=0)"],
)  # fmt: skip
def test_what_is_not_python_is_left_alone(text: str) -> None:
    """Or is read the same, so that the reader of formulas says what is wrong with it."""
    assert plain(text) in (text, text.replace("__import__('os') if x else y", ""))


@given(st.text(alphabet="xyWnp.()[]{},:<>=!&|~ +-*/0123456789ifelsandorT'\"\\\n", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert isinstance(plain(text, {"x": (2, 3)}), str)
    except Trouble as trouble:
        assert trouble.message


@pytest.mark.parametrize(
    "text", ["(x>y)" * 800, "x if x>y else " * 18 + "x", "x<" * 2000 + "x", "float(" * 49 + "x" + ")" * 49, "x.T" * 1300 + ".sum()",
             "np.zeros_like(" * 40 + "x" + ")" * 40, "x[" * 40 + "0" + "]" * 40, "a" * 5000 + ">b"]
)  # fmt: skip
def test_large_texts_stay_small(text: str) -> None:
    assert len(plain(text)) < 20 * len(text)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("dx = z; dy = q;", ["dx = z", "dy = q"]), ("dx = dy = q*z", ["dy = q*z", "dx = q*z"]), ("dh[h <= 0] = 0", ["dh = where(h <= 0, 0, dh)"]),
        ("dx += np.sum(a, axis=0)", ["dx += np.sum(a, axis=0)"]), ("f = where(x == 0, 1; 2)", ["f = where(x == 0, 1; 2)"]), ("x == 3", ["x == 3"]),
        ("dh[z == 0] = 1", ["dh = where(z == 0, 1, dh)"]), ("print(f'{x = }')", ["print(f'{x = }')"]), ("y = [1; 2]", ["y = [1; 2]"]), ("a *= b", ["a *= b"]),
        (";;", []), ("q = <img src=x onerror=y>", ["q = <img src=x onerror=y>"]), ("dx = dy += z", ["dx = dy += z"]), ("x[0] = 3", ["x[0] = 3"]),
    ],
)  # fmt: skip
def test_statements(line: str, found: list[str]) -> None:
    apart = [one for statement in statements(line) if statement for one in assignments(statement)]
    assert [f"{left} {sign} {right}".strip() if sign else left for left, sign, right in apart] == found


def test_a_statement_without_a_sign() -> None:
    assert assignments("import os") == [Assignment("import os", "", "")]
