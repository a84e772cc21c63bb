"""Marking: a student's numbers against the key of a formula, with follow-through and the slip named.

Each blank is tried in this order: the key at full precision (`right`), the key as honest rounding gives it
(`rounded`), what the student's own earlier answers lead to (`follows`), and otherwise it is `wrong` and the slip
table is asked. A blank without an answer is `blank`, with one that is no number `invalid`; when the key's number is
not confirmed it is `undecided`. A reason never holds a number of the key.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from bpcli.graph import Graph
from bpcli.marking.answers import Answer, Missing, Number, Unreadable, shown
from bpcli.marking.diagnosis import (
    SEEN,
    Explanation,
    beginnings,
    contradicted,
    explanations,
    plausible,
    smallest,
)
from bpcli.marking.followthrough import Trail, consumers, unasked_above
from bpcli.marking.handwork import Figure
from bpcli.marking.idle import Idle, filling
from bpcli.marking.key import Asked, Key
from bpcli.marking.telling import Telling
from bpcli.marking.verdicts import (
    BLANK,
    FOLLOWS,
    INVALID,
    RIGHT,
    ROUNDED,
    UNDECIDED,
    WRONG,
    Mark,
    in_words,
    to_its_last_digit,
    within,
    written,
)
from bpcli.slips import SLIPS

_Place = tuple[str, int, int]


def mark_numbers(key: Key, blanks: Sequence[Asked], answers: Mapping[str, Answer], hint: bool = False,
                 doubts: Mapping[str, str] | None = None) -> list[Mark]:  # fmt: skip
    """The `Mark` of each of BLANKS, in their order; ANSWERS has what was answered, by the blank's name.

    HINT says where a mistake is, not what. DOUBTS (blank -> why its key is not confirmed) are worked out, if they are
    not given.
    """
    return _Marking(key, tuple(blanks), answers, hint, doubts).marks()


@dataclass(frozen=True, eq=False)
class _Marking:
    key: Key
    blanks: tuple[Asked, ...]
    answers: Mapping[str, Answer]
    hint: bool
    doubts: Mapping[str, str] | None
    verdicts: dict[str, str] = field(default_factory=dict)
    """Filled in as the blanks are marked, each after those that it follows from."""

    # --- the student's own numbers ---

    @cached_property
    def numbers(self) -> dict[str, Number]:
        return {
            one.name: answer for one in self.blanks
            if isinstance(answer := self.answers.get(one.name), Number)
        }  # fmt: skip

    @cached_property
    def own(self) -> dict[_Place, Figure]:
        """Every number that the student gave, with the digits it was rounded by."""
        return {
            (one.kind, one.node, one.place): self._written(one, number)
            for one in self.blanks if (number := self.numbers.get(one.name))
        }  # fmt: skip

    def _written(self, one: Asked, number: Number) -> Figure:
        exact = not self.key.allows(one) and within(number.value, self.key.exact(one), self.key.scale)
        return written(number.value, self.key.rule, exact, number.decimals)

    @cached_property
    def telling(self) -> Telling:
        return Telling(self.key, self.blanks, self.numbers, self.trails[0], self.hint)

    @cached_property
    def asked(self) -> dict[str, Asked]:
        return {one.name: one for one in self.blanks}

    @cached_property
    def names(self) -> dict[_Place, str]:
        return {(one.kind, one.node, one.place): one.name for one in self.blanks} | self.handed_on

    @cached_property
    def handed_on(self) -> dict[_Place, str]:
        """Sums whose gradient nobody asks for -> the first blank that has it with too few digits: a sum hands it on."""
        graph, found = self.key.graph, dict[_Place, str]()
        for one in reversed(self.blanks):
            feeds = consumers(self.key, one.node) if one.kind == "gradient" else []
            if len(feeds) != 1 or self.verdicts[one.name] != WRONG or not self.telling.too_coarse(one):
                continue
            gate, _ = feeds[0]
            if gate != graph.output and graph.row(graph.position[gate]).name == "add":
                found["gradient", gate, 0] = one.name
        return {place: name for place, name in found.items() if place not in self.own}

    @cached_property
    def trails(self) -> tuple[Trail, ...]:
        """What their numbers lead to, by their own values and, where these are others, by the key's."""
        trails = [Trail(self.key, self.own)]
        if any(kind == "value" for kind, _, _ in self.own):
            trails.append(Trail(self.key, self.own, stable=True))
            trails.append(Trail(self.key, self.own, keep_values=True))
        return tuple(trails)

    @cached_property
    def shared(self) -> tuple[Trail, ...]:
        """The same, by the gradients too that a sum hands on: 0.40 is 2*0.20, if 0.20 is what came to its other input."""
        known = {place: self.own["gradient", self.asked[name].node, 0] for place, name in self.handed_on.items()}
        return tuple([replace(trail, own=self.own | known) for trail in self.trails]) if known else ()

    @cached_property
    def idle(self) -> Idle:
        """What took no work, as far as the blanks are marked."""
        pairs = [(number.value, self.key.shown(self.asked[name])) for name, number in self.numbers.items()]
        right = [name for name, number in self.numbers.items() if number.value and self.verdicts[name] != WRONG]
        return Idle(filling(pairs, len(right)))

    # --- verdicts ---

    def marks(self) -> list[Mark]:
        marks = {one.name: self._first(one) for one in self.blanks}
        undecided = [one for one in self._in_order() if marks[one.name].verdict == WRONG]
        found: dict[str, list[Explanation]] = {}
        for one in undecided:
            mark, ways = self._own_numbers(one, marks[one.name])
            marks[one.name], found[one.name] = mark, ways
            self.verdicts[one.name] = mark.verdict
        wrong = {one.name: one for one in undecided if marks[one.name].verdict == WRONG}
        named = smallest({name: self._possible(wrong[name], found[name]) for name in wrong})
        if wrong:
            marks |= self._charged(wrong, marks, named)
        return [self._noted(marks[one.name]) for one in self.blanks]

    def _charged(self, wrong: Mapping[str, Asked], marks: Mapping[str, Mark],
                 named: Mapping[str, Sequence[Explanation]]) -> dict[str, Mark]:  # fmt: skip
        """The marks of the WRONG blanks, each slip charged once for each gate where it is made.

        A gate is a piece of work: what one slip there spoils, at all its inputs and below, is one error, and the same
        slip at another gate is another.
        """
        found, begun = {}, self._begun_with_another(wrong, named)
        charged: dict[tuple[str, int], str] = {}
        for name, one in wrong.items():
            worked = name not in self.idle.names and self.numbers[name].value not in self.idle.filling
            places = [{(way.slip, node) for node in way.at} for way in named[name]]
            before = next((charged[min(at)] for at in places if worked and at <= charged.keys()), None)
            if name in begun:
                found[name] = self._begun(marks[name], begun)
            elif before is not None:
                reason = self._by_the_slip(one, named[name], before)
                found[name] = marks[name]._replace(verdict=FOLLOWS, reason=reason, used=(before,))
            else:
                for at in places:
                    charged |= dict.fromkeys(at - charged.keys(), name)
                found[name] = self.telling.explained(one, marks[name], named[name])
        return found

    def _by_the_slip(self, one: Asked, ways: Sequence[Explanation], before: str) -> str:
        """The reason for a number that is as wrong as a slip, charged BEFORE, makes it."""
        made = set[int]().union(*[way.at for way in ways])
        sent = any(gate in made for gate, _ in consumers(self.key, one.node))
        return f"the same slip as in your {before}" if sent else f"right, given the slip in your {before}"

    def _begun_with_another(
        self, wrong: Mapping[str, Asked], named: Mapping[str, Sequence[Explanation]]
    ) -> dict[str, str]:
        """The blanks that are wrong because the backward pass begins with another number, and what that is.

        All that hangs on the output directly has to say so, in two blanks at least, and no one slip may say as much.
        """
        graph, upstream = self.key.graph, self.key.upstream
        if ("gradient", graph.output, 0) in self.own:
            return {}
        hanging = [
            one for one in self.blanks if one.kind == "gradient" and one.name in self.numbers
            and graph.output in unasked_above(self.key, self.own, one.node) and self.key.exact(one).value
        ]  # fmt: skip
        idle = self.idle.names | {name for name, one in self.numbers.items() if one.value in self.idle.filling}
        if len(hanging) < 2 or any(one.name not in wrong or one.name in idle for one in hanging):
            return {}
        if set.intersection(*[{way for way in named[one.name] if len(way.at) == 1} for one in hanging]):
            return {}
        for start, words in beginnings(upstream, self.trails[0].numbers[graph.output]):
            trail = Trail(self.key, self.own | {("gradient", graph.output, 0): Figure(start, 0.0, True)})
            expected = [(self.numbers[one.name].value, trail.expected(one)) for one in hanging]
            if all(one is not None and self._agrees(answer, one) and not self._too_wide(one, answer)
                   for answer, one in expected):  # fmt: skip
                return {one.name: words for one in hanging}
        return {}

    def _begun(self, mark: Mark, begun: Mapping[str, str]) -> Mark:
        """The mark of a blank that hangs on the number that the backward pass begins with: the first is charged."""
        first, words = next(iter(begun.items()))
        if mark.name != first:
            return mark._replace(verdict=FOLLOWS, reason=f"right, given the beginning in your {first}", used=(first,))
        if self.hint:
            return mark._replace(reason="look again at the gradient that arrives at the output")
        return mark._replace(reason=f"{SEEN['other-beginning']}: {words}", slips=("other-beginning",))

    def _in_order(self) -> list[Asked]:
        """The blanks, each after those that its number is made from: values forward, then gradients back."""
        back = {node: place for place, node in enumerate(self.key.gates)}
        last = len(back)
        values = sorted((one for one in self.blanks if one.kind == "value"), key=lambda one: one.node)
        local = [one for one in self.blanks if one.kind == "local"]
        gradients = sorted(
            (one for one in self.blanks if one.kind == "gradient"), key=lambda one: back.get(one.node, last)
        )
        return [*values, *local, *gradients]

    def _first(self, one: Asked) -> Mark:
        """The verdict by the key alone; `wrong` where the student's own numbers are to be asked."""
        answer = self.answers.get(one.name, Missing())
        mark = Mark(one.name, answer.text, WRONG, points=one.points)
        if isinstance(answer, Missing):
            verdict, reason = BLANK, ""
            mark = mark._replace(answer=answer.text or None)
        elif isinstance(answer, Unreadable):
            verdict, reason = INVALID, answer.reason
        elif doubt := self.key.doubts(one) if self.doubts is None else self.doubts.get(one.name, ""):
            verdict, reason = UNDECIDED, f"the key is not confirmed: {doubt}; a person has to look"
        else:
            verdict, reason = self._by_key(one, answer)
        self.verdicts[one.name] = verdict
        return mark._replace(verdict=verdict, reason=reason)

    def _by_key(self, one: Asked, number: Number) -> tuple[str, str]:
        answer, exact, rule = number.value, self.key.exact(one), self.key.rule
        if within(answer, exact, self.key.scale):
            return RIGHT, "between the slopes on both sides of the kink" if exact.reach else ""
        if rule.kind != "exact" and to_its_last_digit(number, exact):
            return RIGHT, ""
        allowed = self.key.allows(one)
        if math.isinf(allowed):
            allowed = rule.unit(abs(exact.value))  # the right number, rounded, is right however others may get there
        if within(answer, exact._replace(reach=exact.reach + allowed)):
            return ROUNDED, f"as rounding to {rule} gives it"
        return WRONG, ""

    def _own_numbers(self, one: Asked, mark: Mark) -> tuple[Mark, list[Explanation]]:
        """The verdict by the student's own earlier numbers, and what may explain a wrong one."""
        answer, first = self.numbers[one.name].value, self.trails[0].expected(one)
        still_open, hidden = math.isinf(self.key.allows(one)) and (first is None or self._too_wide(first)), False
        bought: list[str] = []
        for trail in (*self.trails, *self.shared):
            expected = trail.expected(one)
            if expected is None or not self._agrees(answer, expected):
                continue
            if not (used := self._used(trail, one)):
                hidden = hidden or trail in self.trails
            elif not (still_open := self._too_wide(expected, answer)):
                if not self.idle.took_none(trail, one, answer, used):
                    return self._follows(mark, used), []
                bought = bought or used
        if bought:
            self.idle.add(one.name, answer)
            return mark._replace(reason=f"{self._given(bought)}, which takes no work"), []
        if still_open:
            reason = "what is rounded on the way here leaves too much open; a person has to look"
            return mark._replace(verdict=UNDECIDED, reason=reason), []
        if hidden and self.key.rule.at_gates:
            return mark._replace(reason=f"{self.telling.where(one)}, or at a digit that was rounded away before it"), []
        return mark, self._ways(one, answer)

    def _ways(self, one: Asked, answer: float) -> list[Explanation]:
        """What may explain a wrong ANSWER, and whether it took any work."""
        ways = explanations(self.trails[0], one, answer)
        if not ways and len(self.trails) > 1:
            ways = explanations(self.trails[-1], one, answer)
        if not answer:
            ways = self._earned(one, ways)
        from_loose = any(self.names[place] in self.idle.loose for place in self.trails[0].sources(one))
        earned = not from_loose and plausible(self.trails[0], one, self.numbers[one.name], ways)
        if not earned or answer in self.idle.filling:
            self.idle.loose.add(one.name)
        if not earned and not answer:
            self.idle.add(one.name, answer)
        return ways

    def _follows(self, mark: Mark, used: Sequence[str]) -> Mark:
        """The mark for a number that follows from those USED."""
        if not self.idle.loose.isdisjoint(used):
            self.idle.loose.add(mark.name)
        return mark._replace(verdict=FOLLOWS, reason=f"right, {self._given(used)}", used=tuple(used))

    def _earned(self, one: Asked, ways: Sequence[Explanation]) -> list[Explanation]:
        """Those of WAYS to a 0 that need none of the student's other wrong numbers: a 0 begets zeros by itself.

        None after a 0 that nothing leads to.
        """
        if self.idle.zeros or not ways:
            return []
        wrong = {name for name, verdict in self.verdicts.items() if verdict in (WRONG, FOLLOWS)}
        own = {place: number for place, number in self.own.items() if self.names[place] not in wrong}
        return [way for way in explanations(Trail(self.key, own), one, 0.0) if way in ways]

    def _used(self, trail: Trail, one: Asked) -> list[str]:
        """Those of the student's numbers that led to that of ONE: wrong ones, or rounded ones made from wrong ones."""
        sources = {name for place in trail.sources(one) if (name := self.names[place]) != one.name}
        leads = (WRONG, FOLLOWS, UNDECIDED, *[ROUNDED] * self._goes_on(one))
        wrong = {name for name in sources if self.verdicts[name] in leads}
        used = wrong or {name for name in sources if self._made_from_wrong(trail, name)}
        return [blank.name for blank in self.blanks if blank.name in used]

    def _made_from_wrong(self, trail: Trail, name: str) -> bool:
        """Whether a number that looks right is made from a wrong one.

        A wrong 0.5 may leave 0.005 where 0.0096 is right; both are 0.01, and what comes next is not.
        """
        queue, met = [name] * self.key.rule.at_gates, {name}
        while queue:
            for place in trail.sources(self.asked[queue.pop()]):
                source = self.names[place]
                if self.verdicts[source] in (WRONG, FOLLOWS):
                    return True
                queue += [source] * (source not in met)
                met.add(source)
        return False

    def _goes_on(self, one: Asked) -> bool:
        """Whether ONE may follow from rounded numbers that are right.

        Where the answers alone are rounded, a small difference of two rounded answers is not that of the exact ones.
        Where a hand may come to divide by 0.00, there is no saying how far from the key it gets.
        """
        return self.key.rule.kind == "answer" or math.isinf(self.key.allows(one))

    def _too_wide(self, expected: Figure, answer: float = math.inf) -> bool:
        """Whether rounding leaves open what comes next: 1/x^2 at x = 0.01 is anything between 4,000 and 40,000.

        An ANSWER of 10,000, which is what they wrote gone on from, is not open.
        """
        as_written = expected._replace(reach=self.key.rule.unit(abs(expected.value)))
        return expected.reach > max(abs(expected.value), self.key.scale) and not within(answer, as_written)

    def _agrees(self, answer: float, expected: Figure) -> bool:
        if math.isinf(expected.reach):
            return math.isfinite(expected.value)  # anything may come of it
        if self.key.rule.kind == "answer":
            expected = expected._replace(reach=expected.reach + self.key.rule.unit(abs(expected.value)))
        return within(answer, expected, self.key.scale)

    def _given(self, used: Sequence[str]) -> str:
        return f"given your {in_words([f'{name} = {shown(self.numbers[name].text.strip())}' for name in used])}"

    def _possible(self, one: Asked, ways: Sequence[Explanation]) -> list[Explanation]:
        """WAYS without those that the student's other answers contradict."""
        others = [
            other for other in self.blanks
            if other.kind == one.kind == "gradient" and other.name in self.numbers and other is not one
        ]  # fmt: skip
        return [
            way for way in ways if not any(
                self._same_number(one, other, way)
                and contradicted(way, self.trails[0], other, self.numbers[other.name].value)
                for other in others
            )
        ]  # fmt: skip

    def _same_number(self, one: Asked, other: Asked, way: Explanation) -> bool:
        """Whether both are made from the number that WAY makes wrong."""
        if len(way.at) > 1:
            return True
        origin = self._origin(one, way)
        return bool(origin) and origin == self._origin(other, way)

    def _origin(self, one: Asked, way: Explanation) -> tuple[object, ...]:
        """The one number, not asked for, that WAY makes wrong on the way to the blank; () when there is none."""
        if one.kind != "gradient" or len(way.at) != 1:
            return ()
        (node,) = way.at
        above = unasked_above(self.key, self.own, one.node)
        if SLIPS[way.slip].collect != "sum":
            return (way.slip, node) if node in above else ()
        inputs = self.key.graph.args[self.key.graph.position[node]]
        carried = tuple(k for k, given in enumerate(inputs) if given in above)
        return (way.slip, node, carried) if carried else ()

    def _noted(self, mark: Mark) -> Mark:
        """MARK with how its answer was read, where that is not plain."""
        notes = self.numbers[mark.name].notes if mark.name in self.numbers else ()
        return mark._replace(reason="; ".join([*[mark.reason] * bool(mark.reason), *notes]))


def blanks_named(graph: Graph, names: Sequence[str]) -> tuple[list[Asked], list[str]]:
    """The blanks that NAMES ask for, and the names that are none: q a value, dq a gradient, dq_dx a local gradient."""
    nodes: dict[str, int] = {name: node for node, name in graph.ids.items() if node in graph.position}
    live = nodes | graph.inputs
    found, unknown = [], []
    for name in names:
        if name in nodes:
            found.append(Asked(name, "value", nodes[name]))
        elif name[:1] == "d" and name[1:] in live:
            found.append(Asked(name, "gradient", live[name[1:]]))
        elif (local := _local_blank(graph, name, nodes, live)) is not None:
            found.append(local)
        else:
            unknown.append(name)
    return found, unknown


def _local_blank(graph: Graph, name: str, nodes: Mapping[str, int], live: Mapping[str, int]) -> Asked | None:
    """The blank of a local gradient: ``dq_dx``."""
    for at in range(2, len(name)):
        gate, given = name[1:at], name[at + 2 :]
        if name[0] == "d" and name[at : at + 2] == "_d" and gate in nodes and given in live:
            args = graph.args[graph.position[nodes[gate]]]
            row = graph.row(graph.position[nodes[gate]])
            if args.count(live[given]) == 1 and row.local[k := args.index(live[given])] and graph.active[live[given]]:
                return Asked(name, "local", nodes[gate], k)
    return None
