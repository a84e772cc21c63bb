"""Follow-through: what a student's own earlier numbers lead to, gate by gate, forward and backward.

Each number is worked out from the student's answers where there are any, and otherwise from what these lead to. So
an error is charged where it was made, and whatever is right given that number is right.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from bpcli.compiled import value_function
from bpcli.gates import Gate
from bpcli.graph import WHERE
from bpcli.marking.handwork import (
    Figure,
    figure_of,
    forms,
    given,
    local_figure,
    product_figure,
    sum_figure,
    torn_figure,
)
from bpcli.marking.key import Asked, Key, slopes
from bpcli.marking.verdicts import within, written
from bpcli.sweeps import Values, evaluate_gate, taken
from bpcli.trouble import Trouble

#: What a number leads to that the gate has no slope at: no answer follows from it.
_NOWHERE = Figure(math.nan, math.inf, True)

#: A student's own numbers, by kind ("value", "gradient", "local"), node and place.
Own = Mapping[tuple[str, int, int], Figure]


@dataclass(frozen=True, eq=False)
class Trail:
    """The numbers that OWN answers lead to.

    With ``keep_values`` the backward pass goes by the key's values even where the student has others: both are
    honest. So are both forms of a local gradient, y*(1 - y) and its like, where the student's y is not what the gate
    gives: the blackboard's, or with ``stable`` the table's.
    """

    key: Key
    own: Own
    keep_values: bool = False
    stable: bool = False
    _expected: dict[tuple[str, int, int], Figure | None] = field(default_factory=dict, init=False, repr=False)
    _local: dict[int, list[Figure | None]] = field(default_factory=dict, init=False, repr=False)

    def _taken(self, kind: str, node: int, expected: Figure | None) -> Figure | None:
        """The student's own number of NODE, or what is EXPECTED; made from rounded numbers, a plain 1 is rounded too."""
        own = self.own.get((kind, node, 0))
        if own is None or own.reach or expected is None or not expected.reach:
            return own or expected
        return written(own.value, self.key.rule, exact=False)

    # --- forward ---

    @cached_property
    def values(self) -> list[Figure | None]:
        """The student's value of every node: as answered, or as it follows from their others."""
        graph, exact, rule = self.key.graph, self.key.values, self.key.rule
        found: list[Figure | None] = [None] * graph.size
        for node in (*graph.inputs.values(), *graph.constants):
            if exact[node] is not None:
                found[node] = given(exact[node], rule)
        for place, node in enumerate(graph.gates):
            if exact[node] is None:
                continue
            expected = self._gate_value(place, found)
            self._expected["value", node, 0] = expected
            found[node] = self._taken("value", node, expected) or given(exact[node], rule)
        return found

    def _gate_value(self, place: int, found: list[Figure | None]) -> Figure | None:
        """What a gate gives for the inputs FOUND so far; None where it gives nothing."""
        graph, rule = self.key.graph, self.key.rule
        row, args = graph.row(place), graph.args[place]
        inputs = [found[k] for k in args]
        if row is WHERE:
            return found[taken(args, [one and one.value for one in found])]
        if any(one is None for one in inputs):
            return None
        figures = [one for one in inputs if one is not None]
        try:
            value = float(value_function(row)(*[one.value for one in figures]))
        except (ArithmeticError, ValueError):
            return None
        return figure_of(row, figures, value, rule)

    @cached_property
    def numbers(self) -> Values:
        """The values as plain numbers, for gates to be run at."""
        return [one and one.value for one in self.used_values]

    @cached_property
    def used_values(self) -> list[Figure | None]:
        """The values that the backward pass goes by."""
        if not self.keep_values:
            return self.values
        return replace(self, own={}, keep_values=False).values

    def numbers_at(self, place: int) -> Values:
        """The same for the gate at PLACE: of three inputs the largest wins, though a rounded y is none of them."""
        graph = self.key.graph
        if graph.row(place).name not in ("max", "min") or len(graph.args[place]) < 3:
            return self.numbers
        numbers = list(self.numbers)
        numbers[graph.gates[place]] = evaluate_gate(graph, place, numbers)
        return numbers

    # --- backward ---

    @cached_property
    def gradients(self) -> dict[int, Figure]:
        """The student's gradient of every node that one arrives at."""
        key, graph = self.key, self.key.graph
        arriving: dict[int, list[Figure]] = {graph.output: [Figure(key.upstream, 0.0, True)]}
        found: dict[int, Figure] = {}
        for node in [*key.gates, *sorted(graph.inputs.values())]:
            if node not in arriving and ("gradient", node, 0) not in self.own:
                continue
            expected = sum_figure(arriving.get(node, [Figure(0.0, 0.0, True)]), key.rule)
            self._expected["gradient", node, 0] = expected
            found[node] = self._taken("gradient", node, expected) or expected
            if node in graph.position:
                for k, sent in enumerate(self.sent(node, found[node])):
                    if sent is not None:
                        arriving.setdefault(graph.args[graph.position[node]][k], []).append(sent)
        return found

    def sent(self, node: int, upstream: Figure) -> list[Figure | None]:
        """What the gate at NODE sends to each input."""
        sends: list[Figure | None] = []
        for k, local in enumerate(self.local(node)):
            used = self.own.get(("local", node, k), local)
            sends.append(None if used is None else product_figure(upstream, used, self.key.rule))
        return sends

    def local(self, node: int) -> list[Figure | None]:
        """The local gradients of the gate at NODE, worked out from the student's values."""
        if node not in self._local:
            self._local[node] = self._local_figures(node)
        return self._local[node]

    def _local_figures(self, node: int) -> list[Figure | None]:
        key, graph = self.key, self.key.graph
        place, values = graph.position[node], self.used_values
        row, args = graph.row(place), graph.args[place]
        bent = node in key.bent
        try:
            found = slopes(graph, place, self.numbers_at(place), key.kinks, bent)
        except Trouble:
            return [_NOWHERE] * len(args)
        y, torn = values[node], self._is_torn(place)
        for k, one in enumerate(found):
            inputs = [values[node] for node in args]
            if one is None or bent or y is None or row is WHERE:
                continue
            known = [one or Figure(0.0, 0.0, True) for one in inputs]
            if not torn and key.rule.kind == "exact" and not any(one.reach for one in known):
                continue  # nothing is rounded on the way
            if torn:
                form = torn_figure(row, k, known, y, key.rule, self.stable, key.kinks or "torch")
                found[k] = form or _NOWHERE
            else:
                found[k] = local_figure(row, k, known, y, one.value, key.rule, key.kinks or "torch")
        return found

    def _is_torn(self, place: int) -> bool:
        """Whether the student's value of a gate, which its slope is made from, is not what their inputs give."""
        if self.key.graph.row(place).name in ("max", "min"):
            return False  # which input wins is seen from the inputs
        values = self.used_values
        y, expected = values[self.key.graph.gates[place]], self._gate_value(place, values)
        if y is None or expected is None:
            return False
        return not within(y.value, expected._replace(reach=expected.reach + y.reach), self.key.scale)

    # --- what is expected, and of whom ---

    def expected(self, asked: Asked) -> Figure | None:
        """What the student's own numbers lead to for the blank ASKED."""
        _ = self.values, self.gradients
        if asked.kind == "local":
            return self.local(asked.node)[asked.place]
        return self._expected.get((asked.kind, asked.node, 0))

    def cancels(self, asked: Asked) -> bool:
        """Whether the number of ASKED is made of terms that are not all 0, which may leave 0 all the same."""
        graph = self.key.graph
        if asked.kind == "value":
            place = graph.position[asked.node]
            inputs = [self.values[k] for k in graph.args[place]]
            return graph.row(place).name in ("add", "sub") and any(one is not None and one.value for one in inputs)
        if asked.kind == "local":
            return False
        found = self.gradients
        sent = [self.sent(gate, found[gate])[k] for gate, k in consumers(self.key, asked.node) if gate in found]
        return any(one is not None and one.value for one in sent)

    def sources(self, asked: Asked) -> set[tuple[str, int, int]]:
        """The student's own answers that the expected number is made from directly."""
        if asked.kind == "value":
            return self._value_sources(self.key.graph.args[self.key.graph.position[asked.node]])
        if asked.kind == "local":
            return self._local_sources(asked.node, asked.place)
        return self._gradient_sources(asked.node)

    def _value_sources(self, nodes: tuple[int, ...]) -> set[tuple[str, int, int]]:
        """The answered values that NODES are, or are made from."""
        graph, found, queue = self.key.graph, set(), list(nodes)
        while queue:
            node = queue.pop()
            if ("value", node, 0) in self.own:
                found.add(("value", node, 0))
            elif node in graph.position:
                queue += graph.args[graph.position[node]]
        return found

    def _local_sources(self, node: int, k: int) -> set[tuple[str, int, int]]:
        if self.keep_values:
            return set()
        graph = self.key.graph
        place = graph.position[node]
        row = graph.row(place)
        nodes = dict(zip((*row.inputs, "y"), (*graph.args[place], node), strict=True))
        return self._value_sources(tuple(nodes[name] for name in names_used(row, k)))

    def _gradient_sources(self, node: int) -> set[tuple[str, int, int]]:
        found: set[tuple[str, int, int]] = set()
        queue, seen = [node], {node}
        while queue:
            for gate, k in consumers(self.key, queue.pop()):
                local = ("local", gate, k)
                found |= {local} if local in self.own else self._local_sources(gate, k)
                if ("gradient", gate, 0) in self.own:
                    found.add(("gradient", gate, 0))
                elif gate not in seen:
                    seen.add(gate)
                    queue.append(gate)
        return found


def names_used(row: Gate, k: int) -> set[str]:
    """The inputs (and ``y``) of ROW that its local gradient for the input K is worked out from."""
    return {name for form in forms(row, k)[:1] for name in form.inputs}


def consumers(key: Key, node: int) -> list[tuple[int, int]]:
    """The gates that send a gradient to NODE, from the output back, and at which input."""
    return key.feeds.get(node, [])


def unasked_above(key: Key, own: Container[tuple[str, int, int]], node: int) -> set[int]:
    """NODE's way up to the answered gradients, these and NODE itself left out: what nobody asked for."""
    found: set[int] = set()
    queue = [node]
    while queue:
        for gate, _ in consumers(key, queue.pop()):
            if gate not in found and ("gradient", gate, 0) not in own:
                found.add(gate)
                queue.append(gate)
    return found
