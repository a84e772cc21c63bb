"""When each student handed in, from a table: a column for the student, and one for the time.

A time without a zone beside a deadline with one is taken in the deadline's; the other way round there is none to
take, and nobody is marked before that is said.
"""

from __future__ import annotations

from typing import NamedTuple

from bpcli.grading.policy import day, moment
from bpcli.marking.answers import decoded
from bpcli.submissions.folders import read_bytes
from bpcli.submissions.identity import Register
from bpcli.submissions.tables import rows_of
from bpcli.trouble import Trouble, visible

MOST_BYTES = 8 * 2**20
_STUDENT = ("student", "id", "student id", "student_id", "sid", "username", "login")
_TIME = ("time", "submitted", "submitted at", "submission time", "handed in", "timestamp", "date")


class Times(NamedTuple):
    """When everybody handed in."""

    times: dict[str, str]
    """Student -> time, as it is written, with the zone that it is taken in."""
    note: str = ""
    """How times were read, where that is not plain."""


def read_times(path: str, register: Register, deadline: str = "") -> Times:
    """The times in the table at PATH. `Trouble` with the line for a time or a student that is none, and for a time that
    cannot be held against the DEADLINE."""
    shown = visible(path)
    rows = rows_of(decoded(read_bytes(path, MOST_BYTES), shown, MOST_BYTES), lambda claim: claim in register)
    head = next(rows, None)
    words = [] if head is None else [cell.strip().casefold() for cell in head.cells]
    student = next((k for k, word in enumerate(words) if word in _STUDENT), -1)
    time = next((k for k, word in enumerate(words) if word in _TIME), -1)
    if min(student, time) < 0:
        raise Trouble(f"cannot read {shown}: its first line has no columns student and time", code="times",
                      tries=["student,time"])  # fmt: skip
    found: dict[str, str] = {}
    zoned = False
    for line, cells, wrong in rows:
        try:
            if wrong:
                raise Trouble(wrong, code="times")
            identity, written = register.find([cells[student].strip()]).id, cells[time].strip()
            if not written:
                continue
            in_zone = _in_zone(written, deadline)
            zoned, written = zoned or in_zone != written, in_zone
            if found.setdefault(identity, written) != written:
                raise Trouble(f"{identity} has two times, {found[identity]} and {visible(written)}", code="times")
        except Trouble as trouble:
            raise Trouble(f"{shown}, line {line}: {trouble.message}", code="times", tries=trouble.tries) from None
    return Times(found, f"{shown} has times without a zone; they were taken in the deadline's" if zoned else "")


def _in_zone(written: str, deadline: str) -> str:
    """The time WRITTEN, with the zone of DEADLINE if it has none and that has one."""
    time = moment(written)
    zone = moment(deadline).tzinfo if deadline else None
    if not deadline or day(written) or (time.tzinfo is None) == (zone is None):
        return written
    if zone is None:
        raise Trouble(f"{written} says its time zone, and the deadline {deadline} does not", code="times",
                      tries=[f"--deadline {deadline if not day(deadline) else deadline + 'T23:59'}+01:00"])  # fmt: skip
    return time.replace(tzinfo=zone).isoformat()
