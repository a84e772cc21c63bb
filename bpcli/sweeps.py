"""Running a graph: values forward, adjoints backward (reverse mode), tangents forward (forward mode)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bpcli.compiled import condition, forward_loop, local_function, reverse_loop, tangent_loop, value_function
from bpcli.gates import Gate
from bpcli.graph import WHERE, Graph
from bpcli.refusal import TOO_LARGE, refuse

#: One entry per node: a float, or None where nothing was computed (a branch that `where` did not take).
Values = list[Any]


def forward(graph: Graph, point: Mapping[str, float]) -> Values:
    """The value of every node at POINT, which has a finite float for every variable of the graph.

    Raises `Trouble` (exit code 3), naming the gate, where the mathematics has no finite value.
    """
    values: Values = [None] * graph.size
    for name, node in graph.inputs.items():
        values[node] = point[name]
    for node, value in graph.constants.items():
        values[node] = value
    if graph.shapes is not None:
        from bpcli.arrays import sweeps as array_sweeps

        return array_sweeps.forward(graph, values)
    try:
        forward_loop(tuple(graph.kind_table))(*graph.schedule, values)
        # A sum is finite unless some value is not (or the sum alone overflows, which the second look settles).
        if math.isfinite(sum(values)):
            return _without_branches_not_taken(graph, values) if graph.branching else values
    except (ArithmeticError, ValueError):
        pass
    if graph.branching:  # what has no value may be on a branch that is not taken
        for node in graph.gates:
            values[node] = None
        return forward_on_demand(graph, values, evaluate_gate)
    for place, node in enumerate(graph.gates):
        values[node] = evaluate_gate(graph, place, values)
    return values


def _without_branches_not_taken(graph: Graph, values: Values) -> Values:
    """VALUES of every gate, less those that `forward_on_demand`, at twenty times the cost, does not evaluate."""
    needed, used = bytearray(graph.size), bytearray(graph.size)
    for node in graph.outputs:
        needed[node] = True
    choices = graph.choices
    for node, kind, inputs in zip(reversed(graph.gates), reversed(graph.kinds), reversed(graph.args), strict=True):
        if needed[node] or not used[node]:
            for given in (inputs[0], taken(inputs, values)) if kind in choices else inputs:
                needed[given] = True
        else:
            values[node] = None
        for given in inputs:
            used[given] = True
    return values


def forward_on_demand(graph: Graph, values: Values, evaluate: Callable[[Graph, int, Values], Any]) -> Values:
    """EVALUATE what the outputs and the unused lines need: of a `where`, only the branch taken."""
    used = {given for inputs in graph.args for given in inputs}
    stack = [node for node in reversed(graph.gates) if node not in used or node in graph.outputs]
    while stack:
        node = stack[-1]
        if values[node] is not None:
            stack.pop()
            continue
        place = graph.position[node]
        inputs = graph.args[place]
        if graph.row(place) is WHERE:
            chosen = inputs[0] if values[inputs[0]] is None else taken(inputs, values)
            inputs = (inputs[0], chosen)
        missing = [given for given in inputs if values[given] is None]
        if missing:
            stack += reversed(missing)
        elif graph.row(place) is WHERE:
            values[node] = values[inputs[1]]
        else:
            values[node] = evaluate(graph, place, values)
    return values


def taken(inputs: Sequence[int], values: Values) -> int:
    """The node of the branch that a `where` with these INPUTS takes."""
    return inputs[1] if values[inputs[0]] else inputs[2]


def evaluate_gate(graph: Graph, place: int, values: Values) -> float:
    """The value of one gate, with everything said that can be said when there is none."""
    row = graph.row(place)
    inputs = [values[given] for given in graph.args[place]]
    try:
        value: float = value_function(row)(*inputs)
        if math.isfinite(value):
            return value
    except (ArithmeticError, ValueError):
        pass
    for holds, sentence in row.domain:
        if not condition(row, holds)(*inputs, None):
            refuse(graph, place, values, sentence, "outside-domain")
    return refuse(graph, place, values, f"{row.name} overflows: its value {TOO_LARGE}", "overflow")


def reverse(graph: Graph, values: Values, seeds: Mapping[int, float], kinks: str = "torch") -> Values:
    """The adjoint of every node, ∂(Σ seed · output)/∂node, given the upstream gradient of each output in SEEDS.

    Gates that the outputs do not depend on are not visited and have the adjoint 0. KINKS is a convention of
    `bpcli.gates.CONVENTIONS`. Raises `Trouble` (exit code 3) where a local gradient is not finite.
    """
    schedule = graph.backward(tuple(seeds), values)
    if kinks == "error":
        _refuse_kinks(graph, values, schedule[0])
    if graph.shapes is not None:
        from bpcli.arrays import sweeps as array_sweeps

        return array_sweeps.reverse(graph, values, schedule, dict(seeds), kinks)
    adjoints: Values = [0.0] * graph.size
    for node, seed in seeds.items():
        adjoints[node] = seed
    return _sweep(graph, values, schedule, adjoints, reverse_loop(tuple(graph.kind_table), kinks), kinks)


def tangent(graph: Graph, values: Values, seeds: Mapping[int, float], kinks: str = "torch") -> Values:
    """The tangent of every node: its directional derivative, given the tangents of variables in SEEDS.

    Only gates that the outputs depend on are visited; the others have the tangent 0.
    """
    gates, kinds, args = graph.backward(graph.outputs, values)
    if kinks == "error":
        _refuse_kinks(graph, values, gates)
    if graph.shapes is not None:
        from bpcli.arrays import sweeps as array_sweeps

        return array_sweeps.tangent(graph, values, (gates[::-1], kinds[::-1], args[::-1]), dict(seeds), kinks)
    tangents: Values = [0.0] * graph.size
    for node, seed in seeds.items():
        tangents[node] = seed
    schedule = (gates[::-1], kinds[::-1], args[::-1])
    return _sweep(graph, values, schedule, tangents, tangent_loop(tuple(graph.kind_table), kinks), kinks)


def _sweep(
    graph: Graph, values: Values, schedule: Any, results: Values, loop: Callable[..., None], kinks: str
) -> Values:
    try:
        loop(*schedule, values, results)
        if math.isfinite(sum(results)):
            return results
    except (ArithmeticError, ValueError):
        pass
    for node in sorted(schedule[0]):
        local_gradients(graph, graph.position[node], values, kinks)  # says which one is not finite
    for node in schedule[0]:
        place = graph.position[node]
        if not all(math.isfinite(results[k]) for k in (node, *graph.args[place])):
            refuse(graph, place, values, f"the gradient at this gate {TOO_LARGE}", "overflow")
    return results


def local_gradients(graph: Graph, place: int, values: Values, kinks: str = "torch") -> list[float | None]:
    """The local gradient for each input of a gate; None for an input that depends on no variable.

    Raises `Trouble` (exit code 3) where one is not finite.
    """
    row, mask = graph.kind_table[graph.kinds[place]]
    inputs = [values[given] for given in graph.args[place]]
    y = values[graph.gates[place]]
    gradients: list[float | None] = []
    for k, formula in enumerate(row.local):
        if not mask >> k & 1 or not formula:
            gradients.append(None)
            continue
        try:
            local = float(local_function(row, k, kinks)(*inputs, y))
        except (ArithmeticError, ValueError):
            local = math.nan
        if not math.isfinite(local):
            refuse(graph, place, values, f"{row.name} has no finite slope at this point", "no-slope")
        gradients.append(local)
    return gradients


def kinks_met(graph: Graph, values: Values, gates: Sequence[int]) -> Iterator[tuple[int, Gate]]:
    """Those of GATES, and of the conditions their `where` decided by, that sit exactly at a kink: (place, row)."""
    kinds = {kind for kind, (row, _) in enumerate(graph.kind_table) if row.kink or row is WHERE}
    if not kinds:
        return
    for gate in reversed(gates):
        place = graph.position[gate]
        if graph.kinds[place] not in kinds:
            continue
        row = graph.row(place)
        if row is WHERE:
            if graph.args[place][0] not in graph.position:
                continue
            place = graph.position[graph.args[place][0]]
            row = graph.row(place)
        node = graph.gates[place]
        inputs = [values[given] for given in graph.args[place]]
        bent = row.kink is not None and graph.active[node] and condition(row, row.kink[0])(*inputs, values[node])
        if bent and (not row.at or _matters(graph, place, values)):
            yield place, row


def _matters(graph: Graph, place: int, values: Values) -> bool:
    """Whether the slope in some input depends on the convention: not in max(x, x), nor in max(x, 3, 3) below 3."""
    slopes: dict[int, set[float]] = {}
    for convention in ("left", "right"):
        total: dict[int, float] = {}
        for node, local in zip(graph.args[place], local_gradients(graph, place, values, convention), strict=True):
            total[node] = total.get(node, 0.0) + (local or 0.0)
        for node, slope in total.items():
            slopes.setdefault(node, set()).add(slope)
    return any(len(found) > 1 for found in slopes.values())


def _refuse_kinks(graph: Graph, values: Values, gates: Sequence[int]) -> None:
    if graph.shapes is not None:
        from bpcli.arrays import sweeps as array_sweeps

        array_sweeps.refuse_kinks(graph, values, gates)
        return
    for place, row in kinks_met(graph, values, gates):
        assert row.kink is not None
        refuse(graph, place, values, row.kink[1], "kink")
