"""Rounding by hand: the rules, the allowance as a bound on every honest walk, and the lectures' neuron."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from decimal import Decimal

import formulas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpcli.graph import Graph
from bpcli.marking.handwork import HANDS_OF_A_CLASS, Hand, allowance, walk
from bpcli.passes import parse
from bpcli.rounding import EXACT, Rule, read_rule
from bpcli.sweeps import Values, forward, reverse
from bpcli.trouble import Trouble

TWO = Rule("decimals", 2)
NEURON = {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0}


def exact(graph: Graph, point: dict[str, float]) -> tuple[Values, Values]:
    values = forward(graph, point)
    return values, reverse(graph, values, {graph.output: 1.0})


# --- rules ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ("exact", EXACT), (None, EXACT), (("exact", 0), EXACT),
        ("2", TWO), (2, TWO), ("2d", TWO), ("2 decimals at every gate", TWO), ("2 decimal places", TWO),
        ({"decimals": 2}, TWO), (("decimals", 2), TWO), (TWO, TWO), ("0", Rule("decimals", 0)),
        ("3s", Rule("digits", 3)), ("3 significant digits", Rule("digits", 3)), ({"digits": 3}, Rule("digits", 3)),
        (" 3  Digits at every gate", Rule("digits", 3)), ("3 digits in the answer", Rule("answer", 3)),
    ],
)  # fmt: skip
def test_rules_are_read(given: object, rule: Rule) -> None:
    assert read_rule(given) == rule  # type: ignore[arg-type]
    assert read_rule(str(rule)) == rule


@pytest.mark.parametrize(
    "given",
    ["", "two", "2 decimals in the answer",  "-1", "2.5", "16", "99999", "0s", "0 digits", "exactly", "2 decimals 3", "٢", {"decimals": True},
     {"decimals": "2"}, {"places": 2}, {}, {"decimals": 2, "digits": 3}, ("digits", 0), ("decimals", 2.0)],
)  # fmt: skip
def test_other_rules_are_refused(given: object) -> None:
    with pytest.raises(Trouble) as caught:
        read_rule(given)  # type: ignore[arg-type]
    assert caught.value.code == "rounding"
    assert all(read_rule(line.removeprefix("--rounding ")) for line in caught.value.tries)


@pytest.mark.parametrize(
    ("rule", "value", "up", "even"),
    [
        (TWO, 0.3932238, 0.39, 0.39), (TWO, 2.675, 2.68, 2.68), (TWO, 0.125, 0.13, 0.12), (TWO, -0.125, -0.13, -0.12),
        (TWO, 0.535 * 0.5, 0.27, 0.27), (TWO, 1e20, 1e20, 1e20), (TWO, 1e-9, 0.0, 0.0), (TWO, 0.1 + 0.2, 0.3, 0.3),
        (Rule("digits", 3), 1234.5, 1230.0, 1230.0), (Rule("digits", 3), 0.00045678, 0.000457, 0.000457),
        (Rule("digits", 1), 0.25, 0.3, 0.2), (Rule("digits", 3), 9.996, 10.0, 10.0), (EXACT, 1 / 3, 1 / 3, 1 / 3),
    ],
)  # fmt: skip
def test_figures_are_rounded_as_on_paper(rule: Rule, value: float, up: float, even: float) -> None:
    assert rule.rounded(value, "up") == up
    assert rule.rounded(value, "even") == even


@given(st.floats(-1e12, 1e12).filter(lambda x: not 0 < abs(x) < 1e-12), st.integers(0, 6), st.booleans())
def test_rounding_moves_by_at_most_half_a_unit(value: float, places: int, decimals: bool) -> None:
    rule = Rule("decimals", places) if decimals else Rule("digits", places + 1)
    for half in ("up", "even"):
        rounded = rule.rounded(value, half)
        noise = 1e-14 * abs(value)
        assert abs(rounded - value) <= rule.unit(max(abs(value), abs(rounded))) + noise
        assert rule.rounded(rounded, half) == rounded
        if decimals and abs(value) < 1e6:
            assert Decimal(repr(rounded)).quantize(Decimal(10) ** -places) == Decimal(repr(rounded))


# --- the neuron of the lectures ---------------------------------------------------------------------------


def test_the_neuron_by_hand() -> None:
    """With two decimals at every gate, dx0 is 0.40 and dx1 is -0.60, where exactly they are 0.3932 and -0.5898."""
    graph = parse("sigmoid(w0*x0 + w1*x1 + w2)", expand=True)
    values, gradients = exact(graph, NEURON)
    _, found = walk(graph, NEURON, TWO)
    allowed = allowance(graph, values, TWO)
    by_hand = {"x0": 0.40, "x1": -0.60, "w0": -0.20, "w1": -0.40, "w2": 0.20}
    for name, figure in by_hand.items():
        node = graph.inputs[name]
        assert found[node] == figure
        assert abs(figure - gradients[node]) <= allowed.gradients[node] < 0.06 * abs(gradients[node]) + 1e-12
    # The values on the slide: 0.37, 1.37, 0.73.
    assert [round(one, 2) for one in allowed.values if one] == [0.0, 0.0, 0.01]
    slips = {"x0": (-0.39, 2.0, 0.73, 0.53), "x1": (0.59, -3.0, -0.39), "w2": (1.0, 0.73, 0.27, 0.105)}
    for name, figures in slips.items():
        node = graph.inputs[name]
        assert all(abs(figure - gradients[node]) > allowed.gradients[node] for figure in figures)


def test_the_neuron_as_one_gate() -> None:
    """The local gradient (1 - y)·y from y = 0.73 is 0.1971, from the rounded 0.27 too."""
    graph = parse("s = w0*x0 + w1*x1 + w2; f = sigmoid(s)")
    values, gradients = exact(graph, NEURON)
    allowed = allowance(graph, values, TWO)
    node = graph.inputs["x0"]
    assert abs(0.40 - gradients[node]) <= allowed.gradients[node] < 0.04
    assert allowed.local[graph.output][0] >= abs(0.2 - gradients[graph.inputs["w2"]])


# --- the bound --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [TWO, Rule("decimals", 1), Rule("digits", 3)], ids=str)
def test_whole_numbers_need_no_allowance(rule: Rule) -> None:
    """Nothing is rounded in (x+y)z with small whole numbers, so nothing but the exact figure is honest."""
    graph = parse("q = x + y; f = q*z + max(x, y) - x^2")
    allowed = allowance(graph, forward(graph, {"x": -2.0, "y": 5.0, "z": -4.0}), rule)
    assert not any(allowed.values)
    assert not any(allowed.gradients)


def test_the_exact_rule_allows_nothing() -> None:
    graph = parse("exp(x/3)*pi")
    allowed = allowance(graph, forward(graph, {"x": 1.0}), EXACT)
    assert not any((*allowed.values, *allowed.gradients))


@pytest.mark.parametrize(("gate", "reach"), [("sin", 1.5), ("cos", 1.5), ("tan", math.inf)])
def test_a_wave_turns_more_than_once_within_a_wide_reach(gate: str, reach: float) -> None:
    """30·30.1 = 903 may be written 900: sin goes through both of its ends on the way, and tan through a pole."""
    graph = parse(f"{gate}(x*y)")
    allowed = allowance(graph, forward(graph, {"x": 30.0, "y": 30.1}), Rule("digits", 1))
    assert allowed.values[graph.output] >= reach


def test_dividing_by_what_may_round_to_zero_has_no_bound() -> None:
    graph = parse("1/(x*y)")
    allowed = allowance(graph, forward(graph, {"x": 0.05, "y": 0.07}), TWO)
    assert math.isinf(allowed.values[graph.output])
    with pytest.raises(Trouble) as caught:
        walk(graph, {"x": 0.05, "y": 0.07}, TWO)
    assert caught.value.exit_code == 3


def unsteady(rule: Rule, seed: int) -> Callable[[float], float]:
    """Somebody who rounds when they feel like it, a middle up or down."""
    choices = random.Random(seed)

    def round_or_not(value: float) -> float:
        how = choices.choice(("up", "even", None))
        return value if how is None else rule.rounded(value, how)

    return round_or_not


def assert_covered(formula: formulas.Formula, rule: Rule) -> int:
    """No honest walk through FORMULA leaves the allowance; how many figures there were."""
    graph = parse(formula.text, variables=list(formula.point))
    values, gradients = exact(graph, formula.point)
    allowed = allowance(graph, values, rule)
    people = [(hand, None) for hand in HANDS_OF_A_CLASS]
    people += [(Hand(stable=seed % 2 > 0), unsteady(rule, seed)) for seed in range(6)]
    count = 0
    for hand, rounder in people:
        found = walk(graph, formula.point, rule, hand, rounder=rounder)
        for numbers, truth, bounds in zip(found, (values, gradients), allowed, strict=False):
            for node in range(graph.size):
                if truth[node] is None or numbers[node] is None:
                    continue
                off, bound = abs(numbers[node] - truth[node]), bounds[node]
                assert off <= bound + 1e-11 * max(1.0, abs(truth[node])), (graph.ids[node], hand, formula)
                count += bound > 0
    return count


RULES = [TWO, Rule("decimals", 3), Rule("digits", 2), Rule("digits", 3)]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_honest_walk_is_within_the_allowance(rule: Rule) -> None:
    """Random formulas over every gate, for every habit of rounding."""
    assert sum(assert_covered(formula, rule) for formula in formulas.many(40, most=10)) > 1000


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_many_honest_walks(rule: Rule) -> None:
    for formula in formulas.many(1500, most=15):
        assert_covered(formula, rule)


@pytest.mark.parametrize("gate", [name for name in formulas.ARITIES if name not in ("floor", "ceil", "sign", "step")])
def test_the_allowance_of_one_gate(gate: str) -> None:
    """Every gate on its own inputs, with a gate before it that is rounded and one after it."""
    for seed in range(4):
        assert_covered(formulas.make(random.Random(seed), gates=[gate, "mul"], most=5), TWO)


def test_the_allowance_is_not_much_more_than_is_needed() -> None:
    """Half of all walks' worst figures use more than a tenth of what is allowed (a sharp bound would say all)."""
    used = []
    for formula in formulas.many(60, most=6):
        graph = parse(formula.text, variables=list(formula.point))
        values, gradients = exact(graph, formula.point)
        allowed = allowance(graph, values, TWO)
        found = [walk(graph, formula.point, TWO, hand)[1] for hand in HANDS_OF_A_CLASS]
        for node in graph.inputs.values():
            bound = allowed.gradients[node]
            if 0 < bound < math.inf:
                used.append(max(abs(one[node] - gradients[node]) for one in found) / bound)
    used.sort()
    assert used[len(used) // 2] > 0.1
