"""What ``bpcli problems`` shows: the list of problems, and one with its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bpcli.exercises.acceptance import fault
from bpcli.exercises.keys import Key, keys
from bpcli.exercises.problem import Problem
from bpcli.exercises.variants import Variant, draw
from bpcli.exercises.wording import asks_for, given_text
from bpcli.result import Result, plain


@dataclass(frozen=True, eq=False)
class Listing(Result):
    """Problems in a table."""

    view = "problem_list"

    problems: Sequence[Problem]
    tags: tuple[str, ...] = ()

    def record(self, expression: str) -> dict[str, Any]:
        return {
            "schema": "bpcli/problems-list/1",
            "problems": [
                {"id": one.id, "title": one.title, "tags": list(one.tags), "difficulty": one.difficulty,
                 "source": one.source, "blanks": len(one.blanks), "points": float(one.points)}
                for one in self.problems
            ],
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Shown(Result):
    """One variant, with its key when ``solution`` was asked for."""

    view = "problem"

    variant: Variant
    solution: tuple[Key, ...] | None = None

    def record(self, expression: str) -> dict[str, Any]:
        problem, variant = self.variant.problem, self.variant
        answers = {key.blank.name: key for key in self.solution or ()}
        return {
            "schema": "bpcli/problems-show/1",
            "id": problem.id, "title": problem.title, "statement": problem.statement,
            "formula": problem.graph.source, "rounding": str(problem.rounding),
            "seed": variant.seed, "student": variant.student, "tries": variant.tries,
            "given": plain(variant.point),
            "blanks": [
                {"name": blank.name, "kind": blank.kind, "points": float(blank.points), "asks": asks_for(problem, blank)}
                | ({"key": plain(answers[blank.name].number) if answers[blank.name].number is not None
                    else answers[blank.name].text} if blank.name in answers else {})
                for blank in problem.blanks
            ],
        }  # fmt: skip

    def givens(self) -> dict[str, str]:
        """Name -> number as the sheet writes it."""
        return {name: given_text(value) for name, value in self.variant.numbers.items()}


def show(problem: Problem, seed: str = "1", student: str = "", solution: bool = False) -> Shown:
    """The variant of PROBLEM for SEED and STUDENT; with the key, if SOLUTION is asked for."""
    variant = draw(problem, seed, student, fault)
    return Shown(variant, tuple(keys(variant)) if solution else None)
