"""Simulated students: honest ones who work in different ways, and ones who make one slip."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import NamedTuple

from bpcli.graph import Graph
from bpcli.marking.answers import Answer, Number, read_number
from bpcli.marking.handwork import Hand, sent_by_hand, walk
from bpcli.marking.key import Asked, Key, key_of
from bpcli.passes import parse
from bpcli.rounding import EXACT, Rule
from bpcli.slipped import collect, edges, places, rules_at, run, slipped_gradients
from bpcli.slips import NO_SLIP, SLIPS, Slip
from bpcli.sweeps import Values, evaluate_gate
from bpcli.trouble import Trouble

#: Formulas of the lectures and of exercise sheets, with points away from kinks and from numbers that hide slips.
PROBLEMS: list[tuple[str, dict[str, float]]] = [
    ("q = x + y; f = q*z", {"x": -2, "y": 5, "z": -4}),
    ("sigmoid(w0*x0 + w1*x1 + w2)", {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3}),
    ("1/(1 + exp(-(w0*x0 + w1*x1 + w2)))", {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3}),
    ("(x + sigmoid(y))/(sigmoid(x) + (x + y)^2)", {"x": 3, "y": -4}),
    ("a = x*y; b = max(y, z); c = a + b; f = 2*c", {"x": 3, "y": -4, "z": 2}),
    ("q = x*y; r = q + z; f = r*q - x", {"x": 2, "y": 3, "z": -5}),
    ("h = tanh(w*x + b); L = (h - t)^2", {"w": 0.7, "x": 1.5, "b": -0.4, "t": 0.25}),
    ("log(1 + exp(-y*z))", {"y": 1.5, "z": -0.8}),
    ("u = x/y; v = u - y; f = v*v + u", {"x": 7, "y": 2}),
    ("h = relu(w*x + b); f = h*v + relu(-x)", {"w": 3, "x": 2, "b": -1, "v": 5}),
    ("exp(-(x - m)^2/(2*s^2))", {"x": 1.5, "m": 0.5, "s": 1.25}),
    ("sqrt(x^2 + y^2) - log(x)", {"x": 3, "y": 4}),
]


class Exercise(NamedTuple):
    """A formula with everything asked."""

    graph: Graph
    point: dict[str, float]
    key: Key
    blanks: list[Asked]


def exercise(text: str, point: Mapping[str, float], rule: Rule = EXACT, ends: bool = False) -> Exercise:
    """Every value and gradient asked, or with ENDS the gradients of the variables alone."""
    numbers = {name: float(value) for name, value in point.items()}
    graph = parse(text, variables=list(numbers))
    key = key_of(graph, numbers, rule)
    gates = [node for node in graph.gates if key.values[node] is not None]
    blanks = [] if ends else [Asked(graph.ids[node], "value", node) for node in gates]
    back = [] if ends else [node for node in key.gates if node != graph.output]
    blanks += [Asked(f"d{graph.ids[node]}", "gradient", node) for node in [*back, *graph.inputs.values()]]
    return Exercise(graph, numbers, key, blanks)


def numbers_of(work: Exercise, values: Values, gradients: Values) -> list[tuple[str, float]]:
    return [(one.name, (values if one.kind == "value" else gradients)[one.node]) for one in work.blanks]


def written(numbers: list[tuple[str, float]], how: str) -> dict[str, Answer]:
    """NUMBERS as a student writes them: in full, as fractions where they are ones, or to so many digits."""
    found = {}
    for name, value in numbers:
        text = repr(float(value))
        if how == "fraction":
            fraction = Fraction(value).limit_denominator(10_000)
            text = str(fraction) if float(fraction) == value else text
        elif how != "full":
            text = f"{value:.{how}}"
        found[name] = read_number(text)
    return found


def by_hand(work: Exercise, rule: Rule, hand: Hand) -> dict[str, Answer]:
    """The answers of somebody who rounds everything, written with the rule's places."""
    values, gradients = walk(work.graph, work.point, rule, hand)
    return written(numbers_of(work, values, gradients), format_of(rule))


def format_of(rule: Rule) -> str:
    return {"decimals": f"{rule.places}f", "exact": "full"}.get(rule.kind, f"{rule.places}g")


class Slipped(NamedTuple):
    """What somebody answers who makes one slip at one gate."""

    slip: Slip
    node: int
    answers: dict[str, Answer]
    made: set[str]
    """The blanks where the slip itself shows."""


def with_one_slip(work: Exercise, seed: int) -> Iterator[Slipped]:
    """Every slip that can be made at one gate and changes a number, in an order that SEED decides."""
    graph, key = work.graph, work.key
    seeds = {graph.output: 1.0}
    choices = [(slip, node) for slip in SLIPS.values() if slip.order == "topological" and not slip.push
               for node in places(graph, key.values, slip)]  # fmt: skip
    random.Random(seed).shuffle(choices)
    right = run(graph, key.values, seeds, SLIPS["upstream-dropped"], at=())
    for slip, node in choices:
        gradients = run(graph, key.values, seeds, slip, at=[node])
        if all(abs(a - b) <= 1e-3 * max(abs(a), abs(b)) for a, b in zip(right, gradients, strict=True)):
            continue
        if slip.collect == "sum":
            place = graph.position[node]
            shows = {graph.args[place][k] for k in edges(graph, place, key.values)}
        else:
            shows = {node}
        made = {one.name for one in work.blanks if one.kind == "gradient" and one.node in shows}
        yield Slipped(slip, node, written(numbers_of(work, key.values, gradients), "full"), made)


#: What somebody rounds who makes a slip: the answers alone; the values on the way to them; every number; every step of
#: a local gradient too.
HABITS = ("answers", "values", "numbers", "steps")


def rounding_with_one_slip(work: Exercise, rule: Rule, habit: str, seed: int) -> Iterator[Slipped]:
    """The same, going on from numbers rounded by RULE; without those who divide by 0.00 or the like."""
    for one in with_one_slip(work, seed):
        numbers = [(name, answer.value) for name, answer in one.answers.items() if isinstance(answer, Number)]
        if habit != "answers":
            try:
                numbers = numbers_of(work, *_slipped_walk(work, rule, habit, one.slip, one.node))
            except (Trouble, ArithmeticError):
                continue
        yield one._replace(answers=written(numbers, format_of(rule)))


def _slipped_walk(work: Exercise, rule: Rule, habit: str, slip: Slip, at: int) -> tuple[Values, Values]:
    """The values and gradients of somebody who makes SLIP at one node."""
    graph, (values, _) = work.graph, walk(work.graph, work.point, rule)
    rounded = float if habit == "values" else rule.rounded
    arrived, gradients = {graph.output: [1.0]}, [0.0] * graph.size
    for node in [*graph.backward((graph.output,), values)[0], *graph.inputs.values()]:
        if node not in arrived:
            continue
        made = slip if node == at else NO_SLIP
        gradients[node] = rounded(collect(arrived[node], made))
        if node in graph.position:
            for k in edges(graph, place := graph.position[node], values):
                upstream, local = gradients[node], _slope(work, place, k, values, rule, habit, made)
                sent = {"G*d": upstream * local, "G": upstream, "d": local, "G + d": upstream + local}[made.product]
                arrived.setdefault(graph.args[place][k], []).append(rounded(sent))
    return values, gradients


def _slope(work: Exercise, place: int, k: int, values: Values, rule: Rule, habit: str, made: Slip) -> float:
    """The local gradient that they find for the input K."""
    graph, rules = work.graph, rules_at(work.graph, place, values, made)
    if habit == "steps" and not (rules and rules[k]):
        return sent_by_hand(graph, place, k, values, 1.0, rule)[0]
    now = list(values)
    if graph.row(place).name in ("max", "min"):  # who wins is seen from the inputs, whatever y is rounded to
        now[graph.gates[place]] = evaluate_gate(graph, place, values)
    slope = slipped_gradients(graph, place, now, made)[k] or 0.0
    return slope if habit == "values" else rule.rounded(slope)
