"""The slip table: what each slip gives, worked out by hand or by other code, and where it can be made."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from formulas import many

from bpcli import slips
from bpcli.gates import FAMILIES, GATES
from bpcli.graph import Graph
from bpcli.language import parse as read
from bpcli.passes import parse, prepare
from bpcli.slipped import collect, for_every_input, places, run, sends
from bpcli.slips import COLLECTS, FORMS, NO_SLIP, ORDERS, SLIPS
from bpcli.sweeps import reverse

Run = tuple[Graph, list[Any]]
E = math.e
LECTURE = ("(x+y)*z", {"x": -2, "y": 5, "z": -4})  # q = 3; the gradients are -4, -4 and 3
BRANCH = ("q = x*y; q + q*z", {"x": 2, "y": 3, "z": 4})  # q gets 1 and 4; the gradients are 15, 10 and 6
SQUARE = ("sum((W @ x)*t)", {"W": [[1, 2], [3, 4]], "x": [1, -1], "t": [1, 10]})
BATCH = ("sum((X @ W + b)*t)", {"X": [[1, 2], [3, 4]], "W": [[1, 0], [2, 1]], "b": [1, 2], "t": [[1, 2], [3, 5]]})
SIGMOID, TANH = 1 / (1 + 1 / E), (E - 1) / (E + 1)  # at 1 and at 1/2
SOFTMAX = [1 / (1 + E + E * E), E / (1 + E + E * E), E * E / (1 + E + E * E)]  # of 1, 2, 3

#: (slip, formula, values, the gradients that come out wrong), by hand.
BY_HAND: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("upstream-dropped", *LECTURE, {"x": 1, "y": 1}),
    ("upstream-dropped", "sum(x^2)*3", {"x": [1, 2]}, {"x": [2, 4]}),
    ("upstream-dropped", "3*mean(x)", {"x": [1, 2]}, {"x": [0.5, 0.5]}),
    ("upstream-added", *LECTURE, {"x": -2, "y": -2, "z": 4}),  # z: 1 + 3; q: 1 - 4; then -3 + 1
    ("upstream-added", "sum(x^2)*3", {"x": [1, 2]}, {"x": [5 + 2, 5 + 4]}),  # to the sum 1 + 3, then 4 + 1
    ("local-dropped", *LECTURE, {"x": 1, "y": 1, "z": 1}),
    ("local-dropped", "sum(x^2)*3", {"x": [1, 2]}, {"x": [1, 1]}),
    ("wrong-input", "x/y", {"x": 3, "y": 2}, {"x": -0.75, "y": 0.5}),
    ("wrong-input", "x - y", {"x": 3, "y": 2}, {"x": -1, "y": 1}),
    ("wrong-input", "x^2", {"x": E}, {"x": E * E}),
    ("wrong-input", "x^y", {"x": E, "y": 2}, {"x": E * E, "y": 2 * E}),
    ("wrong-input", "atan2(x, y)", {"x": 3, "y": 4}, {"x": -0.12, "y": 0.16}),
    ("wrong-input", "hypot(x, y)", {"x": 3, "y": 4}, {"x": 0.8, "y": 0.6}),
    ("product-of-derivatives", "x^2*exp(x)", {"x": 1}, {"x": 2 * E}),
    ("product-of-derivatives", "3*x*(x + y)", {"x": 2, "y": 5}, {"x": 3}),
    ("product-of-derivatives", "x*x*x", {"x": 2}, {"x": 1}),
    ("forgot-branch", *BRANCH, {"x": 12, "y": 8}),
    ("forgot-branch", "x*x", {"x": 3}, {"x": 3}),
    ("forgot-branch", "sum(x*x)", {"x": [3, 4]}, {"x": [3, 4]}),
    ("forgot-branch", "x + 2*x + 3*x", {"x": 1}, {"x": 2}),  # 3, 1, 2 arrive in this order
    ("first-branch-kept", *BRANCH, {"x": 3, "y": 2}),
    ("first-branch-kept", "x + 2*x + 3*x", {"x": 1}, {"x": 3}),
    ("branches-averaged", *BRANCH, {"x": 7.5, "y": 5}),
    ("stale-order", "b = a + a; b + b", {"a": 1}, {"a": 8}),  # https://github.com/karpathy/micrograd/pull/64
    ("stale-order", *BRANCH, {"x": 3 + 15, "y": 2 + 10}),
    ("stale-order", "b = a + a; sum(b*b)", {"a": [1, 3]}, {"a": [16, 48]}),
    ("sent-too-early", *BRANCH, {"x": 3, "y": 2}),
    ("mul-not-switched", *LECTURE, {"x": 3, "y": 3, "z": -4}),
    ("mul-not-switched", "5*x", {"x": 7}, {"x": 7}),
    ("mul-not-switched", "dot(a, b)", {"a": [1, 2], "b": [4, 5]}, {"a": [1, 2], "b": [4, 5]}),
    ("mul-not-switched", "sum(a*b)", {"a": [1, 2], "b": [4, 5]}, {"a": [1, 2], "b": [4, 5]}),
    ("mul-like-add", *LECTURE, {"x": 1, "y": 1, "z": 1}),
    ("add-own-value", *LECTURE, {"x": 8, "y": -20}),
    ("add-halves", *LECTURE, {"x": -2, "y": -2}),
    ("add-halves", "x - y", {"x": 3, "y": 2}, {"x": 0.5, "y": -0.5}),
    ("sign-lost", "x - y", {"x": 5, "y": 3}, {"y": 1}),
    ("sign-lost", "-x", {"x": 5}, {"x": 1}),
    ("sign-lost", "x*(-1)", {"x": 5}, {"x": 1}),
    ("sign-lost", "(-1)*x", {"x": 5}, {"x": 1}),
    ("sign-lost", "1/x", {"x": 4}, {"x": 1 / 16}),
    ("sign-lost", "x^-2", {"x": 2}, {"x": 0.25}),
    ("sign-lost", "|x|", {"x": -5}, {"x": 1}),
    ("sign-lost", "cos(x)", {"x": math.pi / 6}, {"x": 0.5}),
    ("sign-lost", "acos(x)", {"x": 0.6}, {"x": 1.25}),
    ("sign-lost", "erfc(x)", {"x": 0.0}, {"x": 2 / math.sqrt(math.pi)}),
    ("sign-lost", "atan2(x, y)", {"x": 3, "y": 4}, {"y": 0.12}),
    ("sign-lost", "mse(a, b)", {"a": [1, 2], "b": [4, 6]}, {"b": [-3, -4]}),
    ("sign-lost", "sum(a - b)", {"a": [1, 2], "b": [4, 6]}, {"b": [1, 1]}),
    ("reciprocal-not-squared", "1/x", {"x": 4}, {"x": -0.25}),
    ("reciprocal-not-squared", "x/y", {"x": 3, "y": 2}, {"y": -1.5}),
    ("numerator-forgotten", "x/y", {"x": 3, "y": 2}, {"y": -0.25}),
    ("division-swapped", "x/y", {"x": 3, "y": 2}, {"x": -2 / 9, "y": 1 / 3}),
    ("power-off-by-one", "x^3", {"x": 2}, {"x": 24}),
    ("power-off-by-one", "square(x)", {"x": 3}, {"x": 18}),
    ("power-off-by-one", "sqrt(x)", {"x": 4}, {"x": 1}),
    ("power-off-by-one", "sum(x^3)", {"x": [1, 2]}, {"x": [3, 24]}),
    ("power-factor-forgotten", "x^3", {"x": 2}, {"x": 4}),
    ("power-factor-forgotten", "square(x)", {"x": 3}, {"x": 3}),
    ("power-factor-forgotten", "sqrt(x)", {"x": 4}, {"x": 0.5}),
    ("power-rule-on-exp", "exp(x)", {"x": 2}, {"x": 2 * E}),
    ("power-rule-on-exp", "2^x", {"x": 3}, {"x": 12}),
    ("exp-slope-at-input", "exp(x)", {"x": 2}, {"x": 2}),
    ("log-exp-swapped", "log(x)", {"x": 2}, {"x": E * E}),
    ("log-exp-swapped", "exp(x)", {"x": 2}, {"x": 0.5}),
    ("sigmoid-not-times-one-minus", "sigmoid(x)", {"x": 1}, {"x": SIGMOID}),
    ("sigmoid-not-times-one-minus", "sum(sigmoid(x))", {"x": [1, 0]}, {"x": [SIGMOID, 0.5]}),
    ("sigmoid-slope-at-input", "sigmoid(x)", {"x": 2}, {"x": -2}),
    ("sigmoid-slope-at-input", "tanh(x)", {"x": 0.5}, {"x": 0.75}),
    ("tanh-not-squared", "tanh(x)", {"x": 0.5}, {"x": 1 - TANH}),
    ("max-to-both", "max(x, y)*3", {"x": 2, "y": 1}, {"y": 3}),
    ("max-to-both", "min(x, y, z)", {"x": 2, "y": 1, "z": 3}, {"x": 1, "z": 1}),
    ("max-to-both", "max(x)*5", {"x": [1, 3]}, {"x": [5, 5]}),
    ("max-to-loser", "max(x, y)", {"x": 2, "y": 1}, {"x": 0, "y": 1}),
    ("max-to-loser", "max(x, y, z)", {"x": 2, "y": -1, "z": 1}, {"x": 0, "y": 1}),
    ("max-to-loser", "min(x, y, z)", {"x": 2, "y": -1, "z": 1}, {"x": 1, "y": 0}),
    ("relu-gate-open", "relu(x)", {"x": -1}, {"x": 1}),
    ("relu-gate-open", "clip(x, 0, 3)", {"x": 5}, {"x": 1}),
    ("relu-gate-open", "leaky_relu(x) + elu(x)", {"x": -1}, {"x": 2}),
    ("transpose-forgotten", *SQUARE, {"W": [[1, 10], [-1, -10]], "x": [21, 43]}),  # outer(x, G) and W @ G
    ("transpose-forgotten", "sum((x @ W)*t)", SQUARE[1], {"W": [[1, -1], [10, -10]], "x": [31, 42]}),
    ("transpose-forgotten", *BATCH, {"X": [[5, 2], [13, 5]], "W": [[7, 12], [15, 26]]}),  # G @ W and X @ G
    ("transpose-forgotten", "sum(X.T*t)", {"X": [[1, 2], [3, 4]], "t": [[1, 2], [3, 5]]}, {"X": [[1, 2], [3, 5]]}),
    ("matmul-swapped", *BATCH, {"X": [[7, 12], [3, 5]], "W": [[5, 11], [13, 29]]}),  # W.T @ G and G @ X.T
    ("bias-not-summed", *BATCH, {"b": [1, 2]}),
    ("bias-not-summed", "sum((x + b)*t)", {"x": [1, 2], "b": 3, "t": [4, 5]}, {"b": 4}),
    ("bias-not-summed", "sum((X + b)*t)", {"X": [[1, 2], [3, 4]], "b": [[1], [2]], "t": [[1, 2], [3, 5]]},
     {"b": [[1], [3]]}),
    ("bias-averaged", *BATCH, {"b": [2, 3.5]}),
    ("mean-not-divided", "mean(x*x)", {"x": [1, 2, 3]}, {"x": [2, 4, 6]}),
    ("mean-not-divided", "sum(mean(x, axis=0))", {"x": [[1, 2, 3], [4, 5, 6]]}, {"x": [[1, 1, 1], [1, 1, 1]]}),
    ("mean-not-divided", "mse(a, b)", {"a": [1, 2], "b": [4, 6]}, {"a": [-6, -8], "b": [6, 8]}),
    ("softmax-diagonal", "softmax(x)[0]", {"x": [1, 2, 3]}, {"x": [SOFTMAX[0] * (1 - SOFTMAX[0]), 0, 0]}),
    ("target-not-subtracted", "cross_entropy(z, 0)", {"z": [1, 2, 3]}, {"z": SOFTMAX}),
    ("target-not-subtracted", "cross_entropy(z, [0, 1])", {"z": [[1, 2, 3], [3, 2, 1]]},
     {"z": [[one / 2 for one in SOFTMAX], [one / 2 for one in SOFTMAX[::-1]]]}),
]  # fmt: skip

#: The list of the marking issue, and the order of the micrograd threads.
ASKED_FOR = (
    "upstream-dropped upstream-added mul-not-switched forgot-branch branches-averaged sign-lost reciprocal-not-squared "
    "power-off-by-one power-rule-on-exp sigmoid-not-times-one-minus sigmoid-slope-at-input max-to-both max-to-loser "
    "division-swapped log-exp-swapped relu-gate-open transpose-forgotten bias-not-summed wrong-input "
    "product-of-derivatives stale-order"
).split()


def at(formula: str, values: dict[str, Any]) -> Run:
    """The graph of FORMULA and its values."""
    given = {name: np.array(value, dtype=float) if isinstance(value, list) else value for name, value in values.items()}
    graph, _, computed = prepare(formula, given, {})
    return graph, computed


def gradients(graph: Graph, adjoints: list[Any]) -> dict[str, Any]:
    return {name: np.asarray(adjoints[node], dtype=float).tolist() for name, node in graph.inputs.items()}


@pytest.mark.parametrize(("name", "formula", "values", "wrong"), BY_HAND,
                         ids=[f"{one[0]}: {one[1]}" for one in BY_HAND])  # fmt: skip
def test_by_hand(name: str, formula: str, values: dict[str, Any], wrong: dict[str, Any]) -> None:
    """The slip gives these gradients, which are wrong, and the right ones for every other variable."""
    graph, computed = at(formula, values)
    seeds = {graph.output: 1.0}
    right = gradients(graph, reverse(graph, computed, seeds))
    got = gradients(graph, run(graph, computed, seeds, SLIPS[name]))
    assert got.keys() == right.keys()
    assert places(graph, computed, SLIPS[name])
    for variable, gradient in got.items():
        expected = np.array(wrong.get(variable, right[variable]), dtype=float)
        assert np.allclose(gradient, expected, rtol=1e-14, atol=0), variable
        if variable in wrong:
            assert not np.allclose(gradient, right[variable]), variable


def test_every_slip_is_worked_out() -> None:
    """Each row is tried above, each formula of each row too, and nothing that was asked for is missing."""
    tried = {name for name, *_ in BY_HAND}
    assert tried == SLIPS.keys()
    assert set(ASKED_FOR) <= SLIPS.keys()
    for name, slip in SLIPS.items():
        mine = [f"{formula} " for one, formula, *_ in BY_HAND if one == name]
        gates = {row.name for text in mine for row, _ in parse(text).kind_table}
        missing = {FORMS[gate][0] if gate in FORMS else gate for gate in (*slip.local, *slip.pulls)} - gates
        assert missing <= {"stretch"}, name  # which no one types


def test_rows_are_well_formed() -> None:
    """Every formula parses with bpcli's own parser, uses the inputs' names, and has the right number of them."""
    for name, slip in SLIPS.items():
        assert name == slip.id
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
        assert slip.collect in COLLECTS
        assert slip.order in ORDERS
        for text in (slip.sentence, slip.title):
            assert text
            assert text[-1] != "."
        assert slip.advice[-1] in ".?"
        changes = [
            slip.local or slip.pulls,
            slip.push,
            slip.product != "G*d",
            slip.collect != "sum",
            slip.order != "topological",
        ]
        assert sum(map(bool, changes)) == 1, "a slip changes one thing"
        assert set(read(slip.product).inputs) <= {"G", "d"}
        for text in slip.push.values():
            assert set(read(text).inputs) <= {"da", "db"}
        for gate, rules in slip.local.items():
            called = FORMS[gate][0] if gate in FORMS else gate
            row = FAMILIES[called][1](3) if called in FAMILIES else GATES[called]
            written = for_every_input(row, rules[0]) if called in FAMILIES else rules
            assert len(written) == len(row.inputs), (name, gate)
            for rule in filter(None, written):
                assert set(read(rule).inputs) <= {*row.inputs, "y"}, (name, gate)


def test_pulls_parse() -> None:
    """So do the formulas for gates on arrays, at every gate of the cases above."""
    from bpcli.arrays.slips import pulls_at

    seen = 0
    for _, formula, values, _ in BY_HAND:
        graph, _ = at(formula, values)
        for place in range(len(graph.gates)) if graph.shapes else ():
            shapes = tuple(graph.shapes[given] for given in graph.args[place])
            for slip in SLIPS.values():
                for pull in filter(None, pulls_at(graph.row(place), shapes, slip)):
                    assert set(read(pull).inputs) <= {*graph.row(place).inputs, "y", "G"}
                    seen += 1
    assert seen > 40


def test_the_examples_show_their_slip() -> None:
    """The worked example of every slip comes out wrong for at least one variable."""
    for slip in SLIPS.values():
        graph, computed = at(slip.formula, dict(slip.point))
        seeds = {graph.output: 1.0}
        right, wrong = (gradients(graph, run(graph, computed, seeds, one)) for one in (NO_SLIP, slip))
        assert right != wrong, slip.id


@pytest.mark.parametrize("formula", many(150, most=20), ids=lambda formula: formula.text[:30])
def test_without_a_slip_it_is_the_right_run(formula: Any) -> None:
    """To the last bit; and with one it is so wherever there is no place for it. Only places get other numbers."""
    graph, computed = at(formula.text, formula.point)
    seeds = {graph.output: 1.0}
    right = reverse(graph, computed, seeds)
    assert run(graph, computed, seeds, NO_SLIP) == right
    for slip in SLIPS.values():
        found = places(graph, computed, slip)
        got = run(graph, computed, seeds, slip)
        if not found:
            assert got == right, slip.id
        assert run(graph, computed, seeds, slip, at=[]) == right
        assert run(graph, computed, seeds, slip, at=found) == got
        assert all(math.isfinite(one) for one in got)


@pytest.mark.parametrize(("_", "formula", "values", "__"), [one for one in BY_HAND if "[" in str(one[2])], ids=str)
def test_arrays_without_a_slip(_: str, formula: str, values: dict[str, Any], __: Any) -> None:
    graph, computed = at(formula, values)
    right = reverse(graph, computed, {graph.output: 1.0})
    same = run(graph, computed, {graph.output: 1.0}, NO_SLIP)
    assert [None if one is None else one.tolist() for one in same] == [
        None if one is None else one.tolist() for one in right
    ]


def test_entries_that_a_where_does_not_take() -> None:
    """The logarithm of a wrong power rule has no value at -1, which is not taken; the other entries get it."""
    graph, computed = at("sum(where(X > 0, X^2, exp(X)))", {"X": [-1, 1, 2]})
    slip = SLIPS["wrong-input"]
    assert len(places(graph, computed, slip)) == 1
    got = gradients(graph, run(graph, computed, {graph.output: 1.0}, slip))
    assert got["X"] == pytest.approx([1 / E, 0, 4 * math.log(2)])


def test_products_that_a_where_guards() -> None:
    """What a guarded product of matrices sends has its input's shape, not that of its value."""
    point = {"b": [[1.0, -1, 1]], "x": [[1.0, 2]], "y": [[1.0, 3, 0], [2, 5, 1]]}
    graph, computed = at("sum(where(b > 0, x @ y, b))", point)
    got = gradients(graph, run(graph, computed, {graph.output: 1.0}, SLIPS["upstream-dropped"]))
    assert got["x"] == [[1 + 3 + 0, 2 + 5 + 1]]  # ones @ y.T: the closed entry in the middle counts too


def test_only_where_it_is_wanted() -> None:
    """AT keeps a slip to some of its places: here to the outer of two products."""
    graph, computed = at("(x*y)*z", {"x": 2, "y": 3, "z": 4})
    inner, outer = places(graph, computed, SLIPS["mul-not-switched"])
    seeds = {graph.output: 1.0}
    slip = SLIPS["mul-not-switched"]
    assert gradients(graph, run(graph, computed, seeds, slip, at=[outer])) == {"x": 18, "y": 12, "z": 4}
    assert gradients(graph, run(graph, computed, seeds, slip, at=[inner])) == {"x": 8, "y": 12, "z": 6}


def test_one_gate_at_a_time() -> None:
    """What marking asks: the sends of one gate for a given upstream gradient, and a branch put together."""
    graph, computed = at(*LECTURE)
    assert sends(graph, 1, computed, 2.0, SLIPS["mul-not-switched"]) == [6, -8]
    assert sends(graph, 1, computed, 2.0, SLIPS["upstream-dropped"]) == [-4, 3]
    assert sends(graph, 1, computed, 2.0, SLIPS["forgot-branch"]) == [-8, 6]
    graph, computed = at("3*x", {"x": 7})
    assert sends(graph, 0, computed, 2.0, SLIPS["mul-not-switched"]) == [None, 14]
    assert [collect([1, 4, 7], SLIPS[one]) for one in ("forgot-branch", "first-branch-kept", "branches-averaged")] == [
        7,
        1,
        4,
    ]
    assert collect([1, 4, 7], SLIPS["sign-lost"]) == 12


NOWHERE = [
    ("sigmoid-not-times-one-minus", "1/(1 + exp(-x))", {"x": 1}),
    ("sign-lost", "x*y", {"x": 2, "y": -1}),  # y is -1 by chance
    ("sign-lost", "x^2", {"x": 2}),
    ("log-exp-swapped", "exp(x)", {"x": 0}),  # 1/0
    ("wrong-input", "x^2", {"x": -1}),  # log(-1)
    ("forgot-branch", "x*y", {"x": 2, "y": 3}),
    ("stale-order", "x*x", {"x": 2}),  # only a variable is shared
    ("product-of-derivatives", "x*y", {"x": 2, "y": 3}),
    ("forgot-branch", "where(x > 0, y, x)*2", {"x": 2, "y": 3}),
    ("forgot-branch", "y*step(y)", {"y": 3}),  # step sends nothing
    ("transpose-forgotten", "sum(W @ x)", {"W": [[1, 2, 3], [4, 5, 6]], "x": [1, 2, 3]}),  # 2 by 3: it does not fit
    ("bias-not-summed", "sum(x + b)", {"x": [1, 2], "b": [3, 4]}),
    ("relu-gate-open", "max(0, x)", {"x": -1}),
]


@pytest.mark.parametrize(("name", "formula", "values"), NOWHERE, ids=str)
def test_where_a_slip_cannot_be_made(name: str, formula: str, values: dict[str, Any]) -> None:
    graph, computed = at(formula, values)
    assert places(graph, computed, SLIPS[name]) == []
    seeds = {graph.output: 1.0}
    got, right = (
        gradients(graph, one) for one in (run(graph, computed, seeds, SLIPS[name]), reverse(graph, computed, seeds))
    )
    assert got == right


def test_too_many_paths() -> None:
    """The plain recursion would take 2^40 steps here; it is not tried."""
    text = "; ".join(["a1 = x + x", *[f"a{k} = a{k - 1} + a{k - 1}" for k in range(2, 41)]])
    graph, computed = at(text, {"x": 1})
    assert places(graph, computed, SLIPS["stale-order"]) == []
    assert gradients(graph, run(graph, computed, {graph.output: 1.0}, SLIPS["stale-order"])) == {"x": 2.0**40}


class Micrograd:
    """A number with its gradient, and the two backward passes that the micrograd threads propose."""

    def __init__(self, value: float, children: tuple[Micrograd, ...] = (), local: tuple[float, ...] = ()) -> None:
        self.value, self.children, self.local, self.grad = value, children, local, 0.0

    def __add__(self, other: Micrograd) -> Micrograd:
        return Micrograd(self.value + other.value, (self, other), (1.0, 1.0))

    def __mul__(self, other: Micrograd) -> Micrograd:
        return Micrograd(self.value * other.value, (self, other), (other.value, self.value))

    def step(self) -> None:
        for child, local in zip(self.children, self.local, strict=True):
            child.grad += self.grad * local

    def recursive(self) -> None:
        self.step()
        for child in self.children:
            child.recursive()

    def once(self, visited: set[int]) -> None:
        if id(self) not in visited:
            visited.add(id(self))
            self.step()
            for child in self.children:
                child.once(visited)


#: Sums and products with shared parts, as bpcli reads them and as Python runs them.
SHARED = [
    "c = a + b; d = a*b; e = c + d; f = c*d; y = e + f",  # https://github.com/karpathy/micrograd/issues/68
    "c = a*b; d = c*c + c; y = d*c + d*d + a",
    "c = a + b; d = c*a; e = d + c; f = e*d*c; y = f + e*a",
]


@pytest.mark.parametrize("text", SHARED)
@pytest.mark.parametrize("name", ["stale-order", "sent-too-early"])
def test_wrong_orders_as_micrograd_would_run_them(text: str, name: str) -> None:
    graph, computed = at(text, {"a": 2, "b": 3})
    scope: dict[str, Any] = {"a": Micrograd(2.0), "b": Micrograd(3.0)}
    exec(text, scope)
    scope["y"].grad = 1.0
    if name == "stale-order":
        scope["y"].recursive()
    else:
        scope["y"].once(set())
    got = gradients(graph, run(graph, computed, {graph.output: 1.0}, SLIPS[name]))
    assert got == {one: scope[one].grad for one in "ab"}
    assert got != gradients(graph, reverse(graph, computed, {graph.output: 1.0}))


def test_product_of_derivatives() -> None:
    """Of sin(x)*x*exp(x): cos(x)*1*exp(x); and of the inner product, which only the outer one's slip touches."""
    graph, computed = at("q = sin(x)*x; q*exp(x)", {"x": 0.7})
    slip, seeds = SLIPS["product-of-derivatives"], {graph.output: 2.0}
    inner, outer = places(graph, computed, slip)
    sin, cos, exp = math.sin(0.7), math.cos(0.7), math.exp(0.7)
    for wanted, expected in (([inner, outer], cos * exp), ([inner], cos * exp + sin * 0.7 * exp),
                             ([outer], (cos * 0.7 + sin) * exp)):  # fmt: skip
        got = run(graph, computed, seeds, slip, at=wanted)
        assert got[graph.inputs["x"]] == pytest.approx(2 * expected, rel=1e-14)
        assert got[inner] == pytest.approx(2 * exp, rel=1e-14)


def test_the_slip_of_the_readme_works() -> None:
    """The row that the README adds can be made, and gives what it says."""
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    row = re.search(r"```python\n(slip\(.*?)```", text, re.DOTALL)
    assert row
    name = row[1].split('"')[1]
    try:
        exec(row[1], {"slip": slips.slip})
        graph, computed = at("softplus(x)", {"x": 1})
        got = run(graph, computed, {graph.output: 1.0}, SLIPS[name])
        assert gradients(graph, got)["x"] == pytest.approx(math.log(1 + E))
    finally:
        SLIPS.pop(name, None)
