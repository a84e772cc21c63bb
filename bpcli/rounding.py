"""Rounding rules of work by hand: ``exact``, ``2 decimals at every gate``, ``3 significant digits in the answer``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from bpcli.trouble import Trouble

#: More than doubles carry is no rounding.
MOST_PLACES = 15
#: What is this much smaller than a number is left by the arithmetic of doubles, not by a hand.
NOISE = 1e-12

#: How a figure exactly in the middle is rounded: away from zero as at school, or to the even digit.
HALVES = {"up": ROUND_HALF_UP, "even": ROUND_HALF_EVEN}

_RULE = re.compile(r"(\d{1,3})\s*(?:(d|decimals?(?: places?)?)|(s|(?:significant |sig\.? )?(?:digits?|figures?)))?"
                   r"(?:\s+(?:at every gate|(in the answer)))?", re.ASCII)  # fmt: skip


class Rule(NamedTuple):
    """How numbers are rounded, and to how many places.

    Every intermediate number for the kinds "decimals" and "digits"; nothing but the answer, to significant digits,
    for "answer".
    """

    kind: str = "exact"
    places: int = 0

    def __str__(self) -> str:
        """The rule in words, as a sheet prints it; `read_rule` reads it."""
        if self.kind == "exact":
            return "exact"
        what = "decimal" if self.kind == "decimals" else "significant digit"
        return f"{self.places} {what}{'s' * (self.places != 1)}{' in the answer' * (self.kind == 'answer')}"

    @property
    def at_gates(self) -> bool:
        """Whether intermediate numbers are rounded too."""
        return self.kind in ("decimals", "digits")

    def unit(self, size: float) -> float:
        """How far rounding can move a number that is at most SIZE from 0: half of its last digit."""
        if self.kind == "exact" or not size:
            return 0.0
        if not math.isfinite(size):
            return math.inf
        last = -self.places if self.kind == "decimals" else math.floor(math.log10(size)) + 1 - self.places
        return 0.5 * 10.0**last

    def rounded(self, value: float, half: str = "up") -> float:
        """VALUE rounded by the rule, as the decimal figure it shows (2.675 is in the middle of 2.67 and 2.68)."""
        if self.kind == "exact" or not value or not math.isfinite(value):
            return value
        return _rounded(self.kind == "decimals", self.places, value, half)

    def step(self, value: float) -> float:
        """How far rounding moves VALUE itself, whichever way a middle goes; 0 when it has no more digits."""
        if not self.at_gates or not value or not math.isfinite(value):
            return 0.0
        return _step(self.kind == "decimals", self.places, value)


@lru_cache(maxsize=1 << 14)
def _step(decimals: bool, places: int, value: float) -> float:
    moved = max(abs(value - _rounded(decimals, places, value, half)) for half in HALVES)
    return moved if moved > NOISE * abs(value) else 0.0


@lru_cache(maxsize=1 << 14)  # the same few numbers are rounded again and again in a class's work
def _rounded(decimals: bool, places: int, value: float, half: str) -> float:
    figure = Decimal(f"{value:.15g}")  # 0.535*0.5 is 0.2675 on paper, and 0.26749999999999996 in doubles
    last = -places if decimals else figure.adjusted() + 1 - places
    exponent = figure.as_tuple().exponent
    if isinstance(exponent, int) and exponent >= last:
        return float(figure)
    return float(figure.quantize(Decimal((0, (1,), last)), rounding=HALVES[half]))


EXACT = Rule()


def read_rule(rule: str | int | Mapping[str, Any] | Rule | tuple[str, int] | None) -> Rule:
    """The rule that a problem file, a sheet or ``--rounding`` gives.

    "exact"; 2, "2", "2d", "2 decimals" or "2 decimals at every gate"; "3s", "3 digits" or "3 significant digits",
    all of these at every gate; "3 digits in the answer"; the tables {decimals = 2} and {digits = 3}. Raises
    `Trouble` for anything else.
    """
    if isinstance(rule, Mapping) and len(rule) == 1:
        kind, places = next(iter(rule.items()))
    elif isinstance(rule, tuple):
        kind, places = rule
    else:
        kind, places = _from_text("exact" if rule is None else str(rule))
    fewest = 0 if kind == "decimals" else 1
    whole = isinstance(places, int) and not isinstance(places, bool)
    if kind == "exact" or (kind in ("decimals", "digits", "answer") and whole and fewest <= places <= MOST_PLACES):
        return Rule(kind, places if kind != "exact" else 0)
    raise Trouble(f"this is not a rule for rounding: {rule}", code="rounding",
                  tries=["--rounding 2", "--rounding 3s", "--rounding exact"])  # fmt: skip


def _from_text(text: str) -> tuple[str, int]:
    plain = " ".join(text.split()).lower()
    match = _RULE.fullmatch(plain)
    if match is None:
        return ("exact" if plain == "exact" else "", 0)
    if match[4]:
        return ("answer" if match[3] else "", int(match[1]))
    return ("digits" if match[3] else "decimals", int(match[1]))
