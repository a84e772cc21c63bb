"""The gradient check: reverse mode and forward mode held against differences and the complex step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bpcli.differences import BUDGET, EVALUATIONS, Slope, Witness, analytic, complex_step
from bpcli.graph import Graph
from bpcli.sweeps import Values, kinks_met, tangent

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
    entry: tuple[int, ...] = ()
    """Of an array, the entry that this is about: the worst one."""
    measured: str = ""
    """Of an array, which entries were measured."""

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

    def record(self) -> dict[str, object]:
        """What ``--json`` says of it."""
        compared = self.comparisons
        return {
            "ok": self.ok,
            "differences": {name: one.difference for name, one in compared.items()},
            "error": {name: one.error for name, one in compared.items()},
            "verdict": {name: one.verdict for name, one in compared.items()},
        }


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
    smooth = (
        thorough and analytic(graph) and not any(kinks_met(graph, values, graph.backward(graph.outputs, values)[0]))
    )
    comparisons = {}
    for name in names:
        slope = witness.slope(name)
        reverse = gradients[name]
        verdict = judge(reverse, slope, factor)
        forward = shifted = None
        if thorough:
            forward = factor * tangent(graph, values, {graph.inputs[name]: 1.0}, kinks)[graph.output]
            step = complex_step(graph, point, name) if smooth else None
            shifted = None if step is None else factor * step
            verdict = _with_other_ways(verdict, reverse, judge(forward, slope, factor), shifted)
        comparisons[name] = Comparison(name, reverse, slope, verdict, factor, forward, shifted)
    return Check(comparisons, sampled)


def _with_other_ways(verdict: str, reverse: float, forward: str, shifted: float | None) -> str:
    """The VERDICT on REVERSE when that on forward mode and the complex step are known too."""
    if MISMATCH in (verdict, forward):
        return MISMATCH
    if verdict == CANNOT_TELL and shifted is not None and relative(reverse, shifted) <= 1e-9:
        return OK
    return verdict


def judge(gradient: float, slope: Slope | None, factor: float = 1.0) -> str:
    """The verdict on one gradient, given the measured slope times FACTOR.

    Equal to the slope of a smooth function is ok even where a gate has its kink (x*abs(x) at 0); not equal there
    is a kink, since it is the gates' conventions that do not add up to the slope (relu(x) - relu(-x) at 0).
    """
    if slope is None:
        return CANNOT_TELL
    if slope.kinked:
        return KINK
    measured, error = factor * slope.figure, abs(factor) * slope.error
    largest = max(abs(gradient), abs(measured))
    zero = 1e-8 * abs(factor) * max(1.0, slope.scale)
    off = abs(gradient - measured)
    if off <= 10 * error + 1e-9 * largest:
        return OK if off + error <= max(1e-3 * largest, zero) else CANNOT_TELL
    if error > 1e-3 * largest or off <= abs(factor) * slope.hidden:
        return CANNOT_TELL
    return KINK if slope.gates else MISMATCH


def blame(graph: Graph, comparison: Comparison) -> Sequence[str]:
    """The ids of the gates that change piece at a kink."""
    return [graph.ids[node] for node in comparison.slope.gates] if comparison.slope else []
