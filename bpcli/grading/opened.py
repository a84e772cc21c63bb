"""A folder that `bpcli grade` wrote, opened again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NamedTuple

from bpcli.exercises.roster import Student
from bpcli.grading.gradebook import FILE, Gradebook
from bpcli.grading.policy import Policy, policy
from bpcli.grading.standing import Sheet, sheet_of
from bpcli.trouble import Trouble, visible


class Opened(NamedTuple):
    """A gradebook with the sheet and the rules of the run that was accepted last."""

    book: Gradebook
    sheet: Sheet
    policy: Policy
    head: dict[str, Any]
    """What ``grades.json`` says of that run."""

    def student(self, identity: str) -> Student:
        """The student with this id; `Trouble` for nobody."""
        from bpcli.mistakes import closest

        known = {one.id: one for one in self.sheet.students}
        others = self.book.accepted().keys() | self.book.overrides().keys()
        if identity in known or identity in others:
            return known.get(identity, Student(identity))
        near = closest(identity, sorted(known.keys() | others))
        raise Trouble(f"no student is called {visible(identity)[:60]}", code="unknown-student",
                      tries=[f"--explain {one}" for one in near][:2])  # fmt: skip


@contextmanager
def opened(path: str, *, lock: bool = False) -> Iterator[Opened]:
    """The gradebook in the folder PATH (or the file itself). LOCK it to change something."""
    folder = os.path.dirname(path) or "." if os.path.basename(path) == FILE else path
    if not os.path.isfile(os.path.join(folder, FILE)):
        raise Trouble(f"{visible(path)} has no gradebook ({FILE})", code="unreadable-file",
                      tries=["bpcli grade --help"])  # fmt: skip
    with Gradebook(folder, lock=lock) as book:
        last = accepted(book)
        if last is None:
            raise Trouble(f"no run in {visible(path)} was finished yet; run bpcli grade again", code="not-finished")
        yield last


def accepted(book: Gradebook) -> Opened | None:
    """BOOK with the run that was accepted last; None before there is one."""
    last = book.last()
    if last is None:
        return None
    try:
        rules = policy(json.loads(last.policy, parse_float=Decimal))
        return Opened(book, sheet_of(last.sheet), rules, json.loads(last.head))
    except (KeyError, ValueError, TypeError, ArithmeticError) as error:
        raise book.damaged(f"run {last.number}: {error}") from None
