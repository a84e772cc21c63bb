"""``grades.csv`` and ``grades.json``.

A spreadsheet takes a text that begins with = + - or @ for a formula. Texts get a ' in front then; numbers stay
numbers, negative ones too. Columns that a teacher added to ``grades.csv`` stay, and what stands under ``override``
is taken over; where that is no number it stays too, and is told. A table that a spreadsheet has saved with ; or tabs
between its cells is read as well.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from bpcli.grading.gradebook import Entry, Gradebook, Marked, Override
from bpcli.grading.standing import Row, Sheet
from bpcli.marking.answers import Number, read_number
from bpcli.submissions.folders import read_bytes
from bpcli.trouble import Trouble, visible

CSV, JSON = "grades.csv", "grades.json"
_FIRST, _LAST = ("id", "name", "group"), ("total", "max", "status", "override", "note")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", "−")
MOST_BYTES = 64 * 2**20


def guarded(text: str) -> str:
    """TEXT as a cell that no spreadsheet runs."""
    shown = visible(text).replace("\n", "\\n")
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) or shown.startswith("'") else shown


def unguarded(cell: str) -> str:
    """The text of a cell that `guarded` made."""
    return cell[1:] if cell.startswith("'") else cell


def number(value: Decimal | None) -> str:
    """VALUE as a cell: nothing where there is none, which is not 0."""
    return "" if value is None else f"{value:f}"


def columns(sheet: Sheet) -> list[str]:
    """The columns that bpcli writes."""
    return [*_FIRST, *[guarded(one.id) for one in sheet.problems], *_LAST]


def table(rows: Iterable[Row], sheet: Sheet, before: Before) -> Iterator[str]:
    """``grades.csv``, with the other columns of the one that was there BEFORE."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for cells in ([*columns(sheet), *before.more], *(_cells(row, sheet, before) for row in rows)):
        writer.writerow(cells)
        yield text.getvalue()
        text.seek(0)
        text.truncate()


def _cells(row: Row, sheet: Sheet, before: Before) -> list[str]:
    student = row.student
    given = next((one.points for one in row.given if not one.problem), None)
    return [
        guarded(student.id), guarded(student.name), guarded(student.group), *map(number, row.problems or [None] * len(sheet.problems)),
        number(row.total), number(sheet.points), row.status, guarded(before.unread.get(student.id, given or "")), guarded(row.note),
        *before.cells(student.id),
    ]  # fmt: skip


class Before:
    """The ``grades.csv`` of an earlier run: what a teacher has written into it.

    `overrides` are the points under override by student, `unread` what stands there and is no number of points, and
    `left` says so with its line. `written` has the points that bpcli wrote, as they stand there now: (where, column ->
    cell) by student.
    """

    def __init__(self, more: Sequence[str] = (), rows: dict[str, list[str]] | None = None,
                 overrides: dict[str, str] | None = None, unread: dict[str, str] | None = None,
                 left: Sequence[str] = (), written: dict[str, tuple[str, dict[str, str]]] | None = None) -> None:  # fmt: skip
        self._written = written or {}
        self.more = list(more)
        self._rows = rows or {}
        self.overrides = overrides or {}
        self.unread = unread or {}
        self.left = list(left)

    def cells(self, student: str) -> list[str]:
        """What stood in the teacher's own columns."""
        return self._rows.get(student, [""] * len(self.more))

    def changed(self, rows: Iterable[Row], sheet: Sheet) -> list[str]:
        """Whose points are others than those of ROWS, which were written there: such a change does not count."""
        found = []
        for row in rows:
            where, cells = self._written.get(row.student.id, ("", {}))
            names = [*[guarded(one.id) for one in sheet.problems], "total"]
            for name, value in zip(names, [*(row.problems or [None] * len(sheet.problems)), row.total], strict=True):
                if name in cells and not _same(cells[name], value):
                    found.append(f"{where}: {name} of {visible(row.student.id)} was changed from {number(value) or 'nothing'} to "
                                 f"{visible(cells[name])[:40] or 'nothing'}; that does not count, the column override does")  # fmt: skip
        return found

    def new(self, book: Gradebook) -> list[Override]:
        """What stands under override and is not in the gradebook yet."""
        known = book.overrides()
        found = []
        for student, given in self.overrides.items():
            old = known.get(student, {}).get("")
            if old is None or Decimal(str(old.points)) != Decimal(given):
                found.append(Override(student, "", given, CSV))
        return found


def read_before(path: str, own: Iterable[str]) -> Before:
    """The ``grades.csv`` at PATH, whose columns OWN are bpcli's; `Trouble` for what is not that table."""
    if not os.path.lexists(path):
        return Before()
    text = read_bytes(path, MOST_BYTES).decode("utf-8-sig", "backslashreplace")
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter))
    except csv.Error as error:
        raise Trouble(f"cannot read {visible(path)}: {error}; mend it or move it away", code="grades-csv") from None
    head = rows[0] if rows else []
    if "id" not in head:
        raise Trouble(f"{visible(path)} is not a table that bpcli wrote: it has no column id", code="grades-csv")
    known = {*own, *_FIRST, *_LAST}
    others = [k for k, name in enumerate(head) if name not in known and name]
    cells: dict[str, list[str]] = {}
    overrides: dict[str, str] = {}
    unread: dict[str, str] = {}
    left: list[str] = []
    written: dict[str, tuple[str, dict[str, str]]] = {}
    points = [k for k, name in enumerate(head) if name not in (*_FIRST, *_LAST) or name == "total"]
    for line, row in enumerate(rows[1:], start=2):
        if len(row) != len(head):
            continue
        student = unguarded(row[head.index("id")])
        cells[student] = [row[k] for k in others]
        written[student] = f"{visible(path)}, line {line}", {head[k]: row[k].strip() for k in points}
        given = unguarded(row[head.index("override")].strip()) if "override" in head else ""
        if not given:
            continue
        try:
            overrides[student] = points_given(given, f"{visible(path)}, line {line}, override")
        except Trouble as trouble:
            unread[student] = given
            left.append(trouble.message)
    return Before([head[k] for k in others], cells, overrides, unread, left, written)


def _same(cell: str, value: Decimal | None) -> bool:
    """Whether CELL, which a spreadsheet may write in its own way, is VALUE."""
    read = read_number(cell)
    return read.value == float(value) if isinstance(read, Number) and value is not None else cell == number(value)


def points_given(text: str, where: str) -> str:
    """Points that a person typed, as a plain decimal; `Trouble` for what is no number of points."""
    read = read_number(text)
    if not isinstance(read, Number) or read.value < 0 or "/" in text:
        raise Trouble(f"{where}: {visible(text)[:40]} is not a number of points", code="not-a-number")
    return f"{Decimal(repr(read.value)).normalize():f}"


def mark_record(mark: Marked) -> dict[str, Any]:
    """The object for one blank: what `mark --json` has, and where it comes from."""
    return {
        "problem": mark.problem, "name": mark.blank, "answer": mark.answer, "verdict": mark.verdict,
        "credit": float(mark.credit), "points": float(mark.points), "reason": mark.reason,
        "slip": mark.slips[0] if len(mark.slips) == 1 else None, "slips": list(mark.slips), "key": mark.key,
    }  # fmt: skip


def student_record(row: Row, entry: Entry | None, sheet: Sheet) -> dict[str, Any]:
    """The object for one student."""
    return {
        "id": row.student.id, "name": row.student.name, "group": row.student.group, "status": row.status, "note": row.note,
        "source": entry.source if entry else None, "code": entry.code if entry else None,
        "problems": [{"id": one.id, "points": _float(earned), "max": float(one.points)}
                     for one, earned in zip(sheet.problems, row.problems or [None] * len(sheet.problems), strict=True)],
        "penalty": float(row.penalty), "score": _float(row.total), "max_score": float(sheet.points),
        "overrides": [{"problem": one.problem or None, "points": float(one.points or 0), "reason": one.reason} for one in row.given],
        "remarks": list(entry.remarks) if entry else [],
        "blanks": [mark_record(mark) for mark in entry.marks] if entry else [],
    }  # fmt: skip


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def object_text(head: dict[str, Any], students: Iterable[dict[str, Any]]) -> Iterator[str]:
    """HEAD with the field ``students`` as one line of JSON, a piece at a time."""
    yield json.dumps(head, allow_nan=False)[:-1] + ', "students": ['
    for place, one in enumerate(students):
        yield f"{', ' if place else ''}{json.dumps(one, allow_nan=False)}"
    yield "]}\n"
