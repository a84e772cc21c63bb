"""What is said of a wrong answer: the slip by its name, what is seen in the number, or the step to look at again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from bpcli.graph import Graph
from bpcli.marking.answers import Number
from bpcli.marking.diagnosis import MOST_WAYS, SEEN, Explanation, seen
from bpcli.marking.followthrough import Trail, consumers
from bpcli.marking.key import Asked, Key, printed
from bpcli.marking.verdicts import Mark, in_words, within
from bpcli.printing import step_text
from bpcli.slips import SLIPS


@dataclass(frozen=True, eq=False)
class Telling:
    """The reasons for one student's marks; with a HINT they say where a mistake is, not what."""

    key: Key
    blanks: Sequence[Asked]
    numbers: Mapping[str, Number]
    trail: Trail
    hint: bool
    said: set[str] = field(default_factory=set)
    """The slips that the student has had advice on."""

    def explained(self, one: Asked, mark: Mark, ways: Sequence[Explanation]) -> Mark:
        if mark.reason:
            return mark
        if self.hint:
            return mark._replace(reason=self.where(one))
        if 0 < len(ways) <= MOST_WAYS:
            slips = tuple(way.slip for way in ways)
            advised = self.said >= {*slips}
            self.said.update(slips)
            return mark._replace(reason=self._slips(ways, advised), slips=slips)
        if coarse := self.too_coarse(one):
            return mark._replace(reason=coarse, slips=("too-few-digits",))
        expected = self.trail.expected(one)
        others = [self.key.exact(other) for other in self.blanks if other.name != one.name]
        observed = [] if ways else seen(self.trail, one, self.numbers[one.name], expected, others)
        if observed:
            titles = in_words([SEEN[row] for row in observed], "or")
            return mark._replace(reason=f"{titles}; {self.where(one)}", slips=tuple(observed))
        return mark._replace(reason=self.where(one))

    def _slips(self, ways: Sequence[Explanation], advised: bool) -> str:
        titles = in_words([SLIPS[way.slip].title for way in ways], "or")
        gates = ways[0].at
        same = all(way.at == gates for way in ways)
        where = f" at {self._gate(next(iter(gates)))}" if same and len(gates) == 1 else ""
        if same and len(gates) > 1:
            where = " at every such gate"
        if advised or len(ways) > 1:
            return f"{titles}{where}"
        return f"{titles}{where}. {SLIPS[ways[0].slip].advice.removesuffix('.')}"

    def too_coarse(self, one: Asked) -> str:
        """Whether the answer is the key's number with fewer digits than are asked."""
        number, exact, rule = self.numbers[one.name], self.key.exact(one), self.key.rule
        unit = 0.5 * 10.0**-number.decimals
        if not number.decimals or unit > 0.1 * abs(exact.value) or not within(number.value, exact._replace(reach=unit)):
            return ""
        asked = "more digits are" if rule.kind == "exact" else f"{rule} {'is' if rule.places == 1 else 'are'}"
        return f"{SEEN['too-few-digits']}, but {asked} asked"

    def where(self, one: Asked) -> str:
        """The step that the number comes from, without what is wrong with it."""
        if one.kind == "value":
            return f"look again at {self._gate(one.node)}"
        if one.kind == "local":
            return f"look again at the local gradient of {self._gate(one.node)}"
        if one.node == self.key.graph.output:
            return "look again at the gradient that arrives at the output"
        gates = list(dict.fromkeys(self._gate(gate) for gate, _ in consumers(self.key, one.node)))
        if not gates:
            return "look again at which gates this goes into"
        sends = f"{in_words(gates[:4])} send{'s' * (len(gates) == 1)}"
        return f"look again at what {sends} to {self.printed.names.get(one.node) or self._gate(one.node)}"

    def _gate(self, node: int) -> str:
        """A gate in words: q = x + y."""
        return step_text(self.printed, node)

    @cached_property
    def printed(self) -> Graph:
        """The graph with the names that the student has seen: those of the formula and those that blanks ask for."""
        return printed(self.key.graph, self.blanks)
