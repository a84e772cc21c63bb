"""Everything that led to one student's marks, from the gradebook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bpcli.grading.files import student_record
from bpcli.grading.gradebook import Entry, Override
from bpcli.grading.opened import opened
from bpcli.grading.policy import Policy
from bpcli.grading.standing import Row, Sheet, row_of
from bpcli.result import Result


@dataclass(frozen=True, eq=False)
class Explanation(Result):
    """One student: the marks that count, what they follow from, and what counted before."""

    view = "explained_marks"

    row: Row
    entry: Entry | None
    sheet: Sheet
    policy: Policy
    version: str
    """The version of bpcli that marked."""
    history: tuple[tuple[str, int, Entry], ...]
    """(time, run, entry) of everything that counted, in order."""
    given: tuple[Override, ...]
    """All that was given by hand, also what was taken back."""

    def record(self, expression: str) -> dict[str, Any]:
        found = student_record(self.row, self.entry, self.sheet)
        return {
            "schema": "bpcli/grade-explain/1", **found, "policy": self.policy.record(), "version": self.version,
            "digest": self.entry.digest if self.entry else None, "time": self.entry.time if self.entry else None,
            "history": [{"at": at, "run": run, "score": None if one.total is None else float(one.total),
                         "source": one.source, "status": one.status} for at, run, one in self.history],
            "given": [{"at": one.at, "problem": one.problem or None, "points": one.points, "reason": one.reason} for one in self.given],
        }  # fmt: skip


def explanation(folder: str, student: str) -> Explanation:
    """The explanation of STUDENT's marks in the gradebook of FOLDER."""
    with opened(folder) as found:
        book, sheet = found.book, found.sheet
        who = found.student(student)
        number = book.accepted().get(who.id)
        entry = None if number is None else book.entry(number)
        row = row_of(entry, who, sheet, [*book.overrides().get(who.id, {}).values()])
        version = book.made_by(entry.run).version if entry is not None else ""
        history = tuple((at, run, book.entry(one, marks=False)) for at, run, one in book.history(who.id))
        return Explanation(row, entry, sheet, found.policy, version, history, tuple(book.changes(who.id)))
