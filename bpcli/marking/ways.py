"""Ways to a wrong number: the part of the backward pass just above a blank, run with a slip made in it.

`Way` has plain numbers (or arrays). `RoundedWay` has a `Figure` for each of them: how far the student's own values and
gradients may be off by rounding, and every step that is made from them, so that it covers what anybody writes who
makes the slip and rounds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from bpcli.marking.followthrough import Trail, consumers
from bpcli.marking.handwork import Figure, has_winner, local_figure, product_figure, settle, sum_figure, worked_figure
from bpcli.marking.key import Asked, Key
from bpcli.marking.verdicts import within
from bpcli.rewrite import template
from bpcli.slipped import collect, mutated, rules_at, run, sends, slipped_gradients
from bpcli.slips import NO_SLIP, Slip
from bpcli.sweeps import Values
from bpcli.trouble import Trouble


class Given(Protocol):
    """A student's own number or array, and how far an honest one may be from it."""

    @property
    def value(self) -> Any: ...
    @property
    def reach(self) -> Any: ...


class Work(Protocol):
    """What `Way` asks of a student's work, be it of numbers (a `Trail`) or of arrays."""

    @property
    def key(self) -> Key: ...
    @property
    def own(self) -> Mapping[tuple[str, int, int], Given]: ...
    @property
    def numbers(self) -> Values: ...


class Way:
    """The part of the backward pass between a blank and the nearest numbers that the student gave."""

    def __init__(self, trail: Work, asked: Asked) -> None:
        self.trail, self.asked = trail, asked
        self.node = node = asked.node
        self.key = trail.key
        self.own = {n: self._own(one) for (kind, n, _), one in trail.own.items() if kind == "gradient" and n != node}
        self.feeds: dict[int, list[tuple[int, int]]] = {}
        """Each node on the way up to answered ones -> the gates that it feeds."""
        queue = [node]
        while queue:
            one = queue.pop()
            if one not in self.feeds:
                self.feeds[one] = consumers(self.key, one)
                queue += [gate for gate, _ in self.feeds[one] if gate not in self.own]
        self.nodes = {node, *self.feeds, *(gate for feeds in self.feeds.values() for gate, _ in feeds)}
        self.order = [gate for gate in self.key.gates if gate in self.nodes and gate != node] + [node]
        self.key.spend(len(self.order))

    @property
    def kinks(self) -> str:
        """The convention for slopes at kinks."""
        return self.key.kinks or "torch"

    def choices(self, slip: Slip) -> list[frozenset[int]]:
        """Each place on the way where SLIP can be made, then all of them together."""
        key = self.key
        if self.asked.kind == "local":
            return [frozenset([self.node])] if slip.local else []
        if slip.order != "topological" or slip.push:
            return [] if self.own else [frozenset(key.places(slip))]
        possible = [node for node in key.places(slip) if node in self.nodes]
        if slip.collect == "sum":
            possible = [node for node in possible if node != self.node]
        else:
            possible = [node for node in possible if node not in self.own]
        every = [frozenset(possible)] if len(possible) > 1 else []
        return [frozenset([node]) for node in possible] + every

    def number(self, slip: Slip, at: frozenset[int]) -> Any:
        """The blank's number, with SLIP made AT these places and the student's own numbers around them.

        None where there is none.
        """
        if not at:
            return None
        self.key.spend(len(self.order))
        try:
            if self.asked.kind == "local":
                return self._local(self.node, slip)[self.asked.place]
            if slip.order != "topological" or slip.push:
                return self._whole(slip)
            return self._from_above(slip, at)
        except (Trouble, ArithmeticError):
            return None

    def reaches(self, number: Any, answer: float) -> bool:
        """Whether somebody whose slip gives NUMBER may have written ANSWER."""
        return within(answer, Figure(number, 0.0, True), self.key.scale)

    def unbounded(self, number: Any) -> bool:
        """Whether rounding may lead anywhere from NUMBER."""
        return False

    # --- the arithmetic, which a way of figures has its own of ---

    def _own(self, figure: Given) -> Any:
        return figure.value

    def _local(self, gate: int, slip: Slip) -> Sequence[Any]:
        """The local gradients of GATE as SLIP has them."""
        graph = self.key.graph
        return slipped_gradients(graph, graph.position[gate], self.trail.numbers, slip, self.kinks)

    def _whole(self, slip: Slip) -> Any:
        """The number that comes of a slip in the whole sweep."""
        key = self.key
        return run(key.graph, key.values, {key.graph.output: key.upstream}, slip, self.kinks)[self.node]

    def _sent(self, gate: int, k: int, slip: Slip, upstream: Any) -> Any:
        """What GATE sends to its input K, with SLIP made there."""
        own, graph = self.trail.own.get(("local", gate, k)), self.key.graph
        if own is not None and slip.product == "G*d":
            return upstream * own.value
        return sends(graph, graph.position[gate], self.trail.numbers, upstream, slip, self.kinks)[k]

    def _collected(self, parts: Sequence[Any], slip: Slip) -> Any:
        return collect(parts, slip)

    def _from_above(self, slip: Slip, at: frozenset[int]) -> Any:
        """The gradient of the node, worked out from the student's own numbers down."""
        known: dict[int, Any] = {}
        for node in self.order:
            if node in self.own:
                known[node] = self.own[node]
                continue
            parts = [self._own(Figure(self.key.upstream, 0.0, True))] if node == self.key.graph.output else []
            for gate, k in self.feeds[node]:
                if known.get(gate) is not None:
                    sent = self._sent(gate, k, slip if gate in at else NO_SLIP, known[gate])
                    parts += [] if sent is None else [sent]
            known[node] = self._collected(parts, slip if node in at else NO_SLIP) if parts else None
        return known[self.node]


class RoundedWay(Way):
    """The same in figures: each number with how far honest rounding may lead from it."""

    trail: Trail

    def reaches(self, number: Figure, answer: float) -> bool:
        """Whether somebody whose slip gives NUMBER may have written ANSWER, rounding as they go."""
        rule = self.key.rule
        if rule.kind == "answer" and (number.reach or number.value % 1):
            number = number._replace(reach=number.reach + rule.unit(abs(number.value)))
        return within(answer, number, self.key.scale)

    def unbounded(self, number: Figure) -> bool:
        """Whether rounding may lead anywhere from NUMBER."""
        return math.isinf(number.reach)

    def _own(self, figure: Given) -> Given:
        return figure

    def _local(self, gate: int, slip: Slip) -> list[Figure | None]:
        found, graph, trail = self.trail.local(gate), self.key.graph, self.trail
        place = graph.position[gate]
        numbers = trail.numbers_at(place)
        rules = rules_at(graph, place, numbers, slip)
        if not rules:
            return found
        nothing = Figure(0.0, 0.0, True)
        inputs = [trail.used_values[k] or nothing for k in graph.args[place]]
        slopes, row = slipped_gradients(graph, place, numbers, slip, self.kinks), mutated(graph.row(place), rules)
        settled = graph.row(place).name in ("max", "min") and all(has_winner(one, inputs) for one in ("max", "min"))
        y = trail.used_values[gate] or nothing
        return [
            right if slope is None or not rule
            else Figure(slope, settle(self.key.rule, slope, 0.0), True) if settled
            else local_figure(row, k, inputs, y, slope, self.key.rule, self.kinks)
            for k, (right, slope, rule) in enumerate(zip(found, slopes, rules, strict=True))
        ]  # fmt: skip

    def _whole(self, slip: Slip) -> Figure | None:
        """As far off, at least in proportion, as the right number may be."""
        number, right = super()._whole(slip), self.trail.expected(self.asked)
        if right is None or not math.isfinite(right.reach):
            return None
        larger = max(1.0, abs(number / right.value)) if right.value else 1.0
        return Figure(number, settle(self.key.rule, number, right.reach * larger), True)

    def _sent(self, gate: int, k: int, slip: Slip, upstream: Figure) -> Figure | None:
        local = self.trail.own.get(("local", gate, k)) or self._local(gate, slip)[k]
        if local is None or slip.product == "G*d":
            return None if local is None else product_figure(upstream, local, self.key.rule)
        return worked_figure(template(slip.product, ("G", "d")), {"G": upstream, "d": local}, self.key.rule)

    def _collected(self, parts: Sequence[Figure], slip: Slip) -> Figure:
        if slip.collect in ("first", "last"):
            return parts[0 if slip.collect == "first" else -1]
        rule, total = self.key.rule, sum_figure(parts, self.key.rule)
        if slip.collect == "sum":
            return total
        mean = total.value / len(parts)
        return Figure(mean, settle(rule, mean, total.reach / len(parts)), True)


def way_to(trail: Trail, asked: Asked) -> Way:
    """The way to the blank ASKED, in plain numbers where none are rounded."""
    return (Way if trail.key.rule.kind == "exact" else RoundedWay)(trail, asked)
