"""The examples of the lectures, with the numbers that the slides print."""

from __future__ import annotations

import math

import pytest

import bpcli
from bpcli.gradient_check import quotients
from bpcli.passes import grad

NEURON = {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3}


def rounded(table: dict[str, float], digits: int = 2) -> dict[str, float]:
    return {name: round(value, digits) for name, value in table.items()}


def test_first_example() -> None:
    """(x+y)z at x = -2, y = 5, z = -4: q = 3, f = -12, df/dq = -4, df/dx = df/dy = -4, df/dz = 3."""
    result = grad("q = x + y; f = q*z", x=-2, y=5, z=-4)
    lines = {line.id: line for line in result.lines()}
    assert (lines["q"].value, lines["f"].value) == (3, -12)
    assert lines["q"].upstream == -4
    assert lines["f"].local == [-4, 3]
    assert result.gradients == {"x": -4, "y": -4, "z": 3}


def test_product_and_its_meaning() -> None:
    """f = xy at x = 4, y = -3: the gradient is [y, x] = [-3, 4]."""
    assert grad("x*y", x=4, y=-3).gradients == {"x": -3, "y": 4}


def test_sigmoid_neuron_on_the_blackboard() -> None:
    """w = [2, -3, -3], x = [-1, -2], taken apart: the values and gradients written on the wires."""
    result = grad("sigmoid(w0*x0 + w1*x1 + w2)", NEURON, expand=True)
    lines = list(result.lines())
    assert [round(line.value, 2) for line in lines] == [-2, 6, 4, 1, -1, 0.37, 1.37, 0.73]
    upstream = {round(line.value, 2): round(line.upstream, 2) for line in lines}
    assert upstream == {0.73: 1, 1.37: -0.53, 0.37: -0.53, -1: -0.2, 1: 0.2, 4: 0.2, -2: 0.2, 6: 0.2}
    assert [line.gate for line in lines[4:]] == ["mul", "exp", "add", "div"]
    assert rounded(result.gradients) == {"w0": -0.2, "x0": 0.39, "w1": -0.39, "x1": -0.59, "w2": 0.2}


def test_sigmoid_derivative_identity() -> None:
    """(1 - σ(x)) σ(x) at σ = 0.73 is 0.2, the whole neuron's gradient in one gate."""
    fused = grad("1/(1 + exp(-(w0*x0 + w1*x1 + w2)))", NEURON, fuse=True)
    (last,) = [line for line in fused.lines() if line.gate == "sigmoid"]
    assert round(last.value, 2) == 0.73
    assert last.local[0] == pytest.approx((1 - last.value) * last.value, rel=1e-14)
    assert round(last.local[0], 1) == 0.2


def test_staged_exercise() -> None:
    """(x + σ(y))/(σ(x) + (x + y)²): staged lines as in the lecture's code give the backward pass of CS231n."""
    x, y = 3.0, -4.0
    text = "sigy = sigmoid(y); num = x + sigy; sigx = sigmoid(x); xpy = x + y; xpysqr = xpy^2; den = sigx + xpysqr\n"
    result = grad(text + "invden = 1/den; f = num*invden", x=x, y=y)
    sigy, sigx = 1 / (1 + math.exp(-y)), 1 / (1 + math.exp(-x))
    num, den = x + sigy, sigx + (x + y) ** 2
    dnum, dinvden = 1 / den, num
    dden = -1 / den**2 * dinvden
    dxpy = 2 * (x + y) * dden
    dx = dxpy + (1 - sigx) * sigx * dden + dnum
    dy = dxpy + (1 - sigy) * sigy * dnum
    assert result.gradients == pytest.approx({"x": dx, "y": dy}, rel=1e-14)
    upstream = {line.id: line.upstream for line in result.lines()}
    assert (upstream["num"], upstream["den"]) == pytest.approx((dnum, dden), rel=1e-14)


def test_relu_neuron_exercise() -> None:
    """w0 = 0.2, w1 = 0.7, x0 = 1, x1 = -1.2, b = 0.8: the neuron is open, so every gradient gets through."""
    result = grad("relu(w0*x0 + w1*x1 + b)", w0=0.2, w1=0.7, x0=1.0, x1=-1.2, b=0.8)
    assert result.value == pytest.approx(0.16)
    assert result.gradients == {"w0": 1.0, "x0": 0.2, "w1": -1.2, "x1": 0.7, "b": 1.0}
    closed = grad("max(0, w0*x0 + w1*x1 + b)", w0=0.2, w1=0.7, x0=1.0, x1=-1.2, b=0.5)
    assert set(closed.gradients.values()) == {0.0}


def test_loss_difference_table() -> None:
    """loss 1.25347 and its neighbours at h = 0.0001: the slopes -2.5, 0.6 and 0."""
    text = "1.25347 - 2.5*(w1 - 0.34) + 0.6*(w2 + 1.11) + 0*w3"
    table = quotients(text, {"w1": 0.34, "w2": -1.11, "w3": 0.78}, step=1e-4, scheme="forward")
    assert [round(row[3], 5) for row in table.rows.values()] == [1.25322, 1.25353, 1.25347]
    assert [round(row[4], 4) for row in table.rows.values()] == [-2.5, 0.6, 0]


def test_patterns() -> None:
    """Add distributes, max routes, mul switches: cs231n's circuit 2(xy + max(z, w)) at (3, -4, 2, -1)."""
    result = grad("2*(x*y + max(z, w))", x=3, y=-4, z=2, w=-1)
    assert result.value == -20
    assert result.gradients == {"x": -8, "y": 6, "z": 2, "w": 0}


def test_gradients_add_at_branches() -> None:
    """z = f(x(t), y(t)): both paths add up."""
    t = 0.7
    expected = math.cos(t) * math.exp(t) + math.sin(t) * math.exp(t)
    assert grad("x = sin(t); y = exp(t); x*y", t=t).gradients["t"] == pytest.approx(expected, rel=1e-15)


def test_tanh_as_defined() -> None:
    """(e^z - e^-z)/(e^z + e^-z) is tanh, and --fuse knows it."""
    written = "(exp(z) - exp(-z))/(exp(z) + exp(-z))"
    assert grad(written, z=0.5).gradients == pytest.approx(grad("tanh(z)", z=0.5).gradients, rel=1e-14)
    assert [line.gate for line in grad(written, z=0.5, fuse=True).lines()] == ["tanh"]


def test_logistic_regression() -> None:
    """dJ/dθ = (y*/y + (1 - y*)/(y - 1)) · exp(-a)/(exp(-a) + 1)² · x, which is (y* - y) x."""
    text = "a = t1*x1 + t2*x2; y = 1/(1 + exp(-a)); J = s*log(y) + (1 - s)*log(1 - y)"
    point = {"t1": 0.5, "x1": 2.0, "t2": -0.3, "x2": 1.0, "s": 1.0}
    result = grad(text, point, wrt=["t1", "t2"])
    y = 1 / (1 + math.exp(-0.7))
    assert result.gradients == pytest.approx({"t1": (1 - y) * 2, "t2": 1 - y}, rel=1e-13)


def test_network_of_three_neurons() -> None:
    """The 3-3-1 network in scalar form: δ of the output is -(y - a) f'(z), and those before it follow the rule."""
    hidden = "; ".join(f"z{i} = W{i}1*x1 + W{i}2*x2 + W{i}3*x3 + b{i}; a{i} = sigmoid(z{i})" for i in (1, 2, 3))
    text = f"{hidden}; zo = V1*a1 + V2*a2 + V3*a3 + c; h = sigmoid(zo); J = (h - y)^2/2"
    point = {f"W{i}{j}": 0.1 * i - 0.2 * j for i in (1, 2, 3) for j in (1, 2, 3)}
    point |= {"x1": 1.0, "x2": -1.0, "x3": 0.5, "b1": 0.1, "b2": 0.0, "b3": -0.1, "c": 0.2, "y": 1.0}
    point |= {"V1": 0.3, "V2": -0.2, "V3": 0.5}
    result = grad(text, point)
    lines = {line.id: line for line in result.lines()}
    h = lines["h"].value
    delta = -(1 - h) * h * (1 - h)
    assert lines["zo"].upstream == pytest.approx(delta, rel=1e-13)
    for i in (1, 2, 3):
        a = lines[f"a{i}"].value
        inner = point[f"V{i}"] * delta * a * (1 - a)
        assert lines[f"z{i}"].upstream == pytest.approx(inner, rel=1e-13)
        assert result.gradients[f"V{i}"] == pytest.approx(a * delta, rel=1e-13)
        assert result.gradients[f"b{i}"] == pytest.approx(inner, rel=1e-13)
        for j in (1, 2, 3):
            assert result.gradients[f"W{i}{j}"] == pytest.approx(inner * point[f"x{j}"], rel=1e-13)


def test_perceptron_learns_nothing_from_its_step() -> None:
    """f = 1 if w·x + b > 0: the step gate has no slope, so nothing comes back."""
    assert set(grad("step(w*x + b)", w=2, x=1, b=-1).gradients.values()) == {0.0}


def test_iterated_square() -> None:
    """x² iterated five times is x³²; ax + b iterated stays a line."""
    square = "; ".join(["y = x^2", *["y *= y"] * 4])
    assert grad(square, x=1.1).gradients["x"] == pytest.approx(32 * 1.1**31, rel=1e-13)
    line = "; ".join(["y = a*x + b", *["y = a*y + b"] * 4])
    assert grad(line, a=1.5, b=2, x=3).gradients["x"] == pytest.approx(1.5**5, rel=1e-15)


def test_universal_approximation_sum() -> None:
    """Σ v φ(w x + b): every parameter's gradient against differences."""
    text = "+".join(f"v{i}*sigmoid(w{i}*x + b{i})" for i in range(5))
    point = {f"{name}{i}": 0.3 * i - 0.5 for i in range(5) for name in "vwb"} | {"x": 0.4}
    assert bpcli.check(text, point).ok


def test_vanishing_gradient() -> None:
    """Ten sigmoids on top of each other: at most a quarter gets through each."""
    deep = "sigmoid(" * 10 + "x" + ")" * 10
    assert 0 < grad(deep, x=0.0).gradients["x"] < 0.25**10


def test_micrograd() -> None:
    """The example of micrograd's README (A. Karpathy): g = 24.7041, dg/da = 138.8338, dg/db = 645.5773."""
    text = """
    c = a + b
    d = a*b + b^3
    c += c + 1
    c += 1 + c + (-a)
    d += d*2 + relu(b + a)
    d += 3*d + relu(b - a)
    e = c - d
    f = e^2
    g = f/2.0
    g += 10.0/f
    """
    result = grad(text, {"a": -4.0, "b": 2.0})
    assert round(result.value, 4) == 24.7041
    assert rounded(result.gradients, 4) == {"a": 138.8338, "b": 645.5773}
    assert {"c", "c_1", "c_2", "d", "d_1", "d_2", "g", "g_1"} <= {line.id for line in result.lines()}
