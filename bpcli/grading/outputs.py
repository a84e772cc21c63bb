"""The files of a class, all from the gradebook: ``grades.csv``, ``grades.json`` and the feedback always agree.

What counts and what is written change together. The files are written beside their places first; then the gradebook
takes the change; then they are put in place. A disk that is full changes nothing. A run that is killed between the
last two leaves old files beside new marks: the gradebook knows that, and the next run writes them and tells.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bpcli.grading import feedback, files, writing
from bpcli.grading.gradebook import Gradebook
from bpcli.grading.policy import Policy
from bpcli.grading.standing import MISSING, Row, Sheet
from bpcli.trouble import Trouble


@contextmanager
def changing(book: Gradebook) -> Iterator[writing.Staged]:
    """A change of BOOK with its files: all of it, or on any error none."""
    staged = writing.Staged()
    try:
        with book.together():
            yield staged
    except BaseException:
        staged.discard()
        raise
    try:
        staged.put()
        book.written()
    except Trouble as trouble:
        message = f"{trouble.message}; the marks count already, and the next run writes the rest of the files"
        raise Trouble(message, code=trouble.code, exit_code=trouble.exit_code) from None


def write_all(folder: str, head: dict[str, Any], rows: Sequence[Row], told: Sequence[Row], book: Gradebook, sheet: Sheet,
              policy: Policy, before: files.Before, staged: writing.Staged) -> None:  # fmt: skip
    """Write them into FOLDER, and the feedback of those TOLD anew; HEAD is what `json_text` takes."""
    feedback.write_all(folder, told, book, sheet, policy, staged)
    staged.write(os.path.join(folder, files.JSON), json_text(head, rows, book, sheet))
    staged.write(os.path.join(folder, files.CSV), files.table(rows, sheet, before))


def json_text(head: dict[str, Any], rows: Sequence[Row], book: Gradebook, sheet: Sheet) -> Iterator[str]:
    """``grades.json``: the HEAD of the run, with who is missing or marked otherwise now, and an object for each student."""
    now = {
        "missing": [row.student.id for row in rows if row.status == MISSING],
        "stale": [{"student": row.student.id, "marked_by": list(row.stale)} for row in rows if row.stale],
    }
    students = (files.student_record(row, book.entry(row.entry) if row.entry else None, sheet) for row in rows)
    return files.object_text(head | now, students)
