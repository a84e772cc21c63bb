"""Points given by hand, and the files written anew with them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bpcli.grading import files, outputs
from bpcli.grading.gradebook import ACCEPTED, Override
from bpcli.grading.opened import Opened, opened
from bpcli.grading.standing import Row, standing
from bpcli.result import Result
from bpcli.trouble import Trouble, visible


@dataclass(frozen=True, eq=False)
class Overridden(Result):
    """What a student has after points were given by hand."""

    view = "overridden"

    row: Row
    before: Row
    recovered: Sequence[dict[str, Any]] | None = None
    """The moves of the run before, if that was stopped before its files were in place; they are now."""
    left: Sequence[str] = ()
    """Points that a person has written into ``grades.csv``, where they do not count."""

    def record(self, expression: str) -> dict[str, Any]:
        return {
            "schema": "bpcli/grade-override/1", "student": self.row.student.id, "before": _number(self.before),
            "score": _number(self.row), "note": self.row.note, "recovered": list(self.recovered or []), "notes": list(self.left),
        }  # fmt: skip


def _number(row: Row) -> float | None:
    return None if row.total is None else float(row.total)


def override(
    folder: str, student: str, problem: str, given: str | None, reason: str, bonus: bool = False
) -> Overridden:
    """Give STUDENT the points GIVEN for PROBLEM ("" for everything); None takes back what was given.

    More than there are is a `Trouble`, unless a BONUS is meant. ``grades.csv``, ``grades.json`` and the student's
    feedback are written anew.
    """
    with opened(folder, lock=True) as found:
        who = found.student(student)
        points = _points(found, who.id, problem, given, bonus)
        written = files.read_before(os.path.join(folder, files.CSV), files.columns(found.sheet))
        stopped = found.book.unwritten()
        before = standing(found.book, found.sheet)
        left = [] if stopped else written.changed(before, found.sheet)
        written.unread.pop(who.id, None)  # what a person typed there is settled by this
        with outputs.changing(found.book) as staged:
            found.book.override([Override(who.id, problem, points, reason)])
            rows = standing(found.book, found.sheet)
            row = _row(rows, who.id)
            told = rows if stopped else [row]
            outputs.write_all(folder, found.head, rows, told, found.book, found.sheet, found.policy, written, staged)
        return Overridden(row, _row(before, who.id), found.head["moves"] if stopped == ACCEPTED else None, left)


def _points(found: Opened, student: str, problem: str, given: str | None, bonus: bool) -> str | None:
    """What is GIVEN, if that can be given for PROBLEM."""
    worth = {"": found.sheet.points} | {one.id: one.points for one in found.sheet.problems}
    if problem not in worth:
        known = ", ".join(one.id for one in found.sheet.problems)
        raise Trouble(f"the sheet has no problem {visible(problem)[:60]}; it has {known}", code="unknown-problem")
    if given is None:
        if problem not in found.book.overrides().get(student, {}):
            raise Trouble(f"nothing was given to {visible(student)} by hand", code="no-override")
        return None
    points = files.points_given(given, "--points")
    if Decimal(points) > worth[problem] and not bonus:
        raise Trouble(f"{points} points are more than the {worth[problem]:f} that {problem or 'the sheet'} is worth",
                      code="too-many-points", tries=[f"--points {worth[problem]:f}", f"--points {points} --bonus"])  # fmt: skip
    return points


def _row(rows: Sequence[Row], student: str) -> Row:
    return next(one for one in rows if one.student.id == student)
