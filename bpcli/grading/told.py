"""What a student is told: each answer as it was handed in, the verdict, the reason, and the rules, all in words.

It is made from the student's own marks and nothing else. A right answer stands in it only if the sheet's rules say
so (``feedback = "full"``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from bpcli.grading.gradebook import Entry, Marked
from bpcli.grading.policy import Policy, points
from bpcli.grading.standing import MISSING, Row, Sheet
from bpcli.marking.verdicts import BLANK, FOLLOWS, INVALID, RIGHT, ROUNDED, UNDECIDED, WRONG
from bpcli.trouble import visible

TITLE = "Backpropagation"

#: Verdict -> what a student reads.
SAID = {
    RIGHT: "right", ROUNDED: "right, rounded", FOLLOWS: "right, given your earlier answers", WRONG: "not right",
    BLANK: "no answer", INVALID: "could not be read", UNDECIDED: "a person looks at it",
}  # fmt: skip
#: The same in a narrow column; `Policy.told` says what "rounded" and "follows" are.
SHORT = SAID | {ROUNDED: "rounded", FOLLOWS: "follows", INVALID: "not read", UNDECIDED: "open"}
#: Nothing is said by colour alone.
SIGNS = {RIGHT: "✓", ROUNDED: "✓", FOLLOWS: "✓", WRONG: "✗", BLANK: "–", INVALID: "?", UNDECIDED: "…"}

#: The rule that rounding goes by stands on the sheet: beside each of twenty answers it hides the one that is wrong.
_AS_ROUNDED = "as rounding to "


class Section(NamedTuple):
    """One problem of the sheet with its marks."""

    number: int
    problem: str
    title: str
    marks: list[Marked]

    @property
    def unanswered(self) -> bool:
        """Whether every blank of it was left empty."""
        return all(mark.verdict == BLANK for mark in self.marks)


def by_problem(sheet: Sheet, entry: Entry | None) -> Iterator[Section]:
    """The problems that were marked, in the order of the sheet."""
    titles = {one.id: one.title for one in sheet.problems}
    marks = entry.marks if entry else ()
    for number, (problem, found) in enumerate(groupby(marks, key=lambda mark: mark.problem), start=1):
        yield Section(number, problem, titles.get(problem, problem), list(found))


def heading(sheet: Sheet) -> str:
    """What stands above everything."""
    return visible(f"{sheet.title or TITLE}: your marks")


def total(row: Row, sheet: Sheet) -> str:
    """The points in words."""
    if row.total is None:
        said = {MISSING: "Nothing was handed in."}.get(row.status, f"There are no points yet: {visible(row.reason)}")
        return said if said.endswith(".") else f"{said}."
    late = f", after {(row.penalty * 100).normalize():f} % for lateness" if row.penalty else ""
    return f"{row.total:f} of {sheet.points:f} points{late}"


def unread(entry: Entry | None) -> list[str]:
    """What was left alone in the hand-in, and why. It stands above the marks: it may be why there are none."""
    return [visible(one) for one in (entry.remarks if entry else ())]


def notes(row: Row, entry: Entry | None) -> list[str]:
    """What else the points come from: what was given by hand, what does not count, who handed in."""
    found = []
    for one in row.given:
        where = f"for {visible(one.problem)}" if one.problem else "in all"
        found.append(f"By hand: {one.points} points {where}{f' ({visible(one.reason)})' if one.reason else ''}")
    if row.since:
        found.append(f"What was handed in since has no points, so these still count: {visible(row.since)}")
    if entry is not None and entry.student != row.student.id:
        found.append(f"Handed in by {visible(entry.student)} for the group")
    return found


def earned(marks: Iterable[Marked]) -> tuple[str, str]:
    """The points of MARKS, and what there were."""
    every = list(marks)
    got = points(sum((one.earned for one in every), Decimal(0)))
    return f"{got:f}", f"{points(sum((Decimal(one.points) for one in every), Decimal(0))):f}"


def worth(mark: Marked) -> str:
    """``0 of 1``; nothing while a person still has to look."""
    return "" if mark.verdict == UNDECIDED else " of ".join(earned([mark]))


# --- answers ----------------------------------------------------------------------------------------------


def answer(mark: Marked) -> str:
    """The answer on one line, whole; nothing where it is a program or was left empty."""
    text = (mark.answer or "").strip()
    return "" if "\n" in (mark.answer or "").rstrip() else visible(text)


def program(mark: Marked) -> list[tuple[int, str]]:
    """The lines of an answer that has several, with the numbers they have in the hand-in; none of another."""
    text = (mark.answer or "").rstrip()
    lines = text.split("\n") if "\n" in text else []
    return [(number, visible(line)) for number, line in enumerate(lines, start=1) if line.strip()]


def numbered(mark: Marked) -> list[str]:
    """The same lines as text, each behind its number."""
    lines = program(mark)
    margin = len(str(lines[-1][0])) if lines else 0
    return [f"{number:>{margin}}  {line}" for number, line in lines]


# --- reasons ----------------------------------------------------------------------------------------------


def reason(mark: Marked, policy: Policy) -> str:
    """What a student is told of MARK beside the verdict."""
    told = policy.feedback
    if mark.verdict == UNDECIDED or (told == "verdict" and mark.verdict != INVALID):
        return ""
    text = mark.hint if told == "where" else mark.reason
    if mark.verdict == ROUNDED:
        text = "; ".join(part for part in text.split("; ") if not part.startswith(_AS_ROUNDED))
    if told == "full" and mark.expected and mark.verdict not in (RIGHT, ROUNDED):
        text = f"{text}; the answer is {mark.expected}" if text else f"the answer is {mark.expected}"
    return visible(text).replace("\n", "\\n")


def verdict(mark: Marked, policy: Policy) -> str:
    """The verdict in words, with the reason."""
    told = reason(mark, policy)
    if mark.verdict == FOLLOWS and told:
        return told
    return SAID[mark.verdict] + (f": {told}" if told else "")
