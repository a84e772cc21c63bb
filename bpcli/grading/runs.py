"""By what a run marked, and how that differs from what another went by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from bpcli.grading.gradebook import Run

#: The problems or the numbers that students had are others.
KEY = "an earlier key"
#: Rules that change nobody's points.
_IDLE = ("feedback", "several")
#: Rules that only touch work of which it is known when it was handed in.
_OF_TIME = ("deadline", "late", "late_most", "grace")


def other_rules(before: Run, after: Run, timed: bool = True) -> list[str]:
    """The rules that changed, ``follows was 1.0, is 0.5``; those for lateness only if the work is TIMED."""
    old, new = json.loads(before.policy), json.loads(after.policy)
    return [f"{name} was {old.get(name)}, is {value}" for name, value in new.items()
            if old.get(name) != value and name not in _IDLE and (timed or name not in _OF_TIME)]  # fmt: skip


def other_key(before: Run, after: Run) -> bool:
    """Whether the right answers may be others: other problems, or another seed."""
    return _sheet(before).get("key") != _sheet(after).get("key")


def otherwise(before: Run, after: Run, timed: bool) -> Iterator[str]:
    """By what the run BEFORE marked and AFTER would not, to be said after "marked by"."""
    if before.fingerprint == after.fingerprint:
        return
    if other_key(before, after):
        yield KEY
    if before.version != after.version:
        yield f"bpcli {before.version}"
    elif _sheet(before).get("marking") != _sheet(after).get("marking"):
        yield "an earlier way of marking"
    if rules := other_rules(before, after, timed):
        yield f"other rules ({'; '.join(rules)})"


def _sheet(run: Run) -> dict[str, Any]:
    found = json.loads(run.sheet)
    return found if isinstance(found, dict) else {}
