"""A picture as an indented tree, for a terminal that the drawing does not fit.

Each gate has its inputs under it, in order. A gate that several others use, or that stands too deep for the width,
is named where it is used and has a tree of its own further down.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bpcli.pictures.picture import GATE, Picture, Wire
from bpcli.pictures.terminal import GRADIENT, QUIET, VALUE, Line, written
from bpcli.trouble import columns, visible

_BRANCH, _LAST, _BAR, _SPACE = "├─ ", "└─ ", "│  ", "   "
#: Gates under one another in one tree, however wide the terminal: a longer indentation cannot be followed.
_DEEPEST = 40
_HEADS = (("value", VALUE), ("gradient", GRADIENT), ("local", QUIET))


class Row(NamedTuple):
    """A line of the tree: the branches, what they lead to, and the numbers there."""

    branches: str
    label: str
    numbers: tuple[str, str, str]
    """Value, gradient, and the local gradient of the gate above for this input."""


def tree(picture: Picture, width: int) -> Iterator[Line]:
    """The lines of PICTURE's tree in WIDTH columns, with a heading over the numbers."""
    used = [max((columns(one) for one in column), default=0) for column in _numbers(picture)]
    widths = [max(wide, len(head)) if wide else 0 for wide, (head, _) in zip(used, _HEADS, strict=True)]
    room = width - sum(wide + 2 for wide in widths if wide)
    rows = list(_Forest(picture, room).rows())
    left = max((columns(row.branches + row.label) for row in rows), default=0)
    if any(widths):
        heads = [head if wide else "" for (head, _), wide in zip(_HEADS, widths, strict=True)]
        yield _line("", "", heads, widths, left, width)
    for row in rows:
        yield _line(row.branches, row.label, row.numbers, widths, left, width)


def _numbers(picture: Picture) -> list[list[str]]:
    """Every value, gradient and local gradient as it is written."""
    nodes = picture.nodes
    return [
        [written(node.value, node.asks[0]) for node in nodes],
        [written(node.gradient, node.asks[1]) for node in nodes],
        [wire.local for wire in picture.wires],
    ]


def _line(branches: str, label: str, numbers: Sequence[str], widths: Sequence[int], left: int, width: int) -> Line:
    """The label, then the numbers in columns, or below when there is no room beside it."""
    line: Line = [(branches, QUIET), (label, "")]
    beside = left + sum(wide + 2 for wide in widths if wide) <= width
    at = columns(branches + label)
    for number, wide, (_, look) in zip(numbers, widths, _HEADS, strict=True):
        if wide and beside:
            line.append((" " * (left - at + 2) + number.ljust(wide), look))
            at = left
        elif number and not beside:
            line.append((f" {number}", look))
    return line


class _Forest:
    """The trees of a picture: one for each output, and for each gate that is only named in another."""

    def __init__(self, picture: Picture, room: int) -> None:
        self.picture = picture
        self.labels = [self._label(node) for node in range(len(picture.nodes))]
        self.inputs: list[list[Wire]] = [[] for _ in picture.nodes]
        users: list[set[int]] = [set() for _ in picture.nodes]
        for wire in picture.wires:
            self.inputs[wire.target].append(wire)
            users[wire.source].add(wire.target)
        gates = [k for k, node in enumerate(picture.nodes) if node.kind == GATE]
        self.shared = {k for k in gates if len(users[k]) > 1}
        self.ends = [k for k in range(len(picture.nodes)) if not users[k]]
        self.ends.sort(key=lambda k: not picture.nodes[k].is_output)
        longest = max((columns(one) for k in range(len(picture.nodes)) for one in (self._named(k), self._below(k))),
                      default=0)  # fmt: skip
        self.deepest = min(_DEEPEST, max(1, (room - longest) // len(_BAR)))

    def rows(self) -> Iterator[Row]:
        """Every line, the trees in order: no gate is named before the tree above it has used it."""
        waiting = list(self.ends)
        ends, done = set(self.ends), set()
        while waiting:
            # The last in the graph's order: everything that uses it has been written.
            root = waiting.pop(0) if waiting[0] in ends else waiting.pop(waiting.index(max(waiting)))
            if root not in done:
                done.add(root)
                named = root not in ends or bool(self.picture.nodes[root].name)
                yield from self._tree(root, named, waiting)

    def _tree(self, root: int, named: bool, waiting: list[int]) -> Iterator[Row]:
        stack: list[tuple[int, str, str, int, str]] = [(root, "", "", 0, "")]
        while stack:
            node, branch, under, depth, local = stack.pop()
            shown = self.picture.nodes[node]
            elsewhere = depth > 0 and shown.kind == GATE and (
                node in self.shared or (depth >= self.deepest and bool(self.inputs[node])))  # fmt: skip
            if elsewhere:
                waiting.append(node)
                yield Row(branch, self._below(node), ("", "", local))
                continue
            label = self._named(node) if named and node == root else self.labels[node]
            numbers = (written(shown.value, shown.asks[0]), written(shown.gradient, shown.asks[1]), local)
            yield Row(branch, label, numbers)
            wires = self.inputs[node]
            for wire in reversed(wires):
                last = wire is wires[-1]
                stack.append((wire.source, under + (_LAST if last else _BRANCH), under + (_SPACE if last else _BAR),
                              depth + 1, wire.local))  # fmt: skip

    def _below(self, node: int) -> str:
        return visible(f"{self.picture.nodes[node].id} (below)") if self.inputs[node] else ""

    def _label(self, node: int) -> str:
        shown = self.picture.nodes[node]
        return visible(f"{shown.name} = {shown.label}" if shown.name else shown.label)

    def _named(self, node: int) -> str:
        """The label of a gate with its id."""
        shown = self.picture.nodes[node]
        return visible(f"{shown.id} = {shown.label}" if shown.kind == GATE else shown.label)
