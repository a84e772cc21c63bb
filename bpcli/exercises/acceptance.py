"""Which draws a student may get: not near a kink, within what a hand can carry, and true to the problem's own rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from bpcli.compiled import condition, value_function
from bpcli.exercises.keys import Key, keys
from bpcli.exercises.numbers import Load, decimals, flat
from bpcli.exercises.problem import AVOID, Problem
from bpcli.exercises.telling import asks_gradients, tell
from bpcli.exercises.variants import Variant, draws, evaluate
from bpcli.sweeps import Values
from bpcli.trouble import Trouble

#: Of the largest number of the draw: nearer than this to a kink is near.
NEAR_KINK = 1e-3
#: Largest number, and smallest but for 0, that a hand carries where numbers are rounded.
LARGEST, SMALLEST = 1e4, 1e-4


#: Draws that tell how much a problem usually asks of a hand.
PILOT = 48


def fault(variant: Variant) -> str | None:
    """Why a draw will not do; None if it will."""
    reason = hard_fault(variant) or uneven(variant)
    if reason is None and (hidden := tell(variant).hidden):
        reason = f"{hidden[0]} would be marked right"
    return reason


def hard_fault(variant: Variant) -> str | None:
    """What makes a draw impossible, whatever the slips do."""
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


# --- an even load ----------------------------------------------------------------------------------------


def load(variant: Variant) -> Load:
    """How much VARIANT asks of a hand: its drawn numbers and those to be worked out."""
    problem = variant.problem
    drawn = [variant.point[name] for name, given in problem.given.items() if not given.fixed]
    asked = [key.number for key in keys(variant) if key.number is not None]
    rounded = problem.rounding.rounded
    return Load.of(
        [one for value in drawn for one in flat(value)] + [rounded(one) for value in asked for one in flat(value)]
    )


@lru_cache(maxsize=256)
def usual(problem: Problem) -> Load | None:
    """The middle of what the problem's own pilot draws ask; None when it has too few to tell."""
    loads = []
    for variant in islice(draws(problem, "pilot", ""), 4 * PILOT):
        if hard_fault(variant) is None:
            loads.append(load(variant))
        if len(loads) == PILOT:
            break
    if len(loads) < PILOT // 4:
        return None
    columns = zip(*loads, strict=True)
    return Load(*[sorted(column)[len(loads) // 2] for column in columns])


def band(middle: Load, count: int) -> Load:
    """How far from the MIDDLE a variant with so many numbers may be."""
    return Load(max(1, count // 6), max(1, count // 8), 1, max(2, middle.digits // 4))


def uneven(variant: Variant) -> str | None:
    """Whether a draw asks much more or less of a hand than usual.

    Zeros are not counted where gates have kinks: a closed relu makes many, and is what the problem is about.
    """
    middle = usual(variant.problem)
    if middle is None or all(given.fixed for given in variant.problem.given.values()):
        return None
    here = load(variant)
    numbers = sum(key.number is not None for key in keys(variant)) + len(variant.point)
    allowed = band(middle, numbers)
    exact = variant.problem.rounding.kind == "exact"
    for name, one, usually, most in zip(Load._fields, here, middle, allowed, strict=True):
        if (name in ("decimals", "digits") and not exact) or (name == "zeros" and _kinked(variant.problem)):
            continue
        if abs(one - usually) > most:
            return f"it has many more {name} than usual" if one > usually else f"it has many fewer {name} than usual"
    return None


# --- numbers ---------------------------------------------------------------------------------------------


def carried(variant: Variant) -> Iterator[float]:
    """Every number that the student works out: values of gates and, where gradients are asked, gradients."""
    graph = variant.problem.graph
    for node in graph.gates:
        if variant.values[node] is not None:
            yield from flat(variant.values[node])
    if asks_gradients(variant.problem):
        for node in (*graph.gates, *graph.inputs.values()):
            if graph.active[node] and variant.adjoints[node] is not None:
                yield from flat(variant.adjoints[node])


def unhandy(variant: Variant, answers: Sequence[Key]) -> str | None:
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
    scale = max((abs(one) for value in values if value is not None for one in flat(value)), default=1.0)
    for place in _kinked(variant.problem):
        inputs = [values[k] for k in graph.args[place]]
        if values[graph.gates[place]] is None or any(one is None for one in inputs):
            continue
        largest = max(abs(one) for value in inputs for one in flat(value))
        digits = 2 * largest * 10.0 ** (1 - places) if rule == "digits" else 0.0
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

    from bpcli.arrays.sweeps import piece_function, value_function

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
