"""The gradebook: every mark with its reason, what was typed, the hash of its key, the version and the run.

An SQLite file to which rows are only ever added (triggers refuse the rest), so that what somebody once got, and
why, can always be looked up. A finished hand-in is on the disk before the next ones are begun: a run that is killed
goes on where it stopped. Which grade counts is itself a row: the last one `accepted` for a student.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from types import TracebackType
from typing import Any, NamedTuple

from bpcli.marking.verdicts import CREDIT
from bpcli.trouble import UNWRITABLE, Trouble, visible

_HUNDREDTH = Decimal("0.01")

FILE = "grades.db"
LOCK = "grades.lock"
LOCKED = 5  # exit code
_FORM = "bpcli/gradebook/2"

GRADED, REFUSED, NOT_GRADED = "graded", "refused", "not graded"
ACCEPTED, GIVEN, WRITTEN = "accepted", "override", "written"  # events

_TABLES = {
    "about": "name TEXT PRIMARY KEY, value TEXT NOT NULL",
    "runs": "run INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL, sheet TEXT NOT NULL, policy TEXT NOT NULL, "
            "version TEXT NOT NULL, opened TEXT NOT NULL",
    "events": "number INTEGER PRIMARY KEY, run INTEGER NOT NULL, event TEXT NOT NULL, head TEXT NOT NULL, at TEXT NOT NULL",
    "entries": "number INTEGER PRIMARY KEY, run INTEGER NOT NULL, student TEXT NOT NULL, source TEXT NOT NULL, "
               "digest TEXT NOT NULL, key TEXT NOT NULL, status TEXT NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL, "
               "remarks TEXT NOT NULL, time TEXT NOT NULL, score TEXT NOT NULL, penalty TEXT NOT NULL, "
               "max_score TEXT NOT NULL",
    "marks": "entry INTEGER NOT NULL, place INTEGER NOT NULL, problem TEXT NOT NULL, blank TEXT NOT NULL, answer TEXT, "
             "verdict TEXT NOT NULL, credit TEXT NOT NULL, points TEXT NOT NULL, reason TEXT NOT NULL, "
             "hint TEXT NOT NULL, expected TEXT NOT NULL, slips TEXT NOT NULL, used TEXT NOT NULL, key TEXT NOT NULL, "
             "variant TEXT NOT NULL, PRIMARY KEY (entry, place)",
    "done": "run INTEGER NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY (run, entry)",
    "accepted": "number INTEGER PRIMARY KEY, student TEXT NOT NULL, entry INTEGER NOT NULL, run INTEGER NOT NULL, "
                "at TEXT NOT NULL",
    "overrides": "number INTEGER PRIMARY KEY, student TEXT NOT NULL, problem TEXT NOT NULL, points TEXT, "
                 "reason TEXT NOT NULL, at TEXT NOT NULL",
}  # fmt: skip
#: What reading a value that is not the one that was written may raise.
_DAMAGED = (ValueError, ArithmeticError, TypeError)
_STATUSES = (GRADED, REFUSED, NOT_GRADED)
_INDEXES = ("entries (student)", "accepted (student)")


class Marked(NamedTuple):
    """One blank's mark in the gradebook."""

    problem: str
    blank: str
    answer: str | None
    verdict: str
    credit: str
    points: str
    reason: str
    hint: str
    """The reason without the slip, where students are told only that."""
    expected: str
    """The right answer, where students are told it or nobody explained theirs. It is for the teacher's eyes otherwise."""
    slips: tuple[str, ...]
    used: tuple[str, ...]
    key: str
    variant: str
    """A hash of the numbers that the student had."""

    @property
    def earned(self) -> Decimal:
        """The points that it earned; a share of a blank's points in hundredths, so that what is shown adds up."""
        credit, worth = Decimal(self.credit), Decimal(self.points)
        return worth if credit == 1 else (credit * worth).quantize(_HUNDREDTH, ROUND_HALF_EVEN)


@dataclass(frozen=True)
class Entry:
    """What one hand-in got. `marks` are none unless it was graded."""

    student: str
    source: str
    digest: str
    key: str
    """A hash of everything that its marks follow from, apart from the hand-in itself."""
    status: str
    code: str = ""
    reason: str = ""
    remarks: tuple[str, ...] = ()
    time: str = ""
    score: str = ""
    """Before what lateness costs; "" when it is not graded."""
    penalty: str = "0"
    """The share that lateness costs."""
    max_score: str = ""
    marks: tuple[Marked, ...] = ()
    number: int = 0
    run: int = 0
    """The run that found it first."""

    @property
    def total(self) -> Decimal | None:
        """The points that count; None when there are none yet."""
        return Decimal(self.score) * (1 - Decimal(self.penalty)) if self.score else None


class Run(NamedTuple):
    """What the gradebook knows of a run."""

    number: int
    fingerprint: str
    """A hash of everything that its marks follow from, apart from the students and their hand-ins."""
    sheet: str
    """What the views need to know of the sheet, as JSON."""
    policy: str
    version: str
    """The version of bpcli that marked."""
    head: str
    """What is said of the run as a whole, as JSON; "" until it is accepted."""


class Override(NamedTuple):
    """Points given by hand: for a problem, or ("" ) for everything."""

    student: str
    problem: str
    points: str | None
    """None takes an earlier override back."""
    reason: str
    at: str = ""


def now() -> str:
    """The time, in UTC and to the second; it is only kept, nothing depends on it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class Gradebook:
    """The gradebook of a folder, held by this process alone until it is closed."""

    def __init__(self, folder: str, *, lock: bool = True) -> None:
        self.path = os.path.join(folder, FILE)
        self._lock = _locked(os.path.join(folder, LOCK)) if lock else None
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        if os.path.islink(self.path):
            raise Trouble(
                f"{visible(self.path)} is a link; a gradebook is a file", code="not-a-file", exit_code=UNWRITABLE
            )
        try:
            self.base = sqlite3.connect(self.path, timeout=10, isolation_level=None)
            self.base.execute("PRAGMA journal_mode=WAL")
            self.base.execute("PRAGMA synchronous=FULL")
            found = self.base.execute("PRAGMA quick_check").fetchone()[0]
            if found != "ok":
                raise sqlite3.DatabaseError(found.splitlines()[0])
            self._make()
            there = {name for (name,) in self._rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if lacking := [name for name in _TABLES if name not in there]:
                raise self.damaged(f"no such table: {lacking[0]}")
            form = self.base.execute("SELECT value FROM about WHERE name = 'form'").fetchone()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise self.damaged(error) from None
        if form is None or form[0] != _FORM:
            raise Trouble(f"{visible(self.path)} is no gradebook of this version of bpcli", code="gradebook",
                          tries=["--out grades-anew"])  # fmt: skip

    def _make(self) -> None:
        if self.base.execute("SELECT count(*) FROM sqlite_master WHERE name = 'about'").fetchone()[0]:
            return
        with self.together():
            for name, columns in _TABLES.items():
                self.base.execute(f"CREATE TABLE {name} ({columns})")
                for change in ("UPDATE", "DELETE"):
                    self.base.execute(f"CREATE TRIGGER {name}_{change} BEFORE {change} ON {name} "
                                      "BEGIN SELECT RAISE(ABORT, 'the gradebook is only added to'); END")  # fmt: skip
            for place, index in enumerate(_INDEXES):
                self.base.execute(f"CREATE INDEX index_{place} ON {index}")
            self.base.execute("INSERT INTO about VALUES ('form', ?)", [_FORM])

    def close(self) -> None:
        """Close the file and let others have it."""
        if getattr(self, "base", None) is not None:
            self.base.close()
        if self._lock is not None:
            self._lock.close()

    def __enter__(self) -> Gradebook:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def together(self) -> AbstractContextManager[None]:
        """What is changed meanwhile is changed at the end, all of it, or on any error none."""
        return nullcontext() if self.base.in_transaction else _Transaction(self.base)

    def _rows(self, query: str, *given: object) -> list[tuple[Any, ...]]:
        """What QUERY finds; `Trouble` where the file is damaged."""
        try:
            return self.base.execute(query, given).fetchall()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise self.damaged(error) from None

    def damaged(self, what: object) -> Trouble:
        """What to say of WHAT is wrong with the file."""
        return Trouble(
            f"the gradebook {visible(self.path)} cannot be used: {visible(str(what))[:200]}",
            code="gradebook",
            exit_code=UNWRITABLE,
        )

    # --- runs ---

    def run(self, fingerprint: str, sheet: str, policy: str, version: str) -> tuple[int, bool]:
        """The number of a run under these rules, and whether it goes on with one that was not accepted yet."""
        last = self._rows("SELECT run, fingerprint FROM runs ORDER BY run DESC LIMIT 1")
        if last and last[0][1] == fingerprint and not self._has(last[0][0], ACCEPTED):
            return int(last[0][0]), True
        with self.together():
            cursor = self.base.execute("INSERT INTO runs (fingerprint, sheet, policy, version, opened) VALUES (?, ?, ?, ?, ?)",
                                       [fingerprint, sheet, policy, version, now()])  # fmt: skip
        return int(cursor.lastrowid or 0), False

    def _has(self, run: int, event: str) -> bool:
        return bool(self._rows("SELECT 1 FROM events WHERE run = ? AND event = ?", run, event))

    def last(self) -> Run | None:
        """The run that was accepted last."""
        found = self._rows("SELECT run FROM events WHERE event = ? ORDER BY number DESC LIMIT 1", ACCEPTED)
        return self.made_by(found[0][0]) if found else None

    def made_by(self, run: int) -> Run:
        """The run with this number."""
        query = ("SELECT runs.run, fingerprint, sheet, policy, version, coalesce(max(head), '') FROM runs LEFT JOIN events "
                 "ON events.run = runs.run AND event = ? WHERE runs.run = ?")  # fmt: skip
        (row,) = self._rows(query, ACCEPTED, run)
        if row[0] is None:
            raise self.damaged(f"it has no run {run}")
        try:
            for text in (row[2], row[3], row[5] or "{}"):
                json.loads(text)
        except _DAMAGED as error:
            raise self.damaged(f"run {run}: {error}") from None
        return Run._make(row)

    # --- entries ---

    def add(self, run: int, entries: Iterable[Entry]) -> None:
        """Keep ENTRIES, all or none; they are on the disk afterwards.

        What an earlier run found of the same hand-in, word for word, is not kept twice: RUN refers to it.
        """
        with self.together():
            for one in entries:
                number = self._same(one) or self._added(run, one)
                self.base.execute("INSERT OR IGNORE INTO done VALUES (?, ?)", [run, number])

    def _same(self, one: Entry) -> int:
        """The number of an entry that says the same; 0 when there is none."""
        query = "SELECT max(number) FROM entries WHERE student = ? AND source = ? AND digest = ? AND key = ?"
        ((found,),) = self._rows(query, *map(_kept, (one.student, one.source, one.digest, one.key)))
        number = int(found or 0)
        return number if number and replace(self.entry(number), number=0, run=0) == one else 0

    def _added(self, run: int, one: Entry) -> int:
        cursor = self.base.execute(
            "INSERT INTO entries (run, student, source, digest, key, status, code, reason, remarks, time, score, "
            "penalty, max_score) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [run, *map(_kept, (one.student, one.source, one.digest, one.key, one.status, one.code, one.reason,
             json.dumps(one.remarks), one.time, one.score, one.penalty, one.max_score))],
        )  # fmt: skip
        self.base.executemany(
            "INSERT INTO marks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(cursor.lastrowid, place, *map(_kept, mark[:9]), json.dumps(mark.slips), json.dumps(mark.used),
              mark.key, mark.variant) for place, mark in enumerate(one.marks)],
        )  # fmt: skip
        return int(cursor.lastrowid or 0)

    def entries(self, run: int) -> dict[tuple[str, str, str, str], int]:
        """What RUN has finished: (student, source, digest, key) -> number of its entry."""
        rows = self._rows("SELECT student, source, digest, key, number FROM done "
                          "JOIN entries ON entries.number = done.entry WHERE done.run = ?", run)  # fmt: skip
        return {(student, source, digest, key): number for student, source, digest, key, number in rows}

    def entry(self, number: int, marks: bool = True) -> Entry:
        """The entry with this NUMBER."""
        found = self._rows("SELECT number, run, student, source, digest, key, status, code, reason, remarks, time, "
                           "score, penalty, max_score FROM entries WHERE number = ?", number)  # fmt: skip
        if not found:
            raise self.damaged(f"it has no entry {number}")
        (row,) = found
        try:
            return _entry(row, self._marks(number) if marks else ())
        except _DAMAGED as error:
            raise self.damaged(f"entry {number}: {error}") from None

    def _marks(self, entry: int) -> tuple[Marked, ...]:
        rows = self._rows("SELECT problem, blank, answer, verdict, credit, points, reason, hint, expected, slips, "
                          "used, key, variant FROM marks WHERE entry = ? ORDER BY place", entry)  # fmt: skip
        return tuple(_mark(row) for row in rows)

    # --- what counts ---

    def accept(self, run: int, entries: Sequence[tuple[str, int]], head: str) -> None:
        """From now on these (student, entry) count; with this RUN is done. HEAD is what is to be said of it as a whole."""
        with self.together():
            self.base.executemany("INSERT INTO accepted (student, entry, run, at) VALUES (?, ?, ?, ?)",
                                  [(student, entry, run, now()) for student, entry in entries])  # fmt: skip
            self._happened(run, ACCEPTED, head)

    def _happened(self, run: int, event: str, head: str = "") -> None:
        self.base.execute("INSERT INTO events (run, event, head, at) VALUES (?, ?, ?, ?)", [run, event, head, now()])

    def accepted(self) -> dict[str, int]:
        """Student -> the entry that counts."""
        return dict(self._rows("SELECT student, entry FROM accepted ORDER BY number"))

    def history(self, student: str) -> list[tuple[str, int, int]]:
        """(time, run, entry) of every grade that counted for STUDENT, in order."""
        rows = self._rows("SELECT at, run, entry FROM accepted WHERE student = ? ORDER BY number", student)
        return [(at, run, entry) for at, run, entry in rows]

    def override(self, changes: Iterable[Override]) -> None:
        """Keep points given by hand."""
        if not (given := [*changes]):
            return
        with self.together():
            self.base.executemany("INSERT INTO overrides (student, problem, points, reason, at) VALUES (?, ?, ?, ?, ?)",
                                  [(one.student, one.problem, one.points, one.reason, now()) for one in given])  # fmt: skip
            self._happened(self._rows("SELECT max(run) FROM runs")[0][0], GIVEN)

    def written(self) -> None:
        """The files are those of the marks that count."""
        with self.together():
            self._happened(self._rows("SELECT max(run) FROM runs")[0][0], WRITTEN)

    def unwritten(self) -> str:
        """The change (`ACCEPTED` or `GIVEN`) that the files may lack, since they are put in place after it; or ""."""
        last = self._rows("SELECT event FROM events ORDER BY number DESC LIMIT 1")
        return "" if not last or last[0][0] == WRITTEN else str(last[0][0])

    def overrides(self) -> dict[str, dict[str, Override]]:
        """Student -> problem ("" for all of them) -> what was given by hand and not taken back."""
        found: dict[str, dict[str, Override]] = {}
        for row in self._rows("SELECT student, problem, points, reason, at FROM overrides ORDER BY number"):
            one = Override(*row)
            if one.points is None:
                found.get(one.student, {}).pop(one.problem, None)
            else:
                found.setdefault(one.student, {})[one.problem] = one
        return {student: problems for student, problems in found.items() if problems}

    def changes(self, student: str) -> Iterator[Override]:
        """Everything that was given by hand to STUDENT, in order, also what was taken back."""
        query = "SELECT student, problem, points, reason, at FROM overrides WHERE student = ? ORDER BY number"
        yield from (Override(*row) for row in self._rows(query, student))


class _Transaction:
    """A short transaction that takes its lock at once: one that begins by reading would fail at its first write."""

    def __init__(self, base: sqlite3.Connection) -> None:
        self.base = base

    def __enter__(self) -> None:
        try:
            self.base.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise _unwritable(error) from None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self.base.execute("COMMIT" if error is None else "ROLLBACK")
        except sqlite3.Error as failed:
            raise _unwritable(failed) from None
        if isinstance(error, sqlite3.Error):
            raise _unwritable(error) from None


def _entry(row: Sequence[Any], marks: tuple[Marked, ...]) -> Entry:
    """The entry in ROW; an error of `_DAMAGED` when it is none."""
    found = Entry(student=row[2], source=row[3], digest=row[4], key=row[5], status=row[6], code=row[7], reason=row[8],
                  remarks=tuple(json.loads(row[9])), time=row[10], score=row[11], penalty=row[12], max_score=row[13],
                  marks=marks, number=row[0], run=row[1])  # fmt: skip
    for number in (found.score or "0", found.penalty, *(one for mark in marks for one in (mark.credit, mark.points))):
        if not Decimal(number).is_finite():
            raise ValueError(f"{number} is no number of points")
    for word, known in ((found.status, _STATUSES), *((mark.verdict, CREDIT) for mark in marks)):
        if word not in known:
            raise ValueError(f"{word!r} is not one of {', '.join(known)}")
    return found


def _mark(row: Sequence[Any]) -> Marked:
    *texts, slips, used, key, variant = row
    return Marked._make([*texts, tuple(json.loads(slips)), tuple(json.loads(used)), key, variant])


def _unwritable(error: sqlite3.Error) -> Trouble:
    return Trouble(f"the gradebook could not be written: {error}", code="unwritable", exit_code=UNWRITABLE)


def _kept(value: str | None) -> str | None:
    """VALUE as SQLite can keep it: text that is no Unicode (half a pair) as escapes."""
    if value is None or value.isascii():
        return value
    return value.encode("utf-8", "backslashreplace").decode()


def _locked(path: str) -> sqlite3.Connection:
    """A lock that ends with this process, whatever ends it: SQLite's own, on a file by itself."""
    base = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        base.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        base.close()
        if "locked" not in str(error):
            raise _unwritable(error) from None
        raise Trouble(
            f"another run is using {visible(os.path.dirname(path) or '.')}", code="locked", exit_code=LOCKED
        ) from None
    return base
