"""Who has which points now: the accepted marks, points given by hand, and everybody who handed in nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from bpcli.exercises.roster import Student, from_table
from bpcli.grading.gradebook import GRADED, Entry, Gradebook, Override, Run
from bpcli.grading.policy import points
from bpcli.grading.runs import otherwise
from bpcli.marking.verdicts import INVALID, UNDECIDED
from bpcli.trouble import shortened

MISSING = "missing"


class Problem(NamedTuple):
    """One problem of the sheet, as the views need it."""

    id: str
    title: str
    points: Decimal


@dataclass(frozen=True)
class Row:
    """One student's standing."""

    student: Student
    status: str
    """"graded", "refused", "not graded" or "missing"."""
    problems: tuple[Decimal | None, ...] = ()
    """Points of each problem, before what lateness costs; None where there are none yet."""
    total: Decimal | None = None
    """What counts; None when there is nothing yet: that is not 0."""
    penalty: Decimal = Decimal(0)
    """The share that lateness cost."""
    given: tuple[Override, ...] = ()
    """What was given by hand."""
    reason: str = ""
    """Why there are no marks."""
    entry: int = 0
    """The number of the entry that counts; 0 for none."""
    time: str = ""
    """When it was handed in, where that is known."""
    untimed: bool = False
    """Whether that is not known, though it is of others: nobody is late then."""
    stale: tuple[str, ...] = ()
    """What the marks were made by, where the run that was accepted last went by something else."""
    since: str = ""
    """Why what was handed in anew, in that run, has no points; the marks are still those of before."""
    unread: tuple[str, ...] = ()
    """Lines that were not read, and why."""
    invalid: tuple[tuple[str, str], ...] = ()
    """(problem, blank) of the answers that could not be read."""

    @property
    def note(self) -> str:
        """What a teacher should know of the row."""
        parts = [self.reason] if self.reason else []
        if self.penalty and self.total is not None:
            parts.append(f"late: -{(self.penalty * 100).normalize():f} %")
        if self.untimed:
            parts.append("no time known, not taken for late")
        if self.stale:
            parts.append(f"marked by {' and '.join(self.stale)}; to be graded again")
        if self.since:
            parts.append(f"handed in anew without points, and what counted before still does: {self.since}")
        if self.total is not None and self.invalid:
            parts.append(f"could not be read: {listed([' '.join(one) for one in self.invalid], 3)}")
        if self.total is not None and self.unread:
            parts.append(f"left alone: {listed([shortened(one) for one in self.unread], 1)}")
        for one in self.given:
            where = f" for {one.problem}" if one.problem else ""
            parts.append(f"by hand{where}: {one.points}{f' ({one.reason})' if one.reason else ''}")
        return "; ".join(parts)


def stale(rows: Iterable[Row]) -> dict[tuple[str, ...], list[str]]:
    """What else than the rules of the last run marks were made by -> whose."""
    found: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        if row.stale:
            found.setdefault(row.stale, []).append(row.student.id)
    return found


def listed(names: Sequence[str], most: int) -> str:
    """The first MOST of NAMES, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


class Sheet(NamedTuple):
    """What the gradebook knows of the sheet."""

    title: str
    problems: tuple[Problem, ...]
    students: tuple[Student, ...]

    @property
    def points(self) -> Decimal:
        """What everything is worth."""
        return points(sum((one.points for one in self.problems), Decimal(0)))


def sheet_of(text: str) -> Sheet:
    """The sheet in a run's summary of it."""
    found = json.loads(text)
    return Sheet(found["title"], tuple(Problem(one["id"], one["title"], Decimal(one["points"])) for one in found["problems"]),
                 tuple(from_table(one) for one in found["students"]))  # fmt: skip


def standing(book: Gradebook, sheet: Sheet) -> list[Row]:
    """A row for each student of the sheet, in its order, then for everybody else in the gradebook, by id."""
    last = book.last()
    stale, since = _stale(book, last), _kept(last)
    rows = []
    for student, number, given in _everybody(book, sheet):
        entry = book.entry(number) if number else None
        row = row_of(entry, student, sheet, given)
        if entry is not None and entry.marks:
            row = replace(row, stale=stale(entry), since=since.get(student.id, ""))
        rows.append(row)
    if not any(row.time for row in rows):
        return rows
    return [replace(row, untimed=bool(row.entry and not row.time)) for row in rows]


def _kept(last: Run | None) -> dict[str, str]:
    """Student -> why what was handed in anew in the LAST run does not count."""
    return {one["student"]: one["reason"] for one in json.loads(last.head).get("kept", [])} if last is not None else {}


def _stale(book: Gradebook, last: Run | None) -> Callable[[Entry], tuple[str, ...]]:
    """What tells by what else than the LAST run an entry was marked."""
    known: dict[tuple[int, bool], tuple[str, ...]] = {}

    def found(entry: Entry) -> tuple[str, ...]:
        which = entry.run, bool(entry.time)
        if which not in known:
            known[which] = tuple(otherwise(book.made_by(entry.run), last, which[1])) if last is not None else ()
        return known[which]

    return found


def _everybody(book: Gradebook, sheet: Sheet) -> Iterable[tuple[Student, int, Sequence[Override]]]:
    accepted, overrides = book.accepted(), book.overrides()
    known = {student.id: student for student in sheet.students}
    others = sorted((accepted.keys() | overrides.keys()) - known.keys())
    for student in (*known.values(), *[Student(one) for one in others]):
        yield student, accepted.get(student.id, 0), [*overrides.get(student.id, {}).values()]


def row_of(entry: Entry | None, student: Student, sheet: Sheet, given: Sequence[Override] = ()) -> Row:
    """The standing of STUDENT with the marks of ENTRY and what was GIVEN by hand."""
    by_hand = {one.problem: Decimal(one.points) for one in given if one.points is not None}
    earned: dict[str, Decimal | None] = {}
    for mark in entry.marks if entry is not None else ():
        before = earned.get(mark.problem, Decimal(0))
        earned[mark.problem] = None if mark.verdict == UNDECIDED or before is None else before + mark.earned
    parts = tuple(by_hand.get(one.id, earned.get(one.id)) for one in sheet.problems)
    penalty = Decimal(entry.penalty) if entry is not None else Decimal(0)
    total = by_hand.get("")
    if total is None and None not in parts:
        total = points(sum((one for one in parts if one is not None), Decimal(0)) * (1 - penalty))
    status = MISSING if entry is None else entry.status
    reason = "" if entry is None else entry.reason
    if total is not None and status != GRADED:
        status, reason = GRADED, ""
    return Row(student, status, tuple(None if one is None else points(one) for one in parts), total, penalty, tuple(given),
               reason, 0 if entry is None else entry.number, "" if entry is None else entry.time,
               unread=() if entry is None else entry.remarks,
               invalid=tuple((one.problem, one.blank) for one in (entry.marks if entry else ()) if one.verdict == INVALID))  # fmt: skip
