"""Diagnosis: which known slip gives the student's number, where the error was made.

For a wrong gradient the backward pass is run from the student's own nearest numbers up to this one, with a slip at one
gate, or at every gate on the way that it can be made at. So with every gate asked the slip is found at the gate
itself, and with the ends alone it is found in the whole run. Of all explanations of a student's wrong numbers the
smallest set counts: fewest slips, then fewest places. What is still tied is named together.

Source of the method: J. S. Brown and R. R. Burton, Cognitive Science 2 (1978).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple, Protocol

from bpcli.compiled import value_function
from bpcli.gates import GATES
from bpcli.marking.followthrough import Trail, consumers
from bpcli.marking.handwork import Figure
from bpcli.marking.key import Asked, Key
from bpcli.marking.verdicts import equal, within
from bpcli.slipped import collect, run, sends, slipped_gradients
from bpcli.slips import NO_SLIP, SLIPS, Slip
from bpcli.sweeps import Values
from bpcli.trouble import Trouble

MOST_SETS = 3  # slips in one explanation
MOST_WAYS = 4  # slips named together; more are no explanation

#: What is seen in a number itself, where no slip of the table explains it: id -> what a teacher says of it.
SEEN = {
    "sign-changed": "the sign is the other one",
    "decimal-point": "the decimal point is in another place",
    "other-operation": "this is another operation on the same numbers",
    "operands-swapped": "the operands are the other way round",
    "other-blank": "this is the number of another blank",
    "transposed": "rows and columns are exchanged",
}


class Explanation(NamedTuple):
    """One way to come to a wrong number: a slip, and the gates where it is made."""

    slip: str
    at: frozenset[int]


# --- one wrong number -------------------------------------------------------------------------------------


def explanations(trail: Trail, asked: Asked, answer: float, expected: Figure | None) -> list[Explanation]:
    """Every slip that gives ANSWER for the blank ASKED, with the gate where it is made, or every such gate."""
    if asked.kind == "value":
        return []
    way = Way(trail, asked)
    return [
        Explanation(slip.id, at) for slip in SLIPS.values() for at in way.choices(slip)
        if way.explains(slip, at, answer, expected)
    ]  # fmt: skip


def contradicted(way: Explanation, trail: Trail, other: Asked, answer: float) -> bool:
    """Whether WAY makes a number wrong that nobody asked for, and the ANSWER to OTHER comes from the right one."""
    seen_from = Way(trail, other)
    slip = SLIPS[way.slip]
    at = frozenset(way.at & {node for choice in seen_from.choices(slip) for node in choice})
    if not at:
        return False
    number = seen_from.number(slip, at)
    return number is not None and not seen_from.explains(slip, at, answer, trail.expected(other))


def _explains(value: float | None, answer: float, expected: Figure | None, key: Key, more: float = 0.0) -> bool:
    """Whether somebody who made a slip that gives VALUE may have written ANSWER, rounding as they go, and MORE off."""
    if value is None or not math.isfinite(value):
        return False
    reach = more
    if key.rule.kind != "exact" and expected is not None and math.isfinite(expected.reach):
        larger = max(1.0, abs(value / expected.value)) if expected.value else 1.0
        reach += expected.reach * larger + (key.rule.unit(abs(value)) if expected.reach or value % 1 else 0.0)
    return within(answer, Figure(value, reach, True), key.scale)


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
        self.own = {n: one.value for (kind, n, _), one in trail.own.items() if kind == "gradient" and n != node}
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

    @property
    def kinks(self) -> str:
        """The convention for slopes at kinks."""
        return self.key.kinks or "torch"

    def number(self, slip: Slip, at: frozenset[int]) -> float | None:
        """The blank's number, with SLIP made AT these places and the student's own numbers around them."""
        key = self.key
        if not at:
            return None
        key.spend(len(self.order))
        try:
            if self.asked.kind == "local":
                place = key.graph.position[self.node]
                return slipped_gradients(key.graph, place, self.trail.numbers, slip, self.kinks)[self.asked.place]
            if slip.order != "topological" or slip.push:
                return run(key.graph, key.values, {key.graph.output: key.upstream}, slip, self.kinks)[self.node]  # type: ignore[no-any-return]
            return self._from_above(slip, at)
        except (Trouble, ArithmeticError):
            return None

    def explains(self, slip: Slip, at: frozenset[int], answer: float, expected: Figure | None) -> bool:
        """Whether SLIP made AT these places gives ANSWER, with the student's own numbers as far off as they may be.

        A dropped local gradient of 0.01 lets a rounded number weigh a hundred times as much as it should.
        """
        number = self.number(slip, at)
        if _explains(number, answer, expected, self.key):
            return True
        more = 0.0 if number is None or self.key.rule.kind == "exact" else self._swing(slip, at, number)
        return more > 0 and _explains(number, answer, expected, self.key, more)

    def _swing(self, slip: Slip, at: frozenset[int], number: float) -> float:
        """How far NUMBER moves when each gradient of the student moves by as much as it was rounded."""
        swing = 0.0
        for node, gradient in self.own.items():
            reach = self.trail.own["gradient", node, 0].reach
            if not reach or node not in self.nodes:
                continue
            self.own[node] = gradient + reach
            moved = self.number(slip, at)
            self.own[node] = gradient
            swing += abs(moved - number) if moved is not None else 0.0
        return swing

    def _from_above(self, slip: Slip, at: frozenset[int]) -> float | None:
        """The gradient of the node, worked out from the student's own numbers down."""
        known: dict[int, float | None] = {}
        for node in self.order:
            if node in self.own:
                known[node] = self.own[node]
                continue
            parts = [self.key.upstream] if node == self.key.graph.output else []
            for gate, k in self.feeds[node]:
                sent = self._sent(gate, k, slip, at, known.get(gate))
                if sent is not None:
                    parts.append(sent)
            known[node] = collect(parts, slip if node in at else NO_SLIP) if parts else None
        return known[self.node]

    def _sent(self, gate: int, k: int, slip: Slip, at: frozenset[int], upstream: float | None) -> float | None:
        if upstream is None:
            return None
        graph = self.key.graph
        own = self.trail.own.get(("local", gate, k))
        if own is not None and (gate not in at or slip.product == "G*d"):
            return upstream * own.value  # type: ignore[no-any-return]
        made = slip if gate in at else NO_SLIP
        return sends(graph, graph.position[gate], self.trail.numbers, upstream, made, self.kinks)[k]  # type: ignore[no-any-return]


# --- what is seen in the number itself --------------------------------------------------------------------


def seen(trail: Trail, asked: Asked, answer: float, expected: Figure | None, others: Iterable[Figure]) -> list[str]:
    """The rows of `SEEN` that hold of ANSWER; OTHERS are the numbers of the sheet's other blanks."""
    if expected is None or not answer:
        return []
    found = []
    swapped, other = _other_operations(trail, asked) if asked.kind == "value" else ([], [])
    if within(-answer, expected):
        found.append("sign-changed")
    if any(equal(answer, value) for value in swapped):
        found.append("operands-swapped")
    elif any(equal(answer, value) for value in other):
        found.append("other-operation")
    if any(_near(answer * factor, expected) for factor in (10.0, 0.1, 100.0, 0.01)):
        found.append("decimal-point")
    if not found and any(one.value and abs(one.value) != 1 and _near(answer, one) for one in others):
        found.append("other-blank")
    return found


def _near(answer: float, expected: Figure) -> bool:
    return within(answer, expected._replace(reach=min(expected.reach, 0.02 * abs(expected.value))))


def _other_operations(trail: Trail, asked: Asked) -> tuple[list[float], list[float]]:
    """What a two-input gate gives with its operands swapped, and what the other three operations give."""
    graph = trail.key.graph
    place = graph.position.get(asked.node)
    if place is None or graph.row(place).name not in ("add", "sub", "mul", "div", "pow"):
        return [], []
    row = graph.row(place)
    inputs = [trail.numbers[k] for k in graph.args[place]]
    swapped = [_evaluated(row, inputs[::-1])]
    others = [_evaluated(GATES[name], inputs) for name in ("add", "sub", "mul", "div") if name != row.name]
    return [one for one in swapped if one is not None], [one for one in others if one is not None]


def _evaluated(row: Any, inputs: Sequence[Any]) -> float | None:
    try:
        value = float(value_function(row)(*inputs))
    except (ArithmeticError, ValueError, TypeError):
        return None
    return value if math.isfinite(value) else None


# --- all wrong numbers of a student -----------------------------------------------------------------------


def smallest(wrong: Mapping[str, Sequence[Explanation]]) -> dict[str, list[Explanation]]:
    """Blank -> its explanations, one for each slip, in a smallest set that explains all blanks; all such sets together.

    The smallest is that with the fewest slips, then the fewest places. A blank that nothing explains has none.
    """
    ways = {name: list(found) for name, found in wrong.items() if found}
    count = Counter(way for found in ways.values() for way in found)
    ids = sorted({way.slip for way in count}, key=list(SLIPS).index)
    kept = {*ids}
    for size in range(1, min(MOST_SETS, len(ids)) + 1):
        sets = [chosen for chosen in combinations(ids, size)
                if all(any(way.slip in chosen for way in found) for found in ways.values())]  # fmt: skip
        if sets:
            places_of = [_places(ways, chosen) for chosen in sets]
            fewest = min(places_of)
            kept = {slip for chosen, number in zip(sets, places_of, strict=True) if number == fewest for slip in chosen}
            break
    return {name: _one_for_each_slip(ways.get(name, ()), kept, count) for name in wrong}


def _one_for_each_slip(
    found: Sequence[Explanation], kept: Collection[str], count: Counter[Explanation]
) -> list[Explanation]:
    """Of each slip in KEPT, the way that explains most blanks."""
    best: dict[str, Explanation] = {}
    for way in found:
        if way.slip in kept and (way.slip not in best or count[way] > count[best[way.slip]]):
            best[way.slip] = way
    return list(best.values())


def _places(ways: Mapping[str, Sequence[Explanation]], chosen: Sequence[str]) -> int:
    """How many different (slip, places) the slips CHOSEN need, nearly at least, to explain every blank."""
    left = {name: {way for way in found if way.slip in chosen} for name, found in ways.items()}
    number = 0
    while left:
        count = Counter(way for found in left.values() for way in found)
        best = max(count, key=lambda way: (count[way], way.slip, sorted(way.at)))
        left = {name: found for name, found in left.items() if best not in found}
        number += 1
    return number
