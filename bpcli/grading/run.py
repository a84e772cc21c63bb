"""One run of `bpcli grade`: collect, mark, keep, compare with what counted before, write.

Nothing that counts changes without being asked for: if somebody who has a grade would get another one, the run is a
proposal, and `apply` accepts it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from bpcli import __version__
from bpcli.exercises import sheet as sheets
from bpcli.exercises.draws import Draws
from bpcli.exercises.draws import read as read_draws
from bpcli.exercises.roster import Student, canonical
from bpcli.exercises.sheet import Sheet
from bpcli.grading import files, outputs, runs, writing
from bpcli.grading.desk import Desk, Marker, Setting, Task, by_the_rules, sheet_summary
from bpcli.grading.diff import Move, differs, moves
from bpcli.grading.gradebook import ACCEPTED, GRADED, NOT_GRADED, REFUSED, Entry, Gradebook, Override
from bpcli.grading.opened import accepted
from bpcli.grading.policy import Policy, points, policy
from bpcli.grading.standing import MISSING, Row, listed, sheet_of, standing
from bpcli.grading.standing import Sheet as Summary
from bpcli.grading.times import Times, read_times
from bpcli.grading.workers import mark_all, marked
from bpcli.result import Result
from bpcli.submissions.collecting import Collection, collect
from bpcli.submissions.handed_in import HandIn, Refused
from bpcli.submissions.identity import Anybody, Register
from bpcli.trouble import Trouble, visible

#: With fewer hand-ins than this, starting processes costs more than it saves; one alone cannot harm another.
FEW = 2


@dataclass(frozen=True)
class Order:
    """What is to be graded, and how."""

    sheet: Sheet
    name: str
    paths: tuple[str, ...]
    out: str
    policy: Policy
    register: Register
    shared: bool = False
    times: str | None = None
    apply: bool = False
    jobs: int = 1
    draws: Draws = field(default_factory=dict, repr=False)
    notes: Sequence[str] = ()
    """What is to be said of the order itself."""

    @property
    def setting(self) -> Setting:
        """What the hand-ins are marked by."""
        return Setting(self.sheet.text().encode(), self.name, self.policy, self.shared, self.draws)


class Kept(NamedTuple):
    """Somebody who handed in anew, to no points, and whose marks of before count."""

    student: str
    points: float
    reason: str


@dataclass(frozen=True, eq=False)
class Graded(Result):
    """The outcome of a run. found = graded + refused + not_graded."""

    view = "graded"

    sheet: Summary
    policy: Policy
    out: str
    rows: Sequence[Row]
    refused: Sequence[Entry]
    """Hand-ins that were refused, by source."""
    not_graded: Sequence[Entry]
    graded: int
    aside: Sequence[tuple[str, str]]
    moves: Sequence[Move]
    accepted: bool
    """Whether the marks count now. If not, nothing was changed, and `moves` says what would."""
    overrides: Sequence[Override] = ()
    """What was taken over from ``grades.csv``."""
    timed: bool = True
    """Whether it is known when the work was handed in, if that costs anything."""
    resumed: int = 0
    """Hand-ins that an earlier run had marked before it was stopped."""
    notes: Sequence[str] = ()
    """How the times were read, where that is not plain."""
    left: Sequence[str] = ()
    """What a person has written into ``grades.csv`` that does not count: under override what is no number, and other points."""
    staying: Sequence[str] = ()
    """Whose marks would stay as an earlier key made them, though nobody has accepted that yet."""
    kept: Sequence[Kept] = ()
    """Whose marks stay since what was handed in anew has none."""
    recovered: Sequence[dict[str, Any]] | None = None
    """The moves of the run before, if that was stopped before its files were in place; they are now."""

    @property
    def found(self) -> int:
        """How many hand-ins there are."""
        return self.graded + len(self.refused) + len(self.not_graded)

    @property
    def ok(self) -> bool:
        """Whether every hand-in was graded and counts, all by one key, and everything given by hand was taken over."""
        by_one_key = not any(runs.KEY in row.stale for row in self.rows)
        return self.accepted and self.graded == self.found and not self.left and by_one_key

    def head(self) -> dict[str, Any]:
        """Everything but the students."""
        return {
            "schema": "bpcli/grade/1", "title": self.sheet.title, "version": __version__, "policy": self.policy.record(),
            "complete": self.ok, "accepted": self.accepted, "found": self.found, "graded": self.graded,
            "refused": len(self.refused), "not_graded": len(self.not_graded),
            "refusals": [{"student": one.student or None, "source": one.source, "status": one.status, "code": one.code,
                          "reason": one.reason} for one in (*self.refused, *self.not_graded)],
            "set_aside": [{"student": student, "source": source} for student, source in self.aside],
            "missing": [row.student.id for row in self.rows if row.status == MISSING],
            "moves": [move.record() for move in self.moves], "kept": [one._asdict() for one in self.kept],
            "staying": list(self.staying), "recovered": list(self.recovered or []), "notes": [*self.notes, *self.left],
        }  # fmt: skip

    def record(self, expression: str) -> dict[str, Any]:
        return self.head()


def order(name: str, paths: Sequence[str], out: str, *, roster: str | None = None, seed: str = "1",
          times: str | None = None, apply: bool = False, jobs: int = 1, **rules: Any) -> Order:  # fmt: skip
    """The order that a command line gives. NAME is a sheet (its folder or file), or one problem.

    With one problem everybody has the numbers that `bpcli problems show` shows, and without a ROSTER everybody is
    taken by the name of the file.
    """
    from bpcli.exercises import bank
    from bpcli.exercises.roster import confused, joined, read_file

    students = read_file(roster) if roster else ()
    known_draws: Draws = {}
    notes: list[str] = []
    shared = not _is_sheet(name)
    if shared:
        found = bank.find([name])
        if len(found) > 1:
            raise Trouble(f"{name} has {len(found)} problems; make a sheet of them first", code="several-problems",
                          tries=[f"bpcli sheet {name} -o hw1"])  # fmt: skip
        identity, path = next(iter(found.items()))
        sheet = sheets.make([bank.load(path, identity)], students, seed)
    else:
        file = _sheet_file(name)
        sheet = sheets.read(file)
        known_draws = read_draws(file.parent, sheet.source, len(sheet.problems))
        notes = _not_in(roster or "", students, sheet) if students else []
        sheet = replace(sheet, students=joined(students, sheet.students)) if students else sheet
        if wrong := confused(sheet.students):
            raise Trouble(f"{visible(roster or name)} and the sheet's own students: {wrong}", code="roster")
    register = Register(sheet.students) if sheet.students else Anybody()
    return Order(
        sheet,
        name,
        tuple(paths),
        out,
        policy(sheet.marking).changed(**rules),
        register,
        shared,
        times,
        apply,
        jobs,
        known_draws,
        notes,
    )


def _not_in(roster: str, students: Sequence[Student], sheet: Sheet) -> list[str]:
    """That students of the SHEET are not in the list ROSTER: they stay, and are said to be missing."""
    there = {canonical(one.id) for one in students}
    lacking = [visible(one.id) for one in sheet.students if canonical(one.id) not in there]
    if not lacking:
        return []
    return [f"{visible(roster)} lacks {len(lacking):,} of the sheet's {len(sheet.students):,} students, who stay: "
            f"{listed(lacking, 6)}"]  # fmt: skip


def _is_sheet(name: str) -> bool:
    return _sheet_file(name).is_file()


def _sheet_file(name: str) -> Path:
    """Where the file of the sheet NAME is: in a folder that `bpcli sheet` wrote, in its folder for the teacher, or itself."""
    inside = [Path(name, "teacher", "sheet.toml"), Path(name, "sheet.toml")]
    if os.path.basename(name) == "sheet.toml":
        return Path(name)
    return next((one for one in inside if one.is_file()), inside[0])


def grade(what: Order, step: Callable[[int], Callable[..., None]] = lambda _: lambda *_: None,
          marker: Marker = by_the_rules) -> Graded:  # fmt: skip
    """Grade as ORDER says. STEP is told how many hand-ins there are, and what it gives is called after each."""
    _apart(what)
    writing.folder(what.out)
    setting = what.setting
    desk = Desk.of(setting)
    summary = sheet_summary(what.sheet, what.shared)
    with ExitStack() as stack:
        book = stack.enter_context(Gradebook(what.out))
        writing.clean(what.out)
        stopped = book.unwritten()
        own = files.columns(sheet_of(summary))
        before = files.read_before(os.path.join(what.out, files.CSV), own)
        changed = [] if stopped else _changed(book, before)
        times = read_times(what.times, what.register, what.policy.deadline) if what.times else Times({})
        groups = {one.id: one.group for one in what.sheet.students if one.group} if what.policy.groups else {}
        collection = collect(what.paths, what.register, desk.catalogue, stack, what.policy.several, groups=groups)
        run, _ = book.run(desk.fingerprint, summary, what.policy.text(), __version__)
        marking = _Marking(what, setting, desk, book, run, collection, times.times, marker)
        with_step = step(collection.found)
        for _ in marking.entries(with_step):
            pass
        overrides = before.new(book)
        book.override(overrides)
        result, chosen = _settled(what, book, run, marking, before, overrides, groups, times.note)
        if stopped == ACCEPTED:
            result = replace(result, recovered=_moves_of(book))
        result = replace(result, left=[*result.left, *changed])
        return _written(result, chosen, book, run, before)


def _apart(what: Order) -> None:
    """`Trouble` when marks would be written among the hand-ins, or the gradebook read as one."""
    out = os.path.realpath(what.out)
    for path in what.paths:
        place = os.path.realpath(path)
        if os.path.isdir(place) and (out == place or out.startswith(place + os.sep)) and not _is_sheet(path):
            raise Trouble(f"the marks would be written among the hand-ins: {visible(what.out)} is in {visible(path)}",
                          code="output-in-input", tries=["--out grades"])  # fmt: skip


class _Marking:
    """The marking of a run: what there is to do, and what an earlier run has done of it."""

    def __init__(self, what: Order, setting: Setting, desk: Desk, book: Gradebook, run: int, collection: Collection,
                 times: dict[str, str], marker: Marker) -> None:  # fmt: skip
        self.what, self.setting, self.desk, self.book, self.run = what, setting, desk, book, run
        self.collection, self.times, self.marker = collection, times, marker
        self.done = book.entries(run)
        self.seen: list[tuple[str, str, str, str]] = []
        self.resumed = 0

    def entries(self, step: Callable[..., None]) -> Iterator[None]:
        """Mark what is not marked yet, and keep it; a step for each hand-in."""
        self._keep([_refusal(one) for one in self.collection.refused], step)
        if len(self.collection.taken) < FEW:
            for task in self._tasks(step):
                self._keep([marked(self.desk, task, self.marker)], step)
                yield
            return
        jobs = min(self.what.jobs, len(self.collection.taken))
        chunk = max(1, min(20, len(self.collection.taken) // (4 * jobs)))
        for entries in mark_all(self.setting, self.desk, self._tasks(step), jobs, self.marker, chunk):
            self._keep(entries, step)
            yield

    def _tasks(self, step: Callable[..., None]) -> Iterator[Task]:
        """The hand-ins to be marked, each read when its turn comes."""
        for one in self.collection.taken:
            hand_in = one.read()
            if isinstance(hand_in, Refused):
                self._keep([_refusal(hand_in)], step)
                continue
            time = self.times.get(hand_in.student, "")
            if self._is_done(hand_in, time):
                step()
            else:
                yield hand_in, time

    def _is_done(self, hand_in: HandIn, time: str) -> bool:
        identity = (hand_in.student, hand_in.source, hand_in.digest, self.desk.key(hand_in.student, time))
        if identity not in self.done:
            return False
        self.seen.append(identity)
        self.resumed += 1
        return True

    def _keep(self, entries: Sequence[Entry], step: Callable[..., None]) -> None:
        new = [one for one in entries if _identity(one) not in self.done]
        self.book.add(self.run, new)
        self.seen += map(_identity, entries)
        for _ in entries:
            step()

    def numbers(self) -> list[int]:
        """The numbers of this run's entries."""
        done = self.book.entries(self.run)
        return [done[one] for one in dict.fromkeys(self.seen)]


def _identity(entry: Entry) -> tuple[str, str, str, str]:
    return entry.student, entry.source, entry.digest, entry.key


def _refusal(refused: Refused) -> Entry:
    digest = f"{refused.code}: {refused.reason}"
    return Entry(refused.student, refused.source, digest, "", REFUSED, refused.code, refused.reason)


def _settled(what: Order, book: Gradebook, run: int, marking: _Marking, before: files.Before,
             overrides: Sequence[Override], groups: dict[str, str], note: str) -> tuple[Graded, dict[str, int]]:  # fmt: skip
    """Compare with what counted before: the outcome, if it is accepted, and the entry that counts for each student then."""
    entries = [book.entry(number, marks=False) for number in marking.numbers()]
    chosen, aside = _chosen(entries, groups)
    kept = list(_kept(book, chosen))
    for one in kept:
        del chosen[one.student]
    found, staying = list(moves(book, chosen)), _staying(book, run, chosen)
    counted = [one for one in entries if one not in aside]
    return Graded(
        sheet_of(book.made_by(run).sheet), what.policy, what.out, (),
        sorted((one for one in counted if one.status == REFUSED), key=lambda one: (one.source, one.student)),
        sorted((one for one in counted if one.status == NOT_GRADED), key=lambda one: (one.student, one.source)),
        sum(one.status == GRADED for one in counted),
        sorted([*marking.collection.aside, *[(one.student, one.source) for one in aside]]), found,
        what.apply or not (found or staying), overrides, bool(what.times) or not what.policy.late, marking.resumed,
        [*what.notes, *[note] * bool(note)], before.left, () if what.apply else staying, kept,
    ), chosen  # fmt: skip


def _written(result: Graded, chosen: dict[str, int], book: Gradebook, run: int, before: files.Before) -> Graded:
    """RESULT when its marks count, unless it is a proposal, and everything is written."""
    if not result.accepted:
        if book.unwritten() and (last := accepted(book)) is not None:
            rows = standing(book, last.sheet)
            with outputs.changing(book) as staged:
                outputs.write_all(result.out, last.head, rows, rows, book, last.sheet, last.policy, before, staged)
        return replace(result, rows=standing(book, result.sheet))
    others = sorted((student, number) for student, number in chosen.items() if differs(book, student, number))
    with outputs.changing(book) as staged:
        book.accept(run, others, json.dumps(result.head(), allow_nan=False))
        rows = standing(book, result.sheet)
        result = replace(result, rows=rows)
        outputs.write_all(result.out, result.head(), rows, rows, book, result.sheet, result.policy, before, staged)
    return result


def _kept(book: Gradebook, chosen: Mapping[str, int]) -> Iterator[Kept]:
    """Who has points, and would have none for an entry that nobody could mark: what is broken takes nothing away."""
    counting = book.accepted()
    for student in sorted(chosen.keys() & counting.keys()):
        old, new = book.entry(counting[student], marks=False), book.entry(chosen[student])
        if old.total is not None and new.total is None and not new.marks:
            yield Kept(student, float(points(old.total)), new.reason)


def _staying(book: Gradebook, run: int, chosen: Mapping[str, int]) -> list[str]:
    """Whose marks would stay as an earlier key made them, if RUN is the first with another one."""
    this, last = book.made_by(run), book.last()
    if last is None or not runs.other_key(last, this):
        return []
    others = [book.entry(number, marks=False) for student, number in book.accepted().items() if student not in chosen]
    earlier = {one for one in {entry.run for entry in others} if runs.other_key(book.made_by(one), this)}
    return sorted(entry.student for entry in others if entry.score and entry.run in earlier)


def _changed(book: Gradebook, before: files.Before) -> list[str]:
    """The points in the ``grades.csv`` of BEFORE that are not those of the gradebook."""
    last = accepted(book)
    return [] if last is None else before.changed(standing(book, last.sheet), last.sheet)


def _moves_of(book: Gradebook) -> list[dict[str, Any]]:
    """The moves of the run that was accepted last."""
    last = book.last()
    return [] if last is None else list(json.loads(last.head)["moves"])


def _chosen(entries: Sequence[Entry], groups: Mapping[str, str]) -> tuple[dict[str, int], list[Entry]]:
    """The entry that counts for each student (of several the best, and of these the first), and those set aside.

    A group's entry counts for everybody in it.
    """
    parties: dict[tuple[str, str], list[Entry]] = {}
    for one in entries:
        if one.student:
            group = groups.get(one.student, "")
            parties.setdefault((group, "" if group else one.student), []).append(one)
    best = {party: max(handed, key=rank) for party, handed in parties.items()}
    chosen: dict[str, int] = {}
    for (group, student), one in best.items():
        members = [member for member, theirs in groups.items() if theirs == group] if group else [student]
        chosen |= dict.fromkeys(members, one.number)
    counting = set(chosen.values())
    return chosen, [one for one in entries if one.student and one.number not in counting and one.status == GRADED]


def rank(entry: Entry) -> tuple[bool, Decimal]:
    """What makes one of several entries the better one."""
    return entry.status == GRADED, entry.total or Decimal(0)
