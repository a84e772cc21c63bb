"""The backward run with a slip of `bpcli.slips` in it: at every gate where it can be made, or at some of them.

Forward values are always right here; so is whatever a slip does not change. Where a mutated rule has no value (the
derivative of log used for exp at 0) or its shape does not fit, the slip cannot be made and the right rule runs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from bpcli.compiled import FLOATS, condition, local_function, python
from bpcli.gates import GATES, Gate
from bpcli.graph import WHERE, Graph
from bpcli.slips import FORMS, NO_SLIP, Slip
from bpcli.sweeps import Values, local_gradients

#: Steps of the recursion of `stale-order`: one for each path, so a graph with many branches would need 2^n.
MOST_STEPS = 100_000
#: Gates of a graph whose products are searched for two factors that depend on one value.
MOST_GATES = 5_000


def run(graph: Graph, values: Values, seeds: Mapping[int, Any], slip: Slip, kinks: str = "torch",
        at: Collection[int] | None = None) -> Values:  # fmt: skip
    """The adjoint of every node, given the upstream gradients SEEDS, with SLIP made wherever it can be made.

    AT keeps the slip to some of `places`. (A wrong order belongs to the whole sweep: AT only says whether.) As in
    `bpcli.sweeps.reverse`, what is not reached has the adjoint 0.0, or None in a graph on arrays.
    """
    where = _Where(graph, values, slip, at)
    if slip.order != "topological" and where.anywhere():
        return _out_of_order(graph, values, seeds, slip, kinks)
    if slip.push:
        return _pushed(graph, values, seeds, slip, kinks, where)
    arrived: dict[int, list[Any]] = {node: [_as_value(graph, seed)] for node, seed in seeds.items()}
    adjoints, schedule = _nothing(graph), graph.backward(tuple(seeds), values)[0]
    for node in schedule:
        if node not in arrived:
            continue
        adjoints[node] = collect(arrived[node], where.slip(node))
        place = graph.position[node]
        sent = sends(graph, place, values, adjoints[node], where.slip(node), kinks)
        for k in edges(graph, place, values):
            if sent[k] is not None:
                arrived.setdefault(graph.args[place][k], []).append(sent[k])
    for node in arrived.keys() - set(schedule):
        adjoints[node] = collect(arrived[node], where.slip(node))
    return adjoints


class _Where:
    """At which nodes a slip is made."""

    def __init__(self, graph: Graph, values: Values, slip: Slip, at: Collection[int] | None) -> None:
        self.graph, self.values, self.made, self.at = graph, values, slip, at

    def slip(self, node: int) -> Slip:
        return self.made if self.at is None or node in self.at else NO_SLIP

    def anywhere(self) -> bool:
        """Whether there is a place for the slip among those wanted."""
        found = places(self.graph, self.values, self.made)
        return any(self.at is None or node in self.at for node in found)


def _nothing(graph: Graph) -> Values:
    return [None if graph.shapes is not None else 0.0] * graph.size


def _as_value(graph: Graph, seed: Any) -> Any:
    if graph.shapes is None:
        return seed
    from bpcli.arrays.sweeps import as_value

    return as_value(seed)


def edges(graph: Graph, place: int, values: Values) -> list[int]:
    """The inputs that a gate sends a gradient to; of a `where` with one condition, only the branch taken.

    A gate that is flat wherever it has a slope (step, floor, a comparison) sends none.
    """
    row, mask = graph.kind_table[graph.kinds[place]]
    args = graph.args[place]
    if row is WHERE:
        chosen = 1 if values[args[0]] else 2
        return [chosen] if mask >> chosen & 1 else []
    rules = row.pull or row.local
    return [k for k in range(len(args)) if mask >> k & 1 and rules[k] not in ("", "0")]


def collect(contributions: Sequence[Any], slip: Slip) -> Any:
    """The gradient of a value from what its CONTRIBUTIONS are, in the order in which the sweep brings them."""
    if len(contributions) == 1 or slip.collect == "last":
        return contributions[-1]
    if slip.collect == "first":
        return contributions[0]
    total = contributions[0]
    for one in contributions[1:]:
        total = total + one
    return total / len(contributions) if slip.collect == "mean" else total


def sends(graph: Graph, place: int, values: Values, upstream: Any, slip: Slip, kinks: str = "torch") -> list[Any]:
    """What the gate at PLACE sends to each input, given its UPSTREAM gradient, when SLIP is made there.

    None for an input that depends on no variable. Slips of branches, order and pushed derivatives change nothing
    here.
    """
    if graph.shapes is not None:
        from bpcli.arrays.slips import sends as on_arrays

        return on_arrays(graph, place, values, upstream, slip, kinks)
    local = slipped_gradients(graph, place, values, slip, kinks)
    sent = [None if one is None else upstream * one for one in local]
    if slip.product != "G*d":
        product = _compiled(slip.product, ("G", "d"))
        for k in edges(graph, place, values):
            sent[k] = product(upstream, local[k])
    return sent


def slipped_gradients(graph: Graph, place: int, values: Values, slip: Slip, kinks: str = "torch") -> list[float | None]:
    """The local gradient for each input of a gate on numbers, as SLIP has it."""
    right = local_gradients(graph, place, values, kinks)
    rules = rules_at(graph, place, values, slip)
    if not rules:
        return right
    wrong = mutated(graph.row(place), rules)
    given = [values[k] for k in graph.args[place]]
    y = values[graph.gates[place]]
    return [_value(wrong, k, kinks, [*given, y], right[k]) if rules[k] else right[k] for k in range(len(rules))]


def _value(row: Gate, k: int, kinks: str, numbers: Values, right: float | None) -> float | None:
    if right is None:
        return None
    try:
        local = float(local_function(row, k, kinks)(*numbers))
    except (ArithmeticError, ValueError):
        return right
    return local if math.isfinite(local) else right


@cache
def _compiled(formula: str, names: tuple[str, ...]) -> Any:
    return FLOATS.compile("slip", names, python(formula))


@cache
def gates_of(slip: Slip) -> frozenset[str]:
    """The names of the gates for which SLIP has a rule of its own."""
    return frozenset([FORMS[one][0] if one in FORMS else one for one in slip.local]).union(slip.pulls)


def rules_at(graph: Graph, place: int, values: Values | Mapping[int, Any], slip: Slip) -> tuple[str, ...]:
    """SLIP's local gradients for the inputs of the gate at PLACE, "" where it changes none; () for no rules."""
    row, mask = graph.kind_table[graph.kinds[place]]
    if row.name not in gates_of(slip):
        return ()
    for form, (gate, given, holds) in FORMS.items():
        if form in slip.local and gate == row.name and not mask >> given & 1:
            number = values[graph.args[place][given]]
            if not holds or _holds(row, holds, given, number):
                return slip.local[form]
    rules = slip.local.get(row.name, ())
    if row.shape is not None or row.build is not None or not rules:
        return ()
    return rules if row.name in GATES else for_every_input(row, rules[0])


def _holds(row: Gate, text: str, given: int, number: Any) -> bool:
    if getattr(number, "shape", ()):
        return False
    inputs = [0.0] * len(row.inputs)
    inputs[given] = float(number)
    return bool(condition(row, text)(*inputs, 0.0))


@cache
def for_every_input(row: Gate, rule: str) -> tuple[str, ...]:
    """The rule of a gate with any number of inputs, written out for each of ROW's."""
    rule = rule.replace("<inputs>", ", ".join(row.inputs))
    return tuple(re.sub(r"\bx\b", name, rule) for name in row.inputs)


@cache
def mutated(row: Gate, rules: tuple[str, ...]) -> Gate:
    """ROW with other local gradients, where RULES has one."""
    at = {
        convention: tuple(rule or right for rule, right in zip(rules, slopes, strict=True))
        for convention, slopes in row.at.items()
    }
    local = tuple(rule or right for rule, right in zip(rules, row.local, strict=True))
    shown = tuple(rule or right for rule, right in zip(rules, row.shown or row.local, strict=True))
    return replace(row, name=f"slipped_{row.name}", local=local, shown=shown, at=at)


# --- where a slip can be made ----------------------------------------------------------------------------


def places(graph: Graph, values: Values, slip: Slip) -> list[int]:
    """The nodes at which SLIP can be made on the way back from the outputs, in order of evaluation.

    For a slip in a gate's rule these are gates; for one at branches, the values at which several gradients meet.
    That it can be made does not mean that it changes a number.
    """
    gates = sorted(graph.backward(graph.outputs, values)[0])
    if slip.push:
        return sorted(_products_of_one(graph, gates, slip))
    if slip.order != "topological":
        return _sent_early(graph, gates, values, slip)
    if slip.collect != "sum":
        return sorted(node for node, count in arrivals(graph, gates, values).items() if count > 1)
    if slip.product == "G*d":
        gates = [node for node in gates if graph.row(graph.position[node]).name in gates_of(slip)]
    return [node for node in gates if _can_slip(graph, graph.position[node], values, slip)]


def why_nowhere(graph: Graph, values: Values, slip: Slip) -> str:
    """Why SLIP is not made in this graph although there may be a place for it, as a sentence; else ""."""
    if slip.push and graph.shapes is not None:
        return "This slip is made in formulas of numbers only, not of arrays."
    if slip.push and len(graph.gates) > MOST_GATES:
        return f"This slip is made in formulas of at most {MOST_GATES:,} gates."
    gates = sorted(graph.backward(graph.outputs, values)[0])
    if slip.order == "recursive" and any(arrivals(graph, gates, values).get(node, 0) > 1 for node in gates):
        return f"The recursion would take more than {MOST_STEPS:,} steps here: one for every path."
    return ""


def arrivals(graph: Graph, gates: Collection[int], values: Values) -> dict[int, int]:
    """Node -> how many gradients the backward steps of GATES bring to it; the output itself gets one from above."""
    counts: dict[int, int] = dict.fromkeys(graph.outputs, 1)
    for node in gates:
        place = graph.position[node]
        for k in edges(graph, place, values):
            given = graph.args[place][k]
            counts[given] = counts.get(given, 0) + 1
    return counts


def _can_slip(graph: Graph, place: int, values: Values, slip: Slip) -> bool:
    if graph.shapes is not None:
        from bpcli.arrays.slips import can_slip

        return can_slip(graph, place, values, slip)
    if slip.product != "G*d":
        return bool(edges(graph, place, values))
    rules = rules_at(graph, place, values, slip)
    if not rules:
        return False
    row, given = mutated(graph.row(place), rules), [values[k] for k in graph.args[place]]
    nan = math.nan  # stands for the right gradient, so that a rule without a value is seen
    return any(
        rules[k] and _value(row, k, "torch", [*given, values[graph.gates[place]]], nan) is not nan
        for k in edges(graph, place, values)
    )


# --- wrong orders ----------------------------------------------------------------------------------------


def _sent_early(graph: Graph, gates: Sequence[int], values: Values, slip: Slip) -> list[int]:
    """The gates that get several gradients and send on before the last of them."""
    counts = arrivals(graph, gates, values)
    if slip.order == "recursive":
        paths: dict[int, int] = dict.fromkeys(graph.outputs, 1)
        for node in reversed(gates):
            for k in edges(graph, place := graph.position[node], values):
                given = graph.args[place][k]
                paths[given] = paths.get(given, 0) + paths.get(node, 0)
            if paths.get(node, 0) > MOST_STEPS:
                return []
        if sum(paths.get(node, 0) for node in gates) > MOST_STEPS:
            return []
    return [node for node in gates if counts.get(node, 0) > 1]


def _out_of_order(graph: Graph, values: Values, seeds: Mapping[int, Any], slip: Slip, kinks: str) -> Values:
    """Adjoints when each gate runs as the recursion reaches it, by the sum of what has arrived so far."""
    adjoints = _nothing(graph)
    for node, seed in seeds.items():
        adjoints[node] = _as_value(graph, seed)
    live = set(graph.backward(tuple(seeds), values)[0])
    stack = [node for node in reversed(tuple(seeds)) if node in live]
    ran: set[int] = set()
    while stack:
        node = stack.pop()
        if slip.order == "once" and node in ran:
            continue
        ran.add(node)
        place = graph.position[node]
        args, used = graph.args[place], edges(graph, place, values)
        sent = sends(graph, place, values, adjoints[node], NO_SLIP, kinks)
        for k in used:
            if sent[k] is not None:
                so_far = adjoints[args[k]]
                adjoints[args[k]] = sent[k] if so_far is None else so_far + sent[k]
        stack += [args[k] for k in reversed(used) if args[k] in live and sent[k] is not None]
    return adjoints


# --- products differentiated as products of derivatives --------------------------------------------------


def _products_of_one(graph: Graph, gates: Sequence[int], slip: Slip) -> dict[int, int]:
    """Product -> the nodes (as bits) on which both of its factors depend."""
    if graph.shapes is not None or len(gates) > MOST_GATES:
        return {}
    found = {}
    depends = {node: 1 << node for node in graph.inputs.values() if graph.active[node]}
    for node in gates:
        place = graph.position[node]
        factors = [depends.get(given, 0) for given in graph.args[place]]
        if graph.row(place).name in slip.push and (both := factors[0] & factors[1]):
            found[node] = both
        bits = 1 << node
        for one in factors:
            bits |= one
        depends[node] = bits
    return found


def _pushed(graph: Graph, values: Values, seeds: Mapping[int, Any], slip: Slip, kinks: str, where: _Where) -> Values:
    """Adjoints by forward mode, one node after another, with SLIP's rule at products of two moving factors."""
    right = run(graph, values, seeds, NO_SLIP, kinks)
    gates = sorted(graph.backward(tuple(seeds), values)[0])
    products = {node: bits for node, bits in _products_of_one(graph, gates, slip).items()
                if where.slip(node) is slip}  # fmt: skip
    local = {node: local_gradients(graph, graph.position[node], values, kinks) for node in gates} if products else {}
    for node in _bits(products.values()):
        tangents: dict[int, float] = {node: 1.0}
        for gate in gates:
            if gate > node:
                moved = _tangent(graph, gate, values, tangents, local[gate], slip if gate in products else None)
                if moved is not None:
                    tangents[gate] = moved
        right[node] = sum(seed * tangents.get(output, 0.0) for output, seed in seeds.items())
    return right


def _bits(sets: Collection[int]) -> Iterator[int]:
    together = 0
    for one in sets:
        together |= one
    while together:
        lowest = together & -together
        yield lowest.bit_length() - 1
        together ^= lowest


def _tangent(graph: Graph, gate: int, values: Values, tangents: Mapping[int, float], local: Sequence[float | None],
             slip: Slip | None) -> float | None:  # fmt: skip
    place = graph.position[gate]
    args = graph.args[place]
    moving = [k for k in edges(graph, place, values) if args[k] in tangents]
    if not moving:
        return None
    if slip is not None and len(moving) == 2:
        rule = _compiled(slip.push[graph.row(place).name], ("da", "db"))
        return float(rule(*[tangents[given] for given in args]))
    return sum(tangents[args[k]] * (local[k] or 0.0) for k in moving)
