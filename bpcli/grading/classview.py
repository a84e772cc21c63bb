"""The class as a whole: what succeeded, which slips were made and by whom, which wrong numbers nobody explained."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bpcli.grading.gradebook import Entry, Marked
from bpcli.grading.likeness import Likeness, Likenesses
from bpcli.grading.opened import opened
from bpcli.grading.policy import Policy, moment
from bpcli.grading.standing import MISSING, Row, Sheet, standing
from bpcli.marking.answers import Number, read_number
from bpcli.marking.diagnosis import SEEN
from bpcli.marking.liberal import read_answer
from bpcli.marking.verdicts import BLANK, INVALID, UNDECIDED, WRONG
from bpcli.result import Result
from bpcli.slips import SLIPS

#: A wrong number is told of when so many students have it.
FEWEST = 2
#: A variant's mean is told when so many students had it; the mean of fewer says more of them than of it.
FEWEST_OF_VARIANT = 3
#: A student's answers that are all one number are no work when there are so many, and nearly all of them are it.
FEWEST_EVERYWHERE, NEARLY_ALL = 5, 0.9


@dataclass(frozen=True)
class Item:
    """One blank in the whole class."""

    problem: str
    blank: str
    points: str
    verdicts: Mapping[str, int]
    credit: float | None
    """The mean share of its points that was earned, where it was marked."""
    discrimination: float | None
    """How far it goes with the rest of the sheet: the correlation with the other points, from -1 to 1."""

    @property
    def marked(self) -> int:
        """How many it was marked for."""
        return sum(self.verdicts.values()) - self.verdicts.get(UNDECIDED, 0)


@dataclass(frozen=True)
class Made:
    """A slip, and where and by whom it was made."""

    slip: str
    students: tuple[str, ...]
    blanks: tuple[tuple[str, int], ...]
    """``problem blank`` and how often, most often first."""

    @property
    def title(self) -> str:
        """What a teacher calls it."""
        return SLIPS[self.slip].title if self.slip in SLIPS else SEEN.get(self.slip, self.slip)


@dataclass(frozen=True)
class Cluster:
    """Wrong answers to one blank that agree, and that no slip explains."""

    problem: str
    blank: str
    what: str
    """The number itself, or what it is of the right one (``2 times the right number``)."""
    students: tuple[str, ...]


@dataclass(frozen=True)
class Constant:
    """One number that stands in all of some students' answers: no work, and so no slip and no cluster either."""

    value: float
    students: tuple[str, ...]

    @property
    def title(self) -> str:
        """Who wrote what, in words."""
        count = len(self.students)
        return f"{count:,} student{'s' * (count != 1)} wrote {self.value:g} everywhere"


@dataclass(frozen=True)
class Variants:
    """A problem by the numbers that students had."""

    problem: str
    count: int
    """Different variants."""
    mean: float
    lowest: float | None
    """The smallest and the largest mean share of points among variants that enough students had."""
    highest: float | None


@dataclass(frozen=True, eq=False)
class ClassView(Result):
    """The class view of a gradebook."""

    view = "class_view"

    sheet: Sheet
    policy: Policy
    rows: Sequence[Row]
    items: Sequence[Item]
    slips: Sequence[Made]
    clusters: Sequence[Cluster]
    variants: Sequence[Variants]
    alike: Sequence[Likeness] = ()
    constants: Sequence[Constant] = ()
    times: tuple[str, ...] = field(default=(), repr=False)
    """When work was handed in, earliest first, where that is known."""
    late: int = 0

    @property
    def totals(self) -> list[Decimal]:
        """Everybody's points, smallest first."""
        return sorted(row.total for row in self.rows if row.total is not None)

    def record(self, expression: str) -> dict[str, Any]:
        totals = [float(one) for one in self.totals]
        return {
            "schema": "bpcli/report/1", "title": self.sheet.title, "policy": self.policy.record(), "max_score": float(self.sheet.points),
            "students": len(self.rows), "graded": len(totals), "missing": [row.student.id for row in self.rows if row.status == MISSING],
            "mean": math.fsum(totals) / len(totals) if totals else None, "median": median(totals),
            "blanks": [{"problem": one.problem, "name": one.blank, "points": float(one.points), "verdicts": dict(one.verdicts),
                        "credit": one.credit, "discrimination": one.discrimination} for one in self.items],
            "slips": [{"id": one.slip, "title": one.title, "students": list(one.students),
                       "blanks": [{"blank": blank, "count": count} for blank, count in one.blanks]} for one in self.slips],
            "clusters": [{"problem": one.problem, "name": one.blank, "what": one.what, "students": list(one.students)}
                         for one in self.clusters],
            "variants": [{"problem": one.problem, "count": one.count, "mean": one.mean, "lowest": one.lowest,
                          "highest": one.highest} for one in self.variants],
            "alike": [one._asdict() for one in self.alike],
            "constants": [{"value": one.value, "students": list(one.students)} for one in self.constants],
            "times": {"first": self.times[0], "median": self.times[len(self.times) // 2], "last": self.times[-1],
                      "late": self.late} if self.times else None,
        }  # fmt: skip


def median(values: Sequence[float]) -> float | None:
    """The one in the middle; the mean of two."""
    if not values:
        return None
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def class_view(folder: str) -> ClassView:
    """The class view of the gradebook in FOLDER."""
    with opened(folder) as found:
        rows = standing(found.book, found.sheet)
        tally = _Tally()
        for row in rows:
            if row.entry:
                tally.add(row.student.id, found.book.entry(row.entry))
        times = sorted((moment(one), one) for one in tally.times) if _comparable(tally.times) else []
        return ClassView(found.sheet, found.policy, rows, tally.items(), tally.slips(), tally.clusters(), tally.variants(),
                         tally.likenesses.found(), tally.constants(), tuple(one for _, one in times), tally.late)  # fmt: skip


def _comparable(times: Iterable[str]) -> bool:
    return len({moment(one).tzinfo is None for one in times}) <= 1


class _Tally:
    """What is counted while the entries pass by; they are not kept."""

    def __init__(self) -> None:
        self.order: dict[tuple[str, str], str] = {}
        self.verdicts: dict[tuple[str, str], Counter[str]] = {}
        self.credits: dict[tuple[str, str], list[tuple[float, float]]] = {}
        self.made: dict[str, dict[str, Counter[str]]] = {}
        self.wrong: dict[tuple[str, str, str], list[str]] = {}
        self.by_variant: dict[str, dict[str, list[float]]] = {}
        self.likenesses = Likenesses()
        self.constant: dict[float, list[str]] = {}
        self.times: list[str] = []
        self.late = 0

    def add(self, student: str, entry: Entry) -> None:
        """Count the marks of STUDENT."""
        self.likenesses.add(student, entry.marks)
        total = float(sum((mark.earned for mark in entry.marks), Decimal(0)))
        earned: dict[tuple[str, str], tuple[float, float]] = {}
        constant = _everywhere(entry)
        if constant is not None:
            self.constant.setdefault(constant, []).append(student)
        for mark in entry.marks:
            blank = (mark.problem, mark.blank)
            self.order.setdefault(blank, mark.points)
            self.verdicts.setdefault(blank, Counter())[mark.verdict] += 1
            if mark.verdict != UNDECIDED:
                self.credits.setdefault(blank, []).append((float(mark.credit), total - float(mark.earned)))
            if mark.verdict == WRONG and constant is None:
                self._slip(student, mark)
            got, most = earned.get((mark.problem, mark.variant), (0.0, 0.0))
            earned[mark.problem, mark.variant] = (got + float(mark.earned), most + float(mark.points))
        for (problem, variant), (got, most) in earned.items():
            if most:
                self.by_variant.setdefault(problem, {}).setdefault(variant, []).append(got / most)
        if entry.time:
            self.times.append(entry.time)
            self.late += Decimal(entry.penalty) > 0

    def _slip(self, student: str, mark: Marked) -> None:
        if len(mark.slips) == 1:
            self.made.setdefault(mark.slips[0], {}).setdefault(student, Counter())[f"{mark.problem} {mark.blank}"] += 1
        elif not mark.slips:
            for what in _said(mark):
                self.wrong.setdefault((mark.problem, mark.blank, what), []).append(student)

    def items(self) -> list[Item]:
        """Every blank, in the order of the sheet."""
        return [
            Item(*blank, points, dict(sorted(self.verdicts[blank].items())), _mean([one for one, _ in self.credits[blank]]) if blank in self.credits else None,
                 _correlation(self.credits.get(blank, [])))
            for blank, points in self.order.items()
        ]  # fmt: skip

    def slips(self) -> list[Made]:
        """The slips, most students first."""
        found = []
        for slip, students in self.made.items():
            blanks = sum(students.values(), Counter[str]())
            ranked = sorted(blanks.items(), key=lambda one: (-one[1], one[0]))
            found.append(Made(slip, tuple(sorted(students)), tuple(ranked)))
        return sorted(found, key=lambda one: (-len(one.students), one.slip))

    def clusters(self) -> list[Cluster]:
        """Wrong numbers that several have, most students first."""
        found = [Cluster(problem, blank, what, tuple(sorted(students)))
                 for (problem, blank, what), students in self.wrong.items() if len(students) >= FEWEST]  # fmt: skip
        return sorted(found, key=lambda one: (-len(one.students), one.problem, one.blank, one.what))

    def constants(self) -> list[Constant]:
        """The numbers that stand everywhere, most students first."""
        found = [Constant(value, tuple(sorted(students))) for value, students in self.constant.items()]
        return sorted(found, key=lambda one: (-len(one.students), one.value))

    def variants(self) -> list[Variants]:
        """The problems by their variants."""
        found = []
        for problem, variants in self.by_variant.items():
            means = [_mean(shares) for shares in variants.values() if len(shares) >= FEWEST_OF_VARIANT]
            every = [share for shares in variants.values() for share in shares]
            found.append(
                Variants(problem, len(variants), _mean(every), min(means, default=None), max(means, default=None))
            )
        return found


def _everywhere(entry: Entry) -> float | None:
    """The one number of a student who wrote it nearly everywhere, and mostly in vain."""
    read = [read_answer(mark.answer or "") for mark in entry.marks]
    numbers = Counter(one.value for one in read if isinstance(one, Number))
    in_vain = sum(mark.verdict == WRONG for mark in entry.marks)
    if numbers.total() < FEWEST_EVERYWHERE or 2 * in_vain < numbers.total():
        return None
    value, count = numbers.most_common(1)[0]
    return value + 0.0 if count >= NEARLY_ALL * numbers.total() else None


def _said(mark: Marked) -> list[str]:
    """What a wrong answer may be known by: itself, and what it is of the right number."""
    answer = read_answer(mark.answer or "")
    if not isinstance(answer, Number):
        return []
    key = read_number(mark.expected)
    if not isinstance(key, Number) or not key.value or not answer.value:
        return [f"{answer.value:.6g}"]
    ratio = answer.value / key.value
    simple = next((f"{top}/{bottom}" if bottom > 1 else f"{top}" for bottom in range(1, 5) for top in range(1, 5)
                   if abs(abs(ratio) - top / bottom) < 1e-3 * top / bottom), "")  # fmt: skip
    if not simple or ratio == 1:
        return [f"{answer.value:.6g}"]
    return [f"{'-' if ratio < 0 else ''}{simple} times the right number"]


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0


def _correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Pearson's, or None where one side does not vary."""
    if len(pairs) < FEWEST_OF_VARIANT:
        return None
    a, b = _mean([x for x, _ in pairs]), _mean([y for _, y in pairs])
    over = math.fsum((x - a) * (y - b) for x, y in pairs)
    under = math.sqrt(math.fsum((x - a) ** 2 for x, _ in pairs) * math.fsum((y - b) ** 2 for _, y in pairs))
    return over / under if under > 1e-12 else None


#: How verdicts are put together in tables: a heading, and what it counts.
HEADINGS = {"right": ("right",), "rounded": ("rounded",), "follows": ("follows",), "wrong": (WRONG,), "empty": (BLANK,),
            "other": (INVALID, UNDECIDED)}  # fmt: skip


def counts(item: Item) -> list[str]:
    """The cells of ITEM under `HEADINGS`."""
    return [str(sum(item.verdicts.get(verdict, 0) for verdict in verdicts)) for verdicts in HEADINGS.values()]
