"""Where everything in a picture stands: one layout for the terminal, SVG, TikZ and the page.

From left to right, a column has the last straight piece of the arriving wires, the nodes, and after each node a
straight *stub* with the value above it and the gradient below, as long as those two texts. Wires bend only in the
channels between columns, and a wire that passes a column does so on a straight piece with a height of its own. So no
wire can cross a node or a number, whatever the graph.

Heights are found column by column as the closest to where an item's neighbours are, under minimum distances: a
least-squares problem that pool adjacent violators solves exactly (Barlow and Brunk, JASA 1972). All coordinates are
whole numbers, except where a wire meets a round node (tenths).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, sqrt
from typing import Any, NamedTuple

from bpcli.pictures.layers import Arrangement, Link, arrange
from bpcli.pictures.picture import GATE, Node, Picture, Wire
from bpcli.result import plain
from bpcli.trouble import columns as width_in_columns

#: How strongly an input holds its place against a gate or bus.
_LIGHT = 1e-4


class Box(NamedTuple):
    """A rectangle."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x of its right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """The y of its lower edge."""
        return self.top + self.height

    @property
    def middle(self) -> tuple[float, float]:
        """Its centre."""
        return self.left + self.width / 2, self.top + self.height / 2


class Shape(NamedTuple):
    """A node's place."""

    box: Box
    """Around the circle or pill of a gate, the text of an input."""
    stub: tuple[float, float, float]
    """The straight piece after the node: its two x and its y."""
    value: Box
    gradient: Box
    """Where the two texts stand, as wide as the longest in the column, in the middle of the stub."""
    name: Box | None


class Route(NamedTuple):
    """A wire's way: straight between points of the same height, a curve between others (always in a channel)."""

    points: tuple[tuple[float, float], ...]
    local: Box | None
    """Where the local gradient stands."""


class Join(NamedTuple):
    """Where a value branches, so that gradients meet."""

    x: float
    y: float
    node: int
    """The node whose value it is (its place in the picture)."""
    adds: bool
    """Whether more than one gradient arrives."""


class Drawing(NamedTuple):
    """A picture with its coordinates; ``shapes`` and ``routes`` are parallel to its nodes and wires."""

    width: float
    height: float
    shapes: tuple[Shape, ...]
    routes: tuple[Route, ...]
    joins: tuple[Join, ...]


#: What leaves a column, an item at a time: its height, and where the links from it arrive in the next.
Bundle = tuple[int, Sequence[int]]


@dataclass(frozen=True)
class Measure:
    """The sizes that a format needs, in its own unit."""

    character: float
    line: int
    """The height of a line of text."""
    above: int
    """From a wire up to the top of the text above it."""
    below: int
    """From a wire down to the top of the text below it."""
    thickness: int
    """Of a wire: 0 for a line, 1 where it takes a row of its own."""
    node_height: int
    node_padding: int
    """Added to a label's width; a node is never narrower than high, so that a short label has a circle."""
    label_gap: int
    """Between an input's name and its stub."""
    ports: Callable[[int, bool], list[int]]
    """The heights of so many arriving wires from the node's middle; with room for texts between them or not."""
    port_room: int
    """What a node is higher than its ports are apart."""
    arrow: int
    """The last straight piece of an arriving wire."""
    edge: int
    """Round the picture."""
    margin: int
    """Beside the texts on a wire."""
    apart: int
    """Between two rows."""
    join: int
    """The width of the mark at a branch."""
    blank: tuple[int, int]
    """The width and height of an empty box to write in."""
    round: bool
    """Whether nodes have round ends, and assigned names above them (otherwise the name stands on the stub)."""
    local: str
    """What stands before a local gradient, to tell it from a value."""
    channel: Callable[[Sequence[Bundle]], int]
    """The width of the space between two columns."""

    def text(self, text: str) -> int:
        """The width of TEXT."""
        return ceil(width_in_columns(text) * self.character)


def _curves(bundles: Sequence[Bundle]) -> int:
    """A channel for curves: wider when they are steep."""
    steepest = max((abs(left - right) for left, rights in bundles for right in rights), default=0)
    return min(90, max(26, 14 + steepest // 3))


def _evenly(count: int, labelled: bool) -> list[int]:
    step = 18 if labelled else 12
    return [(2 * k - count + 1) * step // 2 for k in range(count)]


#: For SVG, TikZ and the page: pixels, text of 12 px in a face whose characters are 0.602 em wide.
SCREEN = Measure(
    character=7.25, line=14, above=17, below=3, thickness=0, node_height=30, node_padding=12, label_gap=3,
    ports=_evenly, port_room=15, arrow=10, edge=6, margin=6, apart=8, join=14, blank=(56, 20), round=True,
    local="", channel=_curves,
)  # fmt: skip


class _Layout:
    """The work of `layout`, step by step."""

    def __init__(self, picture: Picture, measure: Measure, least: int) -> None:
        self.picture, self.measure, self.least = picture, measure, least
        self.arranged: Arrangement = arrange(picture)
        self.labelled = picture.show == "local"
        self.line = max(measure.line, measure.blank[1]) if picture.blanks else measure.line
        self.above = measure.above + self.line - measure.line
        count = len(picture.nodes)
        self.ports = [measure.ports(ports, self.labelled) for ports in self.arranged.ports]
        self.size = [self._size(node) for node in range(count)]
        stops = len(self.arranged.column) - count
        self.up = [self._up(node) for node in range(count)] + [measure.line // 2] * stops
        self.down = [self._down(node) for node in range(count)] + [measure.line // 2] * stops
        self.y: list[int] = []

    # sizes

    def _size(self, node: int) -> tuple[int, int]:
        """The width and height of a node's box."""
        shown, measure = self.picture.nodes[node], self.measure
        width = measure.text(shown.label)
        if shown.kind != GATE:
            return width + measure.label_gap, measure.line
        spread = 2 * self.ports[node][-1] + measure.port_room
        height = max(measure.node_height, spread)
        width += measure.node_padding
        return (max(width, height) if height == measure.node_height else max(width, measure.node_height)), height

    def _up(self, node: int) -> int:
        shown, measure = self.picture.nodes[node], self.measure
        up = self.size[node][1] // 2 + (measure.line if shown.name and measure.round else 0)
        if shown.value or shown.asks[0]:
            up = max(up, self.above)
        if self.labelled and self.ports[node]:
            up = max(up, measure.above - self.ports[node][0])
        return up

    def _down(self, node: int) -> int:
        shown, measure = self.picture.nodes[node], self.measure
        down = self.size[node][1] // 2
        text = measure.below + self.line - measure.thickness
        return max(down, text) if shown.gradient or shown.asks[1] else down

    def _stub(self, node: Node) -> int:
        """The length of the straight piece after a node."""
        measure = self.measure
        texts = zip((node.value, node.gradient), node.asks, strict=True)
        width = max(measure.text(text) + ceil(2 * measure.character) * asks for text, asks in texts)
        if any(node.asks):
            width = max(width, measure.blank[0])
        if not measure.round and node.name:
            width = max(width, measure.text(node.name))
        return max(width, ceil(self.least * measure.character)) + 2 * measure.margin

    # heights

    def place_rows(self) -> None:
        """Give every item its height."""
        self.y = [0] * len(self.arranged.column)
        for column in self.arranged.columns:
            y = 0
            for above, item in zip([None, *column], column, strict=False):
                y += 0 if above is None else self._gap(above, item)
                self.y[item] = y
        for _ in range(6):
            for column in reversed(self.arranged.columns):
                self._settle(column, lambda item: self.arranged.outs[item] or self.arranged.ins[item])
            for column in self.arranged.columns:
                self._settle(column, lambda item: self.arranged.ins[item] + self.arranged.outs[item])
        for column in self.arranged.columns:
            self._settle(column, lambda item: self.arranged.ins[item] or self.arranged.outs[item])
        top = min((y - up for y, up in zip(self.y, self.up, strict=True)), default=0)
        self.y = [y - top + self.measure.edge for y in self.y]

    def _gap(self, above: int, below: int) -> int:
        return self.down[above] + self.up[below] + self.measure.apart

    def _settle(self, column: Sequence[int], links: Callable[[int], list[Link]]) -> None:
        """Move COLUMN as near as it gets to where LINKS want each item, in order and with the distances kept."""
        if not column:
            return
        offsets = [0]
        for above, below in pairwise(column):
            offsets.append(offsets[-1] + self._gap(above, below))
        wanted = [self._wanted(item, links(item)) for item in column]
        heights = isotonic([(y - offset, weight) for (y, weight), offset in zip(wanted, offsets, strict=True)])
        lowest = None
        for item, height, offset in zip(column, heights, offsets, strict=True):
            rounded = floor(height + 0.5)
            lowest = rounded if lowest is None else max(rounded, lowest)
            self.y[item] = lowest + offset

    def _wanted(self, item: int, links: Sequence[Link]) -> tuple[float, float]:
        """The height that LINKS pull ITEM to, and how strongly.

        A bus pulls four times as much, so that it stays straight. Inputs follow their gates and pull none that has
        another gate before it, so that a chain stays straight: a sum of a hundred terms is a line, not a slope.
        """
        count, total, weight = len(self.picture.nodes), 0.0, 0.0
        gates = [link for link in links if self.arranged.ins[link.source]]
        for link in gates or links:
            arrival = self.ports[link.target][link.port] if link.wire >= 0 else 0
            pull = 4.0 if link.source >= count and link.target >= count else 1.0
            total += pull * (self.y[link.target] + arrival if link.source == item else self.y[link.source] - arrival)
            weight += pull
        if not weight:
            return self.y[item], _LIGHT
        return total / weight, weight if self.arranged.ins[item] else _LIGHT

    # across

    def finish(self) -> Drawing:
        """The drawing, once the heights are known."""
        measure, count = self.measure, len(self.picture.nodes)
        left: list[int] = []
        right: list[int] = []
        shapes: dict[int, Shape] = {}
        x = measure.edge
        for number, column in enumerate(self.arranged.columns):
            nodes = [item for item in column if item < count]
            entry = max((self._entry(node) for node in nodes), default=0)
            middle = max((self.size[node][0] for node in nodes), default=0)
            stub = max((self._stub(self.picture.nodes[node]) for node in nodes), default=0)
            branches = any(len(self.arranged.outs[item]) > 1 for item in column)
            end = x + entry + middle + stub + (measure.join if branches else 0)
            for node in nodes:
                shapes[node] = self._shape(node, x + entry, middle, end, branches)
            left.append(x)
            right.append(end)
            x = end
            if number < len(self.arranged.columns) - 1:
                x += measure.channel(self.bundles(number))
        lowest = max((y + down for y, down in zip(self.y, self.down, strict=True)), default=0)
        routes = tuple(self._route(wire, shapes, left, right) for wire in range(len(self.picture.wires)))
        lowest += measure.thickness
        return Drawing(x + measure.edge, lowest + measure.edge, tuple(shapes[k] for k in range(count)), routes,
                       tuple(self._joins(right)))  # fmt: skip

    def bundles(self, column: int) -> list[tuple[int, list[int]]]:
        """What leaves COLUMN: for each item that is linked on, its height and the heights of the links' ends."""
        return [
            (self.y[item], [self._end(link) for link in self.arranged.outs[item]])
            for item in self.arranged.columns[column] if self.arranged.outs[item]
        ]  # fmt: skip

    def _end(self, link: Link) -> int:
        return self.y[link.target] + (self.ports[link.target][link.port] if link.wire >= 0 else 0)

    def _entry(self, node: int) -> int:
        """The length of the straight piece before a node."""
        if not self.ports[node]:
            return 0
        wires = [self.picture.wires[link.wire] for link in self.arranged.ins[node]]
        widest = max(self.measure.text(self.measure.local + wire.local) if wire.local else 0 for wire in wires)
        return self.measure.arrow + (widest + self.measure.margin if widest else 0)

    def _shape(self, node: int, x: int, middle: int, end: int, branches: bool) -> Shape:
        shown, measure, y = self.picture.nodes[node], self.measure, self.y[node]
        width, height = self.size[node]
        # An input's name stands against its stub, a gate in the middle of its column.
        start = x + (middle - width if shown.kind != GATE else (middle - width) // 2)
        box = Box(start, y - height // 2, width, height)
        stub = (box.right, end, y)
        room = end - (measure.join if branches else 0)
        text = Box(x + middle + measure.margin, 0, room - x - middle - 2 * measure.margin, self.line)
        name = None
        if shown.name and measure.round:
            wide = measure.text(shown.name)
            name = Box(box.left + (width - wide) // 2, box.top - measure.line, wide, measure.line)
        return Shape(box, stub, text._replace(top=y - self.above),
                     text._replace(top=y + measure.below), name)  # fmt: skip

    def _route(self, number: int, shapes: dict[int, Shape], left: list[int], right: list[int]) -> Route:
        wire = self.picture.wires[number]
        column = self.arranged.column
        last = column[wire.target]
        points: list[tuple[float, float]] = []
        for stop in self.arranged.buses[wire.source][: last - column[wire.source]]:
            if points:
                points.append((left[column[stop]], self.y[stop]))
            points.append((right[column[stop]], self.y[stop]))
        link = next(link for link in self.arranged.ins[wire.target] if link.wire == number)
        y = self._end(link)
        box = shapes[wire.target].box
        points += [(left[last], y), (_edge(box, y) if self.measure.round else box.left, y)]
        return Route(tuple(points), self._local(wire, left[last], y))

    def _local(self, wire: Wire, left: int, y: int) -> Box | None:
        if not wire.local:
            return None
        measure = self.measure
        width = measure.text(measure.local + wire.local)
        return Box(left + measure.margin // 2, y - measure.above, width, measure.line)

    def _joins(self, right: list[int]) -> list[Join]:
        """A mark wherever more than one link leaves an item, in the middle of the room kept for it."""
        joins: list[Join] = []
        for node, bus in enumerate(self.arranged.buses):
            carried = 0  # how many links from here on bring a gradient back
            found = []
            for item in reversed(bus):
                ends = [link for link in self.arranged.outs[item] if link.wire >= 0]
                here = sum(self.picture.wires[link.wire].carries for link in ends) + (carried > 0)
                if len(self.arranged.outs[item]) > 1:
                    x = right[self.arranged.column[item]] - self.measure.join / 2
                    found.append(Join(x, self.y[item], node, here > 1))
                carried = here
            joins += reversed(found)
        return joins


def _edge(box: Box, y: float) -> float:
    """The x at which a wire of height Y meets BOX, whose corners are round."""
    radius = min(box.width, box.height) / 2
    beyond = max(0.0, abs(y - box.middle[1]) - (box.height / 2 - radius))
    return round(box.left + radius - sqrt(max(0.0, radius * radius - beyond * beyond)), 1)


def isotonic(wanted: Sequence[tuple[float, float]]) -> list[float]:
    """The rising heights with the least weighted sum of squared distances from those WANTED: (height, weight).

    Pool adjacent violators: neighbours in the wrong order move to their common mean.
    """
    pools: list[tuple[float, float, int]] = []
    for pool in wanted:
        height, weight, count = *pool, 1
        while pools and pools[-1][0] > height:
            other, other_weight, others = pools.pop()
            height = (other * other_weight + height * weight) / (other_weight + weight)
            weight += other_weight
            count += others
        pools.append((height, weight, count))
    return [height for height, _, count in pools for _ in range(count)]


def layout(picture: Picture, measure: Measure = SCREEN, least: int = 0) -> Drawing:
    """The coordinates of PICTURE in the unit of MEASURE, every stub with room for at least LEAST characters.

    Raises `Trouble` when there is too much to draw.
    """
    work = _Layout(picture, measure, least)
    work.place_rows()
    return work.finish()


def record(picture: Picture, drawing: Drawing) -> dict[str, Any]:
    """PICTURE and where everything in it stands, for JSON; null for a number that is not shown."""
    nodes, found = picture.nodes, picture.found
    return {
        "show": picture.show, "width": drawing.width, "height": drawing.height,
        "nodes": [
            {
                "id": node.id, "kind": node.kind, "label": node.label, "name": node.name or None,
                "value": plain(found.values.get(node.place)) if node.value and not node.asks[0] else None,
                "gradient": plain(found.gradients.get(node.place)) if node.gradient and not node.asks[1] else None,
                "texts": {"value": node.value, "gradient": node.gradient},
                "blanks": dict(zip(("value", "gradient"), node.asks, strict=True)),
                "output": node.is_output, "box": list(shape.box), "stub": list(shape.stub),
                "places": {"value": list(shape.value), "gradient": list(shape.gradient)},
            }
            for node, shape in zip(nodes, drawing.shapes, strict=True)
        ],
        "wires": [
            {
                "from": nodes[wire.source].id, "to": nodes[wire.target].id, "input": wire.place,
                "local": plain(found.locals.get((nodes[wire.target].place, wire.place))) if wire.local else None,
                "carries": wire.carries, "taken": wire.taken, "points": [list(point) for point in route.points],
            }
            for wire, route in zip(picture.wires, drawing.routes, strict=True)
        ],
        "joins": [{"node": nodes[join.node].id, "x": join.x, "y": join.y, "adds": join.adds} for join in drawing.joins],
    }  # fmt: skip
