"""Whether a problem is fit for a class: 200 variants drawn, keys confirmed, slips told apart, load measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bpcli.exercises.acceptance import fault, load
from bpcli.exercises.bank import load as read_problem
from bpcli.exercises.keys import confirm
from bpcli.exercises.numbers import Load
from bpcli.exercises.problem import Problem
from bpcli.exercises.telling import asks_gradients, coincide, tell
from bpcli.exercises.variants import Variant, draw
from bpcli.exercises.workers import mapped
from bpcli.result import Result
from bpcli.trouble import Trouble

VARIANTS = 200
#: Draws for each variant that is accepted, on average, from which on a problem is said to hold too little.
MOST_DRAWS = 50


@dataclass(frozen=True)
class Sound:
    """What was found out about one problem. No ``faults``: it is fit for a class."""

    id: str
    faults: tuple[str, ...]
    variants: int = 0
    different: int = 0
    """How many of them are not the same as another."""
    draws: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    """Why draws were rejected, and how often."""
    agreed: int = 0
    """Variants whose key is the same by reverse mode, forward mode and differences."""
    slips: int = 0
    """Slips that show in some variant."""
    told: float | None = None
    """Share of the draws fit for a hand in which every slip that can be made shows; None where no derivative is asked."""
    apart: float | None = None
    """Share of the variants in which every two slips give different answers."""
    confused: tuple[tuple[str, str, int], ...] = ()
    """Pairs that coincide most often, and in how many variants."""
    same: tuple[tuple[str, str], ...] = ()
    """Pairs that are the same thing in this formula."""
    lightest: Load | None = None
    heaviest: Load | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    def record(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "id": self.id, "ok": self.ok, "faults": list(self.faults), "variants": self.variants,
            "different": self.different, "draws": self.draws, "rejected": self.rejected, "agreed": self.agreed,
            "slips": self.slips, "told": self.told, "apart": self.apart,
            "confused": [{"slips": [one, other], "variants": count} for one, other, count in self.confused],
            "same": [list(pair) for pair in self.same],
            "load": {name: [low, high] for name, low, high in zip(Load._fields, self.lightest, self.heaviest, strict=True)}
            if self.lightest and self.heaviest else {},
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Soundness(Result):
    """The outcome of `check` for several problems."""

    view = "soundness"

    checked: Sequence[Sound]

    @property
    def ok(self) -> bool:
        """Whether every problem is sound."""
        return all(one.ok for one in self.checked)

    def record(self, expression: str) -> dict[str, Any]:
        return {"schema": "bpcli/problems-check/1", "ok": self.ok, "problems": [one.record() for one in self.checked]}


def check(problem: Problem, count: int = VARIANTS) -> Sound:
    """Draw COUNT variants of PROBLEM (one, when its numbers are fixed) and look at each."""
    if all(given.fixed for given in problem.given.values()):
        count = 1
    variants: list[Variant] = []
    rejected: Counter[str] = Counter()
    judge = _once_for_each(fault)
    try:
        for number in range(1, count + 1):
            variants.append(draw(problem, "check", str(number), judge))
            rejected += variants[-1].reasons
            if len(variants) >= 5 and rejected.total() > MOST_DRAWS * len(variants):
                worst, often = rejected.most_common(1)[0]
                share = f"{len(variants)} of {rejected.total() + len(variants)}"
                raise Trouble(f"only {share} draws will do; most often: {worst} ({often})", code="few-draws")
    except Trouble as trouble:
        return Sound(problem.id, (trouble.message,), variants=len(variants), rejected=dict(rejected.most_common()))
    found = _look(problem, variants)
    hidden = sum(often for reason, often in rejected.items() if reason.endswith(HIDDEN))
    loads = list(map(_once_for_each(load), variants))
    return Sound(
        variants=count, different=len(set(map(_numbers, variants))),
        draws=count + rejected.total(), rejected=dict(rejected.most_common()),
        told=count / (count + hidden) if asks_gradients(problem) else None,
        lightest=Load(*map(min, zip(*loads, strict=True))), heaviest=Load(*map(max, zip(*loads, strict=True))), **found,
    )  # fmt: skip


def _numbers(variant: Variant) -> str:
    return repr(sorted(variant.numbers.items()))


def _once_for_each(find: Callable[[Variant], Any]) -> Callable[[Variant], Any]:
    """FIND for variants of one problem, looked up where the same numbers were drawn before: half of the bank's are."""
    found: dict[str, Any] = {}

    def known(variant: Variant) -> Any:
        numbers = _numbers(variant)
        if numbers not in found:
            found[numbers] = find(variant)
        return found[numbers]

    return known


#: How the reason of a draw ends that was rejected because a slip does not show.
HIDDEN = "would be marked right"


def _look(problem: Problem, variants: Sequence[Variant]) -> dict[str, Any]:
    """Keys and slips of every variant."""
    faults: list[str] = []
    agreed = apart = 0
    confused: Counter[tuple[str, str]] = Counter()
    same: set[tuple[str, str]] = set()
    shown: set[str] = set()
    look = _once_for_each(lambda variant: (list(confirm(variant)), set(tell(variant).shown), list(coincide(variant))))
    for variant in variants:
        wrong, telling, coinciding = look(variant)
        agreed += not wrong
        faults += [f"student {variant.student}: {one}" for one in wrong]
        shown |= telling
        coincidences = 0
        for one, other, by_chance in coinciding:
            coincidences += by_chance
            if by_chance:
                confused[one, other] += 1
            else:
                same.add((one, other))
        apart += not coincidences
    share = apart / len(variants)
    if len(shown) > 1 and share < problem.apart:
        (one, other), often = confused.most_common(1)[0]
        faults.append(f"every two slips are told apart in {share:.0%} of the variants, and it says {problem.apart:.0%}: "
                      f"{one} and {other} coincide in {often}")  # fmt: skip
    return {
        "id": problem.id, "faults": tuple(faults[:5]), "agreed": agreed, "slips": len(shown),
        "apart": share if len(shown) > 1 else None, "same": tuple(sorted(same)),
        "confused": tuple((*pair, often) for pair, often in confused.most_common(3)),
    }  # fmt: skip


def check_file(place: tuple[str, str], count: int = VARIANTS) -> Sound:
    """`check` of the problem with the id and the path PLACE; what is wrong with the file is a fault."""
    identity, path = place
    try:
        return check(read_problem(Path(path), identity), count)
    except Trouble as trouble:
        return Sound(identity, (str(trouble),))


def check_all(places: Sequence[tuple[str, str]], jobs: int, each: Callable[[Sound], None],
              count: int = VARIANTS) -> Soundness:  # fmt: skip
    """Every problem of PLACES (ids and paths) by so many processes, in order; EACH is called as they are done."""
    found: list[Sound] = []
    for one in _mapped(places, jobs, count):
        each(one)
        found.append(one)
    return Soundness(found)


def _mapped(places: Sequence[tuple[str, str]], jobs: int, count: int) -> Iterable[Sound]:
    if jobs <= 1 or len(places) <= 1:
        yield from (check_file(place, count) for place in places)
        return
    yield from mapped(partial(check_file, count=count), places, jobs)
