"""Worked solutions: every line can be followed with the numbers that stand in it, and the answers get full marks."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

import pytest

from bpcli.exercises import markdown
from bpcli.exercises.acceptance import fault
from bpcli.exercises.bank import problems
from bpcli.exercises.keys import keys
from bpcli.exercises.marking import mark_problem
from bpcli.exercises.problem import Problem
from bpcli.exercises.reading import read
from bpcli.exercises.variants import Variant, draw
from bpcli.exercises.wording import array_figure, rounding_rule
from bpcli.exercises.worked import ByHand, answer_text, by_hand, worked
from bpcli.marking.answers import Line

FIGURE = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"


@cache
def rounded_problems() -> tuple[Problem, ...]:
    """Those of the bank in which every number is rounded, on numbers."""
    return tuple(one for one in problems(()) if one.rounding.at_gates and one.graph.shapes is None)


def variant_of(problem: Problem, student: str = "1") -> Variant:
    return draw(problem, "worked", student, fault)


def text_of(variant: Variant, hand: ByHand | None) -> list[str]:
    return [markdown.plain(block.pieces) for block in worked(variant, hand)]


def to_rule(problem: Problem, exact: Decimal) -> Decimal:
    """EXACT to the places of the problem, by decimal arithmetic alone."""
    kind, places = problem.rounding
    last = -places if kind == "decimals" else (exact.adjusted() + 1 - places if exact else 0)
    return exact.quantize(Decimal((0, (1,), last)), ROUND_HALF_UP) if exact.as_tuple().exponent < last else exact  # type: ignore[operator]


def test_every_product_is_that_of_the_numbers_beside_it() -> None:
    """Upstream × local, multiplied here and rounded once, is what the line says: in every solution of the bank."""
    seen = 0
    for problem in rounded_problems():
        variant = variant_of(problem)
        for line in text_of(variant, by_hand(variant)):
            for upstream, local, sent in re.findall(rf"upstream ({FIGURE}) × local ({FIGURE}) = ({FIGURE})", line):
                seen += 1
                assert Decimal(sent) == to_rule(problem, Decimal(upstream) * Decimal(local)), (problem.id, line)
    assert seen > 200


def test_every_sum_and_product_forward_is_that_of_the_numbers_beside_it() -> None:
    seen = 0
    for problem in rounded_problems():
        variant = variant_of(problem)
        for line in text_of(variant, by_hand(variant)):
            for a, sign, b, value in re.findall(rf" = ({FIGURE})( \+ |\*| - )\(?({FIGURE})\)? = ({FIGURE})$", line):
                seen += 1
                exact = {" + ": Decimal.__add__, "*": Decimal.__mul__, " - ": Decimal.__sub__}[sign](
                    Decimal(a), Decimal(b)
                )
                assert Decimal(value) == to_rule(problem, exact), (problem.id, line)
    assert seen > 100


def test_a_negative_number_has_one_pair_of_brackets() -> None:
    """exp(-1.1), not exp((-1.1)): the slope of expm1 at a negative number."""
    problem = next(one for one in rounded_problems() if one.id == "drills/expm1/hard")
    lines = text_of(variant := variant_of(problem), by_hand(variant))
    assert any(re.search(r"local exp\(k\) = exp\(-\d", line) for line in lines)
    for problem in rounded_problems():
        assert not [line for line in text_of(variant_of(problem), None) if re.search(rf"\(\({FIGURE}\)\)", line)]


def test_the_example_of_the_rounding_rule_is_rounded() -> None:
    """It takes digits away, by decimal arithmetic alone, however many digits the problem keeps."""
    for problem in rounded_problems():
        examples = re.findall(rf"({FIGURE}) becomes ({FIGURE})", rounding_rule(problem))
        assert len(examples) == 2
        for exact, rounded in examples:
            assert len(rounded) < len(exact), problem.id
            assert Decimal(rounded) == to_rule(problem, Decimal(exact))


def test_worked_answers_get_full_marks() -> None:
    """What the solution shows, handed in: every point, for every problem of the bank that rounds."""
    seen = 0
    for problem in rounded_problems():
        for student in ("1", "2"):
            variant = variant_of(problem, student)
            hand = by_hand(variant)
            assert hand is not None, problem.id
            answers = {one.blank.name: answer_text(one.number, one.blank, hand, problem.rounding).partition(" (")[0]
                       for one in keys(variant) if one.number is not None}  # fmt: skip
            lines = [Line(name, text, k) for k, (name, text) in enumerate(answers.items(), start=1)]
            for mark in mark_problem(variant, lines):
                if mark.name in answers:
                    seen += 1
                    assert mark.credit == 1, (problem.id, mark)
    assert seen > 300


def test_a_solution_says_why() -> None:
    """The pattern by name, the local gradient with its numbers, and the sum where a value branches."""
    [sigmoid, branch] = problems(["neuron/sigmoid", "branches/sum-times-product"])
    variant = variant_of(sigmoid)
    said = "\n".join(text_of(variant, by_hand(variant)))
    assert "add distributes: g3 and w2 each get all of" in said
    assert "mul switches: w1 gets the" in said
    assert re.search(r"to s: local f\*\(1 - f\) = (\S+)\*\(1 - \1\) = ", said)
    assert re.search(rf"w0_new = w0 - alpha\*dw0 = {FIGURE} - {FIGURE}\*\(?{FIGURE}\)? = {FIGURE}", said)
    assert re.search(rf"x feeds p and s, and what comes back adds up: {FIGURE} [+-] {FIGURE} = {FIGURE}",
                     "\n".join(text_of(variant_of(branch), None)))  # fmt: skip


def test_an_exact_answer_that_rounds_otherwise_stands_beside() -> None:
    """0.15·(-0.5) is -0.075 by hand, -0.0746 exactly: both are right and both are shown."""
    [problem] = problems(["neuron/sigmoid"])
    found = []
    for student in map(str, range(1, 9)):
        variant = variant_of(problem, student)
        hand = by_hand(variant)
        found += [(array_figure(one.number, problem.rounding), answer_text(one.number, one.blank, hand, problem.rounding))
                  for one in keys(variant) if one.number is not None]  # fmt: skip
    beside = [(exact, shown) for exact, shown in found if shown != exact]
    assert beside
    for exact, shown in beside:
        match = re.fullmatch(rf"({FIGURE}) \(exact: ({FIGURE})\)", shown)
        assert match, shown
        assert match[1] != exact
        assert abs(Decimal(match[2]) - Decimal(exact)) <= Decimal("0.005")


def test_rounded_numbers_that_lead_nowhere_are_left_exact() -> None:
    """1/0.00 by hand; the exact numbers go on."""
    text = 'title = "t"\nstatement = "s"\nformula = "f = 1/(x*x)"\nround = {decimals = 2}\nask = "every gradient"\n[given]\nx = 0.05\n'
    variant = Variant(read(text.encode(), "own/nowhere"), "1", "", {"x": Decimal("0.05")})
    assert by_hand(variant) is None
    assert any("= 400" in line for line in text_of(variant, None))


@pytest.mark.parametrize("identity", ["softmax/linear-classifier", "nets/three-layer-matrix"])
def test_arrays_are_worked_exactly(identity: str) -> None:
    [problem] = problems([identity])
    variant = variant_of(problem)
    assert by_hand(variant) is None
    assert any("[" in line for line in text_of(variant, None))


def test_arrays_are_written_as_a_student_would() -> None:
    """Whole numbers without zeros behind the point, the part of a joined vector, the class as a one-hot row."""
    found = {one: "\n".join(text_of(variant_of(problem), None)) for one in ("concat/hard", "array/hard", "cross_entropy/hard")
             for problem in problems([f"drills/{one}"])}  # fmt: skip
    assert "c = concat(x, h) = concat([" in found["concat/hard"]
    assert re.search(r"to h: G\[2:4\] = \[", found["concat/hard"])
    assert re.search(r"to R: outer\(G, x\) = \[\[-?\d+, -?\d+\], \[-?\d+, -?\d+\]\]", found["array/hard"])
    assert re.search(r"to s: G\*\(softmax\(s\) - onehot\(k\)\) = \[-?0\.\d{5}, ", found["cross_entropy/hard"])
