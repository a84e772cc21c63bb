"""Marking arrays: the values and gradients of a graph on arrays, entry by entry, with follow-through and slips.

The counterpart of `bpcli.marking.numbers`. An allowance is no bound of every walk by hand here, but some units of the last
place; what a student's own arrays lead to is worked out gate by gate all the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from bpcli.arrays.sweeps import value_function
from bpcli.marking.answers import Missing, Number, Unreadable, read_number, shown
from bpcli.marking.diagnosis import MOST_WAYS, Explanation, Way, smallest
from bpcli.marking.followthrough import consumers, unasked_above
from bpcli.marking.key import Asked, Key
from bpcli.marking.verdicts import BLANK, FOLLOWS, INVALID, RELATIVE, RIGHT, ROUNDED, UNDECIDED, WRONG, Mark, in_words
from bpcli.printing import gate_text
from bpcli.slips import NO_SLIP, SLIPS

#: Units of the last place, of the largest entry, within which honest rounding at every gate stays.
UNITS = 5
MOST_ENTRIES = 10_000
MOST_AXES = 4
_MOST_TEXT = 65_536
_TOKEN = re.compile(r"\s*(?:([\[\]])|[,;]?\s*([^\s,;\[\]]+)|[,;])")


class Array(NamedTuple):
    """An array, or a number, as a student wrote it."""

    text: str
    value: Any
    exact: bool
    """Whether every entry is written without decimals."""


def read_array(text: str, shape: tuple[int, ...]) -> Array | Unreadable | Missing:
    """The array that TEXT writes: a number for the SHAPE (), rows such as [[1, 2], [3, 4]] for others.

    Entries are read as strictly as single numbers. Numpy's way of printing, without commas, is read too; a vector
    may stand for a single row or column.
    """
    if not shape or "[" not in text:
        one = read_number(text)
        if not isinstance(one, Number):
            return one
        if math.prod(shape) == 1:
            return Array(text, np.full(shape, one.value), not one.decimals)
        return Unreadable(text, "an array is asked: [1, 2]")
    if len(text) > _MOST_TEXT:
        return Unreadable(text, f"it has {len(text):,} characters; the limit is {_MOST_TEXT:,}")
    try:
        nested, exact = _nested(text)
        value = np.array(nested, dtype=np.float64)
    except _NotRead as error:
        return Unreadable(text, str(error))
    except ValueError:
        return Unreadable(text, "its rows have different lengths")
    if value.shape == shape:
        return Array(text, value, exact)
    if [n for n in value.shape if n > 1] == [n for n in shape if n > 1]:
        return Array(text, value.reshape(shape), exact)
    return Unreadable(text, f"its shape is {value.shape}, and {shape} is asked")


class _NotRead(Exception):
    """Why a text is no array."""


def _nested(text: str) -> tuple[list[Any], bool]:
    """The nested list that TEXT writes, and whether no entry has decimals."""
    top: list[Any] = []
    stack = [top]
    exact, count, position = True, 0, 0
    plain = text.strip()
    while position < len(plain):
        match = _TOKEN.match(plain, position)
        if match is None:
            break
        position = match.end()
        if match[1] == "[":
            if len(stack) > MOST_AXES:
                raise _NotRead(f"its brackets are nested more than {MOST_AXES} deep")
            stack[-1].append([])
            stack.append(stack[-1][-1])
        elif match[1] == "]":
            if len(stack) == 1:
                raise _NotRead("a bracket is closed that was not opened")
            stack.pop()
        elif match[2]:
            one = read_number(match[2])
            if not isinstance(one, Number):
                raise _NotRead(f"{shown(match[2])} in it is not a number")
            count += 1
            if count > MOST_ENTRIES:
                raise _NotRead(f"it has more than {MOST_ENTRIES:,} entries")
            exact = exact and not one.decimals
            stack[-1].append(one.value)
    if len(stack) > 1:
        raise _NotRead("a bracket is never closed")
    if len(top) != 1 or not isinstance(top[0], list):
        raise _NotRead("write one array: [1, 2]")
    return top[0], exact


def agree(answer: Any, key: Any, reach: float = 0.0) -> bool:
    """Whether every entry of ANSWER is no farther than REACH from that of KEY, give or take full precision."""
    answer, key = np.asarray(answer, dtype=float), np.asarray(key, dtype=float)
    if answer.shape != key.shape or not np.isfinite(answer).all() or not np.isfinite(key).all():
        return False
    largest = float(np.max(np.abs(key), initial=0.0))
    bound = reach + RELATIVE * np.maximum(np.abs(key), 1e-3 * largest if largest else 1.0)
    return bool(np.all(np.abs(answer - key) <= bound))


def mark_arrays(key: Key, adjoints: Sequence[Any], blanks: Sequence[Asked], answers: Mapping[str, str | Unreadable],
                hint: bool = False, doubt: str = "") -> list[Mark]:  # fmt: skip
    """The `Mark` of each of BLANKS (values and gradients) for a graph on arrays.

    ANSWERS has the texts by the blanks' names. ADJOINTS are the gradients of all nodes; with a DOUBT (why they are not
    confirmed) nobody is marked by them. HINT says where a mistake is, not what.
    """
    return _Marking(key, adjoints, tuple(blanks), answers, hint, doubt).marks()


class _Given(NamedTuple):
    """A student's own array, as `bpcli.marking.diagnosis.Given` has it."""

    value: Any
    reach: float = 0.0


@dataclass(frozen=True, eq=False)
class _Marking:
    key: Key
    adjoints: Sequence[Any]
    blanks: tuple[Asked, ...]
    answers: Mapping[str, str | Unreadable]
    hint: bool
    doubt: str
    verdicts: dict[str, str] = field(default_factory=dict)

    @cached_property
    def arrays(self) -> dict[str, Array | Unreadable | Missing]:
        """Every answer, read."""
        found: dict[str, Array | Unreadable | Missing] = {}
        for one in self.blanks:
            text = self.answers.get(one.name, "")
            found[one.name] = text if isinstance(text, Unreadable) else read_array(text, np.shape(self._exact(one)))
        return found

    @cached_property
    def own(self) -> dict[tuple[str, int, int], _Given]:
        """The student's own arrays."""
        return {
            (one.kind, one.node, 0): _Given(array.value) for one in self.blanks
            if isinstance(array := self.arrays[one.name], Array)
        }  # fmt: skip

    @cached_property
    def numbers(self) -> list[Any]:
        """The value of every node, from the student's own where they answered."""
        graph, exact = self.key.graph, self.key.values
        found = list(exact)
        for place, node in enumerate(graph.gates):
            given = self.own.get(("value", node, 0))
            expected = self._gate(place, found)
            found[node] = given.value if given is not None else exact[node] if expected is None else expected
        return found

    def _gate(self, place: int, values: Sequence[Any]) -> Any:
        graph = self.key.graph
        inputs = [values[k] for k in graph.args[place]]
        try:
            with np.errstate(all="ignore"):
                value = value_function(graph.row(place))(*inputs)
        except (ArithmeticError, ValueError, TypeError):
            return None
        same = np.shape(value) == np.shape(self.key.values[graph.gates[place]])
        return value if same and np.isfinite(value).all() else None

    def _exact(self, one: Asked) -> Any:
        found = self.key.values[one.node] if one.kind == "value" else self.adjoints[one.node]
        return np.zeros(np.shape(self.key.values[one.node])) if found is None else found

    def marks(self) -> list[Mark]:
        found: dict[str, Mark] = {}
        ways: dict[str, list[Explanation]] = {}
        for one in self._in_order():
            found[one.name] = mark = self._mark(one)
            self.verdicts[one.name] = mark.verdict
            if mark.verdict == WRONG and not mark.reason:
                ways[one.name] = self._explanations(one)
        for name, named in smallest(ways).items():
            (one,) = [blank for blank in self.blanks if blank.name == name]
            found[name] = self._explained(one, found[name], named)
        return [found[one.name] for one in self.blanks]

    def _in_order(self) -> list[Asked]:
        back = {node: place for place, node in enumerate(self.key.gates)}
        values = sorted((one for one in self.blanks if one.kind == "value"), key=lambda one: one.node)
        rest = [one for one in self.blanks if one.kind != "value"]
        return [*values, *sorted(rest, key=lambda one: back.get(one.node, len(back)))]

    def _mark(self, one: Asked) -> Mark:
        answer = self.arrays[one.name]
        mark = Mark(one.name, answer.text, WRONG, points=one.points)
        if isinstance(answer, Missing):
            return mark._replace(answer=answer.text or None, verdict=BLANK)
        if isinstance(answer, Unreadable):
            return mark._replace(verdict=INVALID, reason=answer.reason)
        if self.doubt and one.kind == "gradient":
            return mark._replace(
                verdict=UNDECIDED, reason=f"the key is not confirmed: {self.doubt}; a person has to look"
            )
        exact = self._exact(one)
        if agree(answer.value, exact):
            return mark._replace(verdict=RIGHT)
        if agree(answer.value, exact, self.reach(exact)):
            return mark._replace(verdict=ROUNDED, reason=f"as rounding to {self.key.rule} gives it")
        expected = self._expected(one)
        used = self._used(one)
        if (
            used
            and expected is not None
            and np.any(answer.value)
            and agree(answer.value, expected, self.reach(expected))
        ):
            return mark._replace(verdict=FOLLOWS, reason=f"right, given your {in_words(used)}", used=tuple(used))
        return mark

    def reach(self, key: Any) -> float:
        """How far honest rounding may lead from the array KEY."""
        largest = float(np.max(np.abs(key), initial=0.0))
        if self.key.rule.kind == "answer":
            return self.key.rule.unit(largest)
        return UNITS * 2 * self.key.rule.unit(largest) if self.key.rule.at_gates else 0.0

    def _expected(self, one: Asked) -> Any:
        """What the student's own arrays lead to."""
        if one.kind == "value":
            place = self.key.graph.position.get(one.node)
            return None if place is None else self._gate(place, self.numbers)
        try:
            return Way(self, one).number(NO_SLIP, frozenset([-1]))
        except (ValueError, TypeError):
            return None

    def _used(self, one: Asked) -> list[str]:
        """The student's own wrong answers that the expected array is made from."""
        graph = self.key.graph
        if one.kind == "value":
            queue = list(graph.args[graph.position[one.node]]) if one.node in graph.position else []
            gradients: set[int] = set()
        else:
            above = {one.node} | unasked_above(self.key, self.own, one.node)
            gradients = {gate for node in above for gate, _ in consumers(self.key, node)}
            queue = [k for gate in gradients for k in (*graph.args[graph.position[gate]], gate)]
        values: set[int] = set()
        while queue:
            node = queue.pop()
            if node in values:
                continue
            values.add(node)
            if ("value", node, 0) not in self.own and node in graph.position:
                queue += graph.args[graph.position[node]]
        return [
            other.name for other in self.blanks
            if self.verdicts.get(other.name) in (WRONG, FOLLOWS) and other.name != one.name
            and other.node in (values if other.kind == "value" else gradients)
        ]  # fmt: skip

    def _explanations(self, one: Asked) -> list[Explanation]:
        if one.kind == "value":
            return []
        way, found = Way(self, one), []
        answer = self.arrays[one.name]
        assert isinstance(answer, Array)
        for slip in SLIPS.values():
            for at in way.choices(slip):
                try:
                    number = way.number(slip, at)
                except (ValueError, TypeError):
                    continue
                if number is not None and agree(answer.value, number, self.reach(number)):
                    found.append(Explanation(slip.id, at))
        return found

    def _explained(self, one: Asked, mark: Mark, named: Sequence[Explanation]) -> Mark:
        if not self.hint and 0 < len(named) <= MOST_WAYS:
            titles = in_words([SLIPS[way.slip].title for way in named], "or")
            advice = f". {SLIPS[named[0].slip].advice.removesuffix('.')}" if len(named) == 1 else ""
            return mark._replace(reason=titles + advice, slips=tuple(way.slip for way in named))
        return mark._replace(reason=self._where(one, mark))

    def _where(self, one: Asked, mark: Mark) -> str:
        answer, exact = self.arrays[one.name], np.asarray(self._exact(one))
        assert isinstance(answer, Array)
        good = int(np.sum(np.abs(answer.value - exact) <= self.reach(exact) + RELATIVE * np.abs(exact)))
        counted = f"{good} of {exact.size} entries are right; " if exact.size > 1 and good and not self.hint else ""
        graph = self.key.graph
        if one.kind == "value":
            text = gate_text(graph, graph.position[one.node]) if one.node in graph.position else ""
            return f"{counted}look again at {graph.ids[one.node]} = {text}"
        gates = [gate for gate, _ in consumers(self.key, one.node)]
        sends = in_words([f"{graph.ids[gate]} = {gate_text(graph, graph.position[gate])}" for gate in gates[:4]])
        return f"{counted}look again at what {sends or 'the output'} sends to {graph.ids[one.node]}"
