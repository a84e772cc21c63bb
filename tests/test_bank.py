"""The bank of problems: every file in order, every item of the lectures covered, and the keys against outside witnesses.

`bpcli problems check` confirms gradients by differences; here are the figures that the lectures print, the lectures'
own formulas in numpy, and brute force for every answer that is no gradient (counts, Boolean functions, valleys).
"""

from __future__ import annotations

import cmath
import math
import re
import resource
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpcli.arrays.gates import ARRAY_GATES
from bpcli.exercises.acceptance import fault
from bpcli.exercises.bank import files, load, shipped
from bpcli.exercises.keys import keys
from bpcli.exercises.problem import Problem
from bpcli.exercises.variants import Variant, draw
from bpcli.exercises.wording import asks_for, figure
from bpcli.gates import FAMILIES, GATES
from bpcli.marking.handwork import walk
from bpcli.marking.marks import mark

BANK = files(shipped())
README = (Path(__file__).parents[1] / "problems" / "README.md").read_text()
DRILLS = sorted({identity.rpartition("/")[0] for identity in BANK if identity.startswith("drills/")})
STUDENTS = [str(number) for number in range(12)]

#: What issue 5 wants covered: tag -> fewest problems.
TOPICS = {
    "add": 5, "mul": 5, "max": 5, "meaning of the gradient": 4, "sigmoid": 10, "neuron": 6, "relu": 8, "patterns": 3,
    "branches": 10, "numerical gradient": 4, "gradient check": 1, "tanh": 3, "softmax": 5, "cross-entropy": 3,
    "least squares": 4, "logistic regression": 2, "two layers": 3, "three layers": 1, "matrix": 4, "deltas": 3, "step": 8,
    "weight decay": 1, "chain rule": 5, "one variable": 1, "several variables": 2, "McCulloch-Pitts": 1, "perceptron": 2,
    "composition": 2, "universal approximation": 2, "vanishing gradients": 2, "cost": 3, "staged": 1, "beyond": 10,
}  # fmt: skip


@cache
def problem(identity: str) -> Problem:
    return load(BANK[identity], identity)


def at(identity: str, **numbers: Any) -> dict[str, Any]:
    """Blank -> key, at the given numbers; those not said are the same for everyone."""
    one = problem(identity)

    def exact(value: Any) -> Any:
        return tuple(map(exact, value)) if isinstance(value, list | tuple) else Decimal(str(value))

    given = {name: exact(value) for name, value in numbers.items()}
    fixed = {name: one.pool[0] for name, one in one.given.items() if one.fixed}
    assert given.keys() | fixed.keys() == one.given.keys()
    return answers(Variant(one, "", "", fixed | given))


def answers(variant: Variant) -> dict[str, Any]:
    return {key.blank.name: key.text if key.number is None else key.number for key in keys(variant)}


@cache
def drawn(identity: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The givens and the answers of some variants."""
    variants = [draw(problem(identity), "bank", student, fault) for student in STUDENTS]
    return [(one.point, answers(one)) for one in variants]


# --- every file ------------------------------------------------------------------------------------------


def test_enough_problems() -> None:
    folders = defaultdict(int)
    for identity in BANK:
        folders[identity.partition("/")[0]] += 1
    assert folders["beyond"] >= 10
    assert sum(folders.values()) - folders["beyond"] - folders["drills"] >= 45


@pytest.mark.parametrize("identity", BANK)
def test_a_file_is_complete(identity: str) -> None:
    one = problem(identity)
    assert one.source
    assert one.tags
    assert one.hints or identity == "training/staged", "its code is the hint"
    assert len(set(one.tags)) == len(one.tags)
    assert 2 <= one.points <= 20, f"{one.points} points"
    assert 1 <= one.difficulty <= 5
    assert len(one.title) <= 60
    assert len(one.statement) >= 60
    if one.upstream is not None:
        assert "G$" in one.statement, "it does not say what arrives at the output"
    for hint in one.hints:
        assert hint[-1] in ".?)!$", hint


@pytest.mark.parametrize("identity", BANK)
def test_no_answer_is_printed(identity: str) -> None:
    """No "dx = -4" in statement or hints where that is the key, and no formula beside a question that it answers."""
    one = problem(identity)
    found = [key for _, key in drawn(identity)]
    for text in (one.statement, *one.hints):
        for name, number in re.findall(r"(\w+)\s*=\s*(-?\d+(?:\.\d+)?)", text.replace("$", "").replace("_", "")):
            right = [key.get(name) for key in found]
            assert any(key != float(number) for key in right), f"{name} = {number}"
    for blank in one.blanks:
        if blank.kind == "number":
            assert blank.text, f"{blank.name} asks nothing in words"
            assert re.fullmatch(r"a number|[\d ×]+ numbers, written like .+", asks_for(one, blank))


@pytest.mark.parametrize("identity", BANK)
def test_numbers_that_a_hand_carries(identity: str) -> None:
    """Givens have at most two decimals (five in a table of losses), and no two students share all numbers by design."""
    one = problem(identity)
    for given in one.given.values():
        for number in given.pool:
            assert -number.normalize().as_tuple().exponent <= (5 if identity == "numeric/loss-table" else 2), given.name
            assert abs(number) < 100
    variants = [draw(one, "bank", student, fault) for student in STUDENTS]
    assert len({repr(sorted(variant.numbers.items())) for variant in variants}) >= 8


def test_titles_are_unique() -> None:
    titles = [problem(identity).title for identity in BANK]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("topic", TOPICS)
def test_topics_are_covered(topic: str) -> None:
    found = [identity for identity in BANK if topic in problem(identity).tags]
    assert len(found) >= TOPICS[topic], found


@pytest.mark.parametrize("family", DRILLS)
def test_drills_go_from_easy_to_hard(family: str) -> None:
    levels = {name: problem(f"{family}/{name}") for name in ("easy", "medium", "hard")}
    assert [one.difficulty for one in levels.values()] == [1, 2, 3]
    assert all(family.partition("/")[2] in one.tags and "drill" in one.tags for one in levels.values())
    assert len(levels["easy"].graph.gates) <= len(levels["hard"].graph.gates)


#: Gates of the table that have no drills of their own, and why.
NO_DRILLS = dict.fromkeys(
    ("gt", "ge", "lt", "le", "eq", "ne"), "a condition stands only in where, and is drilled there"
)
NO_DRILLS |= dict.fromkeys(("ties", "place"), "only the derivatives of max and min use it")
NO_DRILLS |= {
    "others": "only the derivative of prod uses it",
    "onehot": "only the derivative of cross_entropy uses it",
    "put": "only the derivative of index uses it",
    "part": "only the derivative of concat uses it",
    "expand_dims": "a reshape to one more axis of size 1: reshape has the drills",
}


def test_every_gate_has_drills() -> None:
    table = GATES.keys() | FAMILIES.keys() | ARRAY_GATES.keys()
    families = {family.partition("/")[2] for family in DRILLS}
    assert families == table - NO_DRILLS.keys()
    assert table >= NO_DRILLS.keys()


@pytest.mark.parametrize("family", DRILLS)
def test_drills_use_their_gate(family: str) -> None:
    graphs = [problem(f"{family}/{level}").graph for level in ("easy", "medium", "hard")]
    used = [{row.name for row, _ in graph.kind_table} for graph in graphs]
    assert family.partition("/")[2] in used[0] | used[1] | used[2]


def test_conditions_are_drilled_in_where() -> None:
    graphs = [problem(f"drills/where/{level}").graph for level in ("easy", "medium", "hard")]
    assert {row.name for graph in graphs for row, _ in graph.kind_table} >= {"gt", "ge", "le"}


# --- the lectures ----------------------------------------------------------------------------------------


def covered() -> dict[str, list[str]]:
    """Item of a lecture -> the problems that the table names for it."""
    found = {}
    for lecture in README.split("\n### ")[1:]:
        for item, named in re.findall(r"^\| (.+) \| (`.+`) \|$", lecture, re.MULTILINE):
            found[f"{lecture.partition(chr(10))[0]}: {item}"] = re.findall(r"`([^`]+)`", named)
    return found


def test_every_item_of_the_lectures_has_a_problem() -> None:
    table = covered()
    assert len(table) >= 75
    assert {item.partition(":")[0] for item in table} >= {"Backprop slides", "Backpropagation on the loss function"}
    assert not {name for named in table.values() for name in named} - BANK.keys()
    rows = [line for line in README.partition("## From the lectures")[2].split("\n") if line.startswith("| ")]
    assert len([row for row in rows if row != "| in the lecture | problems |"]) == len(table), "a row that is not read"


def test_every_problem_but_drills_and_extras_is_in_the_table() -> None:
    named = {name for names in covered().values() for name in names}
    assert {one for one in BANK if not one.startswith(("drills/", "beyond/"))} <= named


def test_every_folder_is_described() -> None:
    described = re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)
    assert sorted(described) == sorted({identity.partition("/")[0] for identity in BANK})


def test_first_example_has_the_lectures_numbers() -> None:
    """(x + y)z at x = -2, y = 5, z = -4; the slide prints dL/dq = -4."""
    found = at("gates/add-then-multiply", x=-2, y=5, z=-4)
    assert found == {"q": 3, "f": -12, "dq": -4, "dx": -4, "dy": -4, "dz": 3}
    scaled = at("gates/upstream", x=-2, y=5, z=-4, G=1)
    assert {name: scaled[name] for name in found} == found


def test_product_has_the_lectures_numbers() -> None:
    """f = xy at x = 4, y = -3: the gradient is [y, x]."""
    found = at("gates/product", x=4, y=-3, h=0.1)
    assert (found["f"], found["dx"], found["dy"], found["x_grows"]) == (-12, -3, 4, "falls")


NEURON = {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3}


def test_sigmoid_neuron_has_the_figures_of_the_slides() -> None:
    """(-1/1.37²)(1.00) = -0.53, (1)(-0.53) = -0.53, (e^-1)(-0.53) = -0.20, [1] × [0.2] = 0.2; 0.73, 0.37, 1.37."""
    found = at("neuron/sigmoid-gates", **NEURON)
    printed = {"s": 1, "t": 0.37, "d": 1.37, "f": 0.73, "dd": -0.53, "dt": -0.53, "dm": -0.2, "ds": 0.2, "dw0": -0.2}
    assert {name: round(found[name], 2) for name in printed} == printed


def test_sigmoid_neuron_rounded_at_every_gate_prints_0_40() -> None:
    """The slide's 0.40 for dx0 is 0.20 · 2.0; the exact number is 0.3932."""
    one = problem("neuron/sigmoid-gates")
    _, gradients = walk(one.graph, {name: float(value) for name, value in NEURON.items()}, one.rounding)[:2]
    assert gradients[one.graph.inputs["x0"]] == pytest.approx(0.40, abs=1e-12)
    assert gradients[one.graph.inputs["w0"]] == pytest.approx(-0.20, abs=1e-12)
    assert at("neuron/sigmoid-gates", **NEURON)["dx0"] == pytest.approx(0.3932, abs=5e-5)


def test_relu_exercise_at_the_lectures_numbers() -> None:
    """w = (0.2, 0.7), x = (1.0, -1.2), b = 0.8 and dL/df = 1: open, so the gradient is switched through."""
    found = at("neuron/relu", w0=0.2, w1=0.7, x0=1, x1=-1.2, b=0.8, G=1)
    assert found["f"] == pytest.approx(0.16)
    gradients = {"ds": 1, "dp": 1, "dq": 1, "dw0": 1, "dx0": 0.2, "dw1": -1.2, "dx1": 0.7, "db": 1}
    assert {name: found[name] for name in gradients} == pytest.approx(gradients)


def test_loss_table_has_the_lectures_numbers() -> None:
    """1.25322, 1.25353 and 1.25347 beside 1.25347 with h = 0.0001: -2.5, 0.6 and 0."""
    found = at("numeric/loss-table", L0=1.25347, L1=1.25322, L2=1.25353, L3=1.25347, w1=0.34, alpha=0.1)
    assert [round(found[name], 6) for name in ("s1", "s2", "s3")] == [-2.5, 0.6, 0]
    assert found["w1_new"] == pytest.approx(0.34 + 0.1 * 2.5)
    assert found["no_influence"] == "third"


def test_the_lectures_numbers_belong_to_the_families() -> None:
    """A student may get the very example of the slides (but for an upstream gradient of 1, and s = 1)."""
    for identity, numbers in {
        "gates/add-then-multiply": {"x": -2, "y": 5, "z": -4}, "gates/product": {"x": 4, "y": -3},
        "neuron/sigmoid-gates": NEURON | {"x0": -1}, "numeric/loss-table": {"L0": "1.25347", "L1": "1.25322", "L2": "1.25353"},
        "neuron/relu": {"w0": "0.2", "w1": "0.7", "x1": "-1.2", "b": "0.8"},
    }.items():  # fmt: skip
        for name, number in numbers.items():
            assert Decimal(number) in problem(identity).given[name].pool, (identity, name)


# --- the lectures' formulas ------------------------------------------------------------------------------


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-np.asarray(x)))


def test_least_squares_update_rule() -> None:
    """w_j + 2 α Σ_i δ_i x_ij, as the slide has it."""
    for given, found in drawn("regression/least-squares"):
        delta = given["y"] - given["X"] @ given["w"]
        for j in range(2):
            rule = given["w"][j] + 2 * given["alpha"] * sum(delta[i] * given["X"][i, j] for i in range(3))
            assert found["w_new"][j] == pytest.approx(rule)
        assert found["L"] == pytest.approx(sum(delta**2))


def test_sigmoid_perceptron_update_rule() -> None:
    """w_j + 2 α δ σ (1 - σ) x_j."""
    for given, found in drawn("regression/sigmoid-perceptron"):
        s = sigmoid(given["w1"] * given["x1"] + given["w2"] * given["x2"])
        for j in "12":
            rule = given[f"w{j}"] + 2 * given["alpha"] * (given["y"] - s) * s * (1 - s) * given[f"x{j}"]
            assert found[f"w{j}_new"] == pytest.approx(rule)


def test_logistic_regression() -> None:
    """dJ/dy = y*/y + (1 - y*)/(y - 1), dy/da = exp(-a)/(exp(-a) + 1)², da/dθ_j = x_j; together y* - y."""
    for given, found in drawn("regression/logistic"):
        a = given["theta0"] + given["theta1"] * given["x1"] + given["theta2"] * given["x2"]
        y, t = sigmoid(a), given["t"]
        assert found["dy"] == pytest.approx(t / y + (1 - t) / (y - 1))
        assert found["da"] == pytest.approx(found["dy"] * math.exp(-a) / (math.exp(-a) + 1) ** 2)
        assert found["da"] == pytest.approx(t - y)
        assert found["gradient_at_a"] == "y* - y"
        assert found["dtheta1"] == pytest.approx((t - y) * given["x1"])
        assert found["dx2"] == pytest.approx((t - y) * given["theta2"])


def test_a_step_of_logistic_regression_raises_the_probability() -> None:
    for given, found in drawn("regression/logistic-step"):
        assert found["y_new"] == pytest.approx(sigmoid(found["w_new"] * given["x"] + found["b_new"]))
        assert found["y_new"] > found["y"]


def test_softmax_is_predicted_minus_wanted() -> None:
    for given, found in drawn("softmax/cross-entropy"):
        p = np.exp(given["s"]) / sum(np.exp(given["s"]))
        assert found["P"] == pytest.approx(p)
        assert found["ds"] == pytest.approx(given["c"] * (p - [0, 1, 0]))
        assert (found["s_new"][1] > given["s"][1]) == (found["right_class_moves"] == "up")
    for given, found in drawn("softmax/linear-classifier"):
        s = given["W"] @ given["x"]
        delta = np.exp(s) / sum(np.exp(s)) - np.eye(2)[int(given["k"])]
        assert found["dW"] == pytest.approx(np.outer(delta, given["x"]))
        assert found["W_new"] == pytest.approx(given["W"] - given["alpha"] * np.outer(delta, given["x"]))
    for given, found in drawn("softmax/probabilities"):
        e = np.exp([given[f"s{k}"] for k in (1, 2, 3)])
        assert [found["P1"], found["P2"], found["P3"]] == pytest.approx(list(e / sum(e)))


def test_deltas_of_two_layers_in_matrix_form() -> None:
    """δ3 = -(y - h), δ2 = (W2ᵀ δ3) • f'(z2), ∇W = δ aᵀ, ∇b = δ."""
    for given, found in drawn("nets/two-layer-matrix"):
        z2 = given["W1"] @ given["x"] + given["b1"]
        a2 = np.maximum(0, z2)
        delta3 = given["W2"] @ a2 + given["b2"] - given["y"]
        delta2 = (given["W2"].T @ delta3) * (z2 > 0)
        for name, right in {
            "z2": z2, "delta3": delta3, "delta2": delta2, "dW2": np.outer(delta3, a2), "db2": delta3,
            "dW1": np.outer(delta2, given["x"]), "db1": delta2,
        }.items():  # fmt: skip
            assert found[name] == pytest.approx(right), name


def test_deltas_of_three_layers() -> None:
    for given, found in drawn("nets/three-layer-matrix"):
        z2 = given["W1"] @ given["x"]
        z3 = given["W2"] @ np.maximum(0, z2)
        delta4 = given["W3"] @ np.maximum(0, z3) - given["y"]
        delta3 = (given["W3"].T @ delta4) * (z3 > 0)
        delta2 = (given["W2"].T @ delta3) * (z2 > 0)
        assert found["delta4"] == pytest.approx(delta4)
        assert found["delta3"] == pytest.approx(delta3)
        assert found["delta2"] == pytest.approx(delta2)
        assert found["dW2"] == pytest.approx(np.outer(delta3, np.maximum(0, z2)))
        assert found["dW1"] == pytest.approx(np.outer(delta2, given["x"]))


def test_deltas_unit_by_unit() -> None:
    """δ_i = (Σ_k u_ki δ_k)(1 - a_i²), and a weight's gradient is activation times δ."""
    for given, found in drawn("nets/deltas"):
        a = [math.tanh(given[f"w{i}"] * given["x"] + given[f"b{i}"]) for i in (1, 2)]
        out = [given[f"u{k}1"] * a[0] + given[f"u{k}2"] * a[1] - given[f"y{k}"] for k in (1, 2)]
        hidden = [(given[f"u1{i}"] * out[0] + given[f"u2{i}"] * out[1]) * (1 - a[i - 1] ** 2) for i in (1, 2)]
        assert [found["delta_out1"], found["delta_out2"]] == pytest.approx(out)
        assert [found["delta_hidden1"], found["delta_hidden2"]] == pytest.approx(hidden)
        assert found["du21"] == pytest.approx(a[0] * out[1])
        assert found["dw2"] == pytest.approx(given["x"] * hidden[1])


def test_error_signals() -> None:
    """e = d - y_k, δ_k = y_k(1 - y_k) e, δ_j = y_j(1 - y_j) w δ_k; corrections are added, and the error shrinks."""
    for given, found in drawn("nets/error-signal"):
        y_j = sigmoid(given["u"] * given["x"])
        y_k = sigmoid(given["w"] * y_j)
        e = given["d"] - y_k
        delta_k = y_k * (1 - y_k) * e
        delta_j = y_j * (1 - y_j) * given["w"] * delta_k
        right = {"error": e, "delta_k": delta_k, "delta_j": delta_j, "correction_w": given["alpha"] * y_j * delta_k,
                 "correction_u": given["alpha"] * given["x"] * delta_j}  # fmt: skip
        assert {name: found[name] for name in right} == pytest.approx(right)
        after = sigmoid(found["w_new"] * sigmoid(found["u_new"] * given["x"]))
        assert abs(given["d"] - after) < abs(e)


def test_batch_step_with_decay() -> None:
    """W - α[(1/m) ΔW + λW] and b - α (1/m) Δb, the sums taken example by example."""
    for given, found in drawn("training/batch-with-decay"):
        total_w = total_b = 0.0
        for x, y in zip(given["x"], given["y"], strict=True):
            error = given["W"] * x + given["b"] - y
            total_w, total_b = total_w + error * x, total_b + error
        rate = given["alpha"]
        assert found["W_new"] == pytest.approx(given["W"] - rate * (total_w / 4 + given["lambda"] * given["W"]))
        assert found["b_new"] == pytest.approx(given["b"] - rate * total_b / 4)


# --- brute force for what is no gradient -----------------------------------------------------------------


def test_gradient_descent_does_what_the_answers_say() -> None:
    for given, found in drawn("training/learning-rate"):
        path = [given["theta0"]]
        for _ in range(60):
            path.append(path[-1] - given["alpha"] * given["c"] * path[-1])
        assert found["theta2"] == pytest.approx(path[2])
        kind = "diverges" if abs(path[-1]) > abs(path[0]) else "zigzags" if path[0] * path[1] < 0 else "creeps"
        assert found["in_the_long_run"] == kind
        assert found["factor"] == pytest.approx(path[1] / path[0])
        assert found["limit"] == pytest.approx(2 / given["c"])
    for given, found in drawn("training/steps"):
        assert found["factor"] == pytest.approx((found["w2"] - given["m"]) / (found["w1"] - given["m"]))


def test_the_valley_is_where_small_steps_end() -> None:
    lowest = min(np.arange(-3, 3, 0.001), key=lambda x: x**4 - 8 * x**2 + 3 * x)
    for given, found in drawn("training/two-valleys"):
        x = given["theta0"]
        for _ in range(4000):
            x -= 0.005 * (4 * x**3 - 16 * x + 3)
        assert found["valley"] == ("right" if x > 0 else "left")
        assert found["deepest"] == ("yes" if abs(x - lowest) < 0.1 else "no")
        assert (found["theta0_new"] > given["theta0"]) == (found["direction"] == "right")


def test_mcculloch_pitts_by_its_truth_table() -> None:
    names = {15: "or", 11: "at least two", 5: "at least three", 1: "and"}
    for given, found in drawn("threshold/mcculloch-pitts"):
        fires = sum(sum(pattern) >= given["theta"] for pattern in product((0, 1), repeat=4))
        assert (found["patterns"], found["function"]) == (fires, names[fires])
        excited = sum(given[f"x{k}"] for k in range(1, 5)) >= given["theta"]
        assert found["y"] == float(excited and not given["v"])


def test_two_layers_of_steps_by_their_truth_table() -> None:
    names = {"100": "nor", "110": "nand", "111": "always 1", "010": "xor", "011": "or", "001": "and"}
    for given, found in drawn("threshold/two-layers-of-steps"):
        table = tuple(int(total > given["t1"]) - int(total > given["t2"]) for total in (0, 1, 2))
        assert tuple(found[f"y_at_sum_{total}"] for total in (0, 1, 2)) == table
        assert found["function"] == names["".join(map(str, table))]
        cut = [(a, b, c) for a, b, c in product((-1, 0, 1), (-1, 0, 1), np.arange(-2, 2.5, 0.5))
               if all(int(a * x + b * y + c > 0) == table[x + y] for x, y in product((0, 1), repeat=2))]  # fmt: skip
        assert found["one_perceptron"] == ("yes" if cut else "no")


def test_the_perceptron_rule_turns_towards_the_answer() -> None:
    for given, found in drawn("threshold/perceptron-rule"):
        after = found["w1_new"] * given["x1"] + found["w2_new"] * given["x2"] + found["b_new"]
        assert found["s_new"] == pytest.approx(after)
        assert (after > found["s"]) == (given["t"] > 0.5)
    for given, found in drawn("threshold/perceptron"):
        s = sum(given[f"w{k}"] * given[f"x{k}"] for k in (1, 2)) + given["b"]
        assert found["slope_q"] == pytest.approx((sigmoid(s + 1e-5) - sigmoid(s - 1e-5)) / 2e-5, rel=1e-6)
        assert found["slope_p"] == 0


def test_iterated_functions_as_polynomials() -> None:
    for given, found in drawn("depth/iterate"):
        square, line = np.polynomial.Polynomial([0, 1]), np.polynomial.Polynomial([0, 1])
        for _ in range(3):
            square, line = square**2, given["a"] * line + given["b"]
        assert (found["degree_p3"], found["degree_q3"]) == (square.degree(), line.degree())
        assert found["slope_p3"] == pytest.approx(square.deriv()(given["x"]))
        assert found["slope_q3"] == pytest.approx(line.deriv()(given["x"]))


def test_folding() -> None:
    for given, found in drawn("depth/folding"):

        def f(x: float, given: dict[str, Any] = given) -> float:
            return float(given["c"] * abs(abs(x - given["a"]) - given["b"]))

        assert f(found["mirror"]) == pytest.approx(f(given["x"]))
        assert found["mirror"] != given["x"]
        middles = np.arange(-40, 40) + 0.5
        slopes = [f(x + 0.1) - f(x - 0.1) for x in middles]
        assert found["pieces"] == 1 + sum(abs(b - a) > 1e-6 for a, b in pairwise(slopes))


def test_counts_of_work() -> None:
    for given, found in drawn("cost/multiplications"):
        n, forward, backward, naive = int(given["n"]), 0, 0, 0
        for _ in range(n - 1):  # a gate for each further factor
            forward, backward = forward + 1, backward + 2
        for _ in range(n):  # a product of the n - 1 others for each derivative
            naive += len(range(n - 1)) - 1
        assert (found["forward_count"], found["backward_count"], found["naive_count"]) == (forward, backward, naive)
        assert found["ratio"] == (forward + backward) / forward
    for given, found in drawn("cost/memory"):
        sizes = [int(given["n"]), int(given["k"]), int(given["k"]), int(given["m"])]
        weights = [np.zeros((q, p)).size + np.zeros(q).size for p, q in pairwise(sizes)]
        assert found["parameters"] == sum(weights)
        assert found["kept"] == sum(np.zeros((int(given["B"]), size)).size for size in sizes)
        assert found["without_backward"] == given["B"] * max(p + q for p, q in pairwise(sizes))
    for given, found in drawn("cost/passes"):
        assert (found["reverse"], found["forward"]) == (given["m"], given["n"])
        assert (found["one_sided"], found["centred"]) == (given["n"] + 1, 2 * given["n"])
        assert found["cheaper"] == ("reverse" if given["m"] < given["n"] else "forward")


def paths(graph: Any, node: int) -> int:
    """Paths from NODE to the output, by recursion."""
    above = [gate for place, gate in enumerate(graph.gates) for k in graph.args[place] if k == node]
    return 1 if node == graph.output else sum(paths(graph, gate) for gate in above)


def test_paths_and_meeting_points_are_counted() -> None:
    graph = problem("beyond/diamond").graph
    found = drawn("beyond/diamond")[0][1]
    assert found["paths"] == paths(graph, graph.inputs["x"])
    assert found["paths_of_ten"] == found["paths"] ** 5
    graph = problem("branches/order").graph
    found = drawn("branches/order")[0][1]
    for name in ("a", "b", "x"):
        node = graph.inputs["x"] if name == "x" else next(k for k in graph.gates if graph.ids[k] == name)
        assert found[f"parts_{name}"] == sum(args.count(node) for args in graph.args)
    backward = [graph.ids[node] for node in graph.backward(graph.outputs)[0] if node != graph.output]
    assert found["backward_order"] == " ".join(backward)


def test_quotients_by_hand() -> None:
    """Each difference quotient from its definition, and the errors of the two schemes."""
    for given, found in drawn("numeric/central"):

        def loss(theta: float, given: dict[str, Any] = given) -> float:
            return float(theta**3 + given["c"] * theta)

        theta, h = given["theta"], given["epsilon"]
        assert found["one_sided"] == pytest.approx((loss(theta + h) - loss(theta)) / h)
        assert found["centred"] == pytest.approx((loss(theta + h) - loss(theta - h)) / (2 * h))
        assert found["error_one_sided"] == pytest.approx(found["one_sided"] - found["dtheta"])
        assert found["error_centred"] == pytest.approx(found["centred"] - found["dtheta"])
        smaller = (loss(theta + h / 10) - loss(theta - h / 10)) / (h / 5) - found["dtheta"]
        assert found["times_smaller"] == pytest.approx(found["error_centred"] / smaller, rel=1e-6)
    for given, found in drawn("numeric/limit"):
        right = [((given["x"] + h) ** 2 + given["a"] * (given["x"] + h) - given["x"] ** 2 - given["a"] * given["x"]) / h
                 for h in (1, 0.1, 0.01)]  # fmt: skip
        assert [found["quotient_1"], found["quotient_01"], found["quotient_001"]] == pytest.approx(right)
        assert found["too_much"] == pytest.approx(right[-1] - found["dx"])
    for _, found in drawn("numeric/gradient-check"):
        assert found["program_z"] != pytest.approx(found["measured_z"])
        assert (found["wrong_line"], found["measured_x"]) == ("dz", pytest.approx(found["dx"]))
    for given, found in drawn("beyond/across-a-kink"):
        assert found["reaches_across"] == "large"
        assert abs(given["x"]) < given["h"]
        assert found["small_step"] == pytest.approx(found["dx"])
        assert found["large_step"] != pytest.approx(found["dx"])


def test_limits_that_the_questions_ask_for() -> None:
    """Largest slopes and distances, by search."""
    x = np.linspace(-10, 10, 20001)
    slope = sigmoid(x) * (1 - sigmoid(x))
    assert drawn("activations/sigmoid-derivative")[0][1]["largest"] == pytest.approx(max(slope))
    assert drawn("depth/vanishing")[0][1]["largest_product"] == pytest.approx(max(slope) ** 4)
    assert drawn("drills/softplus/hard")[0][1]["farthest"] == pytest.approx(max(np.log1p(np.exp(x)) - np.maximum(0, x)))
    grid = np.linspace(0.001, 0.999, 99901)
    assert drawn("drills/log/hard")[0][1]["zero_at"] == pytest.approx(grid[np.argmax(-grid * np.log(grid))], abs=1e-4)
    for given, found in drawn("drills/abs/hard"):
        assert found["half_of_u"] == "max"
        assert (found["s"] + found["t"]) / 2 == max(given["x"], given["y"])
    for given, found in drawn("activations/compared"):
        z = given["z"]
        slopes = {"sigmoid": sigmoid(z) * (1 - sigmoid(z)), "tanh": 1 - math.tanh(z) ** 2, "relu": float(z > 0)}
        assert found["most_open"] == max(slopes, key=slopes.__getitem__)


def test_squares() -> None:
    for given, found in drawn("drills/square/easy"):
        corner = found["really"] - found["by_slope"]
        assert corner == pytest.approx(given["h"] ** 2)
        assert found["by_slope"] == pytest.approx(2 * given["x"] * given["h"])
    for given, found in drawn("drills/square/hard"):
        right = {"f": given["x"] * given["y"], "dx": given["y"], "dy": given["x"], "same_as": "mul"}
        assert {name: found[name] for name in right} == right


def test_money() -> None:
    """Payments discounted one by one, years counted by logarithms, and the best bet by search."""
    for given, found in drawn("drills/expm1/hard"):
        years, factor = range(1, int(given["n"]) + 1), 1 + given["i"]
        assert found["f"] == pytest.approx(sum(factor**-year for year in years))
        assert found["less"] == pytest.approx(0.01 * sum(year * factor ** -(year + 1) for year in years))
    for given, found in drawn("drills/log1p/medium"):
        assert (1 + given["i"]) ** found["T"] == pytest.approx(given["k"])
        later, sooner = (math.log(given["k"], 1 + given["i"] + step) for step in (-1e-5, 1e-5))
        assert found["sooner"] == pytest.approx((later - sooner) / 2e-5 / 100, rel=1e-5)
    bets = np.arange(0.0001, 0.9999, 0.0001)
    for given, found in drawn("drills/log1p/hard"):
        growth = given["p"] * np.log(1 + given["b"] * bets) + (1 - given["p"]) * np.log(1 - bets)
        assert found["best"] == pytest.approx(bets[np.argmax(growth)], abs=1e-4)
        assert (found["bet"] == "more") == (found["best"] > given["x"])
    for given, found in drawn("drills/log1p/easy"):
        assert found["too_large"] == pytest.approx(given["x"] - math.log(1 + given["x"]))


def test_decibels_and_bits() -> None:
    for given, found in drawn("drills/log10/easy"):
        assert found["f"] == pytest.approx(-math.log10(given["c"] / 1000))
        assert found["doubled"] == pytest.approx(-math.log10(2 * given["c"] / 1000) - found["f"])
    for given, found in drawn("drills/log10/medium"):
        assert found["fall"] == pytest.approx(found["L"] - 10 * math.log10(given["S"] / (1.1 * given["N"])))
    for given, found in drawn("drills/log10/hard"):
        one, other = 10 ** (given["a"] / 10), 10 ** (given["b"] / 10)
        assert [found["da"], found["db"]] == pytest.approx([one / (one + other), other / (one + other)])
        assert found["together"] == pytest.approx(1)
    for given, found in drawn("drills/log2/easy"):
        assert given["n"] * 2 ** (found["one_more"] / given["G"]) == pytest.approx(given["n"] + 1)
    grid = np.arange(0.001, 1, 0.001)
    entropy = -grid * np.log2(grid) - (1 - grid) * np.log2(1 - grid)
    for given, found in drawn("drills/log2/hard"):
        assert found["H"] == pytest.approx(entropy[round(given["p"] * 1000) - 1])
        assert found["dp"] == pytest.approx(found["log_of_ratio"])
        assert found["most_at"] == pytest.approx(grid[np.argmax(entropy)])


def test_triangles() -> None:
    """Heron's area, points in the plane, and the same triangle in another size."""
    for given, found in drawn("drills/cos/hard"):
        sides = given["a"], given["b"], found["f"]
        half = sum(sides) / 2
        area = math.sqrt(half * math.prod(half - side for side in sides))
        assert found["dw"] == pytest.approx(found["height"])
        assert found["height"] == pytest.approx(2 * area / found["f"])
    for given, found in drawn("drills/acos/hard"):
        a, b = np.array([given["a"], 0]), given["b"] * np.array([math.cos(found["w"]), math.sin(found["w"])])
        assert np.linalg.norm(a - b) == pytest.approx(given["c"])
        assert (found["angle"], given["a"] * found["da"] + given["b"] * found["db"]) == (
            "stays", pytest.approx(-given["c"] * found["dc"]),
        )  # fmt: skip
    for given, found in drawn("drills/tan/hard"):
        far, near = found["h"] / math.tan(given["x"]), found["h"] / math.tan(given["y"])
        assert far - near == pytest.approx(given["d"])
        assert found["careful"] == "x"
        assert abs(found["dx"]) > abs(found["dy"])
    for given, found in drawn("drills/tan/medium"):
        foot = given["d"] * math.tan(given["x"]) + given["y"]
        assert found["h"] == pytest.approx(foot)
        assert found["too_high"] == pytest.approx(0.02 * given["d"] / math.cos(given["x"]) ** 2)


def test_angles() -> None:
    for given, found in drawn("drills/cos/medium"):
        after = given["m"] - given["R"] * math.cos(given["w"] * (given["t"] + 1e-3))
        assert found["cabin"] == ("up" if after > found["h"] else "down")
    for given, found in drawn("drills/asin/medium"):
        assert math.sin(given["x"]) == pytest.approx(given["n"] * math.sin(found["f"]))
        assert (found["bent_more"], found["f"] < given["x"]) == ("blue", True)
        assert math.asin(math.sin(given["x"]) / (given["n"] + 0.01)) < found["f"]
    for given, found in drawn("drills/asin/hard"):
        strip = given["x"] / 20_000
        heights = given["b"] * np.sqrt(1 - ((np.arange(20_000) + 0.5) * strip) ** 2)
        assert found["f"] == pytest.approx(sum(heights) * strip)
        assert found["height"] == pytest.approx(found["dx"])
    for given, found in drawn("drills/acos/medium"):
        north = math.acos(-math.tan(given["x"] + 1e-3) * math.tan(given["y"]))
        assert found["longer"] == ("north" if north > found["a"] else "south")
        assert found["f"] == pytest.approx(24 / math.pi * found["a"], rel=1e-4)


def normal(x: float) -> float:
    """The normal distribution function, by the trapezium rule from -9 on."""
    t = np.linspace(-9, x, 20_001)
    return float(np.trapezoid(np.exp(-t * t / 2), t) / math.sqrt(2 * math.pi))


def test_directions_and_distances() -> None:
    """Complex numbers for the directions, small moves for what a gradient says of them."""
    quarters = ("first", "second", "third", "fourth")
    for given, found in drawn("drills/atan2/easy"):
        turned = math.degrees(cmath.phase(complex(given["x"], given["y"]))) % 360
        assert found["f"] == pytest.approx(cmath.phase(complex(given["x"], given["y"])))
        assert found["quadrant"] == quarters[int(turned // 90)]
    for given, found in drawn("drills/atan2/medium"):
        goal = cmath.phase(complex(5, 4) - complex(given["x"], given["y"]))
        assert found["L"] == pytest.approx((goal - given["h"]) ** 2)
        assert found["turns"] == ("left" if goal > given["h"] else "right")
    for given, found in drawn("drills/atan2/hard"):
        point = complex(given["x"], given["y"])

        def off(at: complex, c: float = given["c"]) -> float:
            return float(abs(at) - c * cmath.phase(at))

        outwards, turned = point * (1 + 1e-6 / abs(point)), point * cmath.exp(1e-6j)
        assert found["f"] == pytest.approx(off(point))
        assert found["outwards"] == pytest.approx((off(outwards) - off(point)) / 1e-6, rel=1e-5)
        assert found["turning"] == pytest.approx((off(turned) - off(point)) / 1e-6, rel=1e-5)
    for given, found in drawn("drills/hypot/easy"):
        assert found["U"] == pytest.approx(abs(given["c"] * complex(given["R"], given["X"])))
    for given, found in drawn("drills/hypot/medium"):
        length = abs(complex(given["x"], given["y"]) - (2 + 1j))
        assert found["force"] == pytest.approx(2 * given["k"] * (length - given["l"]))
    for given, found in drawn("drills/hypot/hard"):
        places = np.linspace(0, given["d"], 50_001)
        times = np.hypot(places, given["a"]) / 6 + np.hypot(given["d"] - places, given["b"]) / 2
        assert found["run"] == ("further" if places[np.argmin(times)] > given["x"] else "less")
    for given, found in drawn("drills/atan/medium"):
        angle = cmath.phase(complex(2 * given["d"], given["s"]) ** 2)
        assert found["f"] == pytest.approx(angle)
        wider, nearer = (cmath.phase(complex(2 * d, s) ** 2) for d, s in
                         ((given["d"], given["s"] + 1e-4), (given["d"] - 1e-4, given["s"])))  # fmt: skip
        assert found["more"] == ("screen" if wider > nearer else "nearer")
    places = np.arange(0.1, 9, 0.0005)
    for given, found in drawn("drills/atan/hard"):
        angles = np.arctan(given["a"] / places) - np.arctan(given["b"] / places)
        assert found["best"] == pytest.approx(places[np.argmax(angles)], abs=1e-3)
        assert found["step_to_take"] == ("forward" if found["best"] < given["x"] else "back")


def test_chains_cables_and_charts() -> None:
    """Lengths as sums of small straight pieces, and identities by exponentials."""
    for given, found in drawn("drills/sinh/hard"):
        x = np.linspace(-given["w"] / 2, given["w"] / 2, 20_001)
        y = given["c"] * (np.exp(x / given["c"]) + np.exp(-x / given["c"])) / 2
        length = sum(np.hypot(np.diff(x), np.diff(y)))
        assert found["L"] == pytest.approx(length)
        assert found["longer"] == pytest.approx(length - given["w"], rel=1e-5)
    for given, found in drawn("drills/sinh/medium"):
        assert math.log(math.tan(found["f"]) + 1 / math.cos(found["f"])) == pytest.approx(given["y"] / given["k"])
        assert found["factor"] == pytest.approx(1 / math.cos(found["f"]))
        assert found["dz"] == pytest.approx(math.cos(found["f"]))
    for given, found in drawn("drills/sinh/easy"):
        assert found["both"] == pytest.approx(found["f"] + found["df_dx"])
        assert found["both"] == pytest.approx(math.exp(given["x"]))
    for given, found in drawn("drills/cosh/easy"):
        assert math.tan(found["angle"]) == pytest.approx(found["dx"] / given["k"])
    for _, found in drawn("drills/cosh/medium"):
        assert found["dd"] == pytest.approx(math.tanh(found["d"]))
        assert abs(found["dd"]) < found["never_more"] == math.tanh(40)
    for given, found in drawn("drills/cosh/hard"):
        assert found["place"] == pytest.approx(-found["dw"])
        assert found["f"] ** 2 - found["place"] ** 2 == pytest.approx(given["t"] ** 2 - given["x"] ** 2)


def test_the_normal_distribution() -> None:
    for given, found in drawn("drills/erf/medium"):
        good = [
            given["n"] * (normal(given["a"] / s) - normal(-given["a"] / s))
            for s in given["s"] + np.array([-1e-4, 0, 1e-4])
        ]
        assert found["f"] == pytest.approx(good[1], rel=1e-6)
        assert found["more"] == pytest.approx((good[0] - good[2]) / 2e-4 / 10, rel=1e-3)
    settings = np.arange(-4, 6, 0.01)
    for given, found in drawn("drills/erf/hard")[:4]:
        sold = [normal((given["b"] - m) / given["s"]) - normal((given["a"] - m) / given["s"]) for m in settings]
        assert found["best"] == pytest.approx(settings[np.argmax(sold)], abs=0.006)
        assert found["bags"] == ("heavier" if found["best"] > given["m"] else "lighter")
    for given, found in drawn("drills/erfc/easy"):
        assert found["f"] == pytest.approx(2 * given["n"] * normal(-given["x"] * math.sqrt(2)), rel=1e-5)
    for given, found in drawn("drills/erfc/medium"):
        assert found["P"] == pytest.approx(normal(-math.sqrt(2 * given["S"] / given["N"])), rel=1e-5)
        assert found["noise_only"] == pytest.approx(normal(0))
    for given, found in drawn("drills/erfc/hard"):
        depths = np.linspace(given["x"] / given["c"], 9, 20_001)
        tails = [math.erfc(depth) for depth in depths]
        assert found["f"] == pytest.approx(given["k"] * np.trapezoid(tails, depths), rel=1e-5)
        assert found["du"] == pytest.approx(found["compare"])
    for given, found in drawn("drills/gelu/easy"):
        assert found["f"] == pytest.approx(given["x"] * normal(given["x"]), rel=1e-5)
    for given, found in drawn("drills/gelu/medium"):
        z = given["w"] * given["x"]
        slope = normal(z) + z * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        assert found["w_new"] == pytest.approx(
            given["w"] - given["alpha"] * 2 * (z * normal(z) - given["y"]) * slope * given["x"], rel=1e-5
        )
    for given, found in drawn("drills/gelu/hard"):
        assert found["with_relu"] == ("yes" if max(0, given["w"] * given["x"]) > 0 else "no")


def test_tables_in_statements() -> None:
    """The rows of numbers that three statements print for lack of a key on the calculator, each of them."""
    tables = {"drills/erf/easy": math.erf, "drills/erfc/easy": math.erfc, "drills/gelu/easy": normal}
    for identity, function in tables.items():
        rows = [
            re.findall(r"\d\.\d+", line) for line in problem(identity).statement.split("```")[1].strip().split("\n")
        ]
        printed = {
            float(x): float(y)
            for xs, ys in zip(rows[::2], rows[1::2], strict=True)
            for x, y in zip(xs, ys, strict=True)
        }
        assert {abs(float(x)) for x in problem(identity).given["x"].pool} <= printed.keys()
        assert all(y == round(function(x), 4) for x, y in printed.items())


def test_convolution_is_a_correlation() -> None:
    for given, found in drawn("beyond/convolution"):
        x, w, g = ([given[f"{name}{k}"] for k in range(count)] for name, count in (("x", 4), ("w", 2), ("g", 3)))
        assert [found[f"y{k}"] for k in range(3)] == pytest.approx(list(np.correlate(x, w)))
        assert [found["dw0"], found["dw1"]] == pytest.approx(list(np.correlate(x, g)))
        assert [found[f"dx{k}"] for k in range(4)] == pytest.approx(list(np.convolve(g, w)))


def test_log_sum_exp_is_above_the_maximum() -> None:
    for given, found in drawn("beyond/log-sum-exp"):
        assert found["sum_of_both"] == pytest.approx(1)
        assert found["above_max"] == pytest.approx(np.logaddexp(given["a"], given["b"]) - max(given["a"], given["b"]))


# --- drills ----------------------------------------------------------------------------------------------


def slope(f: Callable[[float], Any], x: float, h: float = 1e-5) -> float:
    """The centred difference quotient."""
    return float((f(x + h) - f(x - h)) / (2 * h))


def elu(x: float) -> float:
    return x if x > 0 else math.exp(x) - 1


def leaky(x: float) -> float:
    return x if x > 0 else x / 100


def test_silu_drills_against_the_curve() -> None:
    def silu(x: float) -> float:
        return x / (1 + math.exp(-x))

    for given, found in drawn("drills/silu/easy"):
        assert found["above_relu"] == pytest.approx(silu(given["x"]) - max(0, given["x"]))
    for given, found in drawn("drills/silu/medium"):
        assert found["both_slopes"] == pytest.approx(slope(silu, given["x"]) + slope(silu, -given["x"]))
    for _, found in drawn("drills/silu/hard"):
        g = found["g"]
        assert found["at_g_the_silu_is"] == ("rising" if silu(g + 0.01) > silu(g) else "falling")


def test_elu_drills_against_the_curve() -> None:
    for given, found in drawn("drills/elu/medium"):
        numbers = [given[name] for name in "xyz"]
        means = {"ReLU": np.maximum(0, numbers).mean(), "ELU": np.mean([elu(x) for x in numbers])}
        assert found["mean_of_relus"] == pytest.approx(means["ReLU"])
        assert found["nearer_to_0"] == min(means, key=lambda name: abs(means[name]))
    for given, found in drawn("drills/elu/hard"):
        first = elu(given["w"] * given["x"])
        assert found["past_the_first"] == pytest.approx(given["G"] * slope(lambda x, a=first: elu(a + x), given["x"]))
        assert found["floor_of_f"] == pytest.approx(min(elu(s) for s in np.linspace(-30, 5, 100)))


def test_leaky_relu_drills_against_the_curve() -> None:
    for given, found in drawn("drills/leaky_relu/medium"):
        part = slope(lambda z, v=given["v"]: v * leaky(z), found["z"])
        assert found["through_the_leak"] == pytest.approx(part)
    for given, found in drawn("drills/leaky_relu/hard"):
        w, x, b, t = (given[name] for name in "wxbt")

        def loss(w: float, x: float = x, b: float = b, t: float = t) -> float:
            return float((max(0, w * x + b) - t) ** 2 / 2)

        assert found["w_with_relu"] == pytest.approx(w - given["alpha"] * slope(loss, w))
        nearer = abs(found["w_new"] * x + b) < abs(found["z"])
        assert found["z_moves"] == ("towards" if nearer else "away")


def test_clip_drills_against_numpy_and_differences() -> None:
    for _, found in drawn("drills/clip/easy"):
        assert found["saturated"] == next(name for name in "pq" if abs(found[name]) == 1)
    for given, found in drawn("drills/clip/medium"):
        second = np.clip(slope(lambda d: d * d / 2, found["d"]), -given["c"], given["c"]) * given["x"]
        assert found["dw_of_the_second"] == pytest.approx(second)
        assert found["your_example"] == ("neither_clips" if found["k"] == found["d"] else "only_the_second")
    for given, found in drawn("drills/clip/hard"):
        A, h = given["A"], given["h"]
        rise = slope(lambda r, A=A, h=h: min(r * A, np.clip(r, 1 - h, 1 + h) * A), given["r"])
        assert found["pushes_r"] == ("nowhere" if abs(rise) < 1e-6 else "up" if rise > 0 else "down")


def test_where_drills_against_their_pieces() -> None:
    for given, found in drawn("drills/where/medium"):
        higher = found["w_new"] * given["x"] > given["w"] * given["x"]
        assert found["next_forecast"] == ("higher" if higher else "lower")
        assert found["L"] == pytest.approx(max(given["q"] * found["d"], (given["q"] - 1) * found["d"]))
    for _, found in drawn("drills/where/hard"):
        straight, curved = (lambda m: 0.5 - m), (lambda m: (1 - m) ** 2 / 2)
        assert found["slope_at_0"] == pytest.approx(slope(straight, 0)) == pytest.approx(slope(curved, 0))
        loss = {"flat": 0, "straight": straight(found["m"]), "curved": curved(found["m"])}
        assert found["L"] == pytest.approx(loss[found["piece"]])
        assert found["L"] == pytest.approx(max(0, min(1, 1 - found["m"])) ** 2 / 2 + max(0, -found["m"])), "in one line"


def test_drills_with_signs_and_steps() -> None:
    """Straight through and with a surrogate: differences of a loss whose flat gate has been replaced by a line."""
    for _, found in drawn("drills/sign/medium"):
        assert (found["function"], found["m"]) == ("abs(d)", abs(found["d"]))
    for given, found in drawn("drills/sign/hard"):
        w, x, t = (given[name] for name in "wxt")
        bit = np.sign(w)

        def wired(v: float, w: float = w, x: float = x, t: float = t, bit: float = bit) -> float:
            return float(((bit + v - w) * x - t) ** 2 / 2)

        assert found["w_straight_through"] == pytest.approx(w - given["alpha"] * slope(wired, w))
        assert found["turns_over"] == ("no" if np.sign(found["w_straight_through"]) == bit else "yes")
    for _, found in drawn("drills/step/medium"):
        assert found["from_the_jump"] == pytest.approx(found["with_h"] - found["dx"])
        assert found["with_a_tenth"] == pytest.approx(found["dx"])
    for given, found in drawn("drills/step/hard"):
        k, a, c, u, p = (given["k"], given["a"], given["c"], found["u"], found["p"])
        tent = np.interp(u - k, [-1, 0, 1], [0, 1, 0])

        def soft(v: float, a: float = a, c: float = c, u: float = u, p: float = p, tent: float = tent) -> float:
            fires = p + tent * (v - u)
            return float(a * v * (1 - fires) + c * fires)

        assert found["du_with_surrogate"] == pytest.approx(slope(soft, u))


def test_drills_on_the_grid_of_whole_numbers() -> None:
    for given, found in drawn("drills/floor/hard"):
        x, s, v, t, n = (given["x"], given["s"], given["v"], given["t"], round(given["x"] / given["s"]))
        assert found["n"] == n

        def wired(x: float, s: float, off: float = n - x / s, v: float = v, t: float = t) -> float:
            return float((v * (x / s + off) * s - t) ** 2 / 2)

        assert found["x_straight_through"] == pytest.approx(slope(lambda x, s=s, f=wired: f(x, s), x), abs=1e-6)
        assert found["s_straight_through"] == pytest.approx(slope(lambda s, x=x, f=wired: f(x, s), s), abs=1e-6)
    for given, found in drawn("drills/floor/medium"):
        beside = ((found["t"] + 1e-6) % 1) * (1 - (found["t"] + 1e-6) % 1) * given["c"]
        assert found["direction"] == ("uphill" if beside > found["f"] else "downhill")
    for given, found in drawn("drills/ceil/easy"):
        later = math.ceil(given["x"] + 0.25) > math.ceil(given["x"])
        assert found["asks_for_more"] == ("yes" if later else "no")
    for given, found in drawn("drills/ceil/medium"):
        larger = given["s"] + 0.001
        cost = (math.ceil(given["x"] / larger) * larger - given["x"]) * given["c"]
        assert found["larger_can"] == ("more" if cost > found["f"] else "less")
    for given, found in drawn("drills/ceil/hard"):
        table = {math.floor(found["x"]): given["a"], math.ceil(found["x"]): given["b"]}
        assert found["f"] == pytest.approx(np.interp(found["x"], sorted(table), [table[k] for k in sorted(table)]))


# --- marking ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("identity", [one for one in BANK if problem(one).graph.shapes is None])
def test_honest_work_gets_full_marks(identity: str) -> None:
    """The key as the sheet rounds it, and a walk that rounds at every gate and goes on with the rounded numbers."""
    one = problem(identity)
    for student in STUDENTS[:3]:
        variant = draw(one, "bank", student, fault)
        point = {name: variant.point[name] for name in one.graph.inputs}
        asked = [blank for blank in one.blanks if blank.kind in ("value", "gradient")]
        names = {blank.name: "d" * (blank.kind == "gradient") + one.graph.ids[blank.node] for blank in asked}
        walked = walk(one.graph, point, one.rounding, seeds={one.graph.output: variant.upstream})
        for found in (
            {names[key.blank.name]: key.number for key in keys(variant) if key.blank.name in names},
            {names[blank.name]: walked[blank.kind == "gradient"][blank.node] for blank in asked},
        ):
            text = {name: figure(number, one.rounding) for name, number in found.items()}
            result = mark(one.graph.source, point, text, rounding=one.rounding, upstream=variant.upstream)
            assert [line for line in result.marks if line.verdict not in ("right", "rounded")] == []


# --- all of it -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_whole_bank_is_sound() -> None:
    """`problems check`: 200 variants of each, within 90 seconds on two processors (their time, not the clock's)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "bpcli", "problems", "check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    assert f"all {len(BANK)} problems are sound" in result.stdout
    assert after.ru_utime - before.ru_utime <= 2 * 90
