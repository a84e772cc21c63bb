"""Marking the problems of the bank: their own keys have full marks in every way of writing them, and slips are fair."""

from __future__ import annotations

from functools import cache

import pytest

from bpcli.exercises import bank
from bpcli.exercises.acceptance import fault
from bpcli.exercises.keys import Key, keys, number
from bpcli.exercises.marking import mark_problem
from bpcli.exercises.problem import ChoiceBlank, NumberBlank, Problem, ProgramBlank, QuotientBlank, StepBlank
from bpcli.exercises.variants import Variant, draw
from bpcli.figures import show_nested
from bpcli.marking.answers import Line, read_submission
from bpcli.marking.handwork import HANDS_OF_A_CLASS, walk
from bpcli.marking.verdicts import Mark

PROBLEMS: dict[str, Problem] = {problem.id: problem for problem in bank.problems([])}


@cache
def variant(identity: str, student: str = "ada") -> Variant:
    return draw(PROBLEMS[identity], "seed", student, fault)


def lines(key: Key, text: str) -> list[Line]:
    if isinstance(key.blank, ProgramBlank):
        return read_submission(key.text).sections[""]
    return [Line(key.blank.name, text, 1)]


def key_lines(one: Variant, how: str) -> list[Line]:
    """The key of every blank, written in full or rounded by the problem's rule."""
    rule, found = one.problem.rounding, []
    for key in keys(one):
        if key.number is None:
            text = f"  {key.text.upper()} " if isinstance(key.blank, ChoiceBlank) and how != "full" else key.text
        elif getattr(key.number, "shape", ()):
            text = show_nested(key.number, 17)
        else:
            text = repr(rule.rounded(float(key.number)) if how == "rounded" else float(key.number))
        found += lines(key, text)
    return found


def marked(one: Variant, changes: dict[str, str], hint: bool = False) -> dict[str, Mark]:
    """The marks when everything is right but CHANGES."""
    given = [line._replace(text=changes.get(line.name, line.text)) for line in key_lines(one, "full")]
    return {mark.name: mark for mark in mark_problem(one, given, hint)}


@pytest.mark.parametrize("how", ["full", "rounded"])
@pytest.mark.parametrize("identity", PROBLEMS)
def test_the_key_has_full_marks(identity: str, how: str) -> None:
    one = variant(identity)
    for mark in mark_problem(one, key_lines(one, how)):
        assert mark.credit == 1, mark
        assert mark.verdict in ("right", "rounded")


@pytest.mark.parametrize(
    "identity", [name for name, one in PROBLEMS.items() if one.rounding.at_gates and one.graph.shapes is None]
)
def test_whoever_rounds_at_every_gate_has_full_marks(identity: str) -> None:
    """The values and gradients of honest hands, of every habit, in three variants."""
    for student in ("ada", "bob", "eve"):
        one = variant(identity, student)
        graph, rule = one.problem.graph, one.problem.rounding
        for hand in HANDS_OF_A_CLASS:
            values, gradients = walk(graph, one.point, rule, hand, {graph.output: one.upstream}, one.problem.convention)
            numbers = {
                blank.name: (values if blank.kind == "value" else gradients)[blank.node]
                for blank in one.problem.blanks if blank.kind in ("value", "gradient")
            }  # fmt: skip
            found = marked(one, {name: repr(rule.rounded(number)) for name, number in numbers.items()})
            assert all(found[name].credit == 1 for name in numbers), (hand, found)


def asking(kind: type, count: int = 8) -> list[str]:
    found = [
        name
        for name, one in PROBLEMS.items()
        if one.graph.shapes is None and any(isinstance(b, kind) for b in one.blanks)
    ]
    return found[:count]


@pytest.mark.parametrize("identity", asking(ChoiceBlank))
def test_choices(identity: str) -> None:
    one = variant(identity)
    for key in keys(one):
        if isinstance(key.blank, ChoiceBlank):
            for option in key.blank.options:
                found = marked(one, {key.blank.name: f" {option.upper()}"})[key.blank.name]
                assert (found.verdict == "right") == (option == key.text)
            strange = marked(one, {key.blank.name: "something"})[key.blank.name]
            assert strange.verdict == "invalid"
            assert key.blank.options[0] in strange.reason


@pytest.mark.parametrize("identity", [*asking(NumberBlank), *asking(StepBlank), *asking(QuotientBlank)])
def test_computed_numbers(identity: str) -> None:
    one = variant(identity)
    for key in keys(one):
        if isinstance(key.blank, NumberBlank | StepBlank | QuotientBlank):
            wrong = marked(one, {key.blank.name: repr(float(key.number) * 1.5 + 7)})
            assert wrong[key.blank.name].verdict == "wrong"
            assert {mark.credit for name, mark in wrong.items() if name != key.blank.name} == {1}
            assert marked(one, {key.blank.name: "1_0"})[key.blank.name].verdict == "invalid"
            assert marked(one, {key.blank.name: " ? "})[key.blank.name].verdict == "blank"


def test_a_step_follows_from_a_wrong_gradient() -> None:
    """w - rate*dw with the student's own dw is right given it."""
    checked = 0
    for identity in asking(StepBlank, 20):
        one = variant(identity)
        for blank in one.problem.blanks:
            if not isinstance(blank, StepBlank) or one.problem.rounding.at_gates:
                continue
            name = one.problem.graph.ids[blank.node]
            if f"d{name}" not in {other.name for other in one.problem.blanks}:
                continue
            dw = float(one.scope[f"d{name}"]) * 1.5 + 3
            new = number(one, blank, one.scope | {f"d{name}": dw})
            found = marked(one, {f"d{name}": repr(dw), blank.name: repr(float(new))})
            assert found[blank.name].verdict == "follows", found
            assert found[blank.name].used == (f"d{name}",)
            checked += 1
    assert checked >= 2


def test_a_step_from_a_zero_gradient_is_the_given_number() -> None:
    """w - rate*0 is w, copied from the question; and nothing is worked out when one number stands everywhere."""
    checked = 0
    for identity in asking(StepBlank, 20):
        one = variant(identity)
        steps = {blank.name: blank for blank in one.problem.blanks if isinstance(blank, StepBlank)}
        if one.problem.graph.shapes is not None:
            continue
        zeros = [Line(blank.name, "0", 1) for blank in one.problem.blanks
                 if blank.name not in steps and not isinstance(blank, ChoiceBlank | ProgramBlank)]  # fmt: skip
        copied = [Line(name, repr(float(one.scope[one.problem.graph.ids[blank.node]])), 2)
                  for name, blank in steps.items()]  # fmt: skip
        found = {mark.name: mark for mark in mark_problem(one, [*zeros, *copied])}
        assert {found[name].verdict for name in steps} == {"wrong"}, found
        checked += 1
    assert checked >= 3


def test_a_program_with_a_slip_has_the_share_that_is_right() -> None:
    for identity in asking(ProgramBlank):
        one = variant(identity)
        (key,) = [key for key in keys(one) if isinstance(key.blank, ProgramBlank)]
        text = key.text.split("\n")
        broken = [f"{line}*2" if number == len(text) - 1 else line for number, line in enumerate(text)]
        (mark,) = [
            mark
            for mark in mark_problem(one, read_submission("\n".join(broken)).sections[""])
            if mark.name == key.blank.name
        ]
        assert mark.verdict == "wrong"
        assert 0 < mark.credit < 1
        (none,) = [mark for mark in mark_problem(one, []) if mark.name == key.blank.name]
        assert none.verdict == "blank"


@pytest.mark.parametrize("identity", list(PROBLEMS)[::7])
def test_nothing_handed_in_is_blank_everywhere(identity: str) -> None:
    assert {mark.verdict for mark in mark_problem(variant(identity), [])} == {"blank"}


@pytest.mark.parametrize("identity", list(PROBLEMS)[::5])
def test_hostile_answers_are_invalid_or_wrong(identity: str) -> None:
    one = variant(identity)
    for text in ("__import__('os')", "nan", "1e999", "\x1b[2J", "9" * 500, "[[[[1]]]]", "=1+1", "{0.__class__}"):
        for mark in mark_problem(one, [Line(blank.name, text, 1) for blank in one.problem.blanks]):
            assert mark.verdict in ("invalid", "wrong", "undecided"), (text, mark)
            assert mark.credit == 0
            assert mark.reason.isprintable()
