"""A hand-in's bytes as answers: problem -> its lines, whatever form they came in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bpcli.marking.answers import Line, answer_name, decoded, read_submission, shown
from bpcli.submissions import objects, tables
from bpcli.submissions.catalogue import Catalogue
from bpcli.submissions.handed_in import JSON, ROWS, TABLE, HandIn, Part
from bpcli.submissions.tables import Cell
from bpcli.trouble import Trouble

MOST_REMARKS = 20


class Answers(NamedTuple):
    """What one student answered."""

    problems: dict[str, list[Line]]
    """Problem id -> its lines, in order."""
    remarks: tuple[str, ...]
    """What was left alone, and why: lines that are no answers, sections of no problem of the sheet."""


def read(hand_in: HandIn, catalogue: Catalogue) -> Answers:
    """The answers of HAND_IN. Raises `Trouble` where it cannot be read as a whole, or answers a problem in two files."""
    found: dict[str, list[Line]] = {}
    where: dict[str, str] = {}
    remarks: list[str] = []
    for part in hand_in.parts:
        for problem, lines in _sections(part, catalogue, hand_in.student, remarks):
            if not any(line.text.strip() for line in lines):
                continue  # a template that nobody filled in
            if problem in where and where[problem] != part.name:
                raise Trouble(
                    f"{problem} is answered in two files, {where[problem]} and {part.name}", code="answered-twice"
                )
            where[problem] = part.name
            found.setdefault(problem, []).extend(lines)
    if len(remarks) > MOST_REMARKS:
        remarks[MOST_REMARKS:] = [f"and {len(remarks) - MOST_REMARKS} more lines like these"]
    return Answers({problem: _renamed(lines, problem, catalogue) for problem, lines in found.items()}, tuple(remarks))


def _renamed(lines: list[Line], problem: str, catalogue: Catalogue) -> list[Line]:
    """LINES with names in other letters (Q) as the blanks that they can only mean (q), unless these are answered too."""
    names = {line.name for line in lines}
    found = []
    for line in lines:
        name = catalogue.blank(problem, line.name)
        if name == line.name or name in names:
            found.append(line)
            continue
        notes = [*[line.note] * bool(line.note), f"read {line.name} as {name}"]
        found.append(line._replace(name=name, note="; ".join(notes)))
    return found


def _sections(part: Part, catalogue: Catalogue, student: str, remarks: list[str]) -> Iterator[tuple[str, list[Line]]]:
    """The problems that PART answers, with their lines."""
    if part.form == ROWS:
        yield from _from_cells([Cell(*one) for one in json.loads(part.data)], catalogue, remarks)
        return
    text = decoded(part.data, part.name or "the answers")
    if part.form == JSON:
        yield from _from_cells(_cells(objects.parse(text), catalogue, student, remarks), catalogue, remarks)
    elif part.form == TABLE:
        yield from _from_cells(tables.own_table(text, catalogue, student), catalogue, remarks)
    else:
        submission = read_submission(text, part.name, catalogue.heads)
        remarks += [
            f"line {one.number}: {one.message}"
            for one in submission.problems
            if not (one.code and catalogue.has_program(one.section))
        ]
        for title, lines in submission.sections.items():
            problem = catalogue.section(title)
            if problem is not None:
                yield problem, lines
            elif lines:
                remarks.append(_no_problem(title, f"line {lines[0].number}"))


def _no_problem(title: str, where: str) -> str:
    if not title:
        return f"{where}: these answers stand before the first [problem]"
    return f"{where}: the sheet has no problem called {shown(title)}"


def _cells(found: object, catalogue: Catalogue, student: str, remarks: list[str]) -> Iterator[Cell]:
    """The answers in a student's JSON: {problem: {blank: answer}}, perhaps inside {"student", "answers"}."""
    if isinstance(found, dict) and isinstance(found.get("answers"), dict) and catalogue.section("answers") is None:
        if found.get("student", student) != student:
            raise Trouble(f"it says it is {shown(str(found['student']))}'s", code="another-student")
        found = found["answers"]
    if not isinstance(found, dict):
        raise Trouble("it is not a table {problem: {blank: answer}}", code="json")
    if len(catalogue.blanks) == 1 and not any(isinstance(one, dict) for one in found.values()):
        found = {next(iter(catalogue.blanks)): found}
    for problem, blanks in found.items():
        if not isinstance(blanks, dict):
            remarks.append(f"{shown(problem)} is no table of answers")
            continue
        for blank, value in blanks.items():
            text = objects.answer_text(value)
            if text is None:
                remarks.append(f"{shown(problem)}: the answer to {shown(blank)} is a table, not an answer")
            else:
                yield Cell(problem, blank, text, 0)


def _from_cells(cells: Iterable[Cell], catalogue: Catalogue, remarks: list[str]) -> Iterator[tuple[str, list[Line]]]:
    found: dict[str, list[Line]] = {}
    for cell in cells:
        problem = catalogue.section(cell.problem)
        place = f"line {cell.line}" if cell.line else "the answers"
        if problem is None:
            remarks.append(_no_problem(cell.problem, place))
            continue
        lines = found.setdefault(problem, [])
        if (problem, cell.blank) in catalogue.programs:
            program = read_submission(cell.text)
            lines += [line for section in program.sections.values() for line in section]
            remarks += [f"{place}: {one.message}" for one in program.problems if not one.code]
            continue
        name = answer_name(cell.blank)
        if name is None:
            remarks.append(f"{place}: this is not a name: {shown(cell.blank)}")
        else:
            lines.append(Line(name, cell.text, cell.line))
    yield from found.items()
