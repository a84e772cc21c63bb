"""What takes no work: answers that follow from a student's own numbers, and yet show nothing that they worked out.

An answer that follows from earlier wrong ones earns its points where something had to be worked out from them. It
earns nothing

* if it is one of the few numbers that fill the sheet: nine answers in ten are the same, or those that are not 0 have
  at most half as many different numbers as the key has there (2 for 3); and less than half of those that are not 0 are right;
* if it is 0 where the key has another number, no terms cancel in it, and it comes from a wrong number that nothing
  explains: a saturated sigmoid or a closed relu turns whatever is written down into zeros;
* if it comes from such an idle 0 alone, or is 0, 1 or -1 and comes from any number that took no work.

So zeros behind a closed relu, at the loser of a max or in a product with 0 are earned by whoever closed it with a known
slip, with a sign, an operation or a term taken for another, or with a digit miscopied: `diagnosis.plausible` says which
wrong numbers are. What is right by the key is right in any case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from bpcli.marking.followthrough import Trail
from bpcli.marking.key import Asked
from bpcli.marking.verdicts import equal

#: The same number in this share of the answers is no work; fewer than so many fill nothing.
_EVERYWHERE, _MANY = 0.9, 3
#: Numbers that come out of idle ones by themselves: exp(0), 0*x, -1/1^2.
_PLAIN = (0.0, 1.0, -1.0)


def filling(answers: Sequence[tuple[float, float]], right: int = 0) -> frozenset[float]:
    """The few numbers that fill a sheet, if they do; a 0 among them is one.

    ANSWERS are pairs of a student's number and the key's, to as many places; so many that are not 0 are RIGHT.
    """
    pairs = [pair for pair in answers if pair[0]]
    own, keys = ({pair[k] for pair in pairs} for k in (0, 1))
    (most, count), *_ = [*Counter(own for own, _ in answers).most_common(1), (0.0, 0)]
    if pairs and 2 * right >= len(pairs):
        return frozenset()
    if count >= _MANY and count >= _EVERYWHERE * len(answers):
        return frozenset([most])
    if len(pairs) < _MANY or len(own) > (len(keys) + 1) // 2:
        return frozenset()
    return frozenset([*own, 0.0])


@dataclass(eq=False)
class Idle:
    """Which of a student's numbers took no work, found as they are marked, each after those that it follows from."""

    filling: frozenset[float]
    names: set[str] = field(default_factory=set)
    """The blanks whose numbers took none."""
    zeros: set[str] = field(default_factory=set)
    """Those of them that are 0."""
    loose: set[str] = field(default_factory=set)
    """Blanks with wrong numbers that nothing explains, and what follows from these."""

    def add(self, name: str, answer: float) -> None:
        """The ANSWER to NAME took no work."""
        self.names.add(name)
        self.loose.add(name)
        if not answer:
            self.zeros.add(name)

    def took_none(self, trail: Trail, one: Asked, answer: float, used: Collection[str]) -> bool:
        """Whether the ANSWER to ONE, which follows on TRAIL from those USED, took no work."""
        expected = trail.expected(one)
        from_nothing = self.zeros.issuperset(used) and expected is not None and not expected.reach
        if answer in self.filling or from_nothing:
            return True
        if any(equal(answer, plain, trail.key.scale) for plain in _PLAIN) and not self.names.isdisjoint(used):
            return True
        nothing = equal(answer, 0.0, trail.key.scale)
        return nothing and not self.loose.isdisjoint(used) and not trail.cancels(one)
