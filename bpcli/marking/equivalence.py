"""Whether two formulas are the same function: as graphs, then at points that nobody can know beforehand.

The points come from a secret kept with the key. They lie where the key has a value, and wherever a gate of the key or
of the answer changes from one smooth piece to another on the way between two of them, both sides of that kink are
tried too. Doubles decide the clear cases; where rounding could be to blame, it is measured, by changing the last digit
of every gate. What is then still in doubt is undecided and goes to a person: it is never wrong.

Two formulas that differ on a narrow smooth stretch can agree at every point that is tried, so an answer with very large
or small numbers that the key does not have is undecided even when nothing tells it from the key.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

from bpcli.compiled import condition
from bpcli.figures import show
from bpcli.graph import Graph, figure
from bpcli.marking.meter import ONE_BY_ONE, Meter, evaluations
from bpcli.sweeps import Values, evaluate_gate, forward, forward_on_demand, reverse
from bpcli.trouble import Trouble

EQUAL, DIFFERENT, UNDECIDED = "equal", "different", "undecided"

#: Points that must decide, the points drawn to find them, and the points beside kinks that are tried.
NEEDED, DRAWN, AT_KINKS = 24, 600, 120
_FEWEST = 16
#: Relative differences: below the first nothing is left to explain; above the second the formulas differ, unless
#: rounding makes as much.
_SAME, _OTHER = 1e-12, 1e-6
_NOISY = 1e-9  # a point where rounding makes more than this decides nothing
_EPSILON = 2.0**-52
_BISECTIONS = 60
_COMMUTES = ("add", "mul", "max", "min")
_LARGE = 1e3  # a number that makes a formula narrower than the distance of any points that are tried

Point = dict[str, float]


class Outcome(NamedTuple):
    """The verdict, a point where the two differ, and what a person should know."""

    verdict: str
    point: Point | None = None
    note: str = ""


class Reading(NamedTuple):
    """A number, and the smooth pieces that the gates it was computed by are on."""

    value: Any
    pieces: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Quantity:
    """The value of a node of GRAPH, or the output's gradient there, as a function of the graph's variables."""

    graph: Graph
    node: int
    gradient: bool = False
    upstream: float = 1.0
    given: Callable[[Mapping[str, float]], Mapping[str, float]] | None = None
    """From the point of the comparison to that of this graph (an answer may use names that the key computes)."""
    meter: Meter = field(default_factory=Meter)
    """What every sweep over the graph is counted by; `TooMuch` ends the comparison."""

    at_kinks: ClassVar[int] = AT_KINKS

    def draw(self, secret: bytes, near: Mapping[str, float]) -> Iterator[Point]:
        """Points at which another quantity may be compared with this one."""
        return points(list(self.graph.inputs), secret, near)

    @cached_property
    def _kinked(self) -> list[int]:
        graph = self.graph
        return [place for place in range(len(graph.gates)) if graph.row(place).piece]

    @cached_property
    def _sweep(self) -> int:
        """Gate evaluations for one number."""
        return evaluations(self.graph) * (2 if self.gradient else 1)

    def at(self, point: Mapping[str, float]) -> Reading | None:
        """The reading at POINT; None outside the domain."""
        self.meter.spend(self._sweep + len(self._kinked))
        try:
            values = forward(self.graph, self._own(point))
            number = self._number(values)
        except (Trouble, KeyError):
            return None
        return Reading(number, tuple(self._pieces(values))) if math.isfinite(number) else None

    def noise(self, point: Mapping[str, float], value: float) -> float:
        """How far rounding may move VALUE at POINT: it is computed again with the last digits of all gates changed."""
        worst = 4 * _EPSILON * abs(value)
        for pattern in (7, 13, 19):
            self.meter.spend(ONE_BY_ONE * self._sweep)
            try:
                worst = max(worst, 2 * abs(self._number(self._wobbled(point, pattern)) - value))
            except Trouble:
                return math.inf
        return worst

    def _own(self, point: Mapping[str, float]) -> Mapping[str, float]:
        known = point if self.given is None else self.given(point)
        return {name: known[name] for name in self.graph.inputs}

    def _number(self, values: Values) -> float:
        if not self.gradient:
            value = values[self.node]
            return math.nan if value is None else float(value)
        return float(reverse(self.graph, values, {self.graph.output: self.upstream})[self.node])

    def _wobbled(self, point: Mapping[str, float], pattern: int) -> Values:
        graph, own = self.graph, self._own(point)
        values: Values = [None] * graph.size
        for name, node in graph.inputs.items():
            values[node] = own[name]
        for node, value in graph.constants.items():
            values[node] = value

        def evaluate(graph: Graph, place: int, now: Values) -> float:
            sign = 1 if (place * pattern) % 5 > 1 else -1
            return evaluate_gate(graph, place, now) * (1 + 2 * sign * _EPSILON)

        return forward_on_demand(graph, values, evaluate)

    def _pieces(self, values: Values) -> Iterator[float]:
        graph = self.graph
        for place in self._kinked:
            y, inputs = values[graph.gates[place]], [values[k] for k in graph.args[place]]
            if y is None or None in inputs:
                yield 0.5  # on a branch not taken
            else:
                yield float(condition(graph.row(place), graph.row(place).piece)(*inputs, y))


def same_graph(a: Graph, b: Graph) -> bool:
    """Whether two formulas are the same, sums and products in any order."""
    return _canonical(a) == _canonical(b)


def _canonical(graph: Graph) -> str:
    text: dict[int, str] = {node: f"name {name}" for name, node in graph.inputs.items()}
    text |= {node: f"number {figure(value)}" for node, value in graph.constants.items()}
    for place, node in enumerate(graph.gates):
        parts, row = [text[k] for k in graph.args[place]], graph.row(place)
        if row.name in _COMMUTES:
            parts.sort()
        text[node] = sha256(f"{row.name} {row.forward}({','.join(parts)})".encode()).hexdigest()  # which has the axes
    return text[graph.output]


def compare(answer: Quantity, key: Quantity, secret: bytes, near: Mapping[str, float] | None = None) -> Outcome:
    """Whether ANSWER is KEY, as functions of the key's variables.

    SECRET decides the points; NEAR is a point of the sheet, around which some of them lie. Raises `TooMuch`.
    """
    if not key.gradient and same_graph(answer.graph, key.graph):
        return Outcome(EQUAL)
    tried = _Comparison(answer, key)
    for point in key.draw(secret, near or {}):
        outcome = tried.at(point)
        if outcome is not None:
            return outcome
        if tried.decided >= NEEDED:
            break
    outcome = tried.beside_kinks()
    if outcome is not None:
        return outcome
    if tried.decided < min(_FEWEST, NEEDED if key.graph.inputs else 1):
        return Outcome(UNDECIDED, note=f"only {tried.decided} points could be compared")
    return _suspicious(answer.graph, key.graph) or Outcome(EQUAL, note=tried.note)


class _Comparison:
    """The points that were tried so far."""

    def __init__(self, answer: Quantity, key: Quantity) -> None:
        self.answer, self.key = answer, key
        self.decided = 0
        self.note = ""
        self.seen: list[tuple[Point, tuple[float, ...]]] = []

    def at(self, point: Point, inside: bool = True) -> Outcome | None:
        """The outcome that POINT decides; None when it shows no difference."""
        right = self.key.at(point)
        if right is None:
            return None  # the key has no say here
        given = self.answer.at(point)
        if given is None:
            return Outcome(DIFFERENT, point, "it has no value there") if inside else None
        self.seen.append((point, right.pieces + given.pieces))
        off, largest = _size(given.value - right.value), max(_size(given.value), _size(right.value))
        if off <= _SAME * largest:
            self.decided += 1
            return None
        noise = self.answer.noise(point, given.value) + self.key.noise(point, right.value)
        if off <= 50 * noise:
            self.decided += noise <= _NOISY * largest or not _size(right.value)
            return None
        if off > _OTHER * largest:
            return Outcome(DIFFERENT, point)
        self.decided += 1
        self.note = "up to rounded numbers in the formula"
        return None

    def beside_kinks(self) -> Outcome | None:
        """Both sides of every kink that lies between two of the points."""
        tried = 0
        seen = list(self.seen)
        for (one, pieces), (other, others) in pairwise(seen):
            for k in [k for k, (a, b) in enumerate(zip(pieces, others, strict=True)) if a != b]:
                for share in self._sides(one, other, k, pieces[k]):
                    outcome = self.at(_between(one, other, share), inside=False)
                    if outcome is not None:
                        return outcome
                tried += 1
                if tried >= self.key.at_kinks:
                    return None
        return None

    def _sides(self, one: Point, other: Point, k: int, piece: float) -> list[float]:
        """Shares of the way from ONE to OTHER just before and after the place where the gate K changes piece."""
        low, high = 0.0, 1.0
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            pieces = self._pieces(_between(one, other, middle))
            if pieces is None or middle in (low, high):
                break
            if pieces[k] == piece:
                low = middle
            else:
                high = middle
        steps = (1e-9, 1e-6, 1e-4, 1e-3, 1e-2)
        return [share for step in steps for share in (low - step, high + step) if 0 <= share <= 1]

    def _pieces(self, point: Point) -> tuple[float, ...] | None:
        readings = self.key.at(point), self.answer.at(point)
        return None if readings[0] is None or readings[1] is None else readings[0].pieces + readings[1].pieces


def _between(one: Point, other: Point, share: float) -> Point:
    return {name: one[name] + share * (other[name] - one[name]) for name in one}


def points(names: list[str], secret: bytes, near: Mapping[str, float]) -> Iterator[Point]:
    """Points that SECRET decides: of all sizes and signs, and around the point NEAR."""
    if not names:
        yield {}
        return
    for number in range(DRAWN):
        point = {}
        for place, name in enumerate(sorted(names)):
            share, sign, spare = _shares(secret, number, place)
            kind = number % 3
            if kind == 0 and name in near:
                point[name] = near[name] * (0.5 + share) + (spare - 0.5) * (0.2 if near[name] else 2.0)
            elif kind == 1:
                point[name] = 10 ** (-1.5 + 2.5 * share) * (1 if sign < 0.5 or number % 2 else -1)
            else:
                point[name] = 0.05 + 2.95 * share if number % 4 < 2 else -3 + 6 * share
        yield point


def _shares(secret: bytes, number: int, place: int) -> tuple[float, float, float]:
    """Three numbers from 0 to 1."""
    digest = hmac.digest(secret, f"{number}/{place}".encode(), "sha256")
    first, second, third = digest[:7], digest[7:14], digest[14:21]
    return int.from_bytes(first) / 2**56, int.from_bytes(second) / 2**56, int.from_bytes(third) / 2**56


def _size(value: Any) -> float:
    """The largest entry of an array without its sign; of a number, itself."""
    return abs(value) if isinstance(value, float) else float(abs(value).max(initial=0.0))


def _numbers(graph: Graph) -> set[float]:
    """The numbers that are written in a formula, without their signs."""
    values = graph.constants.values()
    return {abs(one) for value in values for one in (value.ravel().tolist() if hasattr(value, "ravel") else [value])}


def _suspicious(answer: Graph, key: Graph) -> Outcome | None:
    """Undecided for an answer with numbers that could hide a difference on a narrow stretch."""
    for value in sorted(_numbers(answer) - _numbers(key)):
        if value and not 1 / _LARGE < value < _LARGE:
            return Outcome(UNDECIDED, note=f"nothing tells it from the key, but it has the number {figure(value)}")
    return None


def said(outcome: Outcome, answer: Quantity, key: Quantity) -> str:
    """Where the two differ, at a round point if one will do: the points that were drawn stay secret."""
    assert outcome.point is not None
    for digits in (1, 2, 3):
        point = {name: float(f"{outcome.point[name]:.{digits}g}") for name in key.graph.inputs}
        right, given = key.at(point), answer.at(point)
        where = ", ".join(f"{name} = {show(value)}" for name, value in point.items())
        if right is None:
            continue
        if given is None:
            return f"it has no value at {where}"
        if abs(given.value - right.value) > 1e-3 * max(abs(given.value), abs(right.value)):
            return f"it is different at {where}: there it gives {show(given.value)}" if where else (
                f"it gives {show(given.value)}")  # fmt: skip
    return outcome.note or "it is another function"
