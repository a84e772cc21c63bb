"""When each student handed in, from a table: a column for the student, and one for the time."""

from __future__ import annotations

from bpcli.grading.policy import moment
from bpcli.marking.answers import decoded
from bpcli.submissions.folders import read_bytes
from bpcli.submissions.identity import Register
from bpcli.submissions.tables import rows_of
from bpcli.trouble import Trouble, visible

MOST_BYTES = 8 * 2**20
_STUDENT = ("student", "id", "student id", "student_id", "sid", "username", "login")
_TIME = ("time", "submitted", "submitted at", "submission time", "handed in", "timestamp", "date")


def read_times(path: str, register: Register) -> dict[str, str]:
    """Student -> time, as it is written. `Trouble` with the line for a time or a student that is none."""
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
    for line, cells, wrong in rows:
        try:
            if wrong:
                raise Trouble(wrong, code="times")
            identity, written = register.find([cells[student].strip()]).id, cells[time].strip()
            if not written:
                continue
            moment(written)
            if found.setdefault(identity, written) != written:
                raise Trouble(f"{identity} has two times, {found[identity]} and {visible(written)}", code="times")
        except Trouble as trouble:
            raise Trouble(f"{shown}, line {line}: {trouble.message}", code="times") from None
    return found
