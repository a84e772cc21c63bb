"""The class list: a CSV file with an id column and perhaps name, email and group, read strictly.

Two students whose ids are the same to a file system or to a human eye are an error that names both rows, since
their files and marks would be mixed up.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from unicodedata import category, combining, normalize

from bpcli.exercises.mistakes import Mistake, Mistakes
from bpcli.trouble import Trouble, visible

MOST_BYTES = 8 * 1024 * 1024
MOST_STUDENTS = 100_000
MOST_ID, MOST_TEXT = 64, 200  # characters

COLUMNS = ("id", "name", "email", "group")
#: Other headings that lists exported from elsewhere have.
HEADINGS = {
    "student": "id", "student id": "id", "student_id": "id", "sis user id": "id", "sid": "id", "username": "id",
    "login": "id", "login id": "id", "full name": "name", "student name": "name", "e-mail": "email",
    "email address": "email", "section": "group", "class": "group",
}  # fmt: skip
#: Names that Windows keeps for devices.
RESERVED = frozenset(["con", "prn", "aux", "nul", *[f"{one}{k}" for one in ("com", "lpt") for k in range(1, 10)]])

_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9._+@-]{0,47}")


@dataclass(frozen=True)
class Student:
    """One student. ``id`` decides the variant, ``name`` is only shown."""

    id: str
    name: str = ""
    email: str = ""
    group: str = ""

    @property
    def shown(self) -> str:
        """What the sheet calls the student."""
        return self.name or self.id

    @property
    def file_name(self) -> str:
        """A name for the student's folder: safe on every system, different for different students of one roster."""
        plain = self.id
        if _FILE_NAME.fullmatch(plain) and not plain.endswith(".") and plain.split(".")[0] not in RESERVED:
            return plain
        letters = re.sub(r"[^a-z0-9]+", "-", normalize("NFKD", plain).encode("ascii", "ignore").decode().lower())
        return f"{letters.strip('-')[:24] or 'student'}-{hashlib.sha256(plain.encode()).hexdigest()[:8]}"

    def record(self) -> dict[str, str]:
        """The columns that are filled in."""
        return {name: getattr(self, name) for name in COLUMNS if getattr(self, name)}


def numbered(count: int) -> tuple[Student, ...]:
    """COUNT students without names: 01, 02, …"""
    width = max(2, len(str(count)))
    return tuple(Student(str(number).zfill(width)) for number in range(1, count + 1))


def read(data: bytes, name: str) -> tuple[Student, ...]:
    """The students in the bytes of a CSV file, in its order. Raises `Mistakes` with every row that is wrong."""
    text = _decoded(data, name)
    rows, mistakes = _rows(text, name)
    columns = _columns(rows, name)
    students: list[Student] = []
    lines: list[int] = []
    for line, row in rows[1:]:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(rows[0][1]):
            mistakes.append(Mistake(line, f"this row has {len(row)} cells, and the heading has {len(rows[0][1])}"))
            continue
        student = Student(**{column: canonical(row[place].strip()) for column, place in columns.items()})
        mistakes += [Mistake(line, message) for message in _wrong(student)]
        students.append(student)
        lines.append(line)
    mistakes += _collisions(students, lines)
    if len(students) > MOST_STUDENTS:
        mistakes.append(Mistake(1, f"there are {len(students):,} students; the limit is {MOST_STUDENTS:,}"))
    if not students and not mistakes:
        mistakes.append(Mistake(1, "there is no student below the heading"))
    if mistakes:
        raise Mistakes(name, mistakes, code="roster")
    return tuple(students)


def _decoded(data: bytes, name: str) -> str:
    if len(data) > MOST_BYTES:
        raise Mistakes(
            name, [Mistake(1, f"the file has {len(data):,} bytes; the limit is {MOST_BYTES:,}")], code="roster"
        )
    for mark, encoding in (
        (b"\xff\xfe", "UTF-16"),
        (b"\xfe\xff", "UTF-16"),
        (b"PK\x03\x04", "a spreadsheet or zip file"),
    ):
        if data.startswith(mark):
            raise Mistakes(name, [Mistake(1, f"this is {encoding}; save the list as CSV in UTF-8")], code="roster")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Mistakes(
            name, [Mistake(line, "this is not UTF-8; save the list as CSV in UTF-8")], code="roster"
        ) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise Mistakes(name, [Mistake(line, "there is a NUL character")], code="roster")
    return text


def _rows(text: str, name: str) -> tuple[list[tuple[int, list[str]]], list[Mistake]]:
    """The rows with their lines. Commas or, if the heading has more of them, semicolons or tabs divide cells."""
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(
        io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n"), newline=""), delimiter=delimiter, strict=True
    )
    rows: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for row in reader:
            if row:
                rows.append((line, row))
            if reader.line_num > line:
                return rows, [Mistake(line, "a quoted cell goes on over the end of the line: a quote is not closed")]
            line = reader.line_num + 1
    except csv.Error as error:
        reason = "a quote is not closed" if "end of data" in str(error) else str(error)
        return rows, [Mistake(line, f"this row cannot be read: {reason}")]
    if not rows:
        raise Mistakes(name, [Mistake(1, "the file is empty")], code="roster")
    return rows, []


def _columns(rows: list[tuple[int, list[str]]], name: str) -> dict[str, int]:
    """Column -> its place; columns that bpcli does not know are left alone."""
    found: dict[str, int] = {}
    line, heading = rows[0] if rows else (1, [])
    for place, cell in enumerate(heading):
        word = " ".join(cell.casefold().split())
        column = word if word in COLUMNS else HEADINGS.get(word)
        if column in found:
            mistake = Mistake(line, f"two columns are the {column}: {heading[found[column]]} and {cell}")
            raise Mistakes(name, [mistake], code="roster")
        if column is not None:
            found[column] = place
    if "id" not in found:
        shown = ", ".join(heading)[:100]
        raise Mistakes(name, [Mistake(line, f"no column is called id; the first row has {shown}", ("id,name,group",))],
                       code="roster")  # fmt: skip
    return found


def _wrong(student: Student) -> list[str]:
    found = []
    for column, text in student.record().items():
        most = MOST_ID if column == "id" else MOST_TEXT
        if len(text) > most:
            found.append(f"the {column} has {len(text)} characters; the limit is {most}")
        if hidden := next((c for c in text if visible(c) != c or category(c) == "Cf"), None):
            found.append(f"the {column} {visible(text[:40])} has a character that cannot be seen: U+{ord(hidden):04X}")
    if wrong := _wrong_id(student.id):
        found.append(wrong)
    return found


def _wrong_id(identity: str) -> str | None:
    if not identity:
        return "the id is empty"
    if re.search(r"[/\\:*?\"<>|]", identity) or identity in (".", "..") or identity.startswith(("~", "-", ".")):
        return f"the id {visible(identity[:60])} looks like a path or an option; letters, digits and . _ @ + - will do"
    if identity.casefold().split(".")[0] in RESERVED:
        return f"the id {identity} is a name that Windows keeps for a device"
    if identity.endswith(".") or "  " in identity:
        return f"the id {visible(identity[:60])} ends with a point or has two blanks in a row"
    return None


def skeleton(identity: str) -> str:
    """What is left of an id when case, width, accents' composition and invisible characters do not count."""
    folded = normalize("NFKC", normalize("NFKC", identity).casefold())
    return "".join(c for c in folded if category(c) not in ("Cf", "Cc") and not c.isspace() and not combining(c))


def confused(students: Sequence[Student]) -> str:
    """What is wrong with the ids of STUDENTS, whether or not they are from one file; "" for nothing."""
    wrong = next((reason for one in students if (reason := _wrong_id(one.id))), "")
    return wrong or next((_alike(students[k], students[first]) for k, first in _pairs(students)), "")


def _collisions(students: Sequence[Student], lines: Sequence[int]) -> list[Mistake]:
    return [
        Mistake(lines[k], _alike(students[k], students[first], f" line {lines[first]}"))
        for k, first in _pairs(students)
    ]


def _alike(student: Student, first: Student, where: str = "") -> str:
    if first.id == student.id:
        return f"the id {student.id} is that of{where or ' another student'} too"
    return f"the id {student.id} cannot be told from {first.id}{f' in{where}' if where else ''}"


def _pairs(students: Sequence[Student]) -> Iterator[tuple[int, int]]:
    """The places of students who would be mixed up with one before them, and of those."""
    seen: dict[str, int] = {}
    for k, student in enumerate(students):
        for key in {skeleton(student.id), f"file {student.file_name}"}:
            if (first := seen.setdefault(key, k)) != k:
                yield k, first
                break


def canonical(identity: str) -> str:
    """An id with its accents composed (NFC): what differs only in that is the same text, written by another system."""
    return normalize("NFC", identity)


def joined(students: Sequence[Student], known: Sequence[Student]) -> tuple[Student, ...]:
    """STUDENTS, and those KNOWN who are not among them; who is in both keeps the id that is known, with what is new of them."""
    ids = {canonical(one.id): one.id for one in known}
    found = [replace(one, id=ids.get(canonical(one.id), one.id)) for one in students]
    new = {one.id for one in found}
    return (*found, *[one for one in known if one.id not in new])


def read_file(path: str) -> tuple[Student, ...]:
    """The students in the file PATH."""
    try:
        with open(path, "rb") as file:
            return read(file.read(MOST_BYTES + 1), path)
    except OSError as error:
        raise Trouble(f"cannot read {path}: {error.strerror}", code="unreadable-file") from None


def from_table(table: Any) -> Student:
    """The student in a table of a sheet file."""
    return Student(**{name: str(table.get(name, "")) for name in COLUMNS})
