"""Which draws a student may get: not near a kink, within what a hand can carry, and true to the problem's own rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bpcli.compiled import condition, value_function
from bpcli.exercises.keys import Key, keys
from bpcli.exercises.problem import AVOID, ChoiceBlank, GradientBlank, NumberBlank, Problem, StepBlank
from bpcli.exercises.variants import Variant, evaluate
from bpcli.sweeps import Values
from bpcli.trouble import Trouble

#: Of the largest input of a gate: nearer than this to its kink is near.
NEAR_KINK = 1e-3
#: Largest number, and smallest but for 0, that a hand carries where numbers are rounded.
LARGEST, SMALLEST = 1e4, 1e-4


def fault(variant: Variant) -> str | None:
    """Why a draw will not do; None if it will."""
    try:
        problem = variant.problem
        for required in problem.require:
            if not evaluate(required, variant.scope):
                return "a condition of require does not hold"
        if problem.kinks == AVOID and near_kink(variant):
            return "it is near a kink"
        return unhandy(variant, keys(variant))
    except Trouble as trouble:
        return trouble.message


def uses_gradients(problem: Problem) -> bool:
    """Whether some blank is about a gradient."""
    for blank in problem.blanks:
        if isinstance(blank, GradientBlank | StepBlank):
            return True
        graphs = [blank.formula] if isinstance(blank, NumberBlank) else []
        graphs += blank.conditions if isinstance(blank, ChoiceBlank) else []
        if any(name not in problem.given and name not in problem.graph.scope and name.startswith("d")
               for graph in graphs for name in graph.inputs):  # fmt: skip
            return True
    return False


# --- numbers ---------------------------------------------------------------------------------------------


def flat(value: Any) -> list[float]:
    """A number, or the entries of an array, as a list."""
    return [float(one) for one in value.ravel()] if hasattr(value, "ravel") else [float(value)]


def carried(variant: Variant) -> Iterator[float]:
    """Every number that the student works out: values of gates and, where gradients are asked, gradients."""
    graph = variant.problem.graph
    for node in graph.gates:
        if variant.values[node] is not None:
            yield from flat(variant.values[node])
    if uses_gradients(variant.problem):
        for node in (*graph.gates, *graph.inputs.values()):
            if graph.active[node] and variant.adjoints[node] is not None:
                yield from flat(variant.adjoints[node])


def decimals(value: float, most: int = 12) -> int:
    """How many decimals VALUE has; MOST + 1 when more than that."""
    for places in range(most + 1):
        if abs(round(value, places) - value) <= 1e-12 * max(1.0, abs(value)):
            return places
    return most + 1


def unhandy(variant: Variant, answers: list[Key]) -> str | None:
    """What makes a draw too much for a hand, or None."""
    rule, places = variant.problem.rounding
    numbers = [one for key in answers if key.number is not None for one in flat(key.number)]
    if rule == "exact":
        carry = variant.problem.carry
        if any(decimals(one, carry) > carry for one in (*carried(variant), *numbers)):
            return f"a number has more than {carry} decimals"
        return None
    if any(abs(one) >= LARGEST for one in (*carried(variant), *numbers)):
        return f"a number is {LARGEST:,.0f} or larger"
    unit = 10.0**-places if rule == "decimals" else SMALLEST
    if any(0 < abs(one) < unit for one in numbers):
        return "an answer rounds to 0" if rule == "decimals" else f"an answer is below {SMALLEST:g}"
    return None


# --- kinks -----------------------------------------------------------------------------------------------


def near_kink(variant: Variant) -> bool:
    """Whether a gate is so near its kink that a rounded number might be on the other side."""
    graph, values = variant.problem.graph, variant.values
    rule, places = variant.problem.rounding
    rounding = 2 * 10.0**-places if rule == "decimals" else 0.0
    for place in _kinked(variant.problem):
        inputs = [values[k] for k in graph.args[place]]
        if values[graph.gates[place]] is None or any(one is None for one in inputs):
            continue
        scale = max(abs(one) for value in inputs for one in flat(value))
        digits = 2 * scale * 10.0 ** (1 - places) if rule == "digits" else 0.0
        margin = max(NEAR_KINK * scale, rounding, digits, 1e-9)
        if _turns(variant, place, inputs, margin):
            return True
    return False


def _kinked(problem: Problem) -> list[int]:
    """The places of gates with kinks that depend on a variable."""
    graph = problem.graph
    return [place for place, node in enumerate(graph.gates) if graph.row(place).piece and graph.active[node]]


def _turns(variant: Variant, place: int, inputs: list[Any], margin: float) -> bool:
    """Whether moving one entry of one input by MARGIN puts the gate on another of its pieces."""
    row = variant.problem.graph.row(place)
    if variant.problem.graph.shapes is not None:
        return _array_turns(row, inputs, margin)
    piece = condition(row, row.piece)
    value = value_function(row)
    here = piece(*inputs, value(*inputs))
    for k, one in enumerate(inputs):
        for shift in (-margin, margin):
            moved: Values = [*inputs[:k], one + shift, *inputs[k + 1 :]]
            if piece(*moved, value(*moved)) != here:
                return True
    return False


def _array_turns(row: Any, inputs: list[Any], margin: float) -> bool:
    import numpy as np

    from bpcli.array_sweeps import piece_function, value_function

    piece, value = piece_function(row), value_function(row)
    here = piece(*inputs, value(*inputs))
    for k, one in enumerate(inputs):
        for at in np.ndindex(np.shape(one)):
            for shift in (-margin, margin):
                moved = np.array(one)
                moved[at] += shift
                changed = [*inputs[:k], moved, *inputs[k + 1 :]]
                if not np.array_equal(piece(*changed, value(*changed)), here):
                    return True
    return False
