"""What a sheet says in words: the rounding rule with its example, what each blank asks for, numbers as written."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from itertools import count
from math import prod
from typing import Any

from bpcli.exercises.problem import (
    Blank,
    ChoiceBlank,
    FormulaBlank,
    GradientBlank,
    LocalBlank,
    NumberBlank,
    Problem,
    ProgramBlank,
    QuotientBlank,
    StepBlank,
    ValueBlank,
)
from bpcli.figures import show
from bpcli.graph import Graph
from bpcli.printing import gate_text, write
from bpcli.rounding import Rule


def rounding_rule(problem: Problem) -> str:
    """The rule in plain words, with an example."""
    rule, places = problem.rounding
    if rule == "exact":
        return "All numbers come out exactly; do not round. A fraction such as 3/4 is fine."
    kind = _count(places, "decimal") if rule == "decimals" else f"{places} significant digits"
    digits = 4 if places <= 3 else places + 2  # so many that the rule takes some away
    examples = (f"{math.log(3):.{digits}f}", f"{math.exp(-1):.{digits}f}")
    if rule == "digits":
        examples = (examples[0], f"{math.exp(-1) / 10:.{digits + 1}f}")
    first, second = (f"{one} becomes {figure(float(one), problem.rounding)}" for one in examples)
    return f"Round every number you write to {kind} and go on with the rounded one: {first}, {second}."


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def figure(value: float, rounding: Rule) -> str:
    """VALUE as the sheet's rule writes it: half a unit goes away from 0, trailing zeros stay."""
    rule, places = rounding
    exact = Decimal(f"{value:.15g}")
    if rule == "exact":
        return show(float(f"{value:.12g}"), 12)  # 0.1 + 0.2 is 0.3 on paper
    if rule == "digits":
        places = places - 1 - exact.adjusted() if exact else places
    rounded = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    if rule == "digits" and rounded.adjusted() > exact.adjusted():  # 9.995 becomes 10.0
        rounded = rounded.quantize(Decimal(1).scaleb(1 - places), ROUND_HALF_UP)
    return f"{rounded + 0 if rounded else abs(rounded):f}"


def array_figure(value: Any, rounding: Rule) -> str:
    """A number, or an array as bpcli reads it, rounded."""
    if getattr(value, "shape", ()):
        return f"[{', '.join(array_figure(one, rounding) for one in value)}]"
    return figure(float(value), rounding)


def given_text(value: Any) -> str:
    """A given as the sheet writes it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(given_text, value))}]"
    return f"{value:f}"


def asks_for(problem: Problem, blank: Blank) -> str:
    """What BLANK asks for, in words."""
    graph = problem.graph
    output = graph.names.get(graph.output, "the output")
    if isinstance(blank, ValueBlank):
        return f"value of {_node(problem, blank.node)}{_many(graph, blank.node)}"
    if isinstance(blank, GradientBlank):
        return f"gradient of {output} at {_node(problem, blank.node)}{_many(graph, blank.node)}"
    if isinstance(blank, LocalBlank):
        given = graph.args[graph.position[blank.node]][blank.place]
        return f"local gradient of the gate {_node(problem, blank.node)} for its input {graph.ids[given]}"
    if isinstance(blank, FormulaBlank) and graph.shapes is not None:
        of = graph.names.get(blank.node, "the output")
        return f"gradient of {of} at {_node(problem, graph.inputs[blank.variable])}, as a formula"
    if isinstance(blank, FormulaBlank):
        return f"derivative of {graph.names.get(blank.node, 'the output')} by {blank.variable}, as a formula"
    if isinstance(blank, ProgramBlank):
        passes = {"forward": "forward pass", "backward": "backward pass", "both": "forward and backward pass"}
        return f"the {passes[blank.stage]}, a line for each step; it must define {', '.join(blank.needs)}"
    if isinstance(blank, ChoiceBlank):
        about = {"pattern": "pattern of the gate ", "route": "input that the gate takes: "}.get(blank.rule, "")
        where = _node(problem, blank.node) + ": " if about else ""
        return f"{about}{where}one of {', '.join(blank.options)}"
    if isinstance(blank, StepBlank):
        decay = write(blank.decay)
        shrink = "" if decay == "0" else f" and weight decay {_written(blank.decay)}"
        after = f"{graph.ids[blank.node]} after one step with learning rate {_written(blank.rate)}{shrink}"
        return after + _many(graph, blank.node)
    if isinstance(blank, QuotientBlank):
        return f"{blank.scheme} difference quotient in {blank.variable} with h = {_written(blank.h)}"
    assert isinstance(blank, NumberBlank)
    # The author's sentence asks instead: the formula of "how many paths?" is the answer.
    if blank.text:
        return _numbers(_shape(blank.formula, blank.formula.output))
    return _written(blank.formula) + _many(blank.formula, blank.formula.output)


def is_array(problem: Problem, blank: Blank) -> bool:
    """Whether the answer to BLANK is an array of several numbers."""
    if isinstance(blank, NumberBlank):
        return prod(_shape(blank.formula, blank.formula.output)) > 1
    return isinstance(blank, ValueBlank | GradientBlank | StepBlank) and prod(_shape(problem.graph, blank.node)) > 1


def _many(graph: Graph, node: int) -> str:
    """Of an array, in brackets, how many numbers it has and how it is written."""
    shape = _shape(graph, node)
    return f" ({_numbers(shape)})" if shape else ""


def _numbers(shape: tuple[int, ...]) -> str:
    """How many numbers, and how they are written if there is more than one."""
    if not shape:
        return "a number"
    one = prod(shape) == 1
    return f"{' × '.join(map(str, shape))} number{'s' * (not one)}, written like {_example(shape, count(1))}"


def _example(shape: tuple[int, ...], numbers: Iterator[int]) -> Any:
    """An array of NUMBERS with at most two entries along each axis: ``[[1], [2]]`` for a column."""
    return [_example(shape[1:], numbers) for _ in range(min(shape[0], 2))] if shape else next(numbers)


def _shape(graph: Graph, node: int) -> tuple[int, ...]:
    return graph.shapes[node] if graph.shapes else ()


def _written(graph: Graph) -> str:
    return graph.source if not graph.source.startswith("where(") else write(graph)


def _node(problem: Problem, node: int) -> str:
    """The name of a node; a gate without one of its own with what it computes."""
    graph = problem.graph
    name = graph.ids[node]
    if node in graph.names or node not in graph.position:
        return name
    return f"{name} = {gate_text(graph, graph.position[node])}"
