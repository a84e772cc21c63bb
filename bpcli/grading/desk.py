"""The desk at which one hand-in after another is marked; each process has its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from bpcli import __version__
from bpcli.exercises.acceptance import fault
from bpcli.exercises.chance import digest
from bpcli.exercises.draws import Draws
from bpcli.exercises.keys import key
from bpcli.exercises.marking import mark_problem
from bpcli.exercises.problem import Problem
from bpcli.exercises.sheet import Sheet
from bpcli.exercises.sheet import parse as parse_sheet
from bpcli.exercises.variants import Variant, draw, drawn
from bpcli.exercises.wording import array_figure
from bpcli.grading.gradebook import GRADED, NOT_GRADED, REFUSED, Entry, Marked
from bpcli.grading.policy import Policy, points
from bpcli.marking.answers import Line
from bpcli.marking.meter import Meter
from bpcli.marking.verdicts import BLANK, INVALID, UNDECIDED, WRONG, Mark
from bpcli.submissions.catalogue import Catalogue
from bpcli.submissions.handed_in import HandIn
from bpcli.submissions.reading import read
from bpcli.trouble import Trouble, shortened, visible

#: Changes when the same answers could be marked differently; marks are kept with it.
MARKING = "bpcli/marking/2"


@dataclass(frozen=True)
class Setting:
    """What a hand-in is marked by. It goes to every process as it stands."""

    sheet: bytes
    """``sheet.toml``."""
    name: str
    policy: Policy
    shared: bool = False
    """Whether everybody has the same variant (one problem without a sheet)."""
    draws: Draws = field(default_factory=dict, repr=False)
    """Which draws were handed out, where that is known."""

    @property
    def fingerprint(self) -> str:
        """A hash of everything but the students and what they handed in."""
        return _fingerprint(parse_sheet(self.sheet, self.name), self)


def _fingerprint(sheet: Sheet, setting: Setting) -> str:
    hashes = [problem.sha256 for problem in sheet.problems]
    return digest("run", __version__, MARKING, sheet.seed, setting.policy.text(), str(setting.shared), *hashes).hex()


@dataclass(frozen=True, eq=False)
class Desk:
    """A sheet opened for marking."""

    sheet: Sheet
    setting: Setting
    catalogue: Catalogue
    fingerprint: str
    fixed: dict[str, Variant] = field(default_factory=dict)
    """The variants that are the same for everybody."""

    @classmethod
    def of(cls, setting: Setting) -> Desk:
        """The desk for SETTING; `Trouble` when its sheet cannot be read."""
        sheet = parse_sheet(setting.sheet, setting.name)
        if any(problem.graph.shapes is not None for problem in sheet.problems):
            import numpy as np  # noqa: F401 (now: its threads are not to count as a hand-in's memory, 120 MB for two)
        return cls(sheet, setting, Catalogue.of(sheet.problems), _fingerprint(sheet, setting))

    @cached_property
    def secret(self) -> bytes:
        """What decides the points at which formulas are compared."""
        return bytes.fromhex(self.sheet.secret)

    def key(self, student: str, time: str = "") -> str:
        """A hash of everything that STUDENT's marks follow from, apart from the hand-in."""
        draws = repr(self.setting.draws.get(student, ()))
        return digest("entry", self.fingerprint, "" if self.setting.shared else student, draws, time).hex()[:32]

    def mark(self, hand_in: HandIn, time: str = "") -> Entry:
        """What HAND_IN gets. Whatever is wrong with it, or happens while it is marked, is told in the entry.

        Raises `MemoryError`: what to do then is said where memory is bounded.
        """
        entry = Entry(
            hand_in.student, hand_in.source, hand_in.digest, self.key(hand_in.student, time), REFUSED, time=time
        )
        try:
            answers = read(hand_in, self.catalogue)
        except Trouble as trouble:
            return _closed(entry, REFUSED, trouble.code, trouble.message)
        except MemoryError:
            raise
        except Exception as error:  # a mistake of ours must not cost the others their marks
            return _closed(entry, NOT_GRADED, "crashed", _about(error))
        try:
            marks: list[Marked] = []
            meters = Meter(), Meter()
            for problem in self.sheet.problems:
                marks += self._problem(problem, hand_in.student, answers.problems.get(problem.id, []), *meters)
            penalty = self.setting.policy.penalty(time)
        except Trouble as trouble:
            return _closed(entry, NOT_GRADED, trouble.code, trouble.message)
        except MemoryError:
            raise
        except Exception as error:
            return _closed(entry, NOT_GRADED, "crashed", _about(error))
        remarks = (*answers.remarks, *_unasked(self.catalogue, answers.problems))
        if reason := _nothing_read(marks, remarks):
            return replace(_closed(entry, NOT_GRADED, "nothing-read", reason), remarks=remarks)
        return _finished(entry, marks, remarks, penalty)

    def _problem(
        self, problem: Problem, student: str, lines: Sequence[Line], meter: Meter, hinting: Meter
    ) -> list[Marked]:
        variant = self.variant(problem, student)
        told = self.setting.policy.feedback
        marks = mark_problem(variant, lines, secret=self.secret, meter=meter)
        hints = (
            {one.name: one.reason for one in mark_problem(variant, lines, hint=True, secret=self.secret, meter=hinting)}
            if told == "where"
            else {}
        )
        # What nobody explains is held against the right number by the class view.
        needed = {one.name for one in marks if told == "full" or (one.verdict == WRONG and not one.slips)}
        answers = expected(variant, needed)
        owner = "" if self.setting.shared else student
        hashed = digest("key", __version__, MARKING, problem.sha256, self.sheet.seed, owner, str(variant.tries)).hex()[
            :16
        ]
        numbers = digest("variant", problem.id, repr(sorted(variant.numbers.items()))).hex()[:12]
        return [
            _marked(problem, blank.points, mark, self.setting.policy, hints.get(mark.name, ""), answers.get(mark.name, ""),
                    hashed, numbers)
            for blank, mark in zip(problem.blanks, marks, strict=True)
        ]  # fmt: skip

    def variant(self, problem: Problem, student: str) -> Variant:
        """The numbers that STUDENT had."""
        if problem.id in self.fixed:
            return self.fixed[problem.id]
        owner, known = "" if self.setting.shared else student, self.setting.draws.get(student, ())
        if len(known) == len(self.sheet.problems) and not self.setting.shared:
            variant = drawn(problem, self.sheet.seed, owner, known[self.sheet.problems.index(problem)])
        else:
            variant = draw(problem, self.sheet.seed, owner, fault)
        if self.setting.shared or all(given.fixed for given in problem.given.values()):
            self.fixed[problem.id] = variant
        return variant


def expected(variant: Variant, names: Container[str] | None = None) -> dict[str, str]:
    """The right answer to the blanks NAMES of VARIANT (to every one, if there are none), as it is written."""
    found = (key(variant, blank) for blank in variant.problem.blanks if names is None or blank.name in names)
    return {
        one.blank.name: one.text if one.number is None else array_figure(one.number, variant.problem.rounding)
        for one in found
    }


def _closed(entry: Entry, status: str, code: str, reason: str) -> Entry:
    return replace(entry, status=status, code=code, reason=shortened(visible(reason)))


def _about(error: Exception) -> str:
    return f"bpcli failed on it ({type(error).__name__}: {error!s:.100})"


def _nothing_read(marks: Sequence[Marked], remarks: Sequence[str]) -> str:
    """Why a person has to look, where something was handed in and none of it could be read as an answer."""
    if any(mark.verdict not in (BLANK, INVALID) for mark in marks):
        return ""
    said = [*remarks, *(f"{one.problem} {one.blank}: {one.reason}" for one in marks if one.verdict == INVALID)]
    return f"nothing in it could be read as an answer ({said[0]})" if said else ""


def _finished(entry: Entry, marks: list[Marked], remarks: tuple[str, ...], penalty: Decimal) -> Entry:
    total = sum((mark.earned for mark in marks), Decimal(0))
    most = sum((Decimal(mark.points) for mark in marks), Decimal(0))
    open_ = [f"{mark.problem} {mark.blank}" for mark in marks if mark.verdict == UNDECIDED]
    made = replace(entry, status=GRADED, marks=tuple(marks), remarks=remarks, score=str(points(total)),
                   max_score=str(points(most)), penalty=str(penalty))  # fmt: skip
    if not open_:
        return made
    more = f" and {len(open_) - 3} more" if len(open_) > 3 else ""
    reason = f"a person has to look at {', '.join(open_[:3])}{more}"
    return replace(made, status=NOT_GRADED, code="undecided", reason=reason, score="")


def _marked(problem: Problem, worth: Decimal, mark: Mark, policy: Policy, hint: str, answer: str, key: str,
            numbers: str) -> Marked:  # fmt: skip
    credit = policy.credit(mark.verdict, mark.credit)
    return Marked(problem.id, mark.name, mark.answer, mark.verdict, str(credit.normalize()), str(worth), mark.reason, hint,
                  answer, mark.slips, mark.used, key, numbers)  # fmt: skip


def _unasked(catalogue: Catalogue, problems: dict[str, list[Line]]) -> list[str]:
    """What was answered without being asked for; a misspelt name must not go unseen."""
    from bpcli.marking.answers import shown

    found = []
    for problem, lines in problems.items():
        if any(one == problem for one, _ in catalogue.programs):
            continue  # a program has names of its own
        strange = dict.fromkeys(line.name for line in lines if line.name not in catalogue.blanks[problem] and line.text)
        found += [f"{problem} asks for nothing called {shown(name)}" for name in list(strange)[:5]]
    return found


# --- in a process of its own ------------------------------------------------------------------------------

#: A hand-in and when it was handed in.
Task = tuple[HandIn, str]
#: What marks one task at a desk.
Marker = Callable[[Desk, HandIn, str], Entry]


def by_the_rules(desk: Desk, hand_in: HandIn, time: str) -> Entry:
    """The marker that is used; tests have others, which crash."""
    return desk.mark(hand_in, time)


def sheet_summary(sheet: Sheet, shared: bool = False) -> str:
    """What the views need to know of SHEET, as JSON: its title, problems and students, and a hash of what keys follow from.

    SHARED: everybody has the same variant.
    """
    hashes = [problem.sha256 for problem in sheet.problems]
    found: dict[str, Any] = {
        "key": digest("sheet", sheet.seed, str(shared), *hashes).hex()[:32], "marking": MARKING,
        "title": sheet.title,
        "problems": [{"id": one.id, "title": one.title, "points": str(one.points), "sha256": one.sha256} for one in sheet.problems],
        "students": [student.record() for student in sheet.students],
    }  # fmt: skip
    return json.dumps(found, ensure_ascii=True)
