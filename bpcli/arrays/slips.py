"""What a gate sends back when a slip is made there, for graphs on arrays: the counterpart of `bpcli.slipped`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from bpcli.arrays import sweeps
from bpcli.arrays.gates import COPIES, MOVES
from bpcli.arrays.sweeps import ARRAYS, numpy_text
from bpcli.gates import Gate
from bpcli.graph import Graph
from bpcli.slipped import gates_of, mutated, rules_at
from bpcli.slips import Slip

Values = list[Any]


def sends(graph: Graph, place: int, values: Values, upstream: Any, slip: Slip, kinks: str = "torch") -> list[Any]:
    """What the gate at PLACE sends to each input when SLIP is made there; the right thing where it cannot be."""
    right = sweeps.sends(graph, place, values, upstream, kinks)
    wrong = _wrong(graph, place, values, upstream, slip, kinks)
    return [right[k] if right[k] is None else wrong.get(k, right[k]) for k in range(len(right))]


def can_slip(graph: Graph, place: int, values: Values, slip: Slip) -> bool:
    """Whether SLIP can be made at the gate at PLACE."""
    node = graph.gates[place]
    # Which entries of a guarded gate are taken depends on the `where` above: one with a value is enough.
    enough = np.any if node in graph.guarded else np.all
    return bool(_wrong(graph, place, values, np.ones(np.shape(values[node])), slip, "torch", enough))


def _wrong(graph: Graph, place: int, values: Values, upstream: Any, slip: Slip, kinks: str,
           enough: Callable[[Any], Any] = np.all) -> dict[int, Any]:  # fmt: skip
    """Input -> what is sent to it wrongly, in its own shape; nothing where the slip cannot be made."""
    row, mask = graph.kind_table[graph.kinds[place]]
    if slip.product == "G*d" and row.name not in gates_of(slip):
        return {}
    args = graph.args[place]
    node = graph.gates[place]
    numbers = [*[values[given] for given in args], values[node]]
    found: dict[int, Any] = {}
    with np.errstate(all="ignore"):
        for k in range(len(args)):
            if not mask >> k & 1:
                continue
            sent = _sent(graph, place, k, numbers, upstream, slip, kinks)
            if sent is None or np.shape(sent) != np.shape(numbers[k]):
                continue
            if node in graph.guarded and not row.pull:
                sent = np.where(upstream == 0, 0.0, sent)
            if enough(np.isfinite(sent)):
                found[k] = sent
    return found


def _sent(graph: Graph, place: int, k: int, numbers: Values, upstream: Any, slip: Slip, kinks: str) -> Any:
    row = graph.row(place)
    if slip.product != "G*d":
        return _by_product(graph, place, k, numbers, upstream, slip, kinks)
    rules = rules_at(graph, place, dict(zip(graph.args[place], numbers, strict=False)), slip)
    if rules and rules[k]:
        return upstream * sweeps.local_function(mutated(row, rules), k, kinks)(*numbers)
    assert graph.shapes is not None
    pulls = pulls_at(row, tuple(graph.shapes[given] for given in graph.args[place]), slip)
    return _compiled(pulls[k], (*row.inputs, "y", "G"))(*numbers, upstream) if pulls and pulls[k] else None


def pulls_at(row: Gate, shapes: tuple[tuple[int, ...], ...], slip: Slip) -> tuple[str, ...]:
    """SLIP's pulls for a gate on arrays, "" where it changes none; () for no rules."""
    pulls = slip.pulls.get(row.name, ()) if row.shape is not None else ()
    return pulls if isinstance(pulls, tuple) else pulls(row, shapes)


def _by_product(graph: Graph, place: int, k: int, numbers: Values, upstream: Any, slip: Slip, kinks: str) -> Any:
    """The wrong product; a whole-array gate's local gradient is what it sends for upstream gradients of 1.

    Gates that only move or copy entries have no local gradient that a student would write down.
    """
    row = graph.row(place)
    if row.pattern in (MOVES, COPIES):
        return None
    shape = np.shape(numbers[k])
    if slip.product == "G":
        local: Any = 1.0
    elif row.pull:
        ones = np.float64(1.0) if np.ndim(numbers[-1]) == 0 else np.ones(np.shape(numbers[-1]))
        local = sweeps.pull_function(row, k)(*numbers, ones) if row.pull[k] else None
    else:
        local = sweeps.local_function(row, k, kinks)(*numbers) if row.local[k] else None
    if local is None:
        return None
    try:
        sent = _compiled(slip.product, ("G", "d"))(upstream, local)
        return np.broadcast_to(sent, shape) + 0.0 if np.ndim(sent) <= len(shape) else None
    except ValueError:  # the shapes of upstream and local gradient do not go together
        return None


@cache
def _compiled(formula: str, names: tuple[str, ...]) -> Any:
    return ARRAYS.compile("slip", names, numpy_text(formula))
