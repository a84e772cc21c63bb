"""Points given by hand, and the files written anew with them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
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

    def record(self, expression: str) -> dict[str, Any]:
        return {
            "schema": "bpcli/grade-override/1", "student": self.row.student.id, "before": _number(self.before),
            "score": _number(self.row), "note": self.row.note, "recovered": list(self.recovered or []),
        }  # fmt: skip


def _number(row: Row) -> float | None:
    return None if row.total is None else float(row.total)


def override(folder: str, student: str, problem: str, given: str | None, reason: str) -> Overridden:
    """Give STUDENT the points GIVEN for PROBLEM ("" for everything); None takes back what was given.

    ``grades.csv``, ``grades.json`` and the student's feedback are written anew.
    """
    points = None if given is None else files.points_given(given, "--points")
    with opened(folder, lock=True) as found:
        who = found.student(student)
        if problem and problem not in {one.id for one in found.sheet.problems}:
            known = ", ".join(one.id for one in found.sheet.problems)
            raise Trouble(f"the sheet has no problem {visible(problem)[:60]}; it has {known}", code="unknown-problem")
        before = _row(found, student)
        csv = os.path.join(folder, files.CSV)
        written = files.read_before(csv, files.columns(found.sheet))
        if points is None and problem not in found.book.overrides().get(student, {}):
            raise Trouble(f"nothing was given to {visible(who.id)} by hand", code="no-override")
        stopped = found.book.unwritten()
        written.unread.pop(who.id, None)  # what a person typed there is settled by this
        with outputs.changing(found.book) as staged:
            found.book.override([Override(who.id, problem, points, reason)])
            rows = standing(found.book, found.sheet)
            row = next(one for one in rows if one.student.id == student)
            told = rows if stopped else [row]
            outputs.write_all(folder, found.head, rows, told, found.book, found.sheet, found.policy, written, staged)
        return Overridden(row, before, found.head["moves"] if stopped == ACCEPTED else None)


def _row(found: Opened, student: str) -> Row:
    return next(one for one in standing(found.book, found.sheet) if one.student.id == student)
