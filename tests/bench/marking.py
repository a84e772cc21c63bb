"""Marking one hand-in of five problems, in the terms of `bpcli.grad` at one of them; keys confirmed, or trusted.

Run by hand: ``python tests/bench/marking.py`` (half a minute).
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from timing import interleaved, table

import bpcli
from bpcli.exercises import bank
from bpcli.exercises.acceptance import fault
from bpcli.exercises.keys import keys
from bpcli.exercises.marking import mark_problem
from bpcli.exercises.variants import Variant, draw
from bpcli.marking.answers import Line
from bpcli.slipped import places, run
from bpcli.slips import SLIPS

PROBLEMS = ["gates/local-first", "beyond/residual", "beyond/through-time", "gates/patterns", "nets/deltas"]
STUDENTS = 20


def lines(variant: Variant, choices: random.Random | None) -> list[Line]:
    """The key, or with CHOICES what somebody answers who makes one slip at one gate."""
    graph, found = variant.problem.graph, keys(variant)
    gradients = variant.adjoints
    if choices is not None:
        ways = [(slip, node) for slip in SLIPS.values() if slip.order == "topological" and not slip.push
                for node in places(graph, variant.values, slip)]  # fmt: skip
        slip, node = choices.choice(ways)
        gradients = run(graph, variant.values, {graph.output: variant.upstream}, slip, at=[node])
    numbers = {
        key.blank.name: gradients[key.blank.node] if key.blank.kind == "gradient" else key.number for key in found
    }  # type: ignore[attr-defined]
    return [Line(key.blank.name, key.text or repr(float(numbers[key.blank.name])), 1) for key in found]


def main() -> None:
    """Time the marking of whole hand-ins."""
    problems = [next(bank.problems([name])) for name in PROBLEMS]
    variants = [[draw(one, "seed", f"s{k}", fault) for one in problems] for k in range(STUDENTS)]
    choices = random.Random(1)
    right = [[lines(one, None) for one in each] for each in variants]
    slips = [[lines(one, choices) for one in each] for each in variants]

    def mark(handed_in: Sequence[Sequence[list[Line]]], **options: object) -> None:
        for each, texts in zip(variants, handed_in, strict=True):
            for one, text in zip(each, texts, strict=True):
                mark_problem(one, text, **options)  # type: ignore[arg-type]

    one = variants[0][1]
    text, point = one.problem.graph.source, {name: one.point[name] for name in one.problem.graph.inputs}
    seconds = interleaved({
        "bpcli.grad, checked": lambda: [bpcli.grad(text, point) for _ in range(STUDENTS)],
        "all right": lambda: mark(right), "all right, keys trusted": lambda: mark(right, doubts={}),
        "a slip in every problem": lambda: mark(slips), "the same, keys trusted": lambda: mark(slips, doubts={}),
    }, repetitions=7)  # fmt: skip
    base = seconds["bpcli.grad, checked"]
    blanks = sum(len(one.blanks) for one in problems)
    print(f"{len(problems)} problems, {blanks} blanks")
    table(
        ("hand-in", "ms", "ratio"),
        *[(name, f"{1e3 * time / STUDENTS:.2f}", f"{time / base:.1f}") for name, time in seconds.items()],
    )


if __name__ == "__main__":
    main()
