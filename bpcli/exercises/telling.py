"""Whether a variant can tell right from wrong: what each slip would answer, and how far that is from the key.

A slip that changes nothing in this draw may do so for two reasons. Either it cannot be made here (an open relu has
no closed gate to let through), or the numbers coincide (mul not switched, at x = y). The two are told apart by
making the same slip at numbers a little beside the draw's: a coincidence is gone there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from itertools import combinations
from typing import Any

from bpcli.exercises.chance import below
from bpcli.exercises.keys import choice, number
from bpcli.exercises.numbers import flat
from bpcli.exercises.problem import (
    ChoiceBlank,
    FormulaBlank,
    GradientBlank,
    LocalBlank,
    Problem,
    ProgramBlank,
    QuotientBlank,
    ValueBlank,
)
from bpcli.exercises.variants import Variant
from bpcli.gates import COMPARES
from bpcli.marking.handwork import Allowance, allowance
from bpcli.slipped import places, run, slipped_gradients
from bpcli.slips import SLIPS, Slip
from bpcli.sweeps import Values, reverse
from bpcli.trouble import Trouble

#: Relative to the larger number: what is nearer is the same number, reckoned in another order.
SAME = 1e-9
#: How far beside the draw the slips are tried again, relative to each number.
BESIDE = 1e-3
#: Without a bound of the walk by hand (arrays), an honest number is within this many units of the last place.
UNITS = 5

#: The numbers that the blanks would get, and of a choice the option; None where there is no answer.
Answers = Sequence[float | str | None]


@dataclass(frozen=True, eq=False)
class Telling:
    """What the slips do to one variant."""

    hidden: tuple[str, ...]
    """Slips that would show at other numbers, and do not here: the sheet would be marked fully right."""
    shown: Mapping[str, Answers]
    """Slip -> its answers, for those that show."""
    reaches: Sequence[float]
    """How far an honest answer may be from each number of the key."""


@lru_cache(maxsize=256)  # a draw is told before it is accepted, and once more when its slips are compared
def tell(variant: Variant) -> Telling:
    """What the slips do to VARIANT."""
    right, reaches = answers(variant, variant.adjoints, None), tolerances(variant)
    hidden: list[str] = []
    shown: dict[str, Answers] = {}
    beside: Beside | None = None
    for slip in applicable(variant):
        found = slipped_answers(variant, slip)
        if differ(found, right, reaches):
            shown[slip.id] = found
            continue
        beside = beside or Beside(variant)
        if slip.id not in variant.problem.overlook and beside.shows(slip):
            hidden.append(slip.id)
    return Telling(tuple(hidden), shown, reaches)


def coincide(variant: Variant) -> Iterator[tuple[str, str, bool]]:
    """The pairs of slips that give the same answers, and whether other numbers would tell them apart."""
    told = tell(variant)
    beside: Beside | None = None
    for one, other in combinations(told.shown, 2):
        if not differ(told.shown[one], told.shown[other], told.reaches):
            beside = beside or Beside(variant)
            yield one, other, beside.tells(SLIPS[one], SLIPS[other])


def applicable(variant: Variant) -> Iterator[Slip]:
    """The slips that could be made somewhere on the way back."""
    if asks_gradients(variant.problem):
        for slip in SLIPS.values():
            if places(variant.problem.graph, variant.values, slip):
                yield slip


def asks_gradients(problem: Problem) -> bool:
    """Whether some blank depends on a derivative."""
    return not all(isinstance(blank, ValueBlank | QuotientBlank) or
                   (isinstance(blank, ChoiceBlank) and blank.rule != "conditions") or
                   (isinstance(blank, ProgramBlank) and blank.stage == "forward") for blank in problem.blanks)  # fmt: skip


class Beside:
    """The same variant at numbers a little beside its own, where no two things are equal by coincidence."""

    def __init__(self, variant: Variant) -> None:
        self.variant = moved(variant)
        self.right: Answers | None = None
        self.found: dict[str, Answers] = {}

    def answers(self, slip: Slip) -> Answers:
        """What SLIP would answer there."""
        if slip.id not in self.found:
            self.found[slip.id] = slipped_answers(self.variant, slip)
        return self.found[slip.id]

    def shows(self, slip: Slip) -> bool:
        """Whether SLIP changes an answer there."""
        self.right = self.right or answers(self.variant, self.variant.adjoints, None)
        return differ(self.answers(slip), self.right, None)

    def tells(self, one: Slip, other: Slip) -> bool:
        """Whether the two slips give different answers there."""
        return differ(self.answers(one), self.answers(other), None)


def moved(variant: Variant) -> Variant:
    """VARIANT with its numbers moved by a little, by chance that is the same everywhere.

    Numbers that have no neighbours stay: the label of a class, a whole exponent of a negative number, what a condition
    compares.
    """
    numbers = {name: _moved(name, value) for name, value in variant.numbers.items()}
    every = replace(variant, numbers=numbers)
    if _same_question(variant, every):
        return every
    found = replace(variant)
    for name, value in numbers.items():
        further = replace(found, numbers={**found.numbers, name: value})
        found = further if _same_question(variant, further) else found
    return found


def _moved(name: str, value: Any) -> Any:
    count = 0

    def entry(number: Any) -> Any:
        nonlocal count
        if isinstance(number, tuple):
            return tuple(map(entry, number))
        share = below(1 << 16, "beside", name, str(count)) / (1 << 16)
        count += 1
        by = BESIDE * (1 + share)
        return Decimal(float(number) * (1 + by) if number else by)

    return entry(value)


def _same_question(variant: Variant, other: Variant) -> bool:
    """Whether OTHER numbers can be answered, and every condition of the formula holds there as it does in VARIANT."""
    graph = variant.problem.graph
    conditions = [node for place, node in enumerate(graph.gates) if graph.row(place).binds == COMPARES]
    try:
        answers(other, other.adjoints, None)
    except Trouble:
        return False
    here, there = ([variant.values[node] for node in conditions], [other.values[node] for node in conditions])
    return all(a is b or flat(a) == flat(b) for a, b in zip(here, there, strict=True))


# --- answers ---------------------------------------------------------------------------------------------


def slipped_answers(variant: Variant, slip: Slip) -> Answers:
    """What somebody would answer who makes SLIP wherever it can be made."""
    graph = variant.problem.graph
    adjoints = run(graph, variant.values, {graph.output: variant.upstream}, slip, variant.problem.convention)
    return answers(variant, adjoints, slip)


def answers(variant: Variant, adjoints: Values, slip: Slip | None) -> Answers:
    """The answers of every blank when the gradients are ADJOINTS, and local gradients are those of SLIP."""
    problem = variant.problem
    graph = problem.graph
    scope = variant.scope | variant.gradients(adjoints)
    found: list[float | str | None] = []
    for blank in problem.blanks:
        if isinstance(blank, FormulaBlank):
            found += _derivative(variant, blank, adjoints, slip)
        elif isinstance(blank, ProgramBlank):
            if blank.stage != "forward":
                for node in (*graph.gates, *graph.inputs.values()):
                    if graph.active[node]:
                        found += [] if adjoints[node] is None else flat(adjoints[node])
        elif isinstance(blank, ChoiceBlank):
            found.append(_chosen(variant, blank, scope))
        elif isinstance(blank, LocalBlank) and slip is not None and graph.shapes is None:
            place = graph.position[blank.node]
            found.append(slipped_gradients(graph, place, variant.values, slip, problem.convention)[blank.place])
        else:
            value = number(variant, blank, scope)
            found += [None] if value is None else flat(value)
    return found


def _chosen(variant: Variant, blank: ChoiceBlank, scope: Mapping[str, Any]) -> str | None:
    try:
        return choice(variant, blank, scope)
    except Trouble:
        return None


def _derivative(variant: Variant, blank: FormulaBlank, adjoints: Values, slip: Slip | None) -> Answers:
    """The derivative's value in this variant: a formula that is wrong is told by its values."""
    graph = variant.problem.graph
    node = graph.inputs[blank.variable]
    if blank.node == graph.output and (variant.problem.upstream is None or (graph.shapes or {}).get(graph.output)):
        return flat(0.0 if adjoints[node] is None else adjoints[node])
    of = replace(graph, outputs=(blank.node,))
    if slip is None:
        found = reverse(of, variant.values, {blank.node: 1.0}, variant.problem.convention)[node]
    else:
        found = run(of, variant.values, {blank.node: 1.0}, slip, variant.problem.convention)[node]
    return flat(0.0 if found is None else found)


def differ(found: Answers, other: Answers, reaches: Sequence[float] | None) -> bool:
    """Whether two sheets differ in some blank by more than its tolerance (by more than nothing, if REACHES is None)."""
    if len(found) != len(other):
        return True
    for k, (a, b) in enumerate(zip(found, other, strict=True)):
        if a == b:
            continue
        if not isinstance(a, float) or not isinstance(b, float):
            return True
        if abs(a - b) > max(reaches[k] if reaches else 0.0, SAME * max(abs(a), abs(b), 1e-3)):
            return True
    return False


def tolerances(variant: Variant) -> list[float]:
    """For every number of `answers`, how far an honest one may be from the key."""
    problem = variant.problem
    graph, rule = problem.graph, problem.rounding
    right = answers(variant, variant.adjoints, None)
    if rule.kind == "exact":
        return [0.0] * len(right)
    if graph.shapes is not None:
        largest = max((abs(one) for one in right if isinstance(one, float)), default=1.0)
        return [UNITS * 2 * rule.unit(abs(one) if rule.kind == "digits" else largest) if isinstance(one, float) else 0.0
                for one in right]  # fmt: skip
    bound = allowance(graph, variant.values, rule, {graph.output: variant.upstream}, problem.convention)
    return list(_reaches(variant, bound))


def _reaches(variant: Variant, bound: Allowance) -> Iterator[float]:
    """The tolerance of each answer, in the order of `answers` (of a graph on numbers)."""
    problem = variant.problem
    graph = problem.graph
    for blank in problem.blanks:
        if isinstance(blank, ValueBlank):
            yield bound.values[blank.node]
        elif isinstance(blank, GradientBlank):
            yield bound.gradients[blank.node]
        elif isinstance(blank, LocalBlank):
            yield bound.local[blank.node][blank.place] if blank.node in bound.local else 0.0
        elif isinstance(blank, ProgramBlank):
            if blank.stage != "forward":
                yield from (0.0 for node in (*graph.gates, *graph.inputs.values()) if graph.active[node])
        elif isinstance(blank, FormulaBlank | ChoiceBlank):
            yield 0.0
        else:
            yield _moved_by(variant, blank, bound)


def _moved_by(variant: Variant, blank: Any, bound: Allowance) -> float:
    """How far a number reckoned from others moves when each of those is off by its allowance, and its own rounding."""
    problem, scope = variant.problem, variant.scope
    graph = problem.graph
    here = flat(number(variant, blank, scope))[0]
    reach = problem.rounding.unit(abs(here))
    off = {graph.ids[node]: bound.values[node] for node in graph.gates}
    off |= {f"d{graph.ids[node]}": bound.gradients[node] for node in (*graph.inputs.values(), *graph.gates)}
    for name, one in off.items():
        if one and name in scope:
            moved: list[float] = []
            for shift in (-one, one):
                try:
                    moved.append(abs(flat(number(variant, blank, {**scope, name: scope[name] + shift}))[0] - here))
                except Trouble:
                    return float("inf")
            reach += max(moved)
    return reach
