"""``results.json`` for Gradescope: one student's files marked, whatever happens on the way.

The file follows Gradescope's documented form (numbers are finite, a test's score lies between 0 and its maximum,
times are those of the upload and not of this run). It is written even when nothing could be marked: an autograder
that leaves no file tells the student nothing.
"""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bpcli import __version__
from bpcli.grading import writing
from bpcli.grading.desk import Desk, sheet_summary
from bpcli.grading.feedback import by_problem, verdict
from bpcli.grading.gradebook import GRADED, REFUSED, Entry, Marked
from bpcli.grading.policy import Policy, moment, points
from bpcli.grading.run import Order
from bpcli.grading.standing import sheet_of
from bpcli.grading.workers import marked
from bpcli.marking.answers import decoded, shown
from bpcli.marking.verdicts import UNDECIDED
from bpcli.result import Result
from bpcli.submissions.collecting import collect
from bpcli.submissions.folders import read_bytes
from bpcli.submissions.handed_in import HandIn, Refused
from bpcli.submissions.objects import parse
from bpcli.trouble import Trouble, visible

FILE = "results.json"


@dataclass(frozen=True, eq=False)
class Results(Result):
    """What was written."""

    view = "results"

    path: str
    entry: Entry
    results: dict[str, Any]

    @property
    def graded(self) -> bool:
        """Whether there are marks."""
        return self.entry.status == GRADED

    def record(self, expression: str) -> dict[str, Any]:
        return {"schema": "bpcli/grade-gradescope/1", "wrote": self.path, "status": self.entry.status,
                "reason": self.entry.reason, "score": self.results["score"]}  # fmt: skip


def write_results(what: Order, student: str | None, metadata: str | None) -> Results:
    """Mark the files in WHAT's one path as those of STUDENT (or of whom Gradescope's METADATA names); write the file.

    It goes to WHAT's output: a path that ends with .json, or a folder.
    """
    path = what.out if what.out.endswith(".json") else os.path.join(what.out, FILE)
    writing.folder(os.path.dirname(path) or ".")
    desk = Desk.of(what.setting)
    try:
        owner, time = _owner(what, student, metadata)
        entry = _entry(what, desk, owner, time)
    except Trouble as trouble:
        entry = Entry(student or "", ", ".join(what.paths), "", "", REFUSED, trouble.code, trouble.message)
    results = results_of(entry, what, desk)
    writing.write(path, [json.dumps(results, allow_nan=False, indent=1) + "\n"])
    return Results(path, entry, results)


def _owner(what: Order, student: str | None, metadata: str | None) -> tuple[str, str]:
    """Whose files they are, and when they were handed in."""
    time, emails = "", []
    if metadata is not None:
        found = parse(decoded(read_bytes(metadata), metadata))
        users = found.get("users", []) if isinstance(found, dict) else []
        time = str(found.get("created_at", "")) if isinstance(found, dict) else ""
        emails = [str(one.get("email", "")) for one in users if isinstance(one, dict)]
        if time:
            moment(time)
    if student is not None:
        return what.register.find([student]).id, time
    by_email = {one.email.casefold(): one.id for one in what.sheet.students if one.email}
    owners = [by_email[one.casefold()] for one in emails if one.casefold() in by_email]
    for email in emails:
        if not owners and email.partition("@")[0] in what.register:
            owners.append(email.partition("@")[0])
    if not owners and len(what.sheet.students) == 1:
        owners = [what.sheet.students[0].id]
    if not owners and what.shared:
        owners = ["student"]
    if not owners:
        said = ", ".join(map(visible, emails)) or "nobody"
        raise Trouble(f"no student of the class list is named: {said}", code="unknown-student", tries=["--student ada"])
    return owners[0], time


def _entry(what: Order, desk: Desk, owner: str, time: str) -> Entry:
    with ExitStack() as stack:
        collection = collect(what.paths, what.register, desk.catalogue, stack, "error", owner)
        refused = collection.refused[0] if collection.refused else None
        hand_in = collection.taken[0].read() if len(collection.taken) == 1 and refused is None else refused
        if isinstance(hand_in, HandIn):
            return marked(desk, (hand_in, time))
    if isinstance(hand_in, Refused):
        return Entry(owner, hand_in.source, "", "", REFUSED, hand_in.code, hand_in.reason)
    return Entry(owner, ", ".join(what.paths), "", "", REFUSED, "no-answers", "there is nothing to mark")


def results_of(entry: Entry, what: Order, desk: Desk) -> dict[str, Any]:
    """The object of ``results.json``."""
    sheet = sheet_of(sheet_summary(what.sheet))
    tests = [
        _test(mark, f"{number}.{place}", what.policy)
        for number, _, _, marks in by_problem(sheet, entry) for place, mark in enumerate(marks, start=1)
    ]  # fmt: skip
    earned = sum((mark.earned for mark in entry.marks), Decimal(0)) * (1 - Decimal(entry.penalty))
    said = [visible(one) for one in entry.remarks]
    if entry.status != GRADED:
        said.insert(0, f"Not marked yet: {visible(entry.reason)}. The points are not final.")
    elif Decimal(entry.penalty):
        said.insert(0, f"Late: {(Decimal(entry.penalty) * 100).normalize():f} % of the points are lost.")
    return {
        "score": float(points(earned)),
        "output": "\n".join([*said, *[f"Rule: {line}" for line in what.policy.lines()]]),
        "output_format": "text", "test_output_format": "text", "test_name_format": "text", "visibility": "visible",
        "tests": tests,
        "extra_data": {"bpcli": __version__, "fingerprint": desk.fingerprint, "student": entry.student, "status": entry.status,
                       "graded": entry.status == GRADED, "max_score": float(sheet.points), "keys": sorted({one.key for one in entry.marks})},
    }  # fmt: skip


def _test(mark: Marked, number: str, policy: Policy) -> dict[str, Any]:
    most = Decimal(mark.points)
    got = min(max(mark.earned, Decimal(0)), most)
    answer = shown(mark.answer or "").strip() or "no answer"
    found = {"name": f"{mark.problem} {mark.blank}", "number": number, "score": float(points(got)), "max_score": float(most),
             "status": "passed" if got == most else "failed",
             "output": f"{answer}: {verdict(mark, policy)}"}  # fmt: skip
    if mark.verdict == UNDECIDED:  # no points yet are not 0 points
        del found["score"], found["max_score"]
    return found
