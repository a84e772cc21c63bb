"""The lines of a program, each read once by bpcli's grammar and evaluated as a formula at several points.

A line that cannot be read costs itself alone: what is made from its name goes on with what the key has for it, which is
lent and noted. What is given keeps its value, whatever a notebook sets it to as an example.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bpcli.gates import function_names
from bpcli.graph import Graph
from bpcli.language import NAME, STUDENT, parse
from bpcli.marking.answers import Line, Number, read_number, shown
from bpcli.marking.key import Key
from bpcli.marking.meter import Meter, evaluations
from bpcli.marking.pasted import plain
from bpcli.marking.verdicts import INVALID, Mark, equal
from bpcli.mistakes import closest
from bpcli.sweeps import forward
from bpcli.trouble import Trouble, shortened, visible

_WORD = re.compile(rf"(?<![\w.]){NAME}")
APPLY = {
    "=": lambda old, new: new, "+=": lambda old, new: old + new, "-=": lambda old, new: old - new,
    "*=": lambda old, new: old * new, "/=": lambda old, new: old / new,
}  # fmt: skip

#: The values of one name at every point; None where it has none. (Arrays in `bpcli.marking.array_programs`.)
Column = list[Any]


#: What a name stands for: "value" or "gradient", and of which node.
Quantity = tuple[str, int]


@dataclass(eq=False)
class Found:
    """What is found out while a program's lines are evaluated, by name."""

    history: dict[str, list[Line]] = field(default_factory=dict)
    broken: dict[str, Mark] = field(default_factory=dict)
    """Names of the problem whose lines cannot be read."""
    mended: set[str] = field(default_factory=set)
    """Those of them that a later line gives a value."""
    again: dict[str, Mark] = field(default_factory=dict)
    """Names that have a value, and are set anew by a line that cannot be read."""
    lost: dict[str, int] = field(default_factory=dict)
    """Names of the student's own that have no value, and the line that should have given it."""
    lent: dict[str, frozenset[Quantity]] = field(default_factory=dict)
    """The quantities of the key that stood in for lines that cannot be read, and that the name is made from."""
    uses: dict[Line, tuple[str, ...]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Steps:
    """The lines of one student, evaluated at the points of ``keys``."""

    graph: Graph
    lines: tuple[Line, ...]
    keys: list[Key]
    forward_given: bool
    hint: bool
    meter: Meter
    found: Found = field(default_factory=Found)
    """Filled in as the lines are evaluated."""
    graphs: dict[tuple[object, ...], Graph] = field(default_factory=dict)
    """Right sides that have been read, by line: each is read once."""

    @property
    def given(self) -> Collection[str]:
        """The names that have a value before the first line."""
        return self.graph.inputs

    @cached_property
    def nodes(self) -> dict[str, int]:
        return {name: node for node, name in self.graph.ids.items() if node in self.graph.position}

    # --- evaluating the lines ---

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The values of every name, once all lines have been evaluated."""
        known: dict[str, Column] = {name: [key.point[name] for key in self.keys] for name in self.given}
        if self.forward_given:
            known |= {name: [key.values[node] for key in self.keys] for name, node in self.nodes.items()}
        for line in self.lines:
            if not self._is_given(line, known):
                self._step(line, known)
        return known

    def _is_given(self, line: Line, known: Mapping[str, Column]) -> bool:
        """Whether LINE gives a number to a name that has its value: x = -2 at the top of a notebook, as an example."""
        if line.name in self.given:
            if any(word in known for word in _WORD.findall(line.text)):
                self.found.remarks.append(f"line {line.number}: {line.name} is given, and keeps its value")
            return True
        return self.forward_given and line.name in self.nodes and line.sign == "=" and self._is_written_out(line.text)

    def _step(self, line: Line, known: dict[str, Column]) -> None:
        """Give the name of LINE its value among those KNOWN."""
        name, found, adds = line.name, self.found, line.sign != "="
        if adds and ((name in found.broken and name not in found.mended) or name in found.lost):
            return  # what it adds to could not be read
        try:
            value = self._evaluated(line, known)
            uses = found.uses[line]
            if lost := next((one for one in uses if one in found.lost), None):
                raise Trouble(f"it uses {lost}, and line {found.lost[lost]} could not be read", code="program")
        except Trouble as trouble:
            self._not_read(line, shortened(visible(_advised(trouble))), known)
            for one in found.uses.get(line, ()):
                if one not in known and (meant := self._meant(one, known)):  # the first line to miss it is charged
                    self._lend(one, meant, known)
            return
        if not adds:
            found.mended.add(name)
            found.lost.pop(name, None)
        old = known[name] if adds else [0.0] * len(self.keys)
        known[name] = [self._applied(line.sign, a, b) for a, b in zip(old, value, strict=True)]
        found.history.setdefault(name, []).append(line)
        found.lent[name] = frozenset().union(*[found.lent.get(one, ()) for one in (*uses, *[name] * adds)])

    def _not_read(self, line: Line, why: str, known: dict[str, Column]) -> None:
        """LINE costs itself alone: what is made from its name goes on with what it should have given.

        That is lent, and earns nothing by itself (`_earns`). Of a name that the problem does not know nobody can say what
        it should have been: the lines that use it cannot be read either, and it is they that count.
        """
        name, found = line.name, self.found
        mark = Mark(name, written_lines([line]), INVALID, f"line {line.number}: {why}")
        if name in found.history and line.sign == "=" and name not in found.broken:
            found.again[name] = mark  # it has a value, which may be right
            return
        meant = self._meant(name, known)
        if meant is None:
            found.remarks.append(mark.reason)
            found.lost[name] = line.number
            known[name] = [None] * len(self.keys)
            return
        found.broken.setdefault(name, mark)
        found.mended.discard(name)
        self._lend(name, meant, known)

    def _lend(self, name: str, meant: Quantity, known: dict[str, Column]) -> None:
        self.found.lent[name] = frozenset([meant])
        known[name] = self._as_it_should_be(*meant)

    def _meant(self, name: str, known: Mapping[str, Column]) -> Quantity | None:
        """What NAME stands for by itself, or as the gradient of a name whose values tell what it is."""
        if name in self.nodes:
            return "value", self.nodes[name]
        stem = stem_of(name, self.graph, known)
        node = (self.nodes | self.graph.inputs).get(stem)
        if node is None and stem in known:
            node = next((node for node in self.graph.gates if self._is(known[stem], node)), None)
        return None if node is None else ("gradient", node)

    def _as_it_should_be(self, kind: str, node: int) -> Column:
        """The key's values of a quantity."""
        return [key.values[node] if kind == "value" else key.gradients[node].value for key in self.keys]

    def _evaluated(self, line: Line, known: Mapping[str, Column]) -> Column:
        """The right side of LINE at every point."""
        graph = self._read(line, known)
        if graph.has_arrays or graph.scope:
            raise Trouble("a line is one formula of numbers", code="program")
        self.meter.spend(len(self.keys) * evaluations(graph))
        return [self._at(graph, known, k) for k in range(len(self.keys))]

    def _read(
        self, line: Line, known: Mapping[str, Column], shapes: Mapping[str, tuple[int, ...]] | None = None
    ) -> Graph:
        """The right side of LINE as a graph of the names KNOWN."""
        text = line.means or line.text
        place = (line.number, line.name, text, *(shapes or {}).items())
        if place not in self.graphs:
            self.meter.read(text)
            self.graphs[place] = parse(plain(text, shapes), variables=list(known), limits=STUDENT)
        graph = self.graphs[place]
        self.found.uses[line] = tuple(graph.inputs)
        for name in graph.inputs:
            if name not in known:
                near = closest(name, [one for one in known if one != line.name], 1)
                raise Trouble(f"{shown(name)} has no value yet{f'; is it {near[0]}?' if near else ''}", code="program")
        if line.sign != "=" and line.name not in known:
            raise Trouble(f"{line.name} has no value yet that {line.sign} could change", code="program")
        return graph

    def _is_written_out(self, text: str) -> bool:
        return isinstance(read_number(text), Number)

    def _at(self, graph: Graph, known: Mapping[str, Column], k: int) -> float | None:
        point = {name: known[name][k] for name in graph.inputs}
        if None in point.values():
            return None
        try:
            return float(
                forward(graph, {name: value for name, value in point.items() if value is not None})[graph.output]
            )
        except Trouble:
            return None

    def _applied(self, sign: str, old: float | None, new: float | None) -> float | None:
        if old is None or new is None:
            return None
        try:
            return float(APPLY[sign](old, new))
        except ArithmeticError:
            return None

    def _is(self, column: Column, node: int) -> bool:
        """Whether a name with the values of COLUMN always is NODE."""
        return all(
            a is not None and (b := key.values[node]) is not None and equal(a, b)
            for a, key in zip(column, self.keys, strict=True)
        )


def stem_of(name: str, graph: Graph, known: Container[str] = ()) -> str:
    """The name whose gradient NAME is: of dq, and of df_dq, dfdq, dLdq, grad_q, q_grad. "" where it is no gradient.

    The name is one of GRAPH or KNOWN.
    """
    output = re.escape(graph.ids[graph.output])
    names = graph.ids.values()
    for form in (r"d(.+)", rf"d(?:{output}|[fLJE]|loss|out)_?d(.+)", r"grad_?(.+)", r"(.+)_grad"):
        if (match := re.fullmatch(form, name)) and (match[1] in known or match[1] in names):
            return match[1]
    return ""


def written_lines(lines: Sequence[Line]) -> str:
    """What LINES give one name: the right side, then those of later lines with their signs."""
    first, *rest = lines
    sign = "" if first.sign == "=" else f"{first.sign} "
    return "; ".join([f"{sign}{first.text}", *[f"{line.sign} {line.text}" for line in rest]])


def _advised(trouble: Trouble) -> str:
    """What is wrong with a line, and what to do about a function that nobody knows."""
    if trouble.code != "unknown-function" or trouble.source is None:
        return trouble.message
    near = closest(trouble.source[trouble.start : trouble.end], function_names(), 1)
    if near:
        return f"{trouble.message}; is it {near[0]}?"
    return f"{trouble.message}; of your own functions those are read that give back one formula"
