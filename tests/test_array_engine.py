"""Vectors and matrices: every way to a gradient agrees, shapes are visible, and what does not fit is refused."""

from __future__ import annotations

from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import bpcli
from bpcli.arrays.gates import ARRAY_GATES
from bpcli.gates import ARRAY_NAMES
from bpcli.graph import Graph
from bpcli.passes import prepare
from bpcli.sweeps import forward, tangent
from bpcli.trouble import Trouble

RANDOM = np.random.default_rng(7)
W, X, Y = RANDOM.normal(size=(3, 2)), RANDOM.normal(size=(4, 2)), RANDOM.normal(size=(4, 3))
x, b, row, column = (RANDOM.normal(size=shape) for shape in ((2,), (3,), (1, 3), (3, 1)))
T = np.array([0.2, 0.5, 0.3])


def sigmoid(v: Any) -> Any:
    return 1 / (1 + anp.exp(-v))


def softmax(v: Any, axis: int = -1) -> Any:
    weights = anp.exp(v - anp.max(v, axis=axis, keepdims=True))
    return weights / anp.sum(weights, axis=axis, keepdims=True)


def lse(v: Any, axis: int | None = None) -> Any:
    return anp.log(anp.sum(anp.exp(v), axis=axis))


#: Formula, the same in autograd's numpy, values, and the gates on arrays that it is there for.
CASES: list[tuple[str, Any, dict[str, Any], str]] = [
    ("sum((W @ x + b)^2)", lambda W, x, b: anp.sum((W @ x + b) ** 2), {"W": W, "x": x, "b": b}, "matmul sum"),
    ("sum((W @ x + b)^2)", lambda W, x, b: anp.sum((W @ x + b) ** 2), {"W": W, "x": x, "b": 0.5}, "stretch fold"),
    ("sum((X @ W.T)*Y)", lambda X, W, Y: anp.sum((X @ W.T) * Y), {"X": X, "W": W, "Y": Y}, "matmul transpose"),
    ("sum(b @ W)", lambda b, W: anp.sum(b @ W), {"b": b, "W": W}, "matmul"),
    ("x @ x + dot(x, X[1])", lambda x, X: x @ x + anp.dot(x, X[1]), {"x": x, "X": X}, "dot index"),
    ("sum(outer(b, x)*W)", lambda b, x, W: anp.sum(anp.outer(b, x) * W), {"b": b, "x": x, "W": W}, "outer"),
    ("sum(sum(X, axis=0)^2) + sum(sum(X, axis=-1)^3)",
     lambda X: anp.sum(anp.sum(X, axis=0) ** 2) + anp.sum(anp.sum(X, axis=-1) ** 3), {"X": X}, "sum"),
    ("mean(X)^2 + sum(mean(X, axis=0)^2) + sum(mean(X, axis=1)^2)",
     lambda X: anp.mean(X) ** 2 + anp.sum(anp.mean(X, axis=0) ** 2) + anp.sum(anp.mean(X, axis=1) ** 2), {"X": X}, "mean"),
    ("prod(x) + sum(prod(X, axis=0)^2) + sum(prod(X, axis=1))",
     lambda x, X: anp.prod(x) + anp.sum(anp.prod(X, axis=0) ** 2) + anp.sum(anp.prod(X, axis=1)), {"x": x, "X": X}, "prod others"),
    ("norm(X) + sum(norm(X, axis=0)) + sum(norm(X, axis=1)^3)",
     lambda X: anp.sqrt(anp.sum(X**2)) + anp.sum(anp.sqrt(anp.sum(X**2, axis=0))) + anp.sum(anp.sqrt(anp.sum(X**2, axis=1)) ** 3),
     {"X": X}, "norm"),
    ("max(X) - min(X) + sum(max(X, axis=0)^2) + sum(min(X, axis=1)^2)",
     lambda X: anp.max(X) - anp.min(X) + anp.sum(anp.max(X, axis=0) ** 2) + anp.sum(anp.min(X, axis=1) ** 2), {"X": X}, "max min"),
    ("sum(softmax(X)*X) + sum(softmax(X, axis=0)^2)",
     lambda X: anp.sum(softmax(X) * X) + anp.sum(softmax(X, 0) ** 2), {"X": X}, "softmax"),
    ("sum(log_softmax(X)*X) + sum(log_softmax(X, axis=0)*X)",
     lambda X: anp.sum((X - lse(X, 1)[:, None]) * X) + anp.sum((X - lse(X, 0)) * X), {"X": X}, "log_softmax"),
    ("logsumexp(X) + sum(logsumexp(X, axis=0)^2) + sum(logsumexp(X, axis=1))",
     lambda X: lse(X) + anp.sum(lse(X, 0) ** 2) + anp.sum(lse(X, 1)), {"X": X}, "logsumexp"),
    ("cross_entropy(X @ W.T, [0, 2, 1, 1])",
     lambda X, W: -anp.mean(anp.log(softmax(X @ W.T))[anp.arange(4), [0, 2, 1, 1]]), {"X": X, "W": W}, "cross_entropy onehot"),
    ("cross_entropy(W @ x, t)", lambda W, x, t: -anp.sum(t * anp.log(softmax(W @ x))), {"W": W, "x": x, "t": T}, "cross_entropy"),
    ("mse(sigmoid(W @ x), t)", lambda W, x, t: anp.mean((sigmoid(W @ x) - t) ** 2), {"W": W, "x": x, "t": T}, "mse"),
    ("sum(expand_dims(x, axis=1)*expand_dims(b, axis=0)*expand_dims(b, axis=-1)^2)",
     lambda x, b: anp.sum(x[:, None] * b[None, :] * b[:, None] ** 2), {"x": x, "b": x[::-1]}, "expand_dims"),
    ("sum(reshape(X, 2, 4)^2*[1, 2, 3, 4])",
     lambda X: anp.sum(anp.reshape(X, (2, 4)) ** 2 * anp.array([1.0, 2, 3, 4])), {"X": X}, "reshape"),
    ("sum(concat(x, b)^2) + sum(concat(W, X, axis=0)^3)",
     lambda x, b, W, X: anp.sum(anp.concatenate([x, b]) ** 2) + anp.sum(anp.concatenate([W, X]) ** 3),
     {"x": x, "b": b, "W": W, "X": X}, "concat part"),
    ("X[0, 1]*X[-1, 0] + sum(X[2]^2)", lambda X: X[0, 1] * X[-1, 0] + anp.sum(X[2] ** 2), {"X": X}, "index put"),
    ("sum([x[0], 2*x[1], 3]*b)", lambda x, b: x[0] * b[0] + 2 * x[1] * b[1] + 3 * b[2], {"x": x, "b": b}, "array"),
    ("sum(where(X > 0, X^2, exp(X)))", lambda X: anp.sum(anp.where(X > 0, X**2, anp.exp(X))), {"X": X}, ""),
    ("sum(tanh(W)*max(W, 0.1))", lambda W: anp.sum(anp.tanh(W) * anp.maximum(W, 0.1)), {"W": W}, ""),
]  # fmt: skip
IDS = [case[0] for case in CASES]


def close(a: Any, b: Any, to: float = 1e-10) -> bool:
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=to, atol=to)


def test_every_array_gate_has_a_case() -> None:
    """The list of names and the table agree, and each gate stands in a formula below."""
    assert frozenset(ARRAY_GATES) - {"max", "min"} == ARRAY_NAMES
    assert set(ARRAY_GATES) <= {name for case in CASES for name in case[3].split()}


@pytest.mark.parametrize(("text", "witness", "point", "_"), CASES, ids=IDS)
def test_gradients_against_autograd_and_differences(text: str, witness: Any, point: dict[str, Any], _: str) -> None:
    """Reverse mode equals autograd to 1e-10 in value, gradient and shape, and the witness finds nothing."""
    result = bpcli.grad(text, point)
    names = list(point)
    values = [np.asarray(point[name], dtype=float) for name in names]
    assert close(result.value, witness(*values))
    for k, name in enumerate(names):
        assert close(result.gradients[name], autograd.grad(witness, k)(*values)), name
    assert result.check is not None
    assert {one.verdict for one in result.check.comparisons.values()} == {"ok"}


@pytest.mark.parametrize(("text", "_", "point", "__"), CASES, ids=IDS)
def test_forward_and_symbolic(text: str, _: Any, point: dict[str, Any], __: str) -> None:
    """⟨Jv, 1⟩ = ⟨v, Jᵀ1⟩ for a random v; the derivatives as formulas, read back from their text, give the same."""
    result = bpcli.grad(text, point, check=False)
    directions = {name: RANDOM.normal(size=np.shape(value)) for name, value in point.items()}
    pushed = bpcli.grad(text, point, mode="forward", tangents=directions).pushed
    assert pushed == pytest.approx(sum(np.sum(directions[name] * result.gradients[name]) for name in point), rel=1e-9)
    for blackboard in (True, False):
        derived = bpcli.derive(text, point, blackboard=blackboard)
        assert derived.numbers is not None
        for name, value in point.items():
            assert close(derived.numbers[f"d{name}"], result.gradients[name], 1e-9), name
            graph, _point, computed = prepare(f"{derived.program}; d{name}", {}, _only(point, derived.program))
            assert close(np.broadcast_to(computed[graph.output], np.shape(value)), result.gradients[name], 1e-9)


def _only(point: dict[str, Any], program: str) -> dict[str, Any]:
    """The values of the variables that PROGRAM has."""
    graph: Graph = bpcli.parse(program)
    return {name: point[name] for name in graph.inputs}


def test_hessian_product() -> None:
    """H v by forward mode over the gradient's graph equals autograd's."""

    def loss(w: Any) -> Any:
        return anp.sum(sigmoid(X @ w) ** 2)

    v = RANDOM.normal(size=2)
    products = bpcli.hessian("sum(sigmoid(X @ w)^2)", {"X": X, "w": x}, wrt="w", times={"w": v}).products  # type: ignore[attr-defined]
    assert close(products["w"], autograd.hessian_vector_product(loss)(x, v))


def test_jacobian() -> None:
    """One row for each entry of the output; equal to autograd's."""
    found = bpcli.jacobian("sigmoid(W @ x)", values={"W": W, "x": x}).jacobians  # type: ignore[attr-defined]
    assert close(found["x"], autograd.jacobian(lambda v: sigmoid(W @ v))(x))
    assert close(found["W"], autograd.jacobian(lambda v: sigmoid(v @ x))(W))


@pytest.mark.parametrize("operation", ["a + b", "a*b", "max(a, b)"])
@pytest.mark.parametrize("left", [0.5, row, column], ids=["number", "row", "column"])
@pytest.mark.parametrize("right", [0.25, row + 1, column + 1], ids=["number", "row", "column"])
def test_broadcasting(operation: str, left: Any, right: Any) -> None:
    """All nine combinations: the copying is a gate of its own, and its gradient is the sum over the copies."""
    numpy = {"a + b": anp.add, "a*b": anp.multiply, "max(a, b)": anp.maximum}[operation]
    result = bpcli.grad(f"sum(exp({operation}))", a=left, b=right)
    for k, name in enumerate("ab"):
        expected = autograd.grad(lambda *v: anp.sum(anp.exp(numpy(*v))), k)(np.asarray(left), np.asarray(right))
        assert close(result.gradients[name], expected)
    stretches = [line for line in result.lines() if line.gate == "stretch"]
    common = np.broadcast_shapes(np.shape(left), np.shape(right))
    assert len(stretches) == sum(np.shape(side) != common for side in (left, right))


@pytest.mark.parametrize(
    ("text", "point", "words"),
    [
        ("W @ x", {"W": np.ones((3, 2)), "x": np.ones(3)}, ["(3, 2) @ (3,) do not fit", "W.T @ x would give (2,)"]),
        ("x + y", {"x": np.ones(3), "y": np.ones(2)}, ["(3,) and (2,)"]),
        ("sum(x, axis=2)", {"x": np.ones(3)}, ["(3,)", "axis 2"]),
        ("x[5]", {"x": np.ones(3)}, ["no place 5", "3"]),
        ("reshape(x, 2, 2)", {"x": np.ones(3)}, ["(3,)", "(2, 2)"]),
        ("mse(x, y)", {"x": np.ones(3), "y": np.ones(2)}, ["(3,)", "(2,)"]),
        ("concat(x, y)", {"x": np.ones((2, 3)), "y": np.ones((2, 2))}, ["(2, 3)", "(2, 2)"]),
        ("[x, y]", {"x": np.ones(3), "y": np.ones(2)}, ["(3,)", "(2,)"]),
        ("x @ 2", {"x": np.ones(3)}, ["(3,)", "()", "multiplied with *"]),
    ],
)
def test_shapes_that_do_not_fit(text: str, point: dict[str, Any], words: list[str]) -> None:
    """Both shapes, what would fit, and the span of the gate."""
    with pytest.raises(Trouble) as raised:
        bpcli.grad(text, point)
    trouble = raised.value
    assert (trouble.exit_code, trouble.code) == (2, "shapes")
    assert [word for word in words if word not in trouble.message] == []
    assert text[trouble.start : trouble.end] == text


def test_kinks_and_ties_of_entries() -> None:
    """relu at 0 and a tie follow the convention, leave a note with the entry, and `error` stops."""
    result = bpcli.grad("sum(relu(x)) + max(x)", x=[0, 1, 1], check=False)
    assert close(result.gradients["x"], [0, 1.5, 1.5])
    assert [note.gate for note in result.notes] == ["g1", "g3"]
    assert "[0]" in result.notes[0].message
    assert close(bpcli.grad("sum(relu(x))", x=[0, 1], kinks="right", check=False).gradients["x"], [1, 1])
    with pytest.raises(Trouble, match="relu bends"):
        bpcli.grad("sum(relu(x))", x=[0, 1], kinks="error")


def test_where_takes_entry_by_entry() -> None:
    """log of the negative entries is never asked for; of a taken one it is an error that names the entry."""
    result = bpcli.grad("sum(where(x > 0, log(x), x^2))", x=[1, -2, 4])
    assert close(result.gradients["x"], [1, -4, 0.25])
    with pytest.raises(Trouble, match=r"\(x - 1\)\[0\] = 0"):
        bpcli.grad("sum(where(x > 0, log(x - 1), x))", x=[1, -2, 4])


def test_integers_become_doubles() -> None:
    """An integer array divides as numbers do, and its gradient is of doubles."""
    result = bpcli.grad("sum(x/2)", x=np.array([1, 2], dtype=np.int32))
    assert result.value == 1.5
    assert result.gradients["x"].dtype == np.float64


@pytest.mark.parametrize("value", [[True, False], [1, float("nan")], [[1, 2], [3]], ["a"], [], np.array([1 + 2j])])
def test_what_is_no_array_of_numbers(value: Any) -> None:
    """Truth values, NaN, ragged lists, texts, empty and complex arrays are refused."""
    with pytest.raises(Trouble):
        bpcli.grad("sum(x)", x=value)


def test_an_array_has_no_single_gradient() -> None:
    """A vector output asks for an upstream gradient or a Jacobian."""
    with pytest.raises(Trouble) as raised:
        bpcli.grad("W @ x", W=W, x=x)
    assert raised.value.tries == ("--upstream '[1, 1, 1]'", "--jacobian")
    upstream = np.array([1.0, -2, 0.5])
    assert close(bpcli.grad("W @ x", W=W, x=x, upstream=upstream).gradients["x"], W.T @ upstream)


def test_tangents_of_a_vector() -> None:
    """The Jacobian–vector product has the output's shape."""
    direction = np.array([1.0, -1])
    assert close(bpcli.grad("W @ x", W=W, x=x, mode="forward", tangents={"x": direction}).pushed, W @ direction)


# --- the lectures' networks ------------------------------------------------------------------------------


def test_softmax_of_the_scores() -> None:
    """Scores 3.2, 5.1, -1.7: probabilities 0.13, 0.87, 0.00, loss 2.04 for the first class, gradient p - onehot."""
    probabilities = bpcli.grad("softmax(s)", s=[3.2, 5.1, -1.7], upstream=[1, 1, 1]).value
    assert np.round(probabilities, 2).tolist() == [0.13, 0.87, 0.0]
    result = bpcli.grad("cross_entropy(s, 0)", s=[3.2, 5.1, -1.7])
    assert round(result.value, 2) == 2.04
    assert close(result.gradients["s"], probabilities - np.array([1, 0, 0]))


def test_three_three_one_network() -> None:
    """The network in vector form has the gradients of its scalar form, and the lecture's δ at every layer."""
    weights, inputs, bias = RANDOM.normal(size=(3, 3)), RANDOM.normal(size=3), RANDOM.normal(size=3)
    outer, last, target = RANDOM.normal(size=3), 0.3, 0.8
    text = "z2 = W @ x + b; a2 = sigmoid(z2); z3 = V @ a2 + c; h = sigmoid(z3); J = (h - y)^2/2"
    result = bpcli.grad(text, W=weights, x=inputs, b=bias, V=outer, c=last, y=target)
    hidden = "; ".join(f"a{i} = sigmoid({' + '.join(f'W{i}{j}*x{j}' for j in range(3))} + b{i})" for i in range(3))
    scalar = f"{hidden}; h = sigmoid(V0*a0 + V1*a1 + V2*a2 + c); (h - y)^2/2"
    point = {f"W{i}{j}": weights[i, j] for i in range(3) for j in range(3)} | {"c": last, "y": target}
    for i in range(3):
        point |= {f"x{i}": inputs[i], f"b{i}": bias[i], f"V{i}": outer[i]}
    single = bpcli.grad(scalar, {name: float(value) for name, value in point.items()}, check=False).gradients
    assert close(result.gradients["W"], [[single[f"W{i}{j}"] for j in range(3)] for i in range(3)])
    assert close(result.gradients["V"], [single[f"V{i}"] for i in range(3)])
    lines = {line.id: line for line in result.lines()}
    h, a2 = lines["h"].value, lines["a2"].value
    delta3 = -(target - h) * h * (1 - h)
    delta2 = outer * delta3 * a2 * (1 - a2)
    assert close(lines["z3"].upstream, delta3)
    assert close(lines["z2"].upstream, delta2)
    assert close(result.gradients["W"], np.outer(delta2, inputs))
    assert close(result.gradients["b"], delta2)


def test_deep_network() -> None:
    """σ(W3 σ(W2 σ(W1 x)))."""
    one, two, three = RANDOM.normal(size=(4, 3)), RANDOM.normal(size=(3, 4)), RANDOM.normal(size=(2, 3))
    values = {"W3": three, "W2": two, "W1": one, "x": b}
    result = bpcli.grad("sum(sigmoid(W3 @ sigmoid(W2 @ sigmoid(W1 @ x))))", values)

    def net(W3: Any, W2: Any, W1: Any, v: Any) -> Any:
        return anp.sum(sigmoid(W3 @ sigmoid(W2 @ sigmoid(W1 @ v))))

    for k, name in enumerate(values):
        assert close(result.gradients[name], autograd.grad(net, k)(*values.values()))


def test_update_rules() -> None:
    """Σ(y - wᵀx)²: -2 Σ δ x; with a sigmoid: -2 Σ δ σ(1 - σ) x; logistic regression: (p - y) x."""
    y = np.array([1.0, 0, 1, 0])
    delta = y - X @ x
    assert close(bpcli.grad("sum((y - X @ w)^2)", y=y, X=X, w=x).gradients["w"], -2 * X.T @ delta)
    s = sigmoid(X @ x)
    expected = -2 * X.T @ ((y - s) * s * (1 - s))
    assert close(bpcli.grad("sum((y - sigmoid(X @ w))^2)", y=y, X=X, w=x).gradients["w"], expected)
    loss = "p = sigmoid(X @ w); -sum(y*log(p) + (1 - y)*log(1 - p))"
    assert close(bpcli.grad(loss, y=y, X=X, w=x, wrt="w").gradients["w"], X.T @ (s - y))


def test_long_and_thin() -> None:
    """A vector of 100,000 entries, a matrix of one row, one column, one entry: checked by samples where large."""
    long = RANDOM.normal(size=100_000)
    result = bpcli.grad("sum(sin(x)^2)", x=long)
    assert close(result.gradients["x"], np.sin(2 * long))
    assert result.check is not None
    assert "of 100,000 entries" in result.check.comparisons["x"].measured
    for shape in ((1, 5), (5, 1), (1, 1)):
        matrix = RANDOM.normal(size=shape)
        assert close(
            bpcli.grad("sum((A @ A.T)*2)", A=matrix).gradients["A"],
            autograd.grad(lambda v: 2 * anp.sum(v @ v.T))(matrix),
        )


def test_tangent_of_a_graph_without_the_variable() -> None:
    """A variable that the output does not depend on has a gradient of zeros in its own shape."""
    result = bpcli.grad("q = W @ x; sum(x)", W=W, x=x, check=False)
    assert close(result.gradients["W"], np.zeros((3, 2)))
    graph, _, values = prepare("sum(x)", {"x": x}, {})
    assert tangent(graph, values, {})[graph.output] is None
    assert forward(graph, {"x": x})[graph.output] == pytest.approx(x.sum())
