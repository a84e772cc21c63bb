"""A picture in text: box drawing where it fits the width, otherwise an indented tree with the same numbers.

Where two wires cross, the horizontal one has a gap, so that a corner or a tee always belongs to one value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from bpcli.pictures.channel import channel
from bpcli.pictures.layout import Box, Bundle, Drawing, Measure, layout
from bpcli.pictures.picture import GATE, Node, Picture
from bpcli.trouble import Trouble, visible

#: A line of text in pieces: the characters, and "value", "gradient", "quiet" or "" for how they look.
Line = list[tuple[str, str]]

VALUE, GRADIENT, QUIET = "value", "gradient", "quiet"

UNLIMITED = 1_000_000  # columns, where no terminal sets a limit

UP, DOWN, LEFT, RIGHT = 1, 2, 4, 8
_BOXES = {
    UP: "│", DOWN: "│", UP | DOWN: "│", LEFT: "─", RIGHT: "─", LEFT | RIGHT: "─", DOWN | RIGHT: "┌", DOWN | LEFT: "┐",
    UP | RIGHT: "└", UP | LEFT: "┘", UP | DOWN | RIGHT: "├", UP | DOWN | LEFT: "┤", DOWN | LEFT | RIGHT: "┬",
    UP | LEFT | RIGHT: "┴", UP | DOWN | LEFT | RIGHT: "┼",
}  # fmt: skip
_ASCII = str.maketrans("│─┌┐└┘├┤┬┴┼►╮╯×", "|-..''+++++>.'*")


def _rows(count: int, labelled: bool) -> list[int]:
    """Ports one row apart, or two with texts between; an even number leaves the middle row to the label."""
    rows = [2 * k - count + 1 for k in range(count)]
    if labelled:
        return rows
    return [row // 2 if count % 2 else (row + (1 if row > 0 else -1)) // 2 for row in rows]


def _roomy(bundles: Sequence[Bundle]) -> int:
    return 2 * channel(bundles).tracks


def _tight(bundles: Sequence[Bundle]) -> int:
    return channel(bundles).tracks


#: A character is 1 by 1.
ROOMY = Measure(
    character=1, line=1, above=1, below=1, thickness=1, node_height=1, node_padding=2, label_gap=1, ports=_rows,
    port_room=1, arrow=2, edge=0, margin=1, apart=1, join=1, blank=(6, 1), round=False, local="×", channel=_roomy,
)  # fmt: skip
TIGHT = replace(ROOMY, channel=_tight, arrow=1)


class Page(NamedTuple):
    """A picture in text, and how it was made to fit."""

    lines: list[Line]
    is_tree: bool
    wide: int
    """The columns that the drawing needs; 0 when there is too much to draw."""


def page(picture: Picture, width: int, ascii_only: bool = False) -> Page:
    """PICTURE in at most WIDTH columns: drawn, or as a tree if that is too wide."""
    wide = 0
    try:
        for measure in (ROOMY, TIGHT):
            drawing = layout(picture, measure)
            wide = int(drawing.width)
            if wide <= width:
                lines = Canvas(picture, drawing, measure).lines()
                return Page(_in_ascii(lines) if ascii_only else lines, False, wide)
    except Trouble:
        pass  # too much to draw, but not to list
    from bpcli.pictures.tree import tree

    lines = list(tree(picture, width))
    return Page(_in_ascii(lines) if ascii_only else lines, True, wide)


def _in_ascii(lines: list[Line]) -> list[Line]:
    return [[(words.translate(_ASCII), look) for words, look in line] for line in lines]


def written(words: str, asks: bool) -> str:
    """A number at a wire, or the blank for it, with the words that stand in it."""
    return f"[{words:^4}]" if asks else words


class Canvas:
    """Cells with lines, as the directions that they lead to for each value that has one there, and characters."""

    def __init__(self, picture: Picture, drawing: Drawing, measure: Measure) -> None:
        self.picture, self.drawing = picture, drawing
        self.local = measure.local
        self.step = 2 if measure.channel is _roomy else 1
        self.strokes: dict[tuple[int, int], dict[object, int]] = {}
        self.marks: dict[tuple[int, int], tuple[str, str]] = {}
        for node, shape in zip(picture.nodes, drawing.shapes, strict=True):
            start, end, row = map(int, shape.stub)
            self._across(node.id, row, start, end - 1)
            self._body(node, shape.box, row)
            self._words(shape.value, written(node.value, node.asks[0]), VALUE)
            self._words(shape.gradient, written(node.gradient, node.asks[1]), GRADIENT)
        self._wires()
        if picture.show != "values":
            for join in drawing.joins:
                if join.adds:
                    self.marks[int(join.y), int(join.x)] = ("+", GRADIENT)

    def _body(self, node: Node, box: Box, row: int) -> None:
        left = int(box.left)
        if node.kind == GATE:
            if box.height > 1:  # the wires come together in front of the label
                top, bottom = int(box.top), int(box.bottom) - 1
                for each in range(top, bottom + 1):
                    self.marks[each, left] = ("╮" if each == top else "╯" if each == bottom else "│", "")
            self._write(row, left, f"({node.label})")
            self._write(row, int(box.right) + 1, node.name, QUIET)
        else:
            self._write(row, left, node.label)

    def _words(self, place: Box, words: str, look: str) -> None:
        self._write(int(place.top), int(place.left + (place.width - len(words)) // 2), words, look)

    def _write(self, row: int, column: int, words: str, look: str = "") -> None:
        for k, character in enumerate(visible(words)):
            self.marks[row, column + k] = (character, look)

    def _wires(self) -> None:
        bundles: dict[tuple[int, int], dict[int, set[int]]] = {}
        for wire, route in zip(self.picture.wires, self.drawing.routes, strict=True):
            points = [(int(x), int(y)) for x, y in route.points]
            # From the stub's end across a channel, along a column, and so on, up to the gate.
            for (left, y), (right, end) in zip(points[:-1:2], points[1::2], strict=True):
                bundles.setdefault((left, right), {}).setdefault(y, set()).add(end)
            for (left, y), (right, _) in zip(points[1::2], points[2::2], strict=True):
                self._across(wire.source, y, left, right - 1)
            x, y = points[-1]
            self.marks[y, x - 1] = ("►", "")
            if route.local is not None:
                self._words(route.local, f"{self.local}{wire.local}", QUIET)
        for (left, right), found in bundles.items():
            self._channel(left, right, [(y, sorted(ends)) for y, ends in sorted(found.items())])

    def _channel(self, left: int, right: int, bundles: list[Bundle]) -> None:
        def column(track: int | None, otherwise: int) -> int:
            return otherwise if track is None else left + self.step * track

        lines = channel(bundles)
        for run in lines.runs:
            key = (left, run.bundle)
            start, end = column(run.start, left), column(run.end, right - 1)
            for x in range(start, end + 1):
                self._stroke(key, run.row, x, (x > start or run.start is None) * LEFT
                             | (x < end or run.end is None) * RIGHT)  # fmt: skip
        for post in lines.posts:
            for row in range(post.top, post.bottom + 1):
                self._stroke((left, post.bundle), row, column(post.track, 0),
                             (row > post.top) * UP | (row < post.bottom) * DOWN)  # fmt: skip

    def _across(self, key: object, row: int, start: int, end: int) -> None:
        for x in range(start, end + 1):
            self._stroke(key, row, x, LEFT | RIGHT)

    def _stroke(self, key: object, row: int, column: int, directions: int) -> None:
        cell = self.strokes.setdefault((row, column), {})
        cell[key] = cell.get(key, 0) | directions

    def lines(self) -> list[Line]:
        """The rows, without blanks at their ends."""
        height = 1 + max((row for row, _ in [*self.strokes, *self.marks]), default=-1)
        rows: list[dict[int, tuple[str, str]]] = [{} for _ in range(height)]
        for (row, column), cell in self.strokes.items():
            # Of two that cross, the upright one.
            rows[row][column] = (_BOXES[max(cell.values(), key=lambda bits: bits & (UP | DOWN) != 0)], "")
        for (row, column), mark in self.marks.items():
            rows[row][column] = mark
        return [_line(row) for row in rows]


def _line(row: dict[int, tuple[str, str]]) -> Line:
    """Cells as pieces of one look each."""
    line: Line = []
    for column in range(max(row, default=-1) + 1):
        character, look = row.get(column, (" ", ""))
        if line and line[-1][1] == look:
            line[-1] = (line[-1][0] + character, look)
        else:
            line.append((character, look))
    return line
