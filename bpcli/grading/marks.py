"""A student's lines for one problem of a sheet, marked blank by blank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bpcli.answer_key import Asked, Key
from bpcli.answers import Answer, Line, Missing, Unreadable, read_number, table
from bpcli.exercises.keys import keys
from bpcli.exercises.problem import Blank, GradientBlank, LocalBlank, ValueBlank
from bpcli.exercises.variants import Variant
from bpcli.figures import show_nested
from bpcli.marking import mark_numbers
from bpcli.verdicts import BLANK, INVALID, UNDECIDED, Mark


def mark_problem(variant: Variant, lines: Sequence[Line], hint: bool = False) -> list[Mark]:
    """The mark of each blank of VARIANT's problem, in order; HINT keeps the slip back."""
    problem = variant.problem
    answered = table(lines)
    answers: dict[str, Answer] = {
        name: text if isinstance(text, Unreadable) else read_number(text) for name, text in answered.items()
    }
    asked = {blank.name: one for blank in problem.blanks if (one := _asked(blank)) is not None}
    if problem.graph.shapes is not None:
        asked = {}
    key = Key(problem.graph, variant.point, variant.values, float(variant.upstream), problem.rounding,
              None if problem.kinks == "avoid" else problem.kinks) if asked else None  # fmt: skip
    found = {} if key is None else {mark.name: mark for mark in mark_numbers(key, list(asked.values()), answers, hint)}
    return [found.get(blank.name) or _by_hand(blank, answered) for blank in problem.blanks]


def _asked(blank: Blank) -> Asked | None:
    points = float(blank.points)
    if isinstance(blank, ValueBlank):
        return Asked(blank.name, "value", blank.node, 0, points)
    if isinstance(blank, GradientBlank):
        return Asked(blank.name, "gradient", blank.node, 0, points)
    if isinstance(blank, LocalBlank):
        return Asked(blank.name, "local", blank.node, blank.place, points)
    return None


def _by_hand(blank: Blank, answered: Mapping[str, str | Unreadable]) -> Mark:
    answer = answered.get(blank.name, "")
    points = float(blank.points)
    if isinstance(answer, Unreadable):
        return Mark(blank.name, answer.text, INVALID, answer.reason, points=points)
    if isinstance(read_number(answer), Missing):
        return Mark(blank.name, answer or None, BLANK, points=points)
    return Mark(blank.name, answer, UNDECIDED, "a person has to look", points=points)


def expected(variant: Variant) -> dict[str, str]:
    """The right answer to every blank, as it is written."""
    return {one.blank.name: one.text if one.number is None else show_nested(one.number, 6) for one in keys(variant)}
