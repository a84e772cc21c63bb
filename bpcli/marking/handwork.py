"""What honest work by hand gives: how far rounding at every gate may lead from the exact numbers, and such a walk.

`allowance` is a bound. Each gate is evaluated at the corners of the box that its inputs may be in, its own rounding
is added, and so on through the graph; backwards likewise, with every local gradient worked out by its formula,
step by step, from numbers that are rounded themselves. So it covers whoever rounds everything, some things, or
nothing but the answer. Numbers that need no rounding stay exact: on whole numbers the allowance is 0.

`walk` is one such person. The tests hold the bound against many of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from itertools import product
from typing import NamedTuple

from bpcli.compiled import condition, value_function
from bpcli.gates import Gate
from bpcli.graph import Graph
from bpcli.refusal import refuse
from bpcli.rewrite import template
from bpcli.rounding import NOISE, Rule
from bpcli.sweeps import Values, evaluate_gate, forward, forward_on_demand, local_gradients
from bpcli.trouble import Trouble

_MOST_CORNERS = 3  # inputs whose every combination of ends is tried; with more, all together and one by one

#: Gates whose value needs no rounding when their inputs are rounded: to decimals, and to significant digits.
_KEEPS = {
    "decimals": frozenset("add sub neg abs relu max min clip where sign step floor ceil".split()),
    "digits": frozenset("neg abs relu max min clip where sign step".split()),
}


#: A place where the gate turns back; the others are whole multiples of π away.
_FIRST_TURN = {"sin": math.pi / 2, "cos": 0.0}


class Allowance(NamedTuple):
    """How far an honest number may be from the exact one; ``inf`` where a hand that rounds cannot go on."""

    values: list[float]
    """For the value of each node."""
    gradients: list[float]
    """For the gradient of each node."""
    local: dict[int, list[float]]
    """For the local gradients of each gate (by its node), one for each input."""
    sends: dict[int, list[float]]
    """For the products of each gate."""


class Figure(NamedTuple):
    """A number with how far an honest one may be from it, and whether it is written with the rule's places."""

    value: float
    reach: float
    round: bool


# --- a number that is rounded -----------------------------------------------------------------------------


def settle(rule: Rule, value: float, reach: float, keeps: bool = False) -> float:
    """The reach of VALUE, REACH before it is written down, once it may have been rounded.

    A value that cannot vary is rounded in one way; one that KEEPS its places needs no rounding.
    """
    if reach <= NOISE * abs(value):
        return rule.step(value)
    return reach if keeps or not rule.at_gates else reach + rule.unit(abs(value) + reach)


def spread(row: Gate, inputs: Sequence[float], reaches: Sequence[float], value: float) -> float:
    """How far ROW's value may be from VALUE when each of INPUTS may be as far off as its reach."""
    live = [k for k, reach in enumerate(reaches) if reach]
    if not live:
        return 0.0
    if row.name in ("add", "sub"):
        return sum(reaches)
    if row.name == "mul":
        return abs(inputs[0]) * reaches[1] + abs(inputs[1]) * reaches[0] + reaches[0] * reaches[1]
    if any(math.isinf(reaches[k]) for k in live) or _divides_by_zero(row, inputs, reaches):
        return math.inf
    evaluate = value_function(row)
    worst = 0.0
    for shifts in (*_shifts(len(live)), *_turns(row.name, inputs[0], reaches[0])):
        moved = list(inputs)
        for k, shift in zip(live, shifts, strict=True):
            moved[k] += shift * reaches[k]
        try:
            worst = max(worst, abs(evaluate(*moved) - value))
        except (ArithmeticError, ValueError):
            return math.inf  # an honest hand may meet the edge of the domain
    return worst if math.isfinite(worst) else math.inf


def _divides_by_zero(row: Gate, inputs: Sequence[float], reaches: Sequence[float]) -> bool:
    """Whether a pole lies in the box, which its corners do not show."""
    if row.name == "tan":  # at every odd multiple of π/2
        return bool(_turns("cos", inputs[0] - math.pi / 2, reaches[0]))
    pole = {"div": 1, "pow": 0}.get(row.name)
    if pole is None or abs(inputs[pole]) > reaches[pole]:
        return False
    return row.name == "div" or inputs[1] - reaches[1] < 0


def _turns(name: str, value: float, reach: float) -> list[tuple[float, ...]]:
    """Where between its ends a sine or cosine has a highest and a lowest point, as shares of REACH."""
    if name not in _FIRST_TURN:
        return []
    first = _FIRST_TURN[name]
    lowest = math.ceil((value - reach - first) / math.pi)
    turns = (first + math.pi * (lowest + k) for k in range(2))  # what comes after is the same again
    return [((turn - value) / reach,) for turn in turns if abs(turn - value) <= reach]


@cache
def _shifts(count: int) -> list[tuple[float, ...]]:
    """The corners of a box of so many sides, and for one side the points halfway, for gates that turn back."""
    if count == 1:
        return [(-1.0,), (-0.5,), (0.5,), (1.0,)]
    if count <= _MOST_CORNERS:
        return list(product((-1.0, 1.0), repeat=count))
    single = [tuple(sign * (k == one) for k in range(count)) for one in range(count) for sign in (-1.0, 1.0)]
    return [(-1.0,) * count, (1.0,) * count, *single]


def _keeps(rule: Rule, name: str, inputs: Sequence[Figure]) -> bool:
    """Whether the gate NAME gives a number with the rule's places when its INPUTS have them."""
    if name in _KEEPS.get(rule.kind, ()):
        return all(one.round for one in inputs) and (name not in ("add", "sub") or _adds_up(rule, inputs))
    if name != "mul":
        return False
    whole = 1.0 if rule.kind == "digits" else 2.0**53  # 2·0.37 has two decimals; -1·0.37 also as many digits
    return any(
        not one.reach and one.value % 1 == 0 and abs(one.value) <= whole and other.round
        for one, other in (inputs, inputs[::-1])
    )


def _adds_up(rule: Rule, parts: Sequence[Figure]) -> bool:
    """Whether a sum of PARTS has the rule's decimals because they have them, or are rounded to them if they were not.

    0.79, written for 0.7854, and cos 1.51125, used in full, are 0.8448: that is rounded to 0.84, not to 0.79 + 0.06.
    """
    written = any(one.reach and not rule.step(one.value) for one in parts)
    return not (written and any(one.reach < rule.unit(1.0) for one in parts if rule.step(one.value)))


def figures(graph: Graph, values: Values, rule: Rule, known: Mapping[int, Figure] | None = None) -> list[Figure]:
    """A `Figure` for the value of every node; KNOWN ones (by node) are taken as they are."""
    nothing = Figure(0.0, 0.0, True)
    found = [nothing] * graph.size
    for node in (*graph.inputs.values(), *graph.constants):
        value = values[node]
        if value is not None:
            found[node] = given(value, rule)
    found = [(known or {}).get(node, one) for node, one in enumerate(found)]
    for place, node in enumerate(graph.gates):
        value = values[node]
        if value is None or (known and node in known):
            continue
        found[node] = figure_of(graph.row(place), [found[k] for k in graph.args[place]], value, rule)
    return found


def given(value: float, rule: Rule) -> Figure:
    """A number of the question: exact as it is printed, unless it has no end (π, a third) and so is rounded too."""
    return Figure(value, *_as_given(value, rule))


@lru_cache(maxsize=1 << 14)  # a sheet's givens are few and come again with every slip that is tried
def _as_given(value: float, rule: Rule) -> tuple[float, bool]:
    reach = rule.step(value) if f"{value:.12g}" != f"{value:.15g}" else 0.0
    return reach, bool(reach) or not rule.step(value)


def figure_of(row: Gate, inputs: Sequence[Figure], value: float, rule: Rule) -> Figure:
    """The `Figure` for the VALUE of a gate, given those of its INPUTS."""
    reach = spread(row, [one.value for one in inputs], [one.reach for one in inputs], value)
    return Figure(value, settle(rule, value, reach, _keeps(rule, row.name, inputs)), True)


# --- local gradients --------------------------------------------------------------------------------------


@cache
def forms(row: Gate, place: int, kinks: str = "") -> tuple[Graph, ...]:
    """The ways to work out ROW's local gradient for the input at PLACE, as graphs of its inputs and ``y``.

    Both what the blackboard has and what the table computes; KINKS is the convention when the gate is at its kink.
    """
    texts = [row.at[kinks][place]] if kinks in row.at else [*row.shown[place : place + 1], row.local[place]]
    graphs = []
    for text in dict.fromkeys(texts):
        if " if " in text or not text:  # a sentence
            continue
        graphs.append(template(_written_out(row, text), (*row.inputs, "y")))
    return tuple(graphs)


def _written_out(row: Gate, text: str) -> str:
    for name, formula in reversed(row.lets):
        text = re.sub(rf"\b{name}\b", f"({formula})", text)
    return text


def _forms_at(row: Gate, place: int, inputs: Sequence[float], y: float, kinks: str) -> tuple[Graph, ...]:
    kinked = row.kink is not None and kinks in row.at and condition(row, row.kink[0])(*inputs, y)
    return forms(row, place, kinks if kinked else "")


def local_figure(row: Gate, place: int, inputs: Sequence[Figure], y: Figure, local: float, rule: Rule,
                 kinks: str = "torch") -> Figure:  # fmt: skip
    """The `Figure` for the LOCAL gradient of a gate for the input at PLACE: the widest of the ways to work it out."""
    widest, keeps = settle(rule, local, 0.0), True
    if row.name in ("max", "min") and len(inputs) > 2:  # its formula asks whether y == a, which rounding may deny
        return Figure(local, widest if has_winner(row.name, inputs) else 1.0, True)
    point = {name: one.value for name, one in zip((*row.inputs, "y"), (*inputs, y), strict=True)}
    for graph in _forms_at(row, place, [one.value for one in inputs], y.value, kinks):
        known = {
            node: one for name, one in zip((*row.inputs, "y"), (*inputs, y), strict=True)
            if (node := graph.inputs.get(name)) is not None
        }  # fmt: skip
        if not any(one.reach for one in known.values()) and not graph.gates:
            continue
        try:
            values = forward(graph, {name: point[name] for name in graph.inputs})
        except Trouble:
            continue  # the textbook form has no value where the stable one has
        output = figures(graph, values, rule, known)[graph.output]
        off = abs(output.value - local)
        widest = max(widest, output.reach + (off if off > 1e-9 * abs(local) else 0.0))
        keeps = keeps and output.round
    return Figure(local, widest, keeps and (bool(widest) or not rule.step(local)))


def has_winner(name: str, inputs: Sequence[Figure]) -> bool:
    """Whether the same input of a max or min wins however the others are rounded."""
    sign = 1.0 if name == "max" else -1.0
    best = max(inputs, key=lambda one: sign * one.value)
    return all(sign * (best.value - one.value) >= best.reach + one.reach for one in inputs if one is not best)


def torn_figure(row: Gate, place: int, inputs: Sequence[Figure], y: Figure, rule: Rule, stable: bool,
                kinks: str = "torch") -> Figure | None:  # fmt: skip
    """The local gradient by one form alone, where Y is not the gate's value at INPUTS.

    The blackboard's form, or with STABLE the table's: both are honest, and they give different numbers. None where
    the form has no value.
    """
    ways = _forms_at(row, place, [one.value for one in inputs], y.value, kinks)
    if not ways:
        return None
    try:
        return worked_figure(ways[-1 if stable else 0], dict(zip((*row.inputs, "y"), (*inputs, y), strict=True)), rule)
    except Trouble:
        return None


def worked_figure(formula: Graph, known: Mapping[str, Figure], rule: Rule) -> Figure:
    """The `Figure` for FORMULA, worked out step by step from KNOWN. Raises `Trouble` where it has no value."""
    values = forward(formula, {name: known[name].value for name in formula.inputs})
    return figures(formula, values, rule, {node: known[name] for name, node in formula.inputs.items()})[formula.output]


def product_figure(upstream: Figure, local: Figure, rule: Rule) -> Figure:
    """The `Figure` for upstream times local."""
    value = upstream.value * local.value
    reach = _product_reach(upstream, local)
    return Figure(value, settle(rule, value, reach, _keeps(rule, "mul", (upstream, local))), True)


def _product_reach(a: Figure, b: Figure) -> float:
    if math.isinf(a.reach) or math.isinf(b.reach):
        return math.inf
    return abs(a.value) * b.reach + abs(b.value) * a.reach + a.reach * b.reach


def sum_figure(parts: Sequence[Figure], rule: Rule) -> Figure:
    """The `Figure` for the sum of what arrives at a node, added one after the other."""
    if len(parts) == 1:
        return parts[0]
    value = math.fsum(one.value for one in parts)
    reach = math.fsum(one.reach for one in parts)
    if rule.kind == "digits" and reach:
        largest = sum(abs(one.value) + one.reach for one in parts)
        return Figure(value, reach + (len(parts) - 1) * rule.unit(largest), True)
    return Figure(value, settle(rule, value, reach, all(one.round for one in parts) and _adds_up(rule, parts)), True)


# --- the whole graph --------------------------------------------------------------------------------------


def allowance(graph: Graph, values: Values, rule: Rule, seeds: Mapping[int, float] | None = None,
              kinks: str = "torch") -> Allowance:  # fmt: skip
    """How far honest work, rounding as RULE says, may be from the exact VALUES and gradients of GRAPH.

    VALUES are those of `sweeps.forward`, SEEDS the upstream gradients of the outputs (1 for the output). A rule for
    the answer alone allows nothing on the way to it.
    """
    seeds = {graph.output: 1.0} if seeds is None else seeds
    if not rule.at_gates:
        none = [0.0] * graph.size
        nothing = {node: [0.0] * len(graph.args[place]) for place, node in enumerate(graph.gates)}
        return Allowance(none, none, nothing, nothing)
    known = figures(graph, values, rule)
    arriving: dict[int, list[Figure]] = {
        node: [Figure(seed, 0.0, not rule.step(seed))] for node, seed in seeds.items()
    }  # fmt: skip
    gradients = [0.0] * graph.size
    local: dict[int, list[float]] = {}
    sends: dict[int, list[float]] = {}
    for node in graph.backward(tuple(seeds), values)[0]:
        if node not in arriving:
            continue
        place = graph.position[node]
        row, args = graph.row(place), graph.args[place]
        upstream = sum_figure(arriving[node], rule)
        gradients[node] = upstream.reach
        local[node], sends[node] = [0.0] * len(args), [0.0] * len(args)
        for k, slope in enumerate(local_gradients(graph, place, values, kinks)):
            if slope is None or values[args[k]] is None:
                continue
            one = local_figure(row, k, [known[given] for given in args], known[node], slope, rule, kinks)
            sent = product_figure(upstream, one, rule)
            local[node][k], sends[node][k] = one.reach, sent.reach
            if sent.value or sent.reach:
                arriving.setdefault(args[k], []).append(sent)
    for node in graph.inputs.values():
        gradients[node] = sum_figure(arriving[node], rule).reach if node in arriving else 0.0
    return Allowance([one.reach for one in known], gradients, local, sends)


class Hand(NamedTuple):
    """The habits of somebody who works by hand."""

    half: str = "up"
    """How a middle is rounded: "up" or "even"."""
    stable: bool = False
    """Local gradients by the table's formula instead of the blackboard's."""
    steps: bool = True
    """Every step of a local gradient is rounded, not its result alone."""
    local: bool = True
    """Local gradients are rounded at all."""
    products: bool = True
    """Products and sums of gradients are rounded."""


_USUAL = Hand()
#: Every combination of habits.
HANDS_OF_A_CLASS = tuple(Hand(half, *habits) for half in ("up", "even") for habits in product((True, False), repeat=4))


def walk(graph: Graph, point: Mapping[str, float], rule: Rule, hand: Hand = _USUAL,
         seeds: Mapping[int, float] | None = None, kinks: str = "torch",
         rounder: Callable[[float], float] | None = None) -> tuple[Values, Values]:  # fmt: skip
    """The values and the gradients of every node that somebody finds who rounds as RULE says.

    ROUNDER stands in for the rule's own rounding. Raises `Trouble` (exit code 3) where rounded numbers lead out of
    a gate's domain: 1/0.00.
    """
    rounder = rounder or (lambda value: rule.rounded(value, hand.half) if rule.at_gates else value)
    values = _values(graph, point, rounder)
    seeds = {graph.output: 1.0} if seeds is None else seeds
    gradients: Values = [0.0] * graph.size
    for node, seed in seeds.items():
        gradients[node] = seed
    for node in graph.backward(tuple(seeds), values)[0]:
        place = graph.position[node]
        for k, given in enumerate(graph.args[place]):
            if graph.active[given] and graph.row(place).local[k] and gradients[node]:
                local = _local(graph, place, k, values, hand, kinks, rounder)
                sent = gradients[node] * local
                total = gradients[given] + (rounder(sent) if hand.products else sent)
                gradients[given] = rounder(total) if hand.products else total
    return values, gradients


def sent_by_hand(graph: Graph, place: int, k: int, values: Values, upstream: float, rule: Rule,
                 kinks: str = "torch") -> tuple[float, float]:  # fmt: skip
    """The local gradient and the product that `walk` finds at the gate at PLACE for its input K.

    VALUES and UPSTREAM are rounded already. Raises `Trouble` (exit code 3) where there is no slope at them.
    """
    local = _local(graph, place, k, values, _USUAL, kinks, rule.rounded)
    return local, rule.rounded(upstream * local)


def _values(graph: Graph, point: Mapping[str, float], rounder: Callable[[float], float]) -> Values:
    values: Values = [None] * graph.size
    for name, node in graph.inputs.items():
        values[node] = point[name]
    for node, value in graph.constants.items():
        values[node] = rounder(value) if node in graph.names else value
    return forward_on_demand(graph, values, lambda graph, place, now: rounder(evaluate_gate(graph, place, now)))


def _local(graph: Graph, place: int, k: int, values: Values, hand: Hand, kinks: str,
           rounder: Callable[[float], float]) -> float:  # fmt: skip
    row, node = graph.row(place), graph.gates[place]
    inputs = [values[given] for given in graph.args[place]]
    y = values[node]
    if row.name in ("max", "min") and len(inputs) > 2:  # nobody takes the winner for a loser because y is rounded
        y = evaluate_gate(graph, place, values)
    ways = _forms_at(row, k, inputs, y, kinks)
    steps = rounder if hand.local and hand.steps else float
    for form in ways[-1:] if hand.stable else ways:
        point = dict(zip((*row.inputs, "y"), (*inputs, y), strict=True))
        try:
            slope = _values(form, {name: point[name] for name in form.inputs}, steps)[form.output]
        except Trouble:
            continue
        return rounder(slope) if hand.local and form.gates else float(slope)
    return refuse(graph, place, values, f"{row.name} has no slope at this rounded point", "no-slope")
