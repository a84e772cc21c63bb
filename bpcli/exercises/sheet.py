"""A sheet: problems, a seed and students; and the file ``sheet.toml`` from which all of it can be made again.

The file holds the text of every problem, so that variants and keys come out bit for bit years later, whatever has
become of the bank.
"""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpcli import __version__
from bpcli.exercises import roster, toml
from bpcli.exercises.acceptance import fault
from bpcli.exercises.chance import VERSION, digest
from bpcli.exercises.problem import Problem
from bpcli.exercises.reading import read as read_problem
from bpcli.exercises.roster import Student
from bpcli.exercises.variants import Variant, draw
from bpcli.trouble import Trouble

FORM = "bpcli/sheet/1"
MOST_PROBLEMS = 50
MOST_BYTES = 64 * 1024 * 1024

#: What the marks of answers that are not simply right are worth, as a share of the points; marking reads these.
MARKING = {"rounded": 1.0, "follows": 1.0, "partial": 0.5}

_ABOUT = frozenset(["schema", "title", "seed", "version", "draw", "secret", "marking", "problem", "student"])
_PROBLEM = frozenset(["id", "sha256", "points", "rounding", "text"])
_STUDENT = frozenset([*roster.COLUMNS, "folder"])


@dataclass(frozen=True, eq=False)
class Sheet:
    """Problems for students. Every variant follows from it."""

    title: str
    seed: str
    problems: tuple[Problem, ...]
    students: tuple[Student, ...]
    marking: dict[str, Any]
    version: str = __version__
    """The version of the program that drew it first."""

    def variants(self, student: Student) -> Iterator[Variant]:
        """The problems with the student's numbers; `Trouble` when one cannot keep its rules."""
        return (draw(problem, self.seed, student.id, fault) for problem in self.problems)

    @property
    def secret(self) -> str:
        """What the points at which formulas are compared are drawn from; it follows from the seed."""
        return digest("secret", self.seed, *[problem.sha256 for problem in self.problems]).hex()

    @property
    def source(self) -> str:
        """A hash of what every variant is drawn from, apart from the student."""
        return digest("source", VERSION, self.seed, *[f"{one.id} {one.sha256}" for one in self.problems]).hex()

    def student(self, identity: str) -> Student | None:
        """The student with this id."""
        return next((one for one in self.students if one.id == identity), None)

    def text(self) -> str:
        """``sheet.toml``."""
        about = {
            "schema": FORM, "title": self.title, "seed": self.seed, "version": self.version, "draw": VERSION,
            "secret": self.secret,
        }  # fmt: skip
        parts = [
            "# Made by bpcli sheet. From this file alone every variant and every key can be made again.\n"
            "# It holds what students must not see: keep it apart from their folders.\n",
            toml.table("", about),
            toml.table("[marking]", self.marking),
        ]
        for problem in self.problems:
            entries = {"id": problem.id, "sha256": problem.sha256, "points": float(problem.points),
                       "rounding": str(problem.rounding), "text": problem.text}  # fmt: skip
            parts.append(toml.table("[[problem]]", entries))
        parts += [
            toml.table("[[student]]", student.record() | {"folder": student.file_name}) for student in self.students
        ]
        return "\n".join(parts)


def make(problems: Sequence[Problem], students: Sequence[Student], seed: str | None = None, title: str = "") -> Sheet:
    """A sheet; without a SEED one is drawn that nobody can guess."""
    if not problems:
        raise Trouble("a sheet has at least one problem", code="no-problem", tries=["bpcli problems list"])
    if len(problems) > MOST_PROBLEMS:
        raise Trouble(f"there are {len(problems)} problems; the limit is {MOST_PROBLEMS}", code="too-large")
    if seed is not None and not (seed.isprintable() and 0 < len(seed) <= 100):
        raise Trouble("a seed has from 1 to 100 characters that can be seen", code="seed", tries=["--seed 2026"])
    seed = seed or str(int.from_bytes(os.urandom(5), "big"))
    return Sheet(title, seed, tuple(problems), tuple(students), dict(MARKING))


def parse(data: bytes, name: str) -> Sheet:
    """The sheet in the bytes of a ``sheet.toml``; `Trouble` for one that is damaged or was changed by hand."""

    def refuse(reason: str) -> Trouble:
        return Trouble(f"cannot read {name}: {reason}", code="sheet-file")

    if len(data) > MOST_BYTES:
        raise refuse(f"it has {len(data):,} bytes; the limit is {MOST_BYTES:,}")
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise refuse(str(error)) from None
    if table.get("schema") != FORM:
        raise refuse(f"its form is {table.get('schema')!r}, not {FORM!r}")
    if (version := table.get("version")) != __version__ and not _earlier(version):
        raise refuse(f"its version, {version!r}, is not one that this bpcli ({__version__}) knows")
    if table.get("draw") != VERSION:
        raise refuse(f"its numbers were drawn by {table.get('draw')!r}; this bpcli draws by {VERSION!r}")
    problems = []
    try:
        for one in table["problem"]:
            if hashlib.sha256(one["text"].encode()).hexdigest() != one["sha256"]:
                raise refuse(f"the text of {one['id']} is not the one that was handed out (its hash differs)")
            problems.append(read_problem(one["text"].encode(), one["id"], f"{one['id']} in {name}"))
        students = tuple(roster.from_table(one) for one in table.get("student", []))
        made = Sheet(table["title"], table["seed"], tuple(problems), students, table["marking"], table["version"])
        wrong = _changed(table, made)
    except KeyError as error:
        raise refuse(f"it has no {error.args[0]}") from None
    except (TypeError, AttributeError) as error:
        raise refuse(f"something is of the wrong type: {error}") from None
    if wrong:
        raise refuse(wrong)
    return made


def _changed(table: dict[str, Any], sheet: Sheet) -> str:
    """What was changed in the TABLE of SHEET by hand and would have no effect, or a wrong one; "" for nothing.

    The title, the rules under [marking] and what is said of students may be changed.
    """
    if table["secret"] != sheet.secret:
        return ("its secret is not the one of its seed and problems: one of them was changed since it was made. Put the file "
                "back, or make another sheet")  # fmt: skip
    for place, one in zip(sheet.problems, table["problem"], strict=True):
        for name, value in (("points", float(place.points)), ("rounding", str(place.rounding))):
            if one[name] != value:
                return f"{name} of {place.id} is {one[name]!r} there and {value!r} in its text, which counts; it cannot be changed"
    tables = [(table, "", _ABOUT), *((one, "[[problem]] ", _PROBLEM) for one in table["problem"]),
              *((one, "[[student]] ", _STUDENT) for one in table.get("student", []))]  # fmt: skip
    for one, where, known in tables:
        if strange := sorted(one.keys() - known):
            return f"{where}{strange[0]} means nothing there"
    for student, one in zip(sheet.students, table.get("student", []), strict=True):
        if one["folder"] != student.file_name:
            return f"the folder of {student.id} is {student.file_name}, not {one['folder']!r}"
    return roster.confused(sheet.students)


def _earlier(version: Any) -> bool:
    """Whether VERSION is that of an earlier bpcli."""
    numbers = re.fullmatch(r"([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})", version) if isinstance(version, str) else None
    return numbers is not None and [*map(int, numbers.groups())] < [*map(int, re.findall("[0-9]+", __version__)[:3])]


def read(path: str | Path) -> Sheet:
    """The sheet at PATH: a ``sheet.toml``, or the folder that `bpcli sheet` wrote."""
    path = Path(path)
    if path.is_dir():
        inside = [path / "teacher" / "sheet.toml", path / "sheet.toml"]
        path = next((one for one in inside if one.is_file()), inside[0])
    try:
        with path.open("rb") as file:
            return parse(file.read(MOST_BYTES + 1), str(path))
    except OSError as error:
        raise Trouble(f"cannot read {path}: {error.strerror}", code="unreadable-file") from None
