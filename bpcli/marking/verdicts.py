"""Verdicts: what a blank is marked, and when a number counts as another."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from bpcli.marking.answers import Number
from bpcli.marking.handwork import Figure
from bpcli.rounding import Rule

RIGHT, ROUNDED, FOLLOWS = "right", "rounded", "follows"
WRONG, BLANK, INVALID, UNDECIDED = "wrong", "blank", "invalid", "undecided"
#: The share of a blank's points that each verdict earns, if nobody says otherwise.
CREDIT = {RIGHT: 1.0, ROUNDED: 1.0, FOLLOWS: 1.0, WRONG: 0.0, BLANK: 0.0, INVALID: 0.0, UNDECIDED: 0.0}

#: Full precision of what is typed by hand: six digits that agree.
RELATIVE = 1e-6


class Mark(NamedTuple):
    """What one blank is marked."""

    name: str
    answer: str | None
    """As typed; None when there was none."""
    verdict: str
    reason: str = ""
    slips: tuple[str, ...] = ()
    """The slips that explain a wrong answer equally well."""
    points: float = 1.0
    used: tuple[str, ...] = ()
    """For an answer that follows: the student's own answers that it follows from."""
    share: float | None = None
    """Of a wrong answer with many parts (a program, an array), the share of them that are right."""

    @property
    def credit(self) -> float:
        """The share of the points that it earns."""
        return CREDIT[self.verdict] if self.share is None else self.share

    def record(self) -> dict[str, Any]:
        """The object for it in ``mark --json`` and in grades."""
        return {
            "name": self.name, "answer": self.answer, "verdict": self.verdict, "credit": self.credit,
            "points": self.points, "reason": self.reason, "slip": self.slips[0] if len(self.slips) == 1 else None,
            "slips": list(self.slips),
        }  # fmt: skip


def score(marks: Iterable[Mark]) -> float:
    """The points that MARKS earn."""
    return math.fsum(mark.credit * mark.points for mark in marks)


def equal(answer: float, key: float, scale: float = 1.0) -> bool:
    """Whether ANSWER is KEY to full precision; beside a key of 0, on the SCALE of what it was computed from."""
    return within(answer, Figure(key, 0.0, True), scale)


def within(answer: float, key: Figure, scale: float = 1.0) -> bool:
    """Whether ANSWER is no farther from KEY than its reach, give or take full precision.

    Never for what is not finite: an allowance without bound allows nothing.
    """
    if not (math.isfinite(answer) and math.isfinite(key.value) and math.isfinite(key.reach)):
        return False
    bound = key.reach + RELATIVE * (abs(key.value) or abs(scale))
    return abs(answer / 2 - key.value / 2) <= bound / 2  # halves, since the difference of doubles may overflow


def to_its_last_digit(number: Number, key: Figure) -> bool:
    """Whether NUMBER is KEY as it is written with at least six digits: 0.235004 for 0.23500371, off by 1.2e-6 of it."""
    unit = 10.0**-number.decimals
    return unit <= 1e-5 * abs(number.value) and within(number.value, key._replace(reach=key.reach + 0.5 * unit))


def written(value: float, rule: Rule, exact: bool, decimals: int = 0) -> Figure:
    """A student's own number as what later numbers are made from: with the digits that it was rounded by.

    Where the key needs no rounding (EXACT) a whole number is just that. A 0.00 may be anything below 0.005.
    """
    if rule.kind == "exact" or (exact and not decimals):
        return Figure(value, 0.0, True)
    return Figure(value, rule.unit(abs(value) or float(rule.kind == "decimals")), True)


def in_words(names: Sequence[str], last: str = "and") -> str:
    """NAMES as a list in a sentence."""
    return f" {last} ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
