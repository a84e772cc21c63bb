"""Variants: the numbers that one student gets. A variant is a function of (problem id, seed, student id) alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from itertools import islice
from typing import Any

from bpcli.exercises.chance import below
from bpcli.exercises.problem import Given, Problem
from bpcli.graph import Graph
from bpcli.sweeps import Values, forward, reverse
from bpcli.trouble import NO_ANSWER, Trouble

#: Draws that are tried before a problem is said to be impossible.
MOST_TRIES = 1000


@dataclass(frozen=True, eq=False)
class Variant:
    """A problem with its numbers: one student's."""

    problem: Problem
    seed: str
    student: str
    numbers: Mapping[str, Any]
    """Name -> exact number, or nested tuples of them."""
    tries: int = 1
    """Which draw it is; those before it were rejected."""
    reasons: Counter[str] = field(default_factory=Counter, repr=False)
    """Why, and how often."""

    @cached_property
    def point(self) -> dict[str, Any]:
        """Every given as a float or an array of doubles."""
        return {name: as_doubles(value) for name, value in self.numbers.items()}

    @cached_property
    def values(self) -> Values:
        """The value of every node; raises `Trouble` (exit code 3) where there is none."""
        return forward(self.problem.graph, self.point)

    @cached_property
    def upstream(self) -> Any:
        """The gradient that arrives at the output."""
        graph = self.problem.upstream
        return 1.0 if graph is None else evaluate(graph, self.point)

    @cached_property
    def adjoints(self) -> Values:
        """The gradient of every node."""
        graph = self.problem.graph
        return reverse(graph, self.values, {graph.output: self.upstream}, self.problem.convention)

    @cached_property
    def scope(self) -> dict[str, Any]:
        """Everything that an expression of the file may name: givens, values, and gradients as ``dx``."""
        graph, values = self.problem.graph, self.values
        scope = dict(self.point)
        for name, node in (*graph.scope.items(), *((graph.ids[node], node) for node in graph.gates)):
            scope[name] = values[node]
        return scope | self.gradients(self.adjoints)

    def gradients(self, adjoints: Values) -> dict[str, Any]:
        """The gradients ADJOINTS by their names, ``dx``."""
        graph = self.problem.graph
        return {f"d{graph.ids[node]}": nothing(graph, node) if adjoints[node] is None else adjoints[node]
                for node in (*graph.inputs.values(), *graph.gates) if graph.active[node]}  # fmt: skip


def nothing(graph: Graph, node: int) -> Any:
    """The gradient of a node that the output does not depend on."""
    if graph.shapes is None or not graph.shapes[node]:
        return 0.0
    import numpy as np

    return np.zeros(graph.shapes[node])


def as_doubles(value: Any) -> Any:
    """An exact number as the nearest double; nested tuples of them as an array."""
    if isinstance(value, Decimal):
        return float(value)
    import numpy as np

    return np.array(value, dtype=object).astype(np.float64)


def evaluate(graph: Graph, scope: Mapping[str, Any]) -> Any:
    """The value of an expression of the file, given what it may name."""
    value = forward(graph, {name: scope[name] for name in graph.inputs})[graph.output]
    return value if len(getattr(value, "shape", ())) else float(value)


def draws(problem: Problem, seed: str, student: str) -> Iterator[Variant]:
    """Draw after draw, acceptable or not."""
    for attempt in range(MOST_TRIES):
        label = (problem.id, seed, student, str(attempt))
        numbers = {name: _drawn(given, label) for name, given in problem.given.items()}
        yield Variant(problem, seed, student, numbers, attempt + 1)
        if all(given.fixed for given in problem.given.values()):
            return


def drawn(problem: Problem, seed: str, student: str, number: int) -> Variant:
    """The draw with this NUMBER, from 1; raises `Trouble` when there are fewer."""
    found = next(islice(draws(problem, seed, student), max(0, number - 1), None), None)
    if found is None or number < 1:
        raise Trouble(f"{problem.id} has no draw number {number}", code="draws")
    return found


def _drawn(given: Given, label: tuple[str, ...]) -> Any:
    if given.array is not None:
        return given.array
    count = 0

    def entry() -> Decimal:
        nonlocal count
        count += 1
        return given.pool[below(len(given.pool), *label, given.name, str(count)) if len(given.pool) > 1 else 0]

    return _filled(given.shape, entry)


def _filled(shape: tuple[int, ...], entry: Callable[[], Decimal]) -> Any:
    return tuple(_filled(shape[1:], entry) for _ in range(shape[0])) if shape else entry()


def draw(problem: Problem, seed: str, student: str, fault: Callable[[Variant], str | None]) -> Variant:
    """The first draw in which FAULT finds nothing wrong.

    Raises `Trouble` (exit code 3) after `MOST_TRIES` draws, with the reasons.
    """
    reasons: Counter[str] = Counter()
    tried = 0
    for variant in draws(problem, seed, student):
        reason = fault(variant)
        if reason is None:
            variant.reasons.update(reasons)
            return variant
        reasons[reason] += 1
        tried += 1
    said = "; ".join(f"{reason} ({count} of {tried})" for reason, count in reasons.most_common(3))
    what = f"none of {tried:,} draws" if tried > 1 else "the one variant that it has does not"
    raise Trouble(f"{problem.id} cannot keep its own rules: {what} will do: {said}" if tried > 1 else
                  f"{problem.id} has fixed numbers, and they do not keep its rules: {said}",
                  code="no-variant", exit_code=NO_ANSWER, tries=[f"bpcli problems check {problem.id}"])  # fmt: skip
