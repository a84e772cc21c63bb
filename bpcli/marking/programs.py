"""Marking lines of code: the passes staged line by line, as the lectures write them, or as pasted from a notebook.

The lines are read by bpcli's own grammar and evaluated as formulas at points that a secret decides, never run. Each
name is then marked like a number at every one of these points: against the key, and against what the line's own inputs
imply. Intermediate names may be the student's own: one that always has the value of a gate is taken for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, islice
from typing import NamedTuple

from bpcli.graph import Graph
from bpcli.language import STUDENT
from bpcli.marking.answers import Answer, Line, Number, Unreadable, shown
from bpcli.marking.diagnosis import SEEN
from bpcli.marking.equivalence import points
from bpcli.marking.handwork import walk
from bpcli.marking.key import Asked, Key
from bpcli.marking.meter import Meter, evaluations
from bpcli.marking.numbers import mark_numbers
from bpcli.marking.steps import Found, Steps, stem_of, written_lines
from bpcli.marking.verdicts import BLANK, FOLLOWS, INVALID, RIGHT, ROUNDED, WRONG, Mark
from bpcli.rounding import EXACT
from bpcli.slips import SLIPS
from bpcli.sweeps import Values, forward, kinks_met
from bpcli.trouble import Trouble

_POINTS = 4  # at which every line is evaluated
_DRAWN = 60
_FAR = 3  # powers of ten
NO_VALUE = "it has no value"
#: What may be said of a line, by itself.
_NAMED = {slip.id: slip.title for slip in SLIPS.values()} | {"transposed": SEEN["transposed"]}
_MARKING = 20  # what it costs to mark one name, for each gate of the problem; the search for slips is counted there


class Marked(NamedTuple):
    """A program's marks, and what was left alone in it."""

    marks: list[Mark]
    remarks: tuple[str, ...] = ()


def mark_program(graph: Graph, lines: Sequence[Line], secret: bytes, near: Mapping[str, float] | None = None,
                 needs: Sequence[str] = (), forward_given: bool = False, hint: bool = False,
                 meter: Meter | None = None) -> Marked:  # fmt: skip
    """A `Mark` for every name that LINES give a value and the problem knows, and for every one that NEEDS wants.

    With FORWARD_GIVEN the values of GRAPH's own names are there before the first line. SECRET and NEAR decide the
    points; HINT says where a mistake is, not what; METER counts for the hand-in. Raises `Trouble` when there are too many
    lines, or no points, and `TooMuch`.
    """
    if STUDENT.lines is not None and len(lines) > STUDENT.lines:
        raise Trouble(f"the program has {len(lines)} lines; the limit is {STUDENT.lines}", code="too-large")
    spent = (meter or Meter()).blank()
    keys = _keys(graph, secret, near or {}, spent)
    return Program(graph, tuple(lines), keys, forward_given, hint, spent).marked(needs)


def _keys(graph: Graph, secret: bytes, near: Mapping[str, float], meter: Meter) -> list[Key]:
    """The keys at points away from kinks and flat stretches, the sheet's own NEAR first."""
    found: list[tuple[float, Key]] = []
    for own, values in _candidates(graph, secret, near):
        key = Key(graph, own, values, meter=meter)
        try:
            if any(kinks_met(graph, values, key.gates)) or not _steady(key):
                continue
            found.append((_spread([one.value for one in key.gradients]), key))
        except Trouble:
            continue
        if sum(not spread for spread, _ in found) == _POINTS:
            break
    if not found:
        raise Trouble("the program has no value at any point that was tried", code="no-points", exit_code=3)
    return [key for _, key in sorted(found, key=lambda one: one[0])][:_POINTS]


def _candidates(graph: Graph, secret: bytes, near: Mapping[str, float]) -> Iterator[tuple[dict[str, float], Values]]:
    """Points at which GRAPH has a value, and its values: first those with numbers that are not far from 1."""
    far = []
    for point in chain([near] * bool(near), islice(points(list(graph.inputs), secret, near), _DRAWN)):
        own = {name: float(point[name]) for name in graph.inputs}
        try:
            values = forward(graph, own)
        except Trouble:
            continue
        if _spread(values):
            far.append((own, values))
        else:
            yield own, values
    yield from far


def _spread(numbers: Iterable[float | None]) -> float:
    """How many powers of ten the NUMBERS lie from 1; 0 where it is few.

    Far from 1 two right ways to write a line differ: where f is 1 - 1e-12, the digits of 1 - f are those of rounding.
    """
    spread = max((abs(math.log10(abs(one))) for one in numbers if one), default=0.0)
    return spread if spread > _FAR else 0.0


def _steady(key: Key) -> bool:
    """Whether the blackboard's local gradients give the same here: 1 - y^2 has lost its digits where tanh is flat."""
    _, gradients = walk(key.graph, key.point, EXACT)
    return all(
        abs(one - other.value) <= 1e-9 * abs(other.value) for one, other in zip(gradients, key.gradients, strict=True)
    )


@dataclass(frozen=True, eq=False)
class Program(Steps):
    """The marks of one student's lines."""

    # --- what a name stands for ---

    @cached_property
    def asked(self) -> dict[str, Asked]:
        """Every name that the problem knows, by itself or by its values."""
        columns, history = self.columns, self.found.history
        found: dict[str, Asked] = {}
        for name in columns:
            if name in history and (node := self._value_node(name)) is not None:
                found[name] = Asked(name, "value", node)
        own = {name: one.node for name, one in found.items()} | self.graph.inputs
        for name in history:
            stem = stem_of(name, self.graph, columns)
            node = own.get(stem, self.nodes.get(stem))
            if name not in found and node is not None:
                found[name] = Asked(name, "gradient", node)
        return found

    def _value_node(self, name: str) -> int | None:
        """The gate whose value NAME is meant to be, or always is."""
        same = [node for node in self.graph.gates if self._is(self.columns[name], node)]
        node = self.nodes.get(name)
        if node is not None and (node in same or not same):
            return node
        if stem_of(name, self.graph, self.columns):
            return None
        return same[0] if same else None

    # --- marks ---

    def marked(self, needs: Sequence[str]) -> Marked:
        """The marks of all names, and of those that NEEDS wants."""
        asked, found = self.asked, self.found
        each = {name: [one[name] for one in points] for points in [self._at_points(asked)] for name in asked}
        added = self._mended(
            {name: marks for name, marks in each.items() if any(one.verdict == WRONG for one in marks)}
        )
        marks = {name: self._together(name, each[name], name in added) for name in asked}
        marks |= {name: mark for name, mark in found.again.items() if name not in marks or marks[name].credit < 1}
        mended = {name for name in found.mended if name in marks and self._earns(asked[name])}
        marks |= {name: mark for name, mark in found.broken.items() if name not in mended}
        nodes = {(one.kind, one.node) for one in asked.values()}
        for name in needs:
            kind, node = ("gradient", self._need(name[1:])) if name not in self.nodes else ("value", self.nodes[name])
            idle = kind == "gradient" and node not in self.keys[0].feeds  # it has no part in the output
            if name not in marks and (kind, node) not in nodes and not idle:
                marks[name] = Mark(name, None, BLANK, f"no line gives {name} a value")
        return Marked([self._counted(mark, marks) for mark in marks.values()], tuple(found.remarks))

    def _counted(self, mark: Mark, marks: Mapping[str, Mark]) -> Mark:
        """MARK without points for what was given or lent, or is right under another name too: only work counts once."""
        one = self.asked.get(mark.name)
        if mark.credit < 1 or one is None:
            return mark
        names = [name for name, other in self.asked.items() if (other.kind, other.node) == (one.kind, one.node)]
        first = next((name for name in names if marks[name].credit == 1 and self._earns(self.asked[name])), None)
        given = self.forward_given and one.kind == "value"
        return mark._replace(points=0.0) if given or mark.name != first else mark

    def _earns(self, one: Asked) -> bool:
        """Whether nothing that was lent to ONE would have had to be made from it: dnum out of a dnum that is lent."""
        for kind, node in self.found.lent.get(one.name, ()):
            if one.kind == "value":
                earlier, later = (node, one.node) if kind == "value" else (one.node, one.node)
            elif kind == "value":
                continue
            else:
                earlier, later = one.node, node
            if earlier == later or later not in self._made_from(earlier):
                return False
        return True

    def _made_from(self, node: int) -> set[int]:
        """NODE and every gate that it is in."""
        found = {node}
        for place, gate in enumerate(self.graph.gates):
            if not found.isdisjoint(self.graph.args[place]):
                found.add(gate)
        return found

    def _need(self, name: str) -> int:
        return (self.nodes | self.graph.inputs)[name]

    def _at_points(self, asked: Mapping[str, Asked]) -> list[dict[str, Mark]]:
        return [self._at_point(k, asked) for k in range(len(self.keys))]

    def _at_point(self, k: int, asked: Mapping[str, Asked]) -> dict[str, Mark]:
        self.meter.spend(_MARKING * len(asked) * evaluations(self.graph))
        answers: dict[str, Answer] = {}
        for name in asked:
            value = self.columns[name][k]
            text = shown(self.found.history[name][-1].text)
            answers[name] = Unreadable(text, NO_VALUE) if value is None else Number(name, value)
        # Of two names for one quantity the last counts as what later lines are made from.
        found = mark_numbers(self.keys[k], list(asked.values()), answers, doubts={})
        return {one.name: one for one in found}

    def _together(self, name: str, each: Sequence[Mark], mended: bool) -> Mark:
        """The mark of a name, from those at every point; MENDED if adding what it was set to would have been right."""
        verdicts = {one.verdict for one in each}
        lines = self.found.history[name]
        mark = Mark(name, written_lines(lines), RIGHT)
        if verdicts <= {RIGHT, ROUNDED}:
            return mark
        where = (
            f"line {lines[-1].number}" if len(lines) == 1 else f"lines {', '.join(str(one.number) for one in lines)}"
        )
        slips = self._slips(each)
        if not slips and not any(self.found.uses[line] for line in lines):
            return mark._replace(verdict=WRONG, reason=f"{where}: a formula is asked, and this is a number")
        if verdicts <= {RIGHT, ROUNDED, FOLLOWS}:
            used = tuple(dict.fromkeys(name for one in each for name in one.used))
            reason = f"right, given your {', '.join(used)}"
            return mark._replace(verdict=FOLLOWS, reason=reason, used=used)
        mark = mark._replace(verdict=WRONG, reason=f"look again at {where}")
        if INVALID in verdicts:
            why = next(one.reason for one in each if one.verdict == INVALID)
            none = "this has no value at some points where the formula has one"
            return mark._replace(reason=f"{where}: {none if why == NO_VALUE else why}")
        if self.hint:
            return mark
        if mended:
            again = next(line for line in lines[1:] if line.sign == "=")
            slip = SLIPS["forgot-branch"]
            return mark._replace(
                reason=f"{slip.title}: line {again.number} sets {name} anew. {slip.advice.removesuffix('.')}",
                slips=(slip.id,),
            )
        if not slips:
            return mark
        titles = " or ".join(_NAMED[slip] for slip in slips)
        advice = f". {SLIPS[slips[0]].advice.removesuffix('.')}" if len(slips) == 1 and slips[0] in SLIPS else ""
        return mark._replace(reason=f"{titles}, in {where}{advice}", slips=tuple(slips))

    def _slips(self, each: Sequence[Mark]) -> list[str]:
        """The slips that explain a wrong name at every point."""
        wrong = [one for one in each if one.verdict == WRONG]
        common = wrong[0].slips if wrong else ()
        return [slip for slip in common if slip in _NAMED and all(slip in one.slips for one in wrong)]

    def _mended(self, wrong: Mapping[str, object]) -> set[str]:
        """Those of the WRONG names that would be right if every later line of them added instead of setting them anew."""
        seen: set[str] = set()
        anew: set[str] = set()
        added = list(self.lines)
        for at, line in enumerate(self.lines):
            if line.name in wrong and line.name in seen and line.sign == "=":
                added[at] = line._replace(sign="+=")
                anew.add(line.name)
            seen.add(line.name)
        if self.hint or not anew:
            return set()
        other = replace(self, lines=tuple(added), found=Found())
        each = other._at_points({name: one for name, one in self.asked.items() if name in other.columns})
        return {name for name in anew if all(one[name].credit == 1 for one in each)}
