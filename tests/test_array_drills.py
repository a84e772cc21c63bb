"""Problems on arrays: answers that are no gradients against numpy, how a sheet asks for arrays, and honest work."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from test_bank import BANK, drawn, problem

from bpcli.arrays.sweeps import evaluate_gate, sends
from bpcli.exercises.acceptance import fault
from bpcli.exercises.keys import keys, number
from bpcli.exercises.marking import mark_problem
from bpcli.exercises.problem import ProgramBlank
from bpcli.exercises.variants import Variant, draw
from bpcli.exercises.wording import array_figure, asks_for, figure
from bpcli.marking.answers import Line, read_submission
from bpcli.marking.verdicts import Mark
from bpcli.rounding import Rule

ON_ARRAYS = [identity for identity in BANK if problem(identity).graph.shapes is not None]


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


# --- honest work -----------------------------------------------------------------------------------------


def rounded(value: Any, rule: Rule) -> Any:
    """VALUE as it is written by the rule, entry by entry."""
    return np.array([rounded(one, rule) for one in value]) if np.shape(value) else float(figure(float(value), rule))


def by_hand(variant: Variant) -> Variant:
    """VARIANT as somebody has it who rounds every array that is written, and goes on with the rounded one."""
    graph, rule = variant.problem.graph, variant.problem.rounding
    values = [None if node in graph.position else value for node, value in enumerate(variant.values)]
    for place, node in enumerate(graph.gates):
        values[node] = rounded(evaluate_gate(graph, place, values), rule)
    adjoints: list[Any] = [None] * len(values)
    adjoints[graph.output] = variant.upstream
    for place in reversed(range(len(graph.gates))):
        arrived = adjoints[graph.gates[place]]
        if arrived is None:
            continue
        sent = sends(graph, place, values, arrived, variant.problem.convention)
        for given, one in zip(graph.args[place], sent, strict=True):
            if one is not None and graph.active[given]:
                before = adjoints[given]
                adjoints[given] = rounded(rounded(one, rule) + (0 if before is None else before), rule)
    hand = replace(variant)
    hand.__dict__.update({"values": values, "adjoints": adjoints})
    return hand


def marked(variant: Variant, **answers: str) -> dict[str, Mark]:
    """The marks of the key's own answers, with these in place of some."""
    rule = variant.problem.rounding
    texts = {
        key.blank.name: key.text if key.number is None else array_figure(key.number, rule) for key in keys(variant)
    }
    lines = [Line(name, text, k) for k, (name, text) in enumerate((texts | answers).items(), start=1)]
    for key in keys(variant):
        if isinstance(key.blank, ProgramBlank):  # its lines are answers by themselves
            lines = [one for one in lines if one.name != key.blank.name] + read_submission(key.text).sections[""]
    return {one.name: one for one in mark_problem(variant, lines)}


@pytest.mark.parametrize("identity", ON_ARRAYS)
def test_honest_work_on_arrays_gets_full_marks(identity: str) -> None:
    """The key as the sheet rounds it, and a walk that rounds at every gate and goes on with the rounded arrays."""
    one = problem(identity)
    for student in ("1", "4", "6"):
        variant = draw(one, "bank", student, fault)
        hand = by_hand(variant)
        walked = {key.blank.name: array_figure(rounded(number(hand, key.blank, hand.scope), one.rounding), one.rounding)
                  for key in keys(variant) if key.number is not None}  # fmt: skip
        for answers in ({}, walked) if one.rounding.kind != "exact" else ({},):
            assert [mark for mark in marked(variant, **answers).values() if mark.credit != 1] == []


def test_what_follows_from_a_wrong_array_is_charged_once() -> None:
    """The upstream gradient dropped in a dictionary: the row is wrong, the step that is taken with it follows."""
    variant = draw(problem("drills/index/medium"), "bank", "1", fault)
    point = variant.point
    wrong = np.zeros((3, 2))
    wrong[1] = point["v"]
    after = point["E"] - point["alpha"] * wrong
    exact = Rule("exact", 0)
    found = marked(variant, de=array_figure(wrong[1], exact), dE=array_figure(wrong, exact),
                   E_new=array_figure(after, exact))  # fmt: skip
    assert [found[name].verdict for name in ("de", "dE", "E_new")] == ["wrong", "follows", "follows"]
    assert found["E_new"].reason == "right, given your dE"
    lazy = marked(variant, dE="[[0, 0], [0, 0], [0, 0]]", E_new=array_figure(point["E"], exact))
    assert lazy["E_new"].verdict == "wrong", "a gradient of zeros buys the step that leaves everything"


def test_a_wrong_number_beside_arrays_is_marked() -> None:
    """A number that a formula over arrays gives, where numbers are rounded: a little beside it, and far from it."""
    variant = draw(problem("drills/norm/hard"), "bank", "1", fault)
    length = float(np.linalg.norm(variant.point["x"]))
    assert marked(variant, length_of_dW=f"{length + 0.002:.3f}")["length_of_dW"].verdict == "rounded"
    assert marked(variant, length_of_dW=f"{length + 1:.3f}")["length_of_dW"].verdict == "wrong"
    assert marked(variant, length_of_dW="[1, 2]")["length_of_dW"].verdict == "invalid"
