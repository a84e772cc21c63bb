"""``results.json`` for Gradescope: the files of a student, or a group, marked, whatever happens on the way.

The file follows Gradescope's documented form (numbers are finite, a test's score lies between 0 and its maximum,
times are those of the upload and not of this run). It is written even when nothing could be marked: an autograder
that leaves no file tells the student nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple

from bpcli import __version__
from bpcli.grading import writing
from bpcli.grading.desk import Desk, sheet_summary
from bpcli.grading.gradebook import GRADED, REFUSED, Entry, Marked
from bpcli.grading.policy import Policy, moment, points
from bpcli.grading.run import Order, rank
from bpcli.grading.standing import sheet_of
from bpcli.grading.told import by_problem, numbered, verdict
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

    It goes to WHAT's output: a path that ends with .json, or a folder. Of a group's members the one counts whose
    numbers give most points: a group answers one paper, and does not say whose.
    """
    path = what.out if what.out.endswith(".json") else os.path.join(what.out, FILE)
    writing.folder(os.path.dirname(path) or ".")
    desk = Desk.of(what.setting)
    party = _Party((student,) if student else ())
    try:
        party = _party(what, student, metadata)
        entries = _entries(what, desk, party)
    except Trouble as trouble:
        first = next(iter(party.members), "")
        entries = [Entry(first, ", ".join(what.paths), "", "", REFUSED, trouble.code, trouble.message)]
    entry = max(entries, key=rank)
    results = results_of(entry, what, desk, party, [*_told(party, entry, entries)])
    writing.write(path, [json.dumps(results, allow_nan=False, indent=1) + "\n"])
    return Results(path, entry, results)


class _Party(NamedTuple):
    """Whose files they are, and when they were handed in."""

    members: tuple[str, ...]
    time: str = ""
    unknown: tuple[str, ...] = ()
    """The addresses of those who are not on the class list."""


def _party(what: Order, student: str | None, metadata: str | None) -> _Party:
    time, emails = "", []
    if metadata is not None:
        found = parse(decoded(read_bytes(metadata), metadata))
        users = found.get("users", []) if isinstance(found, dict) else []
        time = str(found.get("created_at", "")) if isinstance(found, dict) else ""
        emails = [str(one.get("email", "")) for one in users if isinstance(one, dict)]
        if time:
            moment(time)
    if student is not None:
        return _Party((what.register.find([student]).id,), time)
    by_email = {one.email.casefold(): one.id for one in what.sheet.students if one.email}
    owners = {email: by_email[email.casefold()] for email in emails if email.casefold() in by_email}
    for email in emails:
        if email not in owners and email.partition("@")[0] in what.register:
            owners[email] = email.partition("@")[0]
    members = [*dict.fromkeys(owners.values())]
    if not members and len(what.sheet.students) == 1:
        members = [what.sheet.students[0].id]
    if not members and what.shared:
        members = ["student"]
    if not members:
        said = ", ".join(map(visible, emails)) or "nobody"
        raise Trouble(f"no student of the class list is named: {said}", code="unknown-student", tries=["--student ada"])
    return _Party(tuple(members), time, tuple(email for email in emails if owners and email not in owners))


def _entries(what: Order, desk: Desk, party: _Party) -> list[Entry]:
    """What the files get, once for each member's numbers."""
    owner = party.members[0]
    with ExitStack() as stack:
        collection = collect(what.paths, what.register, desk.catalogue, stack, "error", owner)
        refused = collection.refused[0] if collection.refused else None
        hand_in = collection.taken[0].read() if len(collection.taken) == 1 and refused is None else refused
        if isinstance(hand_in, HandIn):
            return [marked(desk, (replace(hand_in, student=one), party.time)) for one in party.members]
    if isinstance(hand_in, Refused):
        return [Entry(owner, hand_in.source, "", "", REFUSED, hand_in.code, hand_in.reason)]
    return [Entry(owner, ", ".join(what.paths), "", "", REFUSED, "no-answers", "there is nothing to mark")]


def _told(party: _Party, entry: Entry, entries: Sequence[Entry]) -> Iterator[str]:
    """What a group is told: whose numbers count, where members had different ones, and who is not known."""
    if len(party.members) > 1:
        numbers = {tuple(mark.variant for mark in one.marks) for one in entries}
        by = f", marked by the numbers of {visible(entry.student)}" if len(numbers) > 1 else ""
        yield f"Handed in by the group {', '.join(map(visible, party.members))}{by}."
    if party.unknown:
        yield f"Not on the class list: {', '.join(map(visible, party.unknown))}."


def results_of(entry: Entry, what: Order, desk: Desk, party: _Party, told: Sequence[str]) -> dict[str, Any]:
    """The object of ``results.json``; the group is TOLD something more."""
    sheet = sheet_of(sheet_summary(what.sheet))
    tests = [
        _test(mark, f"{number}.{place}", what.policy)
        for number, _, _, marks in by_problem(sheet, entry) for place, mark in enumerate(marks, start=1)
    ]  # fmt: skip
    earned = sum((mark.earned for mark in entry.marks), Decimal(0)) * (1 - Decimal(entry.penalty))
    said = [*told, *[visible(one) for one in entry.remarks]]
    if entry.status != GRADED:
        said.insert(0, f"Not marked yet: {visible(entry.reason)}. The points are not final.")
    elif Decimal(entry.penalty):
        said.insert(0, f"Late: {(Decimal(entry.penalty) * 100).normalize():f} % of the points are lost.")
    return {
        "score": float(points(earned)),
        "output": "\n".join([*said, *what.policy.told()]),
        "output_format": "text", "test_output_format": "text", "test_name_format": "text", "visibility": "visible",
        "tests": tests,
        "extra_data": {"bpcli": __version__, "fingerprint": desk.fingerprint, "student": entry.student, "group": list(party.members), "status": entry.status,
                       "graded": entry.status == GRADED, "max_score": float(sheet.points), "keys": sorted({one.key for one in entry.marks})},
    }  # fmt: skip


def _test(mark: Marked, number: str, policy: Policy) -> dict[str, Any]:
    most = Decimal(mark.points)
    got = min(max(mark.earned, Decimal(0)), most)
    lines = numbered(mark)
    answer = "\n".join([*lines, ""]) if lines else f"{shown(mark.answer or '').strip() or 'no answer'}: "
    found = {"name": f"{mark.problem} {mark.blank}", "number": number, "score": float(points(got)), "max_score": float(most),
             "status": "passed" if got == most else "failed", "output": f"{answer}{verdict(mark, policy)}"}  # fmt: skip
    if mark.verdict == UNDECIDED:  # no points yet are not 0 points
        del found["score"], found["max_score"]
    return found
