"""Tables of answers: long (a row for each student and blank) or wide (a column for each blank).

A row that cannot be read costs only itself: an open quote does not swallow the rows below it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from typing import NamedTuple

from bpcli.submissions.catalogue import Catalogue
from bpcli.submissions.handed_in import ROWS, Found, Part, Refused
from bpcli.trouble import Trouble, visible

MOST_BYTES = 64 * 2**20
MOST_ROWS = 100_000
MOST_COLUMNS = 600
MOST_CELL = 8 * 2**10  # characters
MOST_LINES = 200  # of a cell: those of a program

_STUDENT = ("student", "id", "student id", "student_id", "sid", "username", "user", "login", "sis user id")
_PROBLEM, _BLANK, _ANSWER = ("problem", "exercise"), ("blank", "name", "part"), ("answer", "value", "response")


class Row(NamedTuple):
    """A row: its line in the file, its cells, and what is wrong with it."""

    line: int
    cells: list[str]
    wrong: str = ""


class Cell(NamedTuple):
    """One answer of a table."""

    problem: str
    blank: str
    text: str
    line: int


def in_table(text: str, source: str, catalogue: Catalogue, known: Callable[[str], bool]) -> Iterator[Found | Refused]:
    """The hand-ins in a class's table: in a long one all rows of a student, in a wide one each row."""
    rows = rows_of(text, known)
    first = next(rows, None)
    if first is None or first.wrong:
        raise Trouble(f"cannot read {source}: {'it is empty' if first is None else first.wrong}", code="table")
    head = _Head.read(first.cells, source, catalogue)
    if head.student < 0:
        raise Trouble(
            f"cannot read {source}: no column says whose the answers are",
            code="table",
            tries=["student,problem,blank,answer"],
        )
    found: dict[str, list[Cell]] = {}
    places: dict[str, list[int]] = {}
    broken: dict[str, Refused] = {}
    for count, (line, cells, wrong) in enumerate(rows, start=1):
        where = f"{source}, line {line}"
        if count > MOST_ROWS:
            yield Refused(f"{source}, from line {line}", "too-large", f"a table has at most {MOST_ROWS:,} rows")
            break
        student = cells[head.student].strip() if head.student < len(cells) else ""
        if wrong and head.long and known(student):
            broken.setdefault(student, Refused(where, "row", wrong, student))
        elif wrong:
            yield Refused(where, "row", wrong, student if known(student) else "")
        elif head.long:
            found.setdefault(student, []).extend(head.cells(cells, line))
            places.setdefault(student, []).append(line)
        else:
            yield _found(student, where, list(head.cells(cells, line)))
    yield from broken.values()  # all of the student's rows: to mark the rest would count a blank as missing
    for student, answers in found.items():
        if student not in broken:
            yield _found(student, f"{source}, {_lines(places[student])}", answers)


def own_table(text: str, catalogue: Catalogue, student: str) -> list[Cell]:
    """The answers in a student's own table; `Trouble` for a row that cannot be read or names somebody else."""
    rows = rows_of(text, lambda _: False)
    first = next(rows, None)
    if first is None or first.wrong:
        raise Trouble("the table is empty" if first is None else first.wrong, code="table")
    head = _Head.read(first.cells, "the table", catalogue)
    found: list[Cell] = []
    for line, cells, wrong in rows:
        if wrong:
            raise Trouble(f"line {line}: {wrong}", code="row")
        if head.student >= 0 and cells[head.student].strip() != student:
            raise Trouble(f"line {line} says it is {visible(cells[head.student])[:40]}'s", code="another-student")
        found += head.cells(cells, line)
    return found


def _found(student: str, source: str, cells: list[Cell]) -> Found:
    data = json.dumps(cells).encode()
    return Found((student,), source, lambda: [Part("", ROWS, data)])


def _lines(lines: list[int]) -> str:
    return f"line {lines[0]}" if len(lines) == 1 else f"lines {lines[0]} to {lines[-1]}"


class _Head(NamedTuple):
    """Where in a row things stand."""

    student: int
    problem: int
    blank: int
    answer: int
    columns: dict[int, tuple[str, str]]
    only: str
    """The one problem of the sheet, if there is only one."""

    @property
    def long(self) -> bool:
        return self.answer >= 0

    @classmethod
    def read(cls, cells: list[str], source: str, catalogue: Catalogue) -> _Head:
        words = [" ".join(cell.split()) for cell in cells]
        plain = [word.casefold() for word in words]
        if len(words) > MOST_COLUMNS:
            raise Trouble(
                f"cannot read {source}: it has {len(words)} columns; the limit is {MOST_COLUMNS}", code="too-large"
            )
        only = next(iter(catalogue.blanks)) if len(catalogue.blanks) == 1 else ""
        columns = {k: catalogue.columns[word] for k, word in enumerate(words) if word in catalogue.columns}
        blank, answer = _place(plain, _BLANK), _place(plain, _ANSWER)
        problem = _place(plain, _PROBLEM)
        student = _place(plain, _STUDENT)
        if blank >= 0 and answer >= 0 and (problem >= 0 or only):
            return cls(student, problem, blank, answer, {}, only)
        if not columns:
            raise Trouble(f"cannot read {source}: it has neither the columns problem, blank and answer nor a column for "
                          f"any blank", code="table", tries=["student,problem,blank,answer"])  # fmt: skip
        twice = [one for one in columns.values() if [*columns.values()].count(one) > 1]
        if twice:
            raise Trouble(f"cannot read {source}: two columns are for {' '.join(twice[0])}", code="table")
        return cls(student, -1, -1, -1, columns, only)

    def cells(self, row: list[str], line: int) -> Iterator[Cell]:
        """The answers in ROW."""
        if self.long:
            problem = row[self.problem].strip() if self.problem >= 0 else self.only
            yield Cell(problem, row[self.blank].strip(), row[self.answer], line)
        for place, (problem, blank) in self.columns.items():
            yield Cell(problem, blank, row[place], line)


def _place(words: list[str], names: tuple[str, ...]) -> int:
    return next((k for name in names for k, word in enumerate(words) if word == name), -1)


def rows_of(text: str, known: Callable[[str], bool]) -> Iterator[Row]:
    """The rows of TEXT. A row that is no row is told as what is wrong with it, and reading goes on in the next line."""
    lines = text.replace("\r\n", "\n").split("\n")
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    width, at = 0, 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        row, used = _row(lines, at, delimiter)
        wrong = row if isinstance(row, str) else ""
        if not wrong and width and len(row) != width:
            wrong = f"this row has {len(row)} cells, and the first row has {width}"
        if (
            not wrong
            and used > 1
            and any(_begins_a_row(line, delimiter, width, known) for line in lines[at + 1 : at + used])
        ):
            wrong = "a quote is not closed"
        if not wrong and max(map(len, row)) > MOST_CELL:
            wrong = f"a cell has more than {MOST_CELL:,} characters"
        width = width or len(row)
        yield Row(at + 1, [*map(_bare, lines[at].split(delimiter))] if isinstance(row, str) else row, wrong)
        at += 1 if wrong else used


def _row(lines: list[str], at: int, delimiter: str) -> tuple[list[str] | str, int]:
    """The row that begins at a line, and how many lines it takes; or what is wrong with it."""
    if len(lines[at]) > MOST_CELL * MOST_COLUMNS or len(lines[at]) > 10 * csv.field_size_limit():
        return f"this line has {len(lines[at]):,} characters", 1
    if '"' not in lines[at]:
        return lines[at].split(delimiter), 1
    reader = csv.reader((f"{line}\n" for line in lines[at : at + MOST_LINES + 1]), delimiter=delimiter, strict=True)
    try:
        row = next(reader)
    except csv.Error as error:
        said = "a quote is not closed" if "end of data" in str(error) else f"this row cannot be read ({error})"
        return said, 1
    return row, reader.line_num


def _bare(cell: str) -> str:
    return cell.strip(' "')


def _begins_a_row(line: str, delimiter: str, width: int, known: Callable[[str], bool]) -> bool:
    """Whether LINE, read as part of a quoted cell, is a row of its own that a quote above has swallowed."""
    cells = line.split(delimiter)
    return len(cells) >= min(width, 2) and any(known(_bare(cell)) for cell in cells[:2])
