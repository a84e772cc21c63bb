"""The graph of gates: flat, in order of creation, so every gate comes after its inputs and no pass recurses."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bpcli.gates import GATES, Gate

#: A gate together with which of its inputs depend on a variable (bit k for input k).
Kind = tuple[Gate, int]
#: Node numbers, kinds' numbers and input nodes of some gates, in the order a sweep visits them.
Schedule = tuple[list[int], list[int], list[tuple[int, ...]]]

WHERE = GATES["where"]


@dataclass(frozen=True, eq=False)
class Graph:
    """A formula as gates. Nodes are numbered 0 … size - 1; a gate's inputs have smaller numbers than the gate.

    ``gates``, ``kinds`` and ``args`` are parallel: the node, its kind's place in ``kind_table`` and its input
    nodes. Every other node is a variable (``inputs``) or a number (``constants``).
    """

    size: int
    gates: list[int]
    kinds: list[int]
    args: list[tuple[int, ...]]
    kind_table: list[Kind]
    inputs: dict[str, int]
    constants: dict[int, Any]
    active: list[bool]
    """For each node, whether it depends on a variable."""
    outputs: tuple[int, ...]
    scope: dict[str, int] = field(default_factory=dict)
    """Every assigned name, and the node it ended up with."""
    names: dict[int, str] = field(default_factory=dict)
    """The nodes that carry an assigned name or a named constant."""
    source: str = ""
    spans: Sequence[int] = ()
    """Where in ``source`` node k was written: characters spans[2k] to spans[2k + 1]."""
    shapes: dict[int, tuple[int, ...]] | None = None
    """The shape of every node of a graph on arrays; None for a graph on numbers."""
    typed: Graph | None = None
    """For a graph on arrays, the graph as it was typed, without the stretches."""
    notes: tuple[tuple[str, str], ...] = ()
    """What the user should know of how the text was read: (code, sentence)."""

    @property
    def output(self) -> int:
        """The node of the (last) output."""
        return self.outputs[-1]

    def row(self, place: int) -> Gate:
        """The table's row of the gate at PLACE in ``gates``."""
        return self.kind_table[self.kinds[place]][0]

    def _repr_svg_(self) -> str | None:
        """The picture of the structure, for a notebook; None when there is too much to draw."""
        from bpcli.pictures.picture import draw
        from bpcli.trouble import Trouble

        try:
            return draw(self).svg()
        except Trouble:
            return None

    def span(self, node: int) -> tuple[int, int]:
        """Where NODE was written: start and end in ``source`` (0, 0 when it was not)."""
        return (self.spans[2 * node], self.spans[2 * node + 1]) if self.spans else (0, 0)

    @cached_property
    def position(self) -> dict[int, int]:
        """Node -> its place in ``gates``."""
        return {node: place for place, node in enumerate(self.gates)}

    @cached_property
    def ids(self) -> dict[int, str]:
        """Node -> id: variables and assigned names as they are, numbers as written, other gates g1, g2, …"""
        ids = {node: figure(value) for node, value in self.constants.items()}
        ids |= {node: name for name, node in self.inputs.items()}
        ids |= self.names
        taken = set(ids.values())
        number = 0
        for node in self.gates:
            if node not in ids:
                number += 1
                while f"g{number}" in taken:
                    number += 1
                ids[node] = f"g{number}"
        return ids

    @cached_property
    def has_arrays(self) -> bool:
        """Whether an array is written in the formula, or a gate on arrays."""
        return any(row.build is not None for row, _ in self.kind_table) or any(
            not isinstance(value, float) for value in self.constants.values()
        )

    @cached_property
    def guarded(self) -> frozenset[int]:
        """The gates that only feed branches of a `where` entry by entry: entries not taken may have no value."""
        if all(row.lazy for row, _ in self.kind_table):
            return frozenset()
        used = {given for inputs in self.args for given in inputs}
        taken = {node for node in self.gates if node not in used} | set(self.outputs)
        for node, inputs in zip(reversed(self.gates), reversed(self.args), strict=True):
            row = self.row(self.position[node])
            if not row.lazy:
                taken.add(inputs[0])
            elif node in taken:
                taken.update(inputs)
        return frozenset(node for node in self.gates if node not in taken)

    @cached_property
    def choices(self) -> frozenset[int]:
        """The kinds of gate that are a `where`."""
        return frozenset([kind for kind, (row, _) in enumerate(self.kind_table) if row is WHERE])

    @property
    def branching(self) -> bool:
        """Whether there is a `where`, so that what is evaluated depends on the values."""
        return bool(self.choices)

    @property
    def schedule(self) -> Schedule:
        """Every gate, in order."""
        return self.gates, self.kinds, self.args

    @cached_property
    def _backward(self) -> dict[tuple[int, ...], Schedule]:
        return {}

    def backward(self, outputs: tuple[int, ...], values: Sequence[float | None] = ()) -> Schedule:
        """The gates that OUTPUTS depend on and that depend on a variable, last first.

        With a `where` in the graph it takes the VALUES and goes through the branches taken; otherwise the
        schedule does not depend on them and is made once.
        """
        if self.branching:
            return self._backward_from(outputs, values)
        if outputs not in self._backward:
            self._backward[outputs] = self._backward_from(outputs, ())
        return self._backward[outputs]

    def _backward_from(self, outputs: Iterable[int], values: Sequence[float | None]) -> Schedule:
        live = bytearray(self.size)
        for node in outputs:
            live[node] = True
        gates: list[int] = []
        kinds: list[int] = []
        args: list[tuple[int, ...]] = []
        active, choices = self.active, self.choices
        for node, kind, inputs in zip(reversed(self.gates), reversed(self.kinds), reversed(self.args), strict=True):
            if live[node] and active[node]:
                gates.append(node)
                kinds.append(kind)
                args.append(inputs)
                if kind in choices:
                    live[inputs[1] if values[inputs[0]] else inputs[2]] = True
                    continue
                for given in inputs:
                    live[given] = True
        return gates, kinds, args


class Builder:
    """Collects nodes; every method returns the number of the node it made or found."""

    def __init__(self) -> None:
        self.gates: list[int] = []
        self.kinds: list[int] = []
        self.args: list[tuple[int, ...]] = []
        self.kind_numbers: dict[Kind, int] = {}
        self.inputs: dict[str, int] = {}
        self.constants: dict[int, Any] = {}
        self.active: list[bool] = []
        self.names: dict[int, str] = {}
        self.spans = array("l")

    def input(self, name: str, start: int = 0, end: int = 0) -> int:
        """The node of the variable NAME: one node however often it is used."""
        node = self.inputs.get(name)
        if node is None:
            node = self.inputs[name] = self._new(True, start, end)
        return node

    def constant(self, value: Any, start: int = 0, end: int = 0) -> int:
        """A new node for a number."""
        node = self._new(False, start, end)
        self.constants[node] = value
        return node

    def gate(self, row: Gate, args: tuple[int, ...], start: int = 0, end: int = 0) -> int:
        """A new node for the gate ROW applied to the nodes ARGS."""
        active = self.active
        mask, bit = 0, 1
        for given in args:
            if active[given]:
                mask |= bit
            bit <<= 1
        kind = (row, mask)
        number = self.kind_numbers.get(kind)
        if number is None:
            number = self.kind_numbers[kind] = len(self.kind_numbers)
        node = self._new(mask > 0, start, end)
        self.gates.append(node)
        self.kinds.append(number)
        self.args.append(args)
        return node

    def is_gate(self, node: int) -> bool:
        """Whether NODE is a gate, not a variable or a number."""
        place = bisect_left(self.gates, node)
        return place < len(self.gates) and self.gates[place] == node

    def _new(self, active: bool, start: int, end: int) -> int:
        node = len(self.active)
        self.active.append(active)
        self.spans.append(start)
        self.spans.append(end)
        return node

    def finish(
        self,
        outputs: Iterable[int],
        scope: dict[str, int] | None = None,
        source: str = "",
        notes: Iterable[tuple[str, str]] = (),
    ) -> Graph:
        """The graph of everything built so far."""
        return Graph(
            len(self.active), self.gates, self.kinds, self.args, list(self.kind_numbers), self.inputs,
            self.constants, self.active, tuple(outputs), scope or {}, self.names, source, self.spans,
            notes=tuple(notes),
        )  # fmt: skip


def figure(value: Any) -> str:
    """A number as the shortest text that reads back as the same double; whole numbers have no point.

    An array is written as its rows: [1, 2.5].
    """
    if isinstance(value, Sequence) or len(getattr(value, "shape", [])):
        return f"[{', '.join(map(figure, value))}]"
    if abs(value) < 1e16 and value == int(value):
        return str(int(value)) if value or str(value)[0] != "-" else "-0"
    return repr(float(value))
