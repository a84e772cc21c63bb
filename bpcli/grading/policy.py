"""The rules by which marks become points: credit, several hand-ins, groups, lateness, what students are told.

They stand in the ``[marking]`` table of ``sheet.toml``; options of `bpcli grade` go before them. Every run states
them, and the gradebook keeps them with its marks.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from bpcli.marking.verdicts import FOLLOWS, ROUNDED
from bpcli.trouble import Trouble, visible

SEVERAL = ("error", "last", "first", "best")
#: What students are told: the verdict; where to look; what the slip was; and the right answers too.
FEEDBACK = ("verdict", "where", "what", "full")
_HUNDREDTH = Decimal("0.01")  # points are rounded to


@dataclass(frozen=True)
class Policy:
    """The rules. Shares are of a blank's points, or of the points earned."""

    rounded: Decimal = Decimal(1)
    follows: Decimal = Decimal(1)
    partial: Decimal = Decimal("0.5")
    """What the right part of an answer with many parts (a program, an array) earns, if the rest of it is wrong."""
    several: str = "error"
    groups: bool = False
    """Whether one hand-in counts for everybody of the student's group."""
    deadline: str = ""
    """When the work is due, as 2026-11-20T23:59+01:00; a day alone is due when it ends; "" for never."""
    late: Decimal = Decimal(0)
    """The share of the points that each day begun after the deadline costs."""
    late_most: Decimal = Decimal(1)
    """The largest share that lateness costs."""
    grace: int = 0
    """Minutes after the deadline that cost nothing."""
    feedback: str = "what"

    def credit(self, verdict: str, credit: float) -> Decimal:
        """The share that a blank with this VERDICT earns; CREDIT is what marking gave it."""
        if verdict == ROUNDED:
            return self.rounded
        if verdict == FOLLOWS:
            return self.follows
        return self.partial * Decimal(repr(round(credit, 4))) if 0 < credit < 1 else Decimal(repr(credit))

    def penalty(self, time: str) -> Decimal:
        """The share that handing in at TIME (written as the deadline is) costs."""
        if not self.deadline or not time or not self.late:
            return Decimal(0)
        days = days_late(time, self.deadline, self.grace)
        return min(self.late * days, self.late_most)

    def changed(self, **given: Any) -> Policy:
        """The same with what is GIVEN on the command line (None: not given)."""
        return _checked({**asdict(self), **{name: value for name, value in given.items() if value is not None}}, "")

    def lines(self) -> list[str]:
        """The rules in words."""
        found = []
        for name, what in (
            ("rounded", "an answer as rounding gives it"),
            ("follows", "one that follows from an earlier slip"),
        ):
            share = getattr(self, name)
            found.append(f"{what} earns {'all' if share == 1 else f'{percent(share)} of'} its points")
        if self.partial:
            found.append(f"the right part of a program or an array earns {percent(self.partial)} of its share")
        several = {"error": "nobody may hand in twice", "best": "of several hand-ins the best counts"}
        found.append(several.get(self.several, f"of several hand-ins the {self.several} counts"))
        if self.groups:
            found.append("one hand-in counts for the whole group")
        if self.deadline and self.late:
            most = f", at most {percent(self.late_most)}" if self.late_most < 1 else ""
            grace = f" (the first {self.grace} minutes are free)" if self.grace else ""
            due = f"by the end of {self.deadline}" if day(self.deadline) else self.deadline
            found.append(f"due {due}{grace}: each day begun after it costs {percent(self.late)} of the points{most}")
        return found

    def told(self) -> list[str]:
        """The rules in a student's words."""
        found = []
        for name, what in (
            ("rounded", "✓ rounded: your number is the right one as rounding gives it"),
            (
                "follows",
                "✓ follows: your number is right given an earlier mistake of yours, which is charged only once",
            ),
        ):
            share = getattr(self, name)
            found.append(f"{what}; it earns {'all' if share == 1 else f'{percent(share)} of'} its points")
        if self.partial:
            found.append(
                f"A program or an array that is partly right earns {percent(self.partial)} of the points of its right part"
            )
        several = {
            "error": "Hand in once: of two hand-ins neither is marked",
            "best": "If you hand in several times, the best counts",
        }
        found.append(several.get(self.several, f"If you hand in several times, the {self.several} counts"))
        if self.groups:
            found.append("One hand-in counts for your whole group")
        if self.deadline and self.late:
            most = f", at most {percent(self.late_most)}" if self.late_most < 1 else ""
            grace = f" (the first {self.grace} minutes are free)" if self.grace else ""
            found.append(
                f"Due {self.deadline}{grace}: each day begun after that costs {percent(self.late)} of your points{most}"
            )
        return found

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {name: float(value) if isinstance(value, Decimal) else value for name, value in asdict(self).items()}

    def text(self) -> str:
        """The same as one line of text, always in the same order."""
        return json.dumps(self.record(), sort_keys=True)


def percent(share: Decimal) -> str:
    """``50 %``."""
    return f"{(share * 100).normalize():f} %"


def points(value: Decimal) -> Decimal:
    """VALUE as points are given: to two decimals, without idle zeros."""
    rounded = value.quantize(_HUNDREDTH, ROUND_HALF_EVEN).normalize()
    return rounded.quantize(Decimal(1)) if rounded == rounded.to_integral_value() else rounded


def policy(marking: Mapping[str, Any]) -> Policy:
    """The policy in a ``[marking]`` table; `Trouble` for a rule that there is none of."""
    return _checked(dict(marking), "[marking] of the sheet: ")


def _checked(given: dict[str, Any], where: str) -> Policy:
    known = {one.name: one for one in fields(Policy)}
    for name in given:
        if name not in known:
            from bpcli.mistakes import closest

            raise Trouble(f"{where}there is no rule called {visible(name)}", code="policy",
                          tries=[f"{one} = …" for one in closest(name, list(known))])  # fmt: skip
    found: dict[str, Any] = {}
    for name, value in given.items():
        found[name] = _rule(where, name, value)
    made = replace(Policy(), **found)
    if made.deadline:
        moment(made.deadline)
    if made.late and not made.deadline:
        raise Trouble(f"{where}late work costs something, but there is no deadline", code="policy",
                      tries=["--deadline 2026-11-20T23:59+01:00"])  # fmt: skip
    return made


def _rule(where: str, name: str, value: Any) -> Any:
    """VALUE as the rule NAME has it."""

    def wrong(asked: str, *tries: str) -> Trouble:
        return Trouble(f"{where}{name} is {asked}, not {visible(str(value))[:40]}", code="policy", tries=tries)

    if name in ("several", "feedback"):
        choices = SEVERAL if name == "several" else FEEDBACK
        if value not in choices:
            raise wrong(f"one of {', '.join(choices)}")
        return value
    if name == "groups":
        if not isinstance(value, bool):
            raise wrong("true or false")
        return value
    if name == "deadline":
        return value.isoformat() if isinstance(value, datetime) else str(value)
    if name == "grace":
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise wrong("a number of minutes")
        return value
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not 0 <= value <= 1:
        raise wrong("a share from 0 to 1", *_shares(where, name, value if number else 0))
    return Decimal(str(value))


def _shares(where: str, name: str, value: Any) -> list[str]:
    """What may be meant by VALUE as a share: 10 is 10%."""
    if not 2 <= value <= 100:
        return []
    return [f"{name} = {value / 100:g}" if where else f"--{name.replace('_', '-')} {value}%"]


# --- times ------------------------------------------------------------------------------------------------


def moment(text: str) -> datetime:
    """The moment that TEXT writes as 2026-11-20T23:59+01:00; `Trouble` for anything else."""
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise Trouble(f"{visible(text)[:40]} is not a time; write it as 2026-11-20T23:59+01:00", code="time") from None


def day(text: str) -> date | None:
    """The day, if TEXT writes one without a time of day."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def days_late(time: str, deadline: str, grace: int = 0) -> int:
    """How many days after DEADLINE have begun at TIME; 0 when it is not late.

    A deadline that is a day alone is the end of that day; of a TIME that is one, only the day counts.
    """
    handed_in, due = moment(time), moment(deadline)
    if (only := day(time)) is not None:
        return max((only - due.date()).days, 0)
    if day(deadline) is not None:
        due += timedelta(days=1)
    if (handed_in.tzinfo is None) != (due.tzinfo is None):
        raise Trouble(f"{time} and {deadline} cannot be compared: only one of them says its time zone", code="time",
                      tries=["2026-11-20T23:59+01:00"])  # fmt: skip
    late = handed_in - due
    return 0 if late <= timedelta(minutes=grace) else math.ceil(late / timedelta(days=1))
