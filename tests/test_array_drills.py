"""The drills on arrays: answers that are no gradients against numpy, and how a sheet asks for arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from test_bank import drawn, problem

from bpcli.exercises.wording import asks_for


def test_lengths_and_a_clipped_gradient() -> None:
    """A unit vector times G is |G| long; (r/L)xᵀ is as long as x; clipping keeps the direction and makes the length c."""
    for given, found in drawn("drills/norm/easy"):
        assert found["length_of_dx"] == pytest.approx(abs(given["G"]))
    for given, found in drawn("drills/norm/medium"):
        assert np.dot(found["dx"], given["x"]) == pytest.approx(0, abs=1e-12)
    for given, found in drawn("drills/norm/hard"):
        assert found["length_of_dW"] == pytest.approx(np.linalg.norm(given["x"]))
        assert np.linalg.norm(found["clipped"]) == pytest.approx(given["c"])
        assert found["clipped"] / found["dW"] == pytest.approx(np.full((2, 2), given["c"] / found["length_of_dW"]))
        assert found["length_of_dW"] > given["c"], "there is nothing to clip"


def test_products_by_polynomials_and_by_trying() -> None:
    for given, found in drawn("drills/prod/hard"):
        polynomial = np.polynomial.Polynomial.fromroots(given["r"])
        slope = polynomial.deriv()
        assert found["f"] == pytest.approx(polynomial(given["t"]))
        assert found["dt"] == pytest.approx(slope(given["t"]))
        assert found["slope_at_r1"] == pytest.approx(slope(given["r"][0]))
    for given, found in drawn("drills/prod/easy"):
        volumes = [np.prod(given["x"] + 0.01 * row) for row in np.eye(3)]
        tried = {min(given["x"]): "shortest", max(given["x"]): "longest"}[given["x"][int(np.argmax(volumes))]]
        assert found["best_side"] == tried


def test_soft_maximum_and_smoothed_labels() -> None:
    for given, found in drawn("drills/logsumexp/medium"):
        above = np.logaddexp.reduce(given["b"] * given["x"]) / given["b"] - max(given["x"])
        assert found["above_max"] == pytest.approx(above)
        assert 0 < above < math.log(3) / given["b"]
    for given, found in drawn("drills/log_softmax/hard"):
        sure = found["sure_enough"]
        label = given["eps"] / 3 + (1 - given["eps"]) * np.eye(3)[0]

        def loss(shift: float, sure: float = sure, label: Any = label) -> float:
            scores = np.log([sure, (1 - sure) / 2, (1 - sure) / 2]) + shift * np.eye(3)[0]
            return float(label @ (np.logaddexp.reduce(scores) - scores))

        assert loss(0) < min(loss(1e-3), loss(-1e-3)), "its score is not left alone there"
    for given, found in drawn("drills/cross_entropy/easy"):
        p = np.exp(given["s"]) / sum(np.exp(given["s"]))
        assert found["p"] == pytest.approx(p)
        assert found["ds"] == pytest.approx(p - np.eye(3)[int(given["k"])])
        assert np.argmax(p) != given["k"], "the guess is right"


def test_updates_of_penalty_dictionary_and_two_targets() -> None:
    for given, found in drawn("drills/sum/medium"):
        assert found["W_new"] == pytest.approx(given["W"] * (1 - given["alpha"] * given["lam"]))
    for given, found in drawn("drills/index/medium"):
        assert [bool(np.any(row)) for row in found["E_new"] - given["E"]] == [False, True, False]
    for given, found in drawn("drills/mse/hard"):
        pulls = [found["balance"] - given["y"][0], given["c"] * (found["balance"] - given["q"][0])]
        assert sum(pulls) == pytest.approx(0)


def test_a_turn_by_complex_numbers() -> None:
    """Turning by t is multiplying by e^(it); a step against the gradient makes G·y smaller."""
    for given, found in drawn("drills/array/hard"):
        x, upstream = complex(*given["x"]), complex(*given["G"])

        def loss(t: float, x: complex = x, upstream: complex = upstream) -> float:
            return ((x * complex(math.cos(t), math.sin(t))) * upstream.conjugate()).real

        t = given["t"]
        assert found["dt"] == pytest.approx((loss(t + 1e-5) - loss(t - 1e-5)) / 2e-5, rel=1e-6)
        assert loss(t + {"larger": 1e-3, "smaller": -1e-3}[found["turn"]]) < loss(t)


@pytest.mark.parametrize(("identity", "name", "asked"), [
    ("drills/norm/hard", "clipped", "2 × 2 numbers, written like [[1, 2], [3, 4]]"),
    ("drills/norm/hard", "length_of_dW", "a number"),
    ("drills/sum/medium", "W_new", "W after one step with learning rate alpha (2 × 2 numbers, written like [[1, 2], [3, 4]])"),
    ("drills/stretch/hard", "dr", "gradient of L at r (2 × 1 numbers, written like [[1], [2]])"),
    ("drills/transpose/hard", "h", "value of h (1 number, written like [1])"),
])  # fmt: skip
def test_arrays_are_asked_for_in_their_shape(identity: str, name: str, asked: str) -> None:
    assert asks_for(problem(identity), next(one for one in problem(identity).blanks if one.name == name)) == asked
