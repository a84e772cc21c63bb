"""Which column each node stands in, and in which order: the layered drawing of Sugiyama, Tagawa and Toda (1981).

Columns are longest paths; an input stands in the column before its first consumer, and so does any gate that would
otherwise draw out a wire of its own. A value that is used in later columns travels on one bus through the columns
between: an invisible *stop* in each, from which wires branch off. The order within the columns starts with a
depth-first walk from the output in operand order, in which a tree has no crossing; barycentre sweeps and swaps of
neighbours then take crossings out, from a few starts, and the best order is kept.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from bpcli.pictures.picture import GATE, Picture
from bpcli.trouble import Trouble

#: Nodes of the largest picture; beyond, nobody can follow a wire any more.
MOST_NODES = 400
#: Nodes and stops together.
MOST_ITEMS = 4000
_SWEEPS = 12
_STARTS = 6
#: Visits to links that ordering may spend: about 0.15 s.
_WORK = 65_000

#: Orders found for graphs of this form: a class's sheets draw the same few graphs with other numbers.
_known: dict[object, list[list[int]]] = {}
_MOST_KNOWN = 64


class Link(NamedTuple):
    """A piece of wire from an item to an item of the next column, where it arrives at a port (0 at a stop)."""

    source: int
    target: int
    port: int
    wire: int
    """The wire that ends here; -1 for a link to a stop."""


class Arrangement(NamedTuple):
    """Items are the nodes of the picture, then the stops."""

    columns: list[list[int]]
    """The items of each column from top to bottom."""
    column: list[int]
    """The column of each item."""
    ins: list[list[Link]]
    outs: list[list[Link]]
    ports: list[int]
    """How many wires arrive at each node."""
    buses: list[list[int]]
    """For each node itself and the stops of its bus, a column each."""


def arrange(picture: Picture) -> Arrangement:
    """The columns of PICTURE. Raises `Trouble` when there is too much to draw."""
    nodes, wires = picture.nodes, picture.wires
    if len(nodes) > MOST_NODES:
        raise too_large(f"a picture of {len(nodes):,} nodes cannot be read")
    column = _columns(picture)
    column, buses = _buses(picture, column)
    ins: list[list[Link]] = [[] for _ in column]
    outs: list[list[Link]] = [[] for _ in column]
    ports = [0] * len(nodes)
    for number, wire in enumerate(wires):
        source = buses[wire.source][column[wire.target] - column[wire.source] - 1]
        link = Link(source, wire.target, ports[wire.target], number)
        ports[wire.target] += 1
        outs[source].append(link)
        ins[wire.target].append(link)
    for bus in buses:
        for source, target in pairwise(bus):
            link = Link(source, target, 0, -1)
            outs[source].append(link)
            ins[target].append(link)
    arrangement = Arrangement([], column, ins, outs, ports, buses)
    key = (tuple(column), tuple((wire.source, wire.target) for wire in wires), tuple(one.is_output for one in nodes))
    if key not in _known:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[key] = _ordered(arrangement, _first_order(picture, arrangement))
    return arrangement._replace(columns=_known[key])


def too_large(reason: str) -> Trouble:
    """The `Trouble` for what cannot be drawn, with the way that is left."""
    return Trouble(f"{reason}; as DOT text it can be laid out elsewhere", code="too-large-to-draw",
                   tries=["--format dot"])  # fmt: skip


# --- columns -----------------------------------------------------------------------------------------------


def _columns(picture: Picture) -> list[int]:
    nodes, wires = picture.nodes, picture.wires
    count = len(nodes)
    given: list[list[int]] = [[] for _ in range(count)]
    users: list[set[int]] = [set() for _ in range(count)]
    for wire in wires:
        given[wire.target].append(wire.source)
        users[wire.source].add(wire.target)
    column = [0] * count
    for node in range(count):  # a gate comes after its inputs
        if given[node]:
            column[node] = 1 + max(column[one] for one in given[node])
    for node in reversed(range(count)):
        if not users[node]:
            continue
        gain = min(column[user] for user in users[node]) - 1 - column[node]
        cost = _drawn_out(node, gain, given, users, column) if nodes[node].kind == GATE else 0
        # A tie of one or two columns is left, so that like gates stay in one column; a longer one is taken, as
        # others may follow along the same bus.
        if cost < gain or cost == gain > 2:
            column[node] += gain
    first = min(column, default=0)
    return [one - first for one in column]


def _drawn_out(node: int, shift: int, given: list[list[int]], users: list[set[int]], column: list[int]) -> int:
    """By how much buses get longer when NODE moves right by SHIFT and what feeds it alone goes with it."""
    longer, stack = 0, [node]
    last: dict[int, int] = {}
    while stack:
        gate = stack.pop()
        for one in set(given[gate]):
            if len(users[one]) == 1:
                stack.append(one)
            else:
                before = last.setdefault(one, max(column[user] for user in users[one]))
                last[one] = max(before, column[gate] + shift)
                longer += last[one] - before
    return longer


def _buses(picture: Picture, column: list[int]) -> tuple[list[int], list[list[int]]]:
    """The columns of all items, and each node with the stops of its bus."""
    last = list(column)
    for wire in picture.wires:
        last[wire.source] = max(last[wire.source], column[wire.target] - 1)
    stops = sum(last) - sum(column)
    if stops + len(column) > MOST_ITEMS:
        raise too_large(f"a picture in which {stops:,} wires pass by other gates cannot be read")
    column = list(column)
    buses = []
    for node in range(len(last)):
        bus = [node]
        for place in range(column[node] + 1, last[node] + 1):
            bus.append(len(column))
            column.append(place)
        buses.append(bus)
    return column, buses


# --- the order in a column ---------------------------------------------------------------------------------


def _first_order(picture: Picture, arrangement: Arrangement) -> list[list[int]]:
    """Items by a depth-first walk against the wires, from each output and then from what no output uses."""
    columns: list[list[int]] = [[] for _ in range(1 + max(arrangement.column, default=-1))]
    seen = bytearray(len(arrangement.column))
    ends = [node for node in range(len(picture.nodes)) if not arrangement.outs[node]]
    ends.sort(key=lambda node: not picture.nodes[node].is_output)
    stack = list(reversed(ends))
    while stack:
        item = stack.pop()
        if not seen[item]:
            seen[item] = True
            columns[arrangement.column[item]].append(item)
            stack += [link.source for link in reversed(arrangement.ins[item])]
    return columns


def _ordered(arrangement: Arrangement, first: list[list[int]]) -> list[list[int]]:
    """The order with the fewest crossings among those tried; FIRST if it has none."""
    order = Order(arrangement, first)
    best, fewest = first, order.crossings()
    links = 1 + sum(map(len, arrangement.ins))
    budget = _WORK
    for start in range(_STARTS):
        if not fewest or budget < 0:
            break
        order = Order(arrangement, [_shuffled(column, start) for column in first])
        for sweep in range(_SWEEPS):
            order.sweep(backward=sweep % 2 == 0)
            order.swap_neighbours()
            budget -= 8 * links
            crossings = order.crossings()
            if crossings < fewest:
                best, fewest = [list(column) for column in order.columns], crossings
            if not fewest or budget < 0:
                break
    return best


def _shuffled(column: Sequence[int], start: int) -> list[int]:
    """COLUMN as it is, reversed, or mixed by multiplication with a large odd number (Knuth), the same everywhere."""
    if start < 2:
        return list(column[:: 1 - 2 * start])
    return sorted(column, key=lambda item: ((item + start) * 2654435761 * (2 * start + 1)) & 0xFFFFFFFF)


class Order:
    """An order of the items in their columns, to be improved in place."""

    def __init__(self, arrangement: Arrangement, columns: list[list[int]]) -> None:
        self.arrangement = arrangement
        self.columns = [list(column) for column in columns]
        self.position = [0] * len(arrangement.column)
        for column in self.columns:
            self._number(column)

    def _number(self, column: Sequence[int]) -> None:
        for place, item in enumerate(column):
            self.position[item] = place

    def _arrival(self, link: Link) -> tuple[int, int]:
        return self.position[link.target], link.port

    def crossings(self) -> int:
        """How many pairs of links cross."""
        total = 0
        for column in self.columns:
            arrived: list[tuple[int, int]] = []
            for item in column:
                arrivals = sorted(map(self._arrival, self.arrangement.outs[item]))
                for arrival in arrivals:
                    total += len(arrived) - bisect_right(arrived, arrival)
                for arrival in arrivals:
                    insort(arrived, arrival)
        return total

    def sweep(self, backward: bool) -> None:
        """Sort every column by the mean position of what its items are linked to in the column just sorted."""
        for column in reversed(self.columns) if backward else self.columns:
            keys = {}
            for item in column:
                if backward:
                    outs = self.arrangement.outs[item]
                    keys[item] = (
                        sum(self.position[k.target] + self._height(k) for k in outs) / len(outs) if outs else None
                    )
                else:
                    ins = self.arrangement.ins[item]
                    keys[item] = sum(self.position[k.source] for k in ins) / len(ins) if ins else None
            # What is linked to nothing there keeps its slot.
            movable = iter(
                sorted((item for item in column if keys[item] is not None), key=lambda item: keys[item] or 0.0)
            )
            column[:] = [item if keys[item] is None else next(movable) for item in column]
            self._number(column)

    def _height(self, link: Link) -> float:
        """Where a link arrives at its target, from -0.5 at the top to 0.5."""
        ports = self.arrangement.ports[link.target] if link.wire >= 0 else 1
        return (link.port + 0.5) / ports - 0.5

    def swap_neighbours(self) -> None:
        """Swap neighbours wherever that takes crossings out, until it does nowhere."""
        for _ in range(4):
            swapped = False
            for column in self.columns:
                sides = {item: self._sides(item) for item in column}
                for place in range(len(column) - 1):
                    upper, lower = column[place], column[place + 1]
                    gain = sum(_inversions(a, b) - _inversions(b, a)
                               for a, b in zip(sides[upper], sides[lower], strict=True))  # fmt: skip
                    if gain > 0:
                        column[place], column[place + 1] = lower, upper
                        swapped = True
                self._number(column)
            if not swapped:
                return

    def _sides(self, item: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Where the links of ITEM end on its left and on its right, from top to bottom."""
        left = sorted((self.position[link.source], 0) for link in self.arrangement.ins[item])
        return left, sorted(map(self._arrival, self.arrangement.outs[item]))


def _inversions(upper: list[tuple[int, int]], lower: list[tuple[int, int]]) -> int:
    """How many links of the UPPER item cross one of the LOWER item."""
    return sum(bisect_left(lower, end) for end in upper)
