"""Marking arrays: the values and gradients of a graph on arrays, entry by entry, with follow-through and slips.

The counterpart of `bpcli.marking.numbers`. An allowance is no bound of every walk by hand here, but some units of the last
place; what a student's own arrays lead to is worked out gate by gate all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from bpcli.arrays.functions import fold
from bpcli.arrays.sweeps import kinks_met, value_function
from bpcli.graph import Graph
from bpcli.marking.answers import Missing, Unreadable
from bpcli.marking.array_answers import Array, agree, fitted, in_any_shape, read_array, same
from bpcli.marking.diagnosis import MOST_WAYS, SEEN, Explanation, smallest
from bpcli.marking.followthrough import consumers, unasked_above
from bpcli.marking.key import Asked, Key, printed
from bpcli.marking.verdicts import BLANK, FOLLOWS, INVALID, RIGHT, ROUNDED, UNDECIDED, WRONG, Mark, in_words
from bpcli.marking.ways import Way
from bpcli.printing import step_text
from bpcli.slips import NO_SLIP, SLIPS
from bpcli.sweeps import reverse

#: Units of the last place, of the largest entry, within which honest rounding at every gate stays.
UNITS = 5
_MOST_SAID = 4  # wrong entries that are named one by one


def mark_arrays(key: Key, adjoints: Sequence[Any], blanks: Sequence[Asked], answers: Mapping[str, str | Unreadable | Array],
                hint: bool = False, doubt: str = "") -> list[Mark]:  # fmt: skip
    """The `Mark` of each of BLANKS (values and gradients) for a graph on arrays.

    ANSWERS has the texts, or arrays that are read already, by the blanks' names. ADJOINTS are the gradients of all nodes; with a DOUBT (why they are not
    confirmed) nobody is marked by them. HINT says where a mistake is, not what.
    """
    with np.errstate(all="ignore"):  # a student's numbers may be as large as doubles are
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
    answers: Mapping[str, str | Unreadable | Array]
    hint: bool
    doubt: str
    verdicts: dict[str, str] = field(default_factory=dict)

    @cached_property
    def arrays(self) -> dict[str, Array | Unreadable | Missing]:
        """Every answer, read."""
        found: dict[str, Array | Unreadable | Missing] = {}
        for one in self.blanks:
            given, shape = self.answers.get(one.name, ""), np.shape(self._exact(one))
            if isinstance(given, Array):
                found[one.name] = fitted(given, shape)
            else:
                found[one.name] = given if isinstance(given, Unreadable) else read_array(given, shape)
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
        if one.kind == "value":
            return self.key.values[one.node]
        if self._sides is not None:
            left, right = (self._gradient(side, one.node) for side in self._sides)
            return (left + right) / 2
        return self._gradient(self.adjoints, one.node)

    def _between(self, one: Asked) -> Any:
        """How far the slopes at kinks let a gradient be from `_exact`, entry by entry."""
        if one.kind == "value" or self._sides is None:
            return 0.0
        left, right = (self._gradient(side, one.node) for side in self._sides)
        return np.abs(left - right) / 2

    @cached_property
    def _sides(self) -> tuple[Sequence[Any], Sequence[Any]] | None:
        """The gradients with every slope at a kink from its left, and from its right; None away from kinks.

        Where a convention is named there are no two sides.
        """
        graph, values = self.key.graph, self.key.values
        if self.key.kinks is not None or next(kinks_met(graph, values, self.key.gates), None) is None:
            return None
        seeds = {graph.output: self.key.upstream}
        return reverse(graph, values, seeds, "left"), reverse(graph, values, seeds, "right")

    def _gradient(self, adjoints: Sequence[Any], node: int) -> Any:
        found = adjoints[node]
        return np.zeros(np.shape(self.key.values[node])) if found is None else found

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
            return self._unreadable(one, mark._replace(verdict=INVALID, reason=answer.reason))
        if self.doubt and one.kind == "gradient":
            return mark._replace(
                verdict=UNDECIDED, reason=f"the key is not confirmed: {self.doubt}; a person has to look"
            )
        exact, between = self._exact(one), self._between(one)
        if agree(answer.value, exact, between):
            kinked = "between the slopes on both sides of the kink" if np.any(between) else ""
            return mark._replace(verdict=RIGHT, reason=kinked)
        if agree(answer.value, exact, between + self.reach(exact)):
            return mark._replace(verdict=ROUNDED, reason=f"as rounding to {self.key.rule} gives it")
        expected = self._expected(one)
        used = self._used(one)
        if expected is not None and np.any(answer.value) and agree(answer.value, expected, self.reach(expected)):
            if used:
                return mark._replace(verdict=FOLLOWS, reason=f"right, given your {in_words(used)}", used=tuple(used))
            if self.key.rule.at_gates:  # they went on from rounded arrays, which grow further away
                return mark._replace(verdict=ROUNDED, reason=f"as rounding to {self.key.rule} gives it")
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
        entries, seen = self._entries(one)
        return mark._replace(reason=f"{entries}{'; ' * bool(entries)}{self._where(one)}", slips=(seen,) if seen else ())

    def _where(self, one: Asked) -> str:
        if one.kind == "value":
            return f"look again at {self._step(one.node)}"
        gates = list(dict.fromkeys(gate for gate, _ in consumers(self.key, one.node)))
        if not gates:
            return "look again at the gradient that arrives at the output"
        said = in_words([self._step(gate) for gate in gates[:4]])
        to = self.printed.names.get(one.node) or self._step(one.node)
        return f"look again at what {said} send{'s' * (len(gates) == 1)} to {to}"

    def _step(self, node: int) -> str:
        """A gate in words: Z = X@W."""
        return step_text(self.printed, node)

    @cached_property
    def printed(self) -> Graph:
        """The graph with the names that the student has seen."""
        return printed(self.key.graph, self.blanks)

    def _entries(self, one: Asked) -> tuple[str, str]:
        """Which entries are wrong, where that says more than that the array is, and the row of `SEEN` that they show."""
        answer, expected = self.arrays[one.name], self._expected(one)
        assert isinstance(answer, Array)
        exact = np.asarray(self._exact(one) if expected is None or not self._used(one) else expected)
        reach = self._between(one) + self.reach(exact)
        wrong = np.argwhere(~same(answer.value, exact, reach))
        seen = "" if self.hint else _seen(answer.value, exact, wrong, self.reach(exact))
        said = SEEN.get(seen, "")
        if not exact.shape or len(wrong) == exact.size:
            return said, seen
        if len(wrong) > _MOST_SAID:
            good = f"{exact.size - len(wrong)} of {exact.size} entries are right"
            return f"{good}; {said or f'the first wrong one is {_at(wrong[0])}'}", seen
        places = f"{'entry' if len(wrong) == 1 else 'entries'} {in_words([_at(one) for one in wrong])}"
        return f"{places}: {said}" if said else f"{places} {'is' if len(wrong) == 1 else 'are'} wrong", seen

    def _unreadable(self, one: Asked, mark: Mark) -> Mark:
        """MARK for an answer that is no array of the shape asked: one of another shape may show what was forgotten."""
        found: Array | Unreadable | str | None = self.answers.get(one.name)
        if isinstance(found, str):
            found = in_any_shape(found) if "[" in found else None
        if not isinstance(found, Array):
            return mark
        exact, given = np.asarray(self._exact(one)), found.value
        owner = self.key.graph.ids[one.node]
        belongs = f"{one.name} has the shape of {owner}, {exact.shape}" if exact.shape else f"{owner} is a number"
        mark = mark._replace(reason=f"its shape is {given.shape}, and {exact.shape or 'a number'} is asked")
        if one.kind == "gradient":
            mark = mark._replace(reason=f"its shape is {given.shape}; {belongs}")
        if self.hint or (self.doubt and one.kind == "gradient"):
            return mark
        if exact.ndim == 2 and agree(given.T, exact, self.reach(exact)):
            return mark._replace(verdict=WRONG, reason=f"{SEEN['transposed']}: {mark.reason}", slips=("transposed",))
        if one.kind == "gradient" and (slip := self._unsummed(one, given, exact)):
            reason = f"{SLIPS[slip].title}: {mark.reason}. {SLIPS[slip].advice.removesuffix('.')}"
            return mark._replace(verdict=WRONG, reason=reason, slips=(slip,))
        return mark

    def _unsummed(self, one: Asked, given: Any, exact: Any) -> str:
        """The slip that leaves GIVEN in the shape of a gate that copies the node, its copies not added up."""
        graph = self.key.graph
        for gate, _ in consumers(self.key, one.node):
            copied = graph.row(graph.position[gate]).name == "stretch"
            if copied and given.shape == np.shape(self.key.values[gate]):
                total = fold(given, *exact.shape)
                expected = self._expected(one)
                keys = [exact] if expected is None else [exact, expected]
                if any(agree(total, key, self.reach(key)) for key in keys):
                    return "bias-not-summed"
        return ""


def _at(place: Any) -> str:
    """A place in an array as it is written: [0, 1]."""
    return str([int(k) for k in place])


def _seen(answer: Any, exact: Any, wrong: Any, reach: float) -> str:
    """The row of `SEEN` that holds of the entries of ANSWER at the places WRONG, of all of them; "" for none."""
    if exact.ndim == 2 and agree(answer.T, exact, reach):
        return "transposed"
    given, right = (one[tuple(wrong.T)] if one.ndim else one for one in (np.asarray(answer), exact))
    if not np.any(given):
        return ""
    if agree(-given, right, reach):
        return "sign-changed"
    off = 0.02 * np.abs(right)  # as near as the same number with another rounding
    shifted = np.all(right) and any(agree(given * factor, right, off) for factor in (10.0, 0.1, 100.0, 0.01))
    return "decimal-point" if shifted else ""
