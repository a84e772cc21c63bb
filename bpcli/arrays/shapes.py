"""From a formula and the shapes of its variables to a graph in which every gate knows its shape.

Gates that look at a whole array become their rows for these shapes, and where a gate works entry by entry on
different shapes the broadcast becomes a gate of its own, `stretch`. So a bias that is added to every row of a
batch is seen to be copied, and its gradient is seen to be a sum over the batch.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from bpcli.arrays.gates import ARRAY_GATES, Misfit, Shape, broadcast
from bpcli.gates import Gate
from bpcli.graph import WHERE, Graph
from bpcli.printing import write
from bpcli.rewrite import Copy
from bpcli.trouble import Trouble

#: The same choice made entry by entry, so both branches are evaluated.
CHOOSE = replace(WHERE, lazy=False)


def shape_of(value: object) -> Shape:
    """The shape of an array; () for a number."""
    return tuple(getattr(value, "shape", ()))


def resolve(graph: Graph, shapes: Mapping[str, Shape], variables: Collection[str] | None = None) -> Graph:
    """GRAPH for variables of these SHAPES; only VARIABLES (all, if None) are differentiated with respect to.

    Raises `Trouble` (exit code 2) for shapes that do not fit: both shapes, the gate, its place in the formula.
    """
    shaper = Shaper(graph, shapes, variables)
    for place, node in enumerate(graph.gates):
        args = tuple([shaper.leaf(k) for k in graph.args[place]])
        shaper.set(node, shaper.gate(graph.row(place), args, *graph.span(node)))
    return shaper.finish()


class Shaper(Copy):
    """A copy of a graph in which the shape of every node is known; of a graph on numbers, a plain copy."""

    def __init__(
        self, old: Graph, shapes: Mapping[str, Shape] | None, variables: Collection[str] | None = None
    ) -> None:
        super().__init__(old)
        self.shapes: dict[int, Shape] = {}
        self.shaped = shapes is not None
        for name, node in old.inputs.items():
            self.shapes[self.made[node]] = (shapes or {}).get(name, ())
            if variables is not None:
                self.builder.active[self.made[node]] = name in variables

    def constant(self, value: Any, name: str | None = None, start: int = 0, end: int = 0) -> int:
        """A new node for a number or an array of numbers."""
        node = super().constant(value, name, start, end)
        self.shapes[node] = shape_of(value)
        return node

    def gate(self, row: Gate, args: tuple[int, ...], start: int = 0, end: int = 0) -> int:
        """A new node for ROW applied to ARGS, after the stretches that it needs."""
        row, args, shape = self.fitted(row, args, start, end)
        node = self.builder.gate(row, args, start, end)
        self.shapes[node] = shape
        return node

    def fitted(
        self, row: Gate, args: tuple[int, ...], start: int = 0, end: int = 0
    ) -> tuple[Gate, tuple[int, ...], Shape]:
        """The row for the shapes of ARGS, the inputs that it takes, and the shape of its value."""
        if not self.shaped:
            return row, args, ()
        shapes = tuple([self.shapes[node] for node in args])
        try:
            if row.build is not None:
                row = row.build(shapes)
            if row.shape is not None:
                return row, args, row.shape
            return self._entrywise(row, args, shapes, start, end)
        except Misfit as misfit:
            raise self._trouble(misfit, row, args, start, end) from None

    def _entrywise(
        self, row: Gate, args: tuple[int, ...], shapes: tuple[Shape, ...], start: int, end: int
    ) -> tuple[Gate, tuple[int, ...], Shape]:
        if row is WHERE and shapes[0] == ():  # one condition for the whole array: still only one branch is evaluated
            common = broadcast(shapes[1:], row.name)
            return row, (args[0], *[self.stretched(node, common, start, end) for node in args[1:]]), common
        common = broadcast(shapes, row.name)
        if row is WHERE:
            row = CHOOSE
        return row, tuple([self.stretched(node, common, start, end) for node in args]), common

    def stretched(self, node: int, shape: Shape, start: int = 0, end: int = 0) -> int:
        """NODE stretched to SHAPE, if it needs to be; a plain number has no gradient to make visible."""
        if self.shapes[node] == shape or (self.shapes[node] == () and not self.builder.active[node]):
            return node
        _, _, build = ARRAY_GATES["stretch"]
        return self.gate(build((self.shapes[node],), *shape), (node,), start, end)

    def _trouble(self, misfit: Misfit, row: Gate, args: tuple[int, ...], start: int, end: int) -> Trouble:
        source = self.old.source
        message = f"{source[start:end] or row.name}: {misfit}"
        if misfit.tries:
            graph = self.builder.finish(args)
            a, b = (_bracketed(write(graph, node)) for node in (args[0], args[-1]))
            message += "; " + ", ".join(hint.replace("<a>", a).replace("<b>", b) for hint in misfit.tries)
        return Trouble(
            message, code="shapes", source=source if end > start else None, start=start, end=end,
            shapes=[list(self.shapes[node]) for node in args], operation=row.name,
        )  # fmt: skip

    def finish(self) -> Graph:
        return replace(super().finish(), shapes=self.shapes, typed=self.old)


def _bracketed(text: str) -> str:
    return text if text.isidentifier() else f"({text})"
