"""The gradient check: reverse mode and forward mode held against differences and the complex step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bpcli.differences import BUDGET, EVALUATIONS, Slope, Witness, analytic, complex_step
from bpcli.graph import Graph
from bpcli.sweeps import Values, tangent

OK, KINK, MISMATCH, CANNOT_TELL = "ok", "kink", "mismatch", "cannot tell"


class Comparison(NamedTuple):
    """One variable's gradient against the witness. ``error`` is relative: |a - n|/max(|a|, |n|)."""

    name: str
    reverse: float
    slope: Slope | None
    verdict: str
    factor: float = 1.0
    """The upstream gradient that the measured slope is multiplied by."""
    forward: float | None = None
    complex: float | None = None

    @property
    def difference(self) -> float | None:
        """The witness's figure; None where it cannot say one."""
        if self.slope is None or self.slope.jumps:
            return None
        return self.factor * self.slope.figure

    @property
    def error(self) -> float | None:
        """The relative error between reverse mode and the witness; None at a kink, where neither is the slope."""
        if self.difference is None or self.verdict == KINK:
            return None
        return relative(self.reverse, self.difference)


class Check(NamedTuple):
    """The comparisons that were made, by variable; ``sampled`` when there was no time for every variable."""

    comparisons: dict[str, Comparison]
    sampled: bool = False

    @property
    def ok(self) -> bool:
        """Whether nothing disagrees: a kink is no disagreement."""
        return all(one.verdict != MISMATCH for one in self.comparisons.values())


def relative(a: float, b: float) -> float:
    """|a - b| / max(|a|, |b|), and 0 when both are 0."""
    return abs(a - b) / max(abs(a), abs(b)) if a != b else 0.0


def check(
    graph: Graph, point: Mapping[str, float], values: Values, gradients: Mapping[str, float], *, factor: float = 1.0,
    thorough: bool = False, kinks: str = "torch",
) -> Check:  # fmt: skip
    """Compare GRADIENTS (FACTOR times the slopes of the output) with the witness.

    THOROUGH adds forward mode and, where the formula is analytic, the complex step. Only as many variables are
    compared as a budget of gate evaluations allows, spread evenly; at least one.
    """
    names = list(gradients)
    most = max(1, BUDGET // (EVALUATIONS * max(1, len(graph.gates))))
    sampled = len(names) > most
    if sampled:
        names = names[:: -(-len(names) // most)]
    witness = Witness(graph, point)
    smooth = thorough and analytic(graph)
    comparisons = {}
    for name in names:
        slope = witness.slope(name)
        reverse = gradients[name]
        forward = shifted = None
        if thorough:
            forward = factor * tangent(graph, values, {graph.inputs[name]: 1.0}, kinks)[graph.output]
            step = complex_step(graph, point, name) if smooth else None
            shifted = None if step is None else factor * step
        verdict = judge(reverse, slope, factor)
        if forward is not None and relative(forward, reverse) > 1e-9 and verdict == OK:
            verdict = MISMATCH
        comparisons[name] = Comparison(name, reverse, slope, verdict, factor, forward, shifted)
    return Check(comparisons, sampled)


def judge(gradient: float, slope: Slope | None, factor: float = 1.0) -> str:
    """The verdict on one gradient, given the measured slope times FACTOR."""
    if slope is None:
        return CANNOT_TELL
    if slope.kinked:
        return KINK
    measured, error = factor * slope.figure, abs(factor) * slope.error
    largest = max(abs(gradient), abs(measured))
    allowed = 10 * error + 1e-7 * largest
    if abs(gradient - measured) <= allowed and (error <= 1e-3 * largest or error <= 1e-8 * max(1.0, abs(factor))):
        return OK
    if error > 1e-3 * largest:
        return CANNOT_TELL
    return MISMATCH


def blame(graph: Graph, comparison: Comparison) -> Sequence[str]:
    """The ids of the gates that change piece at a kink."""
    return [graph.ids[node] for node in comparison.slope.gates] if comparison.slope else []
