"""The files of a class, all from the gradebook: ``grades.csv``, ``grades.json`` and the feedback always agree."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from bpcli.grading import feedback, files, writing
from bpcli.grading.gradebook import Gradebook
from bpcli.grading.policy import Policy
from bpcli.grading.standing import MISSING, Row, Sheet


def write_all(folder: str, head: dict[str, Any], rows: Sequence[Row], told: Sequence[Row], book: Gradebook, sheet: Sheet,
              policy: Policy, before: files.Before) -> None:  # fmt: skip
    """Write them into FOLDER, and the feedback of those TOLD anew; HEAD is what `json_text` takes."""
    feedback.write_all(folder, told, book, sheet, policy)
    writing.write(os.path.join(folder, files.JSON), json_text(head, rows, book, sheet))
    writing.write(os.path.join(folder, files.CSV), files.table(rows, sheet, before))


def json_text(head: dict[str, Any], rows: Sequence[Row], book: Gradebook, sheet: Sheet) -> Iterator[str]:
    """``grades.json``: the HEAD of the run, with who is missing now, and an object for each student."""
    missing = [row.student.id for row in rows if row.status == MISSING]
    students = (files.student_record(row, book.entry(row.entry) if row.entry else None, sheet) for row in rows)
    return files.object_text(head | {"missing": missing}, students)
