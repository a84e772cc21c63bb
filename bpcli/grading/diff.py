"""What a new run would change in the gradebook: who moves, by how much, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from bpcli.grading.gradebook import Entry, Gradebook
from bpcli.grading.policy import points
from bpcli.grading.runs import other_rules


@dataclass(frozen=True)
class Move:
    """One student whose grade would be another."""

    student: str
    old: Decimal | None
    """None: it was refused or not graded."""
    new: Decimal | None
    why: str
    blanks: tuple[str, ...] = ()
    """The blanks whose points change, ``problem blank: 1 to 0``."""

    @property
    def by(self) -> Decimal:
        """How far the points go up (or, if negative, down)."""
        return (self.new or Decimal(0)) - (self.old or Decimal(0))

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "student": self.student, "old": None if self.old is None else float(self.old),
            "new": None if self.new is None else float(self.new), "why": self.why, "blanks": list(self.blanks),
        }  # fmt: skip


def moves(book: Gradebook, chosen: dict[str, int]) -> Iterator[Move]:
    """The moves when the entries CHOSEN (student -> entry) take the place of the accepted ones.

    Who had no points so far loses nothing by getting some, and is not among them.
    """
    accepted = book.accepted()
    for student in sorted(chosen.keys() & accepted.keys()):
        if chosen[student] == accepted[student]:
            continue
        old, new = book.entry(accepted[student]), book.entry(chosen[student])
        blanks = tuple(_blanks(old, new))
        if old.total is not None and (_shown(old) != _shown(new) or blanks):
            yield Move(student, _shown(old), _shown(new), _why(book, old, new), blanks)


def differs(book: Gradebook, student: str, number: int) -> bool:
    """Whether the entry NUMBER says anything else than the one that counts for STUDENT."""
    counting = book.accepted().get(student)
    if counting is None:
        return True
    old, new = book.entry(counting), book.entry(number)
    return replace(old, number=0, run=0) != replace(new, number=0, run=0)


def _shown(entry: Entry) -> Decimal | None:
    return None if entry.total is None else points(entry.total)


def _blanks(old: Entry, new: Entry) -> Iterator[str]:
    before = {(mark.problem, mark.blank): mark for mark in old.marks}
    for mark in new.marks:
        was = before.get((mark.problem, mark.blank))
        if was is not None and (was.earned, was.points, was.verdict) != (mark.earned, mark.points, mark.verdict):
            change = f"{points(was.earned):f} to {points(mark.earned):f}"
            verdicts = f" ({was.verdict}, now {mark.verdict})" if was.verdict != mark.verdict else ""
            yield f"{mark.problem} {mark.blank}: {change}{verdicts}"


def _why(book: Gradebook, old: Entry, new: Entry) -> str:
    """What is other than it was."""
    if old.digest != new.digest:
        return "handed in anew"
    parts = []
    before, after = book.made_by(old.run), book.made_by(new.run)
    keys = {(mark.problem, mark.blank): mark.key for mark in old.marks}
    problems = dict.fromkeys(
        mark.problem for mark in new.marks if keys.get((mark.problem, mark.blank), mark.key) != mark.key
    )
    if before.version != after.version:
        parts.append(f"bpcli {before.version}, now {after.version}")
    elif problems:
        parts.append(f"the key of {', '.join(problems)} is another")
    if {mark.problem for mark in new.marks} != {mark.problem for mark in old.marks} and new.marks and old.marks:
        parts.append("the sheet has other problems")
    rules = other_rules(before, after)
    if old.time != new.time:
        rules.append("the time of handing in is another")
    return "; ".join([*parts, *rules]) or "it is marked otherwise"
