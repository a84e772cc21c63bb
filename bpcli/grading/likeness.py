"""Answers that are wrong for a student's own numbers and right for somebody else's: evidence for a teacher, no verdict.

Everybody has a variant of their own, so the right answers of a neighbour do not come out of an honest mistake. What is
compared is what was handed in: the neighbour handed the numbers in too, and had them right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bpcli.grading.gradebook import Marked
from bpcli.marking.answers import Number
from bpcli.marking.liberal import read_answer
from bpcli.marking.verdicts import RIGHT, ROUNDED

#: In a class of 300 with five problems, 38 copied papers are found with 18 answers or more that agree, and of the 262
#: others, with slips of every kind, nobody's answers agree in five.
FEWEST = 5
#: The share of a student's answers, beside those right by the own numbers, that must agree.
SHARE = 0.8
#: What many problems have somewhere for everybody.
_COMMON = (-1.0, 0.0, 1.0)


class Likeness(NamedTuple):
    """One student's answers that fit the numbers of another."""

    student: str
    other: str
    problems: tuple[str, ...]
    agree: int
    """Answers that are the other's right ones."""
    of: int
    """Numbers that are not right by the student's own, in these problems."""


class _Answer(NamedTuple):
    problem: str
    blank: str
    value: float
    variant: str


class Likenesses:
    """Collects the class; nothing of a hand-in is kept but its numbers."""

    def __init__(self) -> None:
        self._right: dict[tuple[str, str, float], list[tuple[str, str]]] = {}
        self._other: dict[str, list[_Answer]] = {}

    def add(self, student: str, marks: Iterable[Marked]) -> None:
        """Take in what STUDENT answered."""
        for mark in marks:
            number = read_answer(mark.answer or "")
            if not isinstance(number, Number) or number.value in _COMMON:
                continue
            one = _Answer(mark.problem, mark.blank, float(f"{number.value:.6g}"), mark.variant)
            if mark.verdict in (RIGHT, ROUNDED):
                self._right.setdefault(one[:3], []).append((student, mark.variant))
            else:
                self._other.setdefault(student, []).append(one)

    def found(self) -> list[Likeness]:
        """Whose answers fit whose numbers, most answers first; of several others the one that fits best."""
        each = (max(self._of(student), default=None, key=lambda one: (one.agree, one.of)) for student in self._other)
        return sorted((one for one in each if one), key=lambda one: (-one.agree, one.student))

    def _of(self, student: str) -> Iterator[Likeness]:
        answers = self._other[student]
        agree: dict[str, Counter[str]] = {}
        for one in answers:
            for other, variant in self._right.get(one[:3], ()):
                if variant != one.variant:
                    agree.setdefault(other, Counter())[one.problem] += 1
        every = Counter(one.problem for one in answers)
        for other, counts in sorted(agree.items(), reverse=True):
            alike = [problem for problem in every if counts[problem] >= SHARE * every[problem]]
            count = sum(counts[problem] for problem in alike)
            if count >= FEWEST:
                yield Likeness(student, other, tuple(alike), count, sum(every[problem] for problem in alike))
