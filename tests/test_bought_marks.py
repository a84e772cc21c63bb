"""Answers that took no work earn nothing; what an honest slip leads to, zeros among it, earns its points."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from bpcli.exercises import bank
from bpcli.exercises.acceptance import fault
from bpcli.exercises.keys import keys
from bpcli.exercises.marking import mark_problem
from bpcli.exercises.problem import Problem
from bpcli.exercises.variants import draw
from bpcli.marking.answers import Line
from bpcli.marking.idle import filling
from bpcli.marking.marks import mark

GATES = "s = w0*x0 + w1*x1 + w2; m = s*-1; t = exp(m); d = t + 1; f = 1/d"
SIGMOID = "z = w*x + b; y = sigmoid(z); L = (y - t)^2"
RELU = "z = w*x + b; h = relu(z); f = h*v"
LECTURE = {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3}


def verdicts(formula: str, point: Mapping[str, float], rounding: object = "exact", /, **answers: str) -> dict[str, str]:
    return {one.name: one.verdict for one in mark(formula, point, answers, rounding=rounding).marks}


# --- nothing for no work ----------------------------------------------------------------------------------

#: What somebody writes who works nothing out: values, gradients.
CONSTANTS = [
    ("0", "0"), ("1", "1"), ("-1", "-1"), ("2", "2"), ("0.5", "0.5"), ("1", "0"), ("0", "1"), ("2", "1"),
    ("-1000", "0"), ("1000", "0"),
]  # fmt: skip
#: The first blank, and all others in turn.
PATTERNS = [
    ("9", ["0"]),
    ("1000", ["0"]),
    ("1000", ["1"]),
    ("1", ["-1", "1"]),
    ("0", ["1", "0"]),
    ("1", ["2", "3", "1"]),
]


def earned(problems: list[Problem], values: str, gradients: str, others: list[str] | None = None) -> tuple[float, int, int]:  # fmt: skip
    """The points for numbers that are not right, the right ones, and how many blanks there are.

    With OTHERS the first blank has VALUES, and the rest these in turn; "given" stands for the problem's given numbers.
    """
    bought, right, blanks = 0.0, 0, 0
    for problem in problems:
        variant, lines = draw(problem, "1", "ada", fault), []
        numeric = [key for key in keys(variant) if key.number is not None]
        given = [repr(float(one)) for one in variant.point.values() if not np.shape(one)] or ["1"]
        for k, key in enumerate(numeric):
            text = gradients if key.blank.name[:1] == "d" else values
            if others is not None:
                cycle = given if others == ["given"] else others
                text = cycle[k % len(cycle)] if k else values
            if shape := np.shape(key.number):
                text = str(np.full(shape, float(text)).tolist())
            lines.append(Line(key.blank.name, text, k + 1))
        names = {key.blank.name for key in numeric}
        marks = [one for one in mark_problem(variant, lines, doubts={}) if one.name in names]
        good = sum(one.verdict in ("right", "rounded") for one in marks)
        bought, right, blanks = bought + sum(one.credit for one in marks) - good, right + good, blanks + len(marks)
    return bought, right, blanks


@pytest.mark.slow
@pytest.mark.parametrize(("values", "gradients"), CONSTANTS)
def test_constants_buy_less_than_chance_gives(values: str, gradients: str) -> None:
    """Over the whole bank: 0 to 1.4 % of the blanks (up to 8.8 % when a gate's zeros followed from anything)."""
    bought, right, blanks = earned(list(bank.problems([])), values, gradients)
    assert blanks > 1500
    assert bought <= 0.015 * blanks
    assert bought <= max(right, 0.01 * blanks)


@pytest.mark.slow
@pytest.mark.parametrize(("first", "others"), [*PATTERNS, ("1", ["given"])])
def test_patterns_buy_less_than_chance_gives(first: str, others: list[str]) -> None:
    bought, right, blanks = earned(list(bank.problems([])), first, "", others)
    assert bought <= 0.03 * blanks  # the given numbers again; 0 to 1.6 % with the others
    assert bought <= max(right, 0.01 * blanks)


@pytest.mark.parametrize("identity", ["neuron/three-inputs", "neuron/sigmoid", "neuron/relu", "activations/tanh",
                                      "drills/sigmoid/medium", "nets/logistic-hidden"])  # fmt: skip
@pytest.mark.parametrize(("values", "gradients"), [("1", "0"), ("-1000", "0"), ("1000", "0"), ("1", "-1"), ("0", "0")])
def test_where_gates_saturate_constants_buy_nothing(identity: str, values: str, gradients: str) -> None:
    bought, _, blanks = earned(list(bank.problems([identity])), values, gradients)
    assert blanks > 5
    assert bought == 0


def test_a_saturated_gate_launders_nothing() -> None:
    """s = 1000, the trivial numbers behind it and zeros: 13 of 14 once."""
    answers = {"s": "1000", "m": "-1000", "t": "0", "d": "1", "f": "1", "dd": "-1", "dt": "-1", "dm": "0", "ds": "0"}
    answers |= dict.fromkeys(("dw0", "dx0", "dw1", "dx1", "dw2"), "0")
    found = verdicts(GATES, LECTURE, 2, **answers)
    assert [name for name, verdict in found.items() if verdict != "wrong"] == ["m"]
    reasons = {one.name: one.reason for one in mark(GATES, LECTURE, answers, rounding=2).marks}
    assert reasons["ds"] == "given your dm = 0, which takes no work"


def test_a_tiny_number_is_a_zero_too() -> None:
    answers = {"y": "1", "dy": "1.2", "dz": "1e-9", "dw": "1e-9", "dx": "-1e-9", "db": "1e-9"}
    found = verdicts(SIGMOID, {"w": 2, "x": 0.5, "b": -0.3, "t": 0.4}, **answers)
    assert {found[name] for name in ("dz", "dw", "dx", "db")} == {"wrong"}


# --- all that is earned for honest work --------------------------------------------------------------------

OPEN = {"w": 3, "x": 2, "b": 1.5, "v": 5}


@pytest.mark.parametrize(("wrong", "point"), [
    ("-7.5", OPEN),  # the sign of the whole
    ("-4.5", OPEN),  # -3*2 + 1.5
    ("-0.5", {**OPEN, "b": 5.5}),  # 5.5 taken away and not added
    ("-1.5", {"w": 3, "x": 2, "b": -1.5, "v": 5}),  # the product left out
])  # fmt: skip
def test_zeros_behind_a_relu_that_a_slip_closed(wrong: str, point: dict[str, float]) -> None:
    answers = {"z": wrong, "h": "0", "f": "0", "dh": "5", "dz": "0", "dv": "0", "dw": "0", "dx": "0", "db": "0"}
    found = verdicts(RELU, point, **answers)
    credited = {name for name, verdict in found.items() if verdict in ("right", "follows")}
    assert credited == set(answers) - {"z"}


def test_zeros_behind_a_relu_that_nothing_closed() -> None:
    answers = {"z": "-1000", "h": "0", "f": "0", "dh": "5", "dz": "0", "dv": "0", "dw": "0", "dx": "0", "db": "0"}
    found = verdicts(RELU, OPEN, **answers)
    assert [name for name, verdict in found.items() if verdict != "wrong"] == ["dh"]


@pytest.mark.parametrize("wrong", ["2.9", "1.3"])
def test_the_other_wins_a_max_by_a_small_mistake(wrong: str) -> None:
    """3.1 worked out as 2.9, or written down as 1.3."""
    point = {"x": 1.55, "y": 2, "z": 3}
    found = verdicts("a = x*y; m = max(a, z)", point, a=wrong, m="3", da="0", dz="1", dx="0", dy="0")
    assert list(found.values()) == ["wrong", "follows", "follows", "follows", "follows", "follows"]


def test_terms_that_cancel_are_work() -> None:
    """q = 11 is explained by nothing, but 11 - 11 is 0. What is then multiplied by it shows nothing."""
    found = verdicts("q = x*y; r = q - z; f = r*w", {"x": 2, "y": 3, "z": 11, "w": 4}, q="11", r="0", f="0", dw="0")
    assert found == {"q": "wrong", "r": "follows", "f": "wrong", "dw": "wrong"}


def test_whatever_else_follows_from_a_strange_number() -> None:
    """One unexplained number costs one blank, though a 1 and copies of it come of it."""
    point = {"x": 2, "y": 3, "z": 7, "w": 4}
    found = verdicts("q = x*y; r = q - z; f = r*w", point, q="8", r="1", f="4", dw="1", dr="4", dq="4", dx="12", dy="8")
    assert list(found.values()) == ["wrong", "follows", "follows", "follows", *["right"] * 4]
    point = {"x": 2, "y": 3, "z": 7}
    found = verdicts("q = x + y; f = q*z", point, q="5", f="35", dq="17", dx="17", dy="17", dz="5")
    assert list(found.values()) == ["right", "right", "wrong", "follows", "follows", "right"]


def test_what_fills_a_sheet() -> None:
    keys = [3.0, -12.0, -4.0, -4.0, 3.0, 7.0]
    assert filling([(1.0, key) for key in keys]) == {1.0}
    assert filling([(0.0, key) for key in keys]) == {0.0}
    assert filling([(float(k % 2), key) for k, key in enumerate(keys)]) == {0.0, 1.0}
    assert filling([(key + 1, key) for key in keys]) == set()
    assert filling([(7.0, 5.0)] * 2) == set()
    assert filling([(5.0, 5.0)] * 4, right=4) == set(), "a sheet that is right is not filled"
    assert filling([]) == set()


# --- one slip, charged once -------------------------------------------------------------------------------

FIRST, AT = "q = x + y; f = q*z", {"x": -2, "y": 5, "z": -4}
NEURON = "sigmoid(w0*x0 + w1*x1 + w2)"


@pytest.mark.parametrize(("answers", "slip"), [
    ({"dx": "-2", "dy": "-2", "dz": "3"}, "add-halves"), ({"dx": "3", "dy": "3", "dz": "-4"}, "mul-not-switched"),
    ({"dq": "3", "dz": "-4"}, "mul-not-switched"), ({"dx": "4", "dy": "4", "dz": "-3"}, "other-beginning"),
    ({"dq": "48", "dx": "48", "dy": "48", "dz": "-36"}, "other-beginning"), ({"dx": "-8", "dz": "6"}, "other-beginning"),
])  # fmt: skip
def test_one_slip_at_one_gate_costs_one_blank(answers: dict[str, str], slip: str) -> None:
    first, *others = mark(FIRST, AT, answers).marks
    assert (first.verdict, first.slips) == ("wrong", (slip,))
    assert {one.verdict for one in others} <= {"right", "follows"}
    assert all(first.name in one.used or one.verdict == "right" or "dq" in one.used for one in others)


def test_the_same_slip_at_another_gate_is_another() -> None:
    """Both products of a neuron with their factors not switched: 3 of 5."""
    answers = {"dw0": "0.393", "dx0": "-0.197", "dw1": "-0.590", "dx1": "-0.393", "dw2": "0.197"}
    found = mark(NEURON, LECTURE, answers).marks
    assert [one.verdict for one in found] == ["wrong", "follows", "wrong", "follows", "rounded"]
    assert found[2].reason == "mul not switched at w1*x1", "the advice is given once"


def test_a_beginning_is_one_error_only_where_all_says_so() -> None:
    """dz is right, so the backward pass has begun with 1."""
    assert list(verdicts(FIRST, AT, dx="4", dz="3").values()) == ["wrong", "right"]
    assert list(verdicts(FIRST, AT, dx="4", dz="-7").values()) == ["wrong", "wrong"]
    found = mark(FIRST, AT, {"df": "-1", "dq": "4", "dz": "-3"}).marks
    assert [one.verdict for one in found] == ["wrong", "follows", "follows"]


def test_the_gradient_that_arrives_forgotten() -> None:
    first, second = mark(FIRST, AT, {"dx": "-4", "dz": "3"}, upstream=2.5).marks
    assert first.slips == ("upstream-dropped",)
    assert second.verdict == "follows"


def test_a_hint_does_not_say_what_it_begins_with() -> None:
    first, _ = mark(FIRST, AT, {"dx": "4", "dz": "-3"}, hint=True).marks
    assert (first.reason, first.slips) == ("look again at the gradient that arrives at the output", ())


def test_the_rule_in_force_is_said_where_it_costs_something() -> None:
    """The lectures' neuron at two decimals, held to three digits: 0.20 for 0.197 is one error, and 0.40 is 2*0.20."""
    answers = {"dw0": "-0.20", "dx0": "0.40", "dw1": "-0.40", "dx1": "-0.60", "dw2": "0.20"}
    found = mark(NEURON, LECTURE, answers)
    assert [one.verdict for one in found.marks] == ["follows"] * 4 + ["wrong"]
    assert found.marks[1].reason == "right, given your dw2 = 0.20"
    assert [note.message for note in found.notes] == [
        "answers are held to 3 significant digits; --rounding 2 is for work at 2 decimals"
    ]
    assert mark(NEURON, LECTURE, answers, rounding=2).ok
    assert not mark(NEURON, LECTURE, {"dw0": "-0.197"}).notes
    assert not mark(NEURON, LECTURE, {"dw0": "-0.2"}, rounding="4s").notes


def test_cut_off_is_not_rounded() -> None:
    first, second = mark("a = exp(x); f = a*y", {"x": -1, "y": 3}, {"a": "0.36", "f": "1.08"}, rounding=2).marks
    assert first.slips == ("cut-off",)
    assert second.verdict == "follows"


@pytest.mark.parametrize(("answer", "slips"), [("2", ("upstream-added",)), ("3", ()), ("-1.5", ())])
def test_a_kink_is_no_room_for_slips(answer: str, slips: tuple[str, ...]) -> None:
    """With the slope 1 on the right of the kink the upstream gradient, added, makes 2; 3 comes of nothing."""
    (found,) = mark("abs(x)", {"x": 0}, {"dx": answer}).marks
    assert (found.verdict, found.slips) == ("wrong", slips)
