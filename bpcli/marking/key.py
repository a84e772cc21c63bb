"""The key of a formula at a point: its numbers, what rounding allows, and a second opinion on each of them.

No answer is kept anywhere: the key is computed, and every number is confirmed in two other ways before anybody is
marked by it. A number that is not confirmed marks nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from bpcli.checking import MISMATCH, judge
from bpcli.compiled import value_function
from bpcli.differences import Witness
from bpcli.graph import Builder, Graph
from bpcli.marking.handwork import Allowance, Figure, allowance, sum_figure
from bpcli.marking.meter import ONE_BY_ONE, Meter
from bpcli.printing import with_names
from bpcli.rewrite import Copy
from bpcli.rounding import EXACT, Rule
from bpcli.slipped import edges, places
from bpcli.slips import Slip
from bpcli.sweeps import Values, forward, kinks_met, local_gradients, tangent

#: What forward mode and reverse mode may differ by.
_SAME = 1e-9
#: What a quick difference quotient and the gradient may differ by; a wrong rule is off by far more.
_SETTLED = 1e-5


class Asked(NamedTuple):
    """One blank of a graph: the value or the gradient of a node, or the local gradient of a gate for an input."""

    name: str
    kind: str
    """ "value", "gradient" or "local"."""
    node: int
    place: int = 0
    """For a local gradient, which input."""
    points: float = 1.0


@dataclass(frozen=True, eq=False)
class Key:
    """The numbers of GRAPH at POINT that answers are held against.

    ``kinks`` names a convention for the derivative at a kink, or is None: then every slope between those of the two
    sides is right.
    """

    graph: Graph
    point: Mapping[str, float]
    values: Values = field(repr=False)
    upstream: float = 1.0
    rule: Rule = EXACT
    kinks: str | None = None
    meter: Meter | None = None
    """What the search for slips is counted by, where a student decides how many numbers there are to search for."""
    _places: dict[str, list[int]] = field(default_factory=dict, init=False, repr=False)
    _slopes: dict[int, list[Figure | None]] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def gates(self) -> list[int]:
        """The gates that the output depends on, from the output back."""
        return self.graph.backward((self.graph.output,), self.values)[0]

    @cached_property
    def feeds(self) -> dict[int, list[tuple[int, int]]]:
        """Node -> the gates that send it a gradient, from the output back, and at which of their inputs it is.

        Behind a gate that is flat wherever it has a slope no gradient arrives, so none is sent on.
        """
        graph = self.graph
        found: dict[int, list[tuple[int, int]]] = {}
        for gate in self.gates:
            if gate != graph.output and gate not in found:
                continue
            place = graph.position[gate]
            for k in edges(graph, place, self.values):
                found.setdefault(graph.args[place][k], []).append((gate, k))
        return found

    def spend(self, gates: int) -> None:
        """Count GATES, evaluated one at a time in the search for a slip."""
        if self.meter is not None:
            self.meter.spend(ONE_BY_ONE * gates)

    def places(self, slip: Slip) -> list[int]:
        """The nodes at which SLIP can be made."""
        found = self._places.get(slip.id)
        if found is None:
            found = self._places[slip.id] = places(self.graph, self.values, slip)
        return found

    @cached_property
    def bent(self) -> frozenset[int]:
        """The gates that sit at a kink, where no convention is named."""
        if self.kinks is not None:
            return frozenset()
        return frozenset(self.graph.gates[place] for place, _ in kinks_met(self.graph, self.values, self.gates))

    @cached_property
    def gradients(self) -> list[Figure]:
        """The gradient of each node; its reach is what the slopes at kinks leave open."""
        graph = self.graph
        arriving: dict[int, list[Figure]] = {graph.output: [Figure(self.upstream, 0.0, True)]}
        for node in self.gates:
            if node not in arriving:
                continue
            place, upstream = graph.position[node], sum_figure(arriving[node], EXACT)
            for k, one in enumerate(self._slopes_of(node)):
                if one is not None and (one.value or one.reach):
                    reach = abs(upstream.value) * one.reach + abs(one.value) * upstream.reach
                    sent = Figure(upstream.value * one.value, reach + upstream.reach * one.reach, True)
                    arriving.setdefault(graph.args[place][k], []).append(sent)
        nothing = Figure(0.0, 0.0, True)
        return [sum_figure(arriving[node], EXACT) if node in arriving else nothing for node in range(graph.size)]

    @cached_property
    def allowed(self) -> Allowance:
        """How far honest rounding may lead from the numbers."""
        return allowance(self.graph, self.values, self.rule, {self.graph.output: self.upstream}, self.kinks or "torch")

    @cached_property
    def scale(self) -> float:
        """The largest number on the way: what an answer beside the key 0 is small against."""
        return max((abs(value) for value in self.values if value is not None), default=1.0) or 1.0

    def exact(self, asked: Asked) -> Figure:
        """The number that ASKED is about; it has a reach at kinks only."""
        if asked.kind == "value":
            return Figure(self.values[asked.node], 0.0, True)
        if asked.kind == "gradient":
            return self.gradients[asked.node]
        one = self._slopes_of(asked.node)[asked.place]
        assert one is not None
        return one

    def _slopes_of(self, gate: int) -> list[Figure | None]:
        found = self._slopes.get(gate)
        if found is None:
            place = self.graph.position[gate]
            found = self._slopes[gate] = slopes(self.graph, place, self.values, self.kinks, gate in self.bent)
        return found

    def shown(self, asked: Asked) -> float:
        """The same as the rule has it rounded: numbers that look alike are one."""
        return self.rule.rounded(self.exact(asked).value)

    def allows(self, asked: Asked) -> float:
        """How far from it an honest answer may be."""
        exact = self.exact(asked)
        if self.rule.kind == "answer":
            return self.rule.unit(abs(exact.value))
        if asked.kind == "local":
            return self.allowed.local[asked.node][asked.place] if asked.node in self.allowed.local else 0.0
        return (self.allowed.values if asked.kind == "value" else self.allowed.gradients)[asked.node]

    def doubts(self, asked: Asked) -> str:
        """Why the number that ASKED is about cannot be trusted; "" when two other ways confirm it."""
        if asked.kind == "value":
            return ""  # a gate's value has no second way but the parser's own tests
        if asked.kind == "local":
            alone = self._alone(asked.node)
            node = alone.graph.inputs[str(asked.place)]
            if alone.gradients[node] != self.exact(asked):
                return "the gate by itself has another slope"
            return alone.doubts(asked._replace(kind="gradient", node=node))
        if asked.node == self.graph.output or self._clearly_right(asked.node):
            return ""
        cut, point = _cut(self.graph, asked.node), {**self.point, _CUT: self.values[asked.node]}
        return _doubts(cut, point, _CUT, self.gradients[asked.node], self.upstream, self.kinks)

    def _alone(self, node: int) -> Key:
        """The key of the gate at NODE by itself: its local gradients are the gradients there."""
        numbers = [self.values[k] for k in self.graph.args[self.graph.position[node]]]
        given = [0.0 if one is None else one for one in numbers]  # any number will do for a branch not taken
        alone = _one_gate(self.graph, node, given)
        point = {name: given[int(name)] for name in alone.inputs}
        return Key(alone, point, forward(alone, point), kinks=self.kinks)

    # --- the second opinion in the ordinary case, at a tenth of the cost ---

    def _clearly_right(self, node: int) -> bool:
        """Whether forward mode and a difference quotient both give the gradient of NODE, with nothing in the way.

        What is not clear at once (a kink nearby, a quotient that has not settled) is left to `doubts`.
        """
        exact = self.gradients[node]
        if exact.reach or self.graph.branching or self.graph.shapes is not None:
            return False
        pushed = self.upstream * self._tangent(node)
        if abs(pushed - exact.value) > _SAME * abs(exact.value):
            return False
        step = 2.0**-10 * max(abs(self.values[node]), 2.0**-3)
        try:
            wide, narrow = (self.upstream * self._quotient(node, h) for h in (step, step / 2))
        except (ArithmeticError, ValueError):
            return False
        # Richardson's: the error of the mean falls with the fourth power of the step.
        return abs((4 * narrow - wide) / 3 - exact.value) <= _SETTLED * abs(exact.value)

    @cached_property
    def _local(self) -> dict[int, list[float | None]]:
        graph = self.graph
        return {gate: local_gradients(graph, graph.position[gate], self.values, self.kinks or "torch")
                for gate in self.gates}  # fmt: skip

    def _tangent(self, node: int) -> float:
        """The output's tangent when NODE alone moves."""
        graph, tangents = self.graph, {node: 1.0}
        for gate in reversed(self.gates):
            if gate <= node:
                continue
            moved = 0.0
            for given, one in zip(graph.args[graph.position[gate]], self._local[gate], strict=True):
                if one is not None and given in tangents:
                    moved += one * tangents[given]
            if moved:
                tangents[gate] = moved
        return tangents.get(graph.output, 0.0)

    def _quotient(self, node: int, step: float) -> float:
        """The central difference quotient of the output in the value of NODE."""
        ahead, behind = (self._shifted(node, self.values[node] + shift) for shift in (step, -step))
        return (ahead - behind) / (2 * step)

    def _shifted(self, node: int, value: float) -> float:
        """The output when NODE has another VALUE."""
        values = list(self.values)
        values[node], moved = value, {node}
        for gate, args, function in self._steps:
            if gate > node and not moved.isdisjoint(args):
                values[gate] = function(*[values[k] for k in args])
                moved.add(gate)
        return float(values[self.graph.output])

    @cached_property
    def _steps(self) -> list[tuple[int, Sequence[int], Callable[..., float]]]:
        graph = self.graph
        return [(gate, graph.args[place], value_function(graph.row(place))) for place, gate in enumerate(graph.gates)]


def key_of(graph: Graph, point: Mapping[str, float], rule: Rule = EXACT, upstream: float = 1.0,
           kinks: str | None = None) -> Key:  # fmt: skip
    """The `Key` of GRAPH (on numbers) at POINT. Raises `Trouble` (exit code 3) where it has no value."""
    return Key(graph, point, forward(graph, point), upstream, rule, kinks)


def slopes(graph: Graph, place: int, values: Values, kinks: str | None, bent: bool) -> list[Figure | None]:
    """The local gradients of a gate; BENT ones reach from the slope on the left to that on the right."""
    if not bent:
        found = local_gradients(graph, place, values, kinks or "torch")
        return [None if one is None else Figure(one, 0.0, True) for one in found]
    sides = [local_gradients(graph, place, values, side) for side in ("left", "right")]
    return [
        None if one is None or other is None else Figure((one + other) / 2, abs(one - other) / 2, True)
        for one, other in zip(*sides, strict=True)
    ]


# --- the second opinion -----------------------------------------------------------------------------------

_CUT = "?"  # the name of the variable that stands for a gate; no formula has it


def _cut(graph: Graph, node: int) -> Graph:
    """What the output of GRAPH is made of, with a variable in the place of NODE."""
    needed = {graph.output}
    for gate, args in zip(reversed(graph.gates), reversed(graph.args), strict=True):
        if gate in needed and gate != node:
            needed.update(args)
    copy = Copy(replace(graph, scope={}))
    copy.made[node] = copy.builder.input(_CUT)
    for place, gate in enumerate(graph.gates):
        if gate in needed and gate != node:
            copy.set(gate, copy.builder.gate(graph.row(place), tuple([copy.leaf(k) for k in graph.args[place]])))
    return copy.finish()


def _one_gate(graph: Graph, node: int, given: Values) -> Graph:
    """The gate at NODE by itself; its inputs are variables called 0, 1, … where they vary, and GIVEN numbers."""
    builder, place = Builder(), graph.position[node]
    inputs = [
        builder.input(str(k)) if graph.active[one] else builder.constant(given[k])
        for k, one in enumerate(graph.args[place])
    ]
    return builder.finish([builder.gate(graph.row(place), tuple(inputs))])


def printed(graph: Graph, blanks: Iterable[Asked]) -> Graph:
    """GRAPH with the names that somebody who answers BLANKS has seen: the formula's own, and g1 if dg1 was asked for."""
    seen = [one for one in blanks if graph.ids[one.node] in (one.name, one.name[1:], one.name[1:].partition("_d")[0])]
    return with_names(graph, [one.node for one in seen])


def _doubts(graph: Graph, point: Mapping[str, float], name: str, exact: Figure, factor: float = 1.0,
            kinks: str | None = None) -> str:  # fmt: skip
    """Forward mode and differences against one gradient."""
    point = {one: float(point[one]) for one in graph.inputs}
    pushed = factor * tangent(graph, forward(graph, point), {graph.inputs[name]: 1.0}, kinks or "torch")[graph.output]
    if abs(pushed - exact.value) > exact.reach + _SAME * max(abs(exact.value), 1e-9):
        return "forward mode and reverse mode differ"
    slope = Witness(graph, point).slope(name)
    if exact.reach or slope is None:
        return ""
    return "differences do not confirm it" if judge(exact.value, slope, factor) == MISMATCH else ""
