"""Marking lines of code: the passes staged line by line, as the lectures write them, or as pasted from a notebook.

The lines are read by bpcli's own grammar and evaluated as formulas at points that a secret decides, never run. Each
name is then marked like a number at every one of these points: against the key, and against what the line's own inputs
imply. Intermediate names may be the student's own: one that always has the value of a gate is taken for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from bpcli.graph import Graph
from bpcli.language import STUDENT, parse
from bpcli.marking.answers import Answer, Line, Number, Unreadable, read_number, shown
from bpcli.marking.diagnosis import SEEN
from bpcli.marking.equivalence import points
from bpcli.marking.handwork import walk
from bpcli.marking.key import Asked, Key
from bpcli.marking.meter import Meter, evaluations
from bpcli.marking.numbers import mark_numbers
from bpcli.marking.pasted import plain
from bpcli.marking.verdicts import BLANK, FOLLOWS, INVALID, RIGHT, ROUNDED, WRONG, Mark, equal
from bpcli.rounding import EXACT
from bpcli.slips import SLIPS
from bpcli.sweeps import forward, kinks_met
from bpcli.trouble import Trouble, shortened, visible

_POINTS = 4  # at which every line is evaluated
_DRAWN = 60
NO_VALUE = "it has no value"
#: What may be said of a line, by itself.
_NAMED = {slip.id: slip.title for slip in SLIPS.values()} | {"transposed": SEEN["transposed"]}
_MARKING = 20  # what it costs to mark one name, for each gate of the problem; the search for slips is counted there
APPLY = {
    "=": lambda old, new: new, "+=": lambda old, new: old + new, "-=": lambda old, new: old - new,
    "*=": lambda old, new: old * new, "/=": lambda old, new: old / new,
}  # fmt: skip

#: The values of one name at every point; None where it has none. (Arrays in `bpcli.marking.array_programs`.)
Column = list[Any]


def mark_program(graph: Graph, lines: Sequence[Line], secret: bytes, near: Mapping[str, float] | None = None,
                 needs: Sequence[str] = (), forward_given: bool = False, hint: bool = False,
                 meter: Meter | None = None) -> list[Mark]:  # fmt: skip
    """A `Mark` for every name that LINES give a value and the problem knows, and for every one that NEEDS wants.

    With FORWARD_GIVEN the values of GRAPH's own names are there before the first line. SECRET and NEAR decide the
    points; HINT says where a mistake is, not what; METER counts for the hand-in. Raises `Trouble` when there are too many
    lines, or no points, and `TooMuch`.
    """
    if STUDENT.lines is not None and len(lines) > STUDENT.lines:
        raise Trouble(f"the program has {len(lines)} lines; the limit is {STUDENT.lines}", code="too-large")
    spent = (meter or Meter()).blank()
    keys = _keys(graph, secret, near or {}, spent)
    return Program(graph, tuple(lines), keys, forward_given, hint, spent).marks(needs)


def _keys(graph: Graph, secret: bytes, near: Mapping[str, float], meter: Meter) -> list[Key]:
    """The keys at points away from kinks and flat stretches, the sheet's own NEAR first."""
    found: list[Key] = []
    candidates = [dict(near)] * bool(near) + [*points(list(graph.inputs), secret, near)][:_DRAWN]
    for point in candidates:
        try:
            own = {name: float(point[name]) for name in graph.inputs}
            key = Key(graph, own, forward(graph, own), meter=meter)
            if not any(kinks_met(graph, key.values, key.gates)) and _steady(key):
                found.append(key)
        except Trouble:
            continue
        if len(found) == _POINTS:
            break
    if not found:
        raise Trouble("the program has no value at any point that was tried", code="no-points", exit_code=3)
    return found


def _steady(key: Key) -> bool:
    """Whether the blackboard's local gradients give the same here: 1 - y^2 has lost its digits where tanh is flat."""
    _, gradients = walk(key.graph, key.point, EXACT)
    return all(
        abs(one - other.value) <= 1e-9 * abs(other.value) for one, other in zip(gradients, key.gradients, strict=True)
    )


@dataclass(frozen=True, eq=False)
class Program:
    """The lines of one student, evaluated at the points of ``keys``."""

    graph: Graph
    lines: tuple[Line, ...]
    keys: list[Key]
    forward_given: bool
    hint: bool
    meter: Meter
    broken: dict[str, Mark] = field(default_factory=dict)
    """Names whose lines cannot be read."""
    history: dict[str, list[Line]] = field(default_factory=dict)

    @property
    def given(self) -> Collection[str]:
        """The names that have a value before the first line."""
        return self.graph.inputs

    @cached_property
    def nodes(self) -> dict[str, int]:
        return {name: node for node, name in self.graph.ids.items() if node in self.graph.position}

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The values of every name, once all lines have been evaluated."""
        found: dict[str, Column] = {name: [key.point[name] for key in self.keys] for name in self.given}
        if self.forward_given:
            found |= {name: [key.values[node] for key in self.keys] for name, node in self.nodes.items()}
        for line in self.lines:
            name = line.name
            if name in self.given and line.sign == "=" and self._is_written_out(line.text):
                continue  # x = -2 at the top of a notebook: what is given is given
            try:
                value = self._evaluated(line, found)
            except Trouble as trouble:
                reason = f"line {line.number}: {shortened(visible(trouble.message))}"
                self.broken.setdefault(name, Mark(name, _written([line]), INVALID, reason))
                found[name] = self._as_it_should_be(name)  # so that a line which cannot be read costs itself alone
                continue
            old = found.get(name, [None] * len(self.keys)) if line.sign != "=" else [0.0] * len(self.keys)
            found[name] = [self._applied(line.sign, a, b) for a, b in zip(old, value, strict=True)]
            self.history.setdefault(name, []).append(line)
        return found

    def _as_it_should_be(self, name: str) -> Column:
        """The key's values of a NAME of the problem."""
        if name in self.nodes:
            return [key.values[self.nodes[name]] for key in self.keys]
        node = (self.nodes | self.graph.inputs).get(name[1:]) if name[:1] == "d" else None
        return [None if node is None else key.gradients[node].value for key in self.keys]

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
        if line.name in self.given:
            raise Trouble(f"{line.name} is given, and cannot be assigned", code="program")
        self.meter.read(line.text)
        graph = parse(plain(line.text, shapes), variables=list(known), limits=STUDENT)
        for name in graph.inputs:
            if name not in known:
                raise Trouble(f"{shown(name)} has no value yet", code="program")
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

    # --- what a name stands for ---

    @cached_property
    def asked(self) -> dict[str, Asked]:
        """Every name that the problem knows, by itself or by its values."""
        found: dict[str, Asked] = {}
        for name in self.columns:
            if name in self.history and (node := self._value_node(name)) is not None:
                found[name] = Asked(name, "value", node)
        own = {name: one.node for name, one in found.items()} | self.graph.inputs
        for name in self.history:
            stem = name[1:]
            node = own.get(stem, self.nodes.get(stem)) if name[:1] == "d" else None
            if name not in found and node is not None:
                found[name] = Asked(name, "gradient", node)
        return found

    def _value_node(self, name: str) -> int | None:
        """The gate whose value NAME is meant to be, or always is."""
        same = [node for node in self.graph.gates if self._is(name, node)]
        node = self.nodes.get(name)
        if node is not None and (node in same or not same):
            return node
        if name[:1] == "d" and (name[1:] in self.graph.inputs or name[1:] in self.nodes or name[1:] in self.columns):
            return None
        return same[0] if same else None

    def _is(self, name: str, node: int) -> bool:
        pairs = [(column, key.values[node]) for column, key in zip(self.columns[name], self.keys, strict=True)]
        return all(a is not None and b is not None and equal(a, b) for a, b in pairs)

    # --- marks ---

    def marks(self, needs: Sequence[str]) -> list[Mark]:
        asked = self.asked
        each = [self._at_point(k, asked) for k in range(len(self.keys))]
        marks = {name: self.broken.get(name) or self._together(name, [one[name] for one in each]) for name in asked}
        marks |= {name: mark for name, mark in self.broken.items() if name not in marks}
        nodes = {(one.kind, one.node) for one in asked.values()}
        for name in needs:
            kind, node = ("gradient", self._need(name[1:])) if name not in self.nodes else ("value", self.nodes[name])
            idle = kind == "gradient" and node not in self.keys[0].feeds  # it has no part in the output
            if name not in marks and (kind, node) not in nodes and not idle:
                marks[name] = Mark(name, None, BLANK, f"no line gives {name} a value")
        return [self._counted(mark, marks) for mark in marks.values()]

    def _counted(self, mark: Mark, marks: Mapping[str, Mark]) -> Mark:
        """MARK without points for what was given, or is right under another name too: only work counts once."""
        one = self.asked.get(mark.name)
        if mark.credit < 1 or one is None:
            return mark
        names = [name for name, other in self.asked.items() if (other.kind, other.node) == (one.kind, one.node)]
        first = next(name for name in names if marks[name].credit == 1)
        given = self.forward_given and one.kind == "value"
        return mark._replace(points=0.0) if given or mark.name != first else mark

    def _need(self, name: str) -> int:
        return (self.nodes | self.graph.inputs)[name]

    def _at_point(self, k: int, asked: Mapping[str, Asked]) -> dict[str, Mark]:
        self.meter.spend(_MARKING * len(asked) * evaluations(self.graph))
        answers: dict[str, Answer] = {}
        for name in asked:
            value = self.columns[name][k]
            text = shown(self.history[name][-1].text) if name in self.history else ""
            answers[name] = Unreadable(text, NO_VALUE) if value is None else Number(name, value)
        # Of two names for one quantity the last counts as what later lines are made from.
        found = mark_numbers(self.keys[k], list(asked.values()), answers, doubts={})
        return {one.name: one for one in found}

    def _together(self, name: str, each: Sequence[Mark]) -> Mark:
        """The mark of a name, from those at every point."""
        verdicts = {one.verdict for one in each}
        lines = self.history[name]
        mark = Mark(name, _written(lines), RIGHT)
        if verdicts <= {RIGHT, ROUNDED}:
            return mark
        if verdicts <= {RIGHT, ROUNDED, FOLLOWS}:
            used = tuple(dict.fromkeys(name for one in each for name in one.used))
            reason = f"right, given your {', '.join(used)}"
            return mark._replace(verdict=FOLLOWS, reason=reason, used=used)
        where = (
            f"line {lines[-1].number}" if len(lines) == 1 else f"lines {', '.join(str(one.number) for one in lines)}"
        )
        mark = mark._replace(verdict=WRONG, reason=f"look again at {where}")
        if INVALID in verdicts:
            why = next(one.reason for one in each if one.verdict == INVALID)
            none = "this has no value at some points where the formula has one"
            return mark._replace(reason=f"{where}: {none if why == NO_VALUE else why}")
        if self.hint:
            return mark
        if self._overwritten(name):
            again = next(line for line in lines[1:] if line.sign == "=")
            slip = SLIPS["forgot-branch"]
            return mark._replace(
                reason=f"{slip.title}: line {again.number} sets {name} anew. {slip.advice.removesuffix('.')}",
                slips=(slip.id,),
            )
        wrong = [one for one in each if one.verdict == WRONG]
        slips = [slip for slip in wrong[0].slips if all(slip in one.slips for one in wrong) and slip in _NAMED]
        if not slips:
            return mark
        titles = " or ".join(_NAMED[slip] for slip in slips)
        advice = f". {SLIPS[slips[0]].advice.removesuffix('.')}" if len(slips) == 1 and slips[0] in SLIPS else ""
        return mark._replace(reason=f"{titles}, in {where}{advice}", slips=tuple(slips))

    def _overwritten(self, name: str) -> bool:
        """Whether NAME would be right if every later line of it added instead of setting it anew."""
        lines = self.history[name]
        if len(lines) < 2 or all(line.sign != "=" for line in lines[1:]):
            return False
        added = tuple(
            line._replace(sign="+=") if line.name == name and line.sign == "=" and line is not lines[0] else line
            for line in self.lines
        )
        mended = replace(self, lines=added, broken={}, history={})
        found = [mended._at_point(k, mended.asked).get(name) for k in range(len(self.keys))]
        return all(one is not None and one.credit == 1 for one in found)


def _written(lines: Sequence[Line]) -> str:
    """What LINES give one name: the right side, then those of later lines with their signs."""
    first, *rest = lines
    sign = "" if first.sign == "=" else f"{first.sign} "
    return "; ".join([f"{sign}{first.text}", *[f"{line.sign} {line.text}" for line in rest]])
