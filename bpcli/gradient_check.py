"""The gradient check and its two teaching forms: one plain quotient, and the error against the step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

from bpcli.checking import Check, Comparison, blame, relative
from bpcli.checking import check as compare
from bpcli.differences import quotient
from bpcli.graph import Graph
from bpcli.passes import Note, chosen, notes_of, prepare
from bpcli.result import Result, in_brief, plain
from bpcli.sweeps import Values, forward, reverse
from bpcli.trouble import Trouble

MOST_ENTRIES = 64  # rows of a table of quotients


@dataclass(frozen=True, eq=False)
class Checked(Result):
    """The outcome of `check`: ``check.comparisons`` holds one comparison for each variable."""

    view = "check"

    graph: Graph
    point: dict[str, Any]
    values: Values = field(repr=False)
    kinks: str
    gradients: dict[str, Any]
    check: Check

    @property
    def ok(self) -> bool:
        """Whether nothing disagrees."""
        return self.check.ok

    @cached_property
    def notes(self) -> list[Note]:
        """What the user should know: characters read as others, kinks met."""
        if self.graph.shapes is not None:
            from bpcli.arrays.passes import array_notes

            return array_notes(self.graph, self.values, self.kinks)
        return notes_of(self.graph, self.values, self.kinks)

    def about(self) -> str:
        """The formula and the verdict on each variable."""
        verdicts = {name: one.verdict for name, one in self.check.comparisons.items()}
        return in_brief(self.graph.source, verdicts)

    def record(self, expression: str) -> dict[str, Any]:
        return {
            "schema": "bpcli/check/1",
            "expression": expression,
            "ok": self.ok,
            "inputs": plain(self.point),
            "sampled": self.check.sampled,
            "comparisons": {name: _comparison(one, self.graph) for name, one in self.check.comparisons.items()},
            "notes": [note._asdict() for note in self.notes],
        }


def _comparison(one: Comparison, graph: Graph) -> dict[str, Any]:
    slope = one.slope
    return {
        "reverse": one.reverse, "forward": one.forward, "differences": one.difference, "complex": one.complex,
        "error": one.error, "step": slope and slope.step, "verdict": one.verdict, "left": slope and slope.left,
        "right": slope and slope.right, "jumps": bool(slope and slope.jumps), "gates": blame(graph, one),
    } | ({"entry": one.entry, "measured": one.measured} if one.measured else {})  # fmt: skip


def check(formula: str | Graph, values: Mapping[str, Any] | None = None, *, wrt: str | Sequence[str] | None = None,
          kinks: str = "torch", output: str | None = None, expand: bool = False, fuse: bool = False,
          share: bool = False, **variables: Any) -> Checked:  # fmt: skip
    """Hold reverse mode against forward mode, differences and, where the formula is analytic, the complex step."""
    graph, point, computed = prepare(
        formula, values, variables, wrt, expand=expand, fuse=fuse, share=share, output=output
    )
    names = chosen(graph, wrt)
    gradients = _gradients(graph, computed, names, kinks)
    if graph.shapes is not None:
        from bpcli.arrays.check import check as compare_arrays

        return Checked(graph, point, computed, kinks, gradients, compare_arrays(graph, point, gradients, 1.0))
    result = compare(graph, point, computed, gradients, thorough=True, kinks=kinks)
    return Checked(graph, point, computed, kinks, gradients, result)


def _gradients(graph: Graph, values: Values, names: Sequence[str], kinks: str) -> dict[str, Any]:
    """The gradient of each variable: a float or, of an array, an array."""
    if graph.shapes is not None:
        from bpcli.arrays.passes import pull_back

        if shape := graph.shapes[graph.output]:
            raise Trouble(f"the output is an array of shape {shape}; slopes are measured of a number",
                          code="array-output", tries=[f"sum({graph.source})"])  # fmt: skip
        gradients: dict[str, Any] = pull_back(graph, values, names, 1.0, kinks)[0]
        return gradients
    adjoints = reverse(graph, values, {graph.output: 1.0}, kinks)
    return {name: float(adjoints[graph.inputs[name]]) for name in names}


class Entry(NamedTuple):
    """One number that can be shifted: a variable, or an entry of an array such as W[0, 1]."""

    label: str
    x: float
    gradient: float
    shifted: Callable[[float], dict[str, Any]]
    """From a shift to the shifted point."""


def _entries(point: Mapping[str, Any], gradients: Mapping[str, Any]) -> Iterator[Entry]:
    for name, gradient in gradients.items():
        if isinstance(gradient, float):
            x = point[name]
            yield Entry(name, x, gradient, _shifting(point, name, 1.0))
            continue
        import numpy as np

        for at in np.ndindex(gradient.shape):
            unit = np.zeros(gradient.shape)
            unit[at] = 1.0
            label = f"{name}[{', '.join(map(str, at))}]"
            yield Entry(label, float(point[name][at]), float(gradient[at]), _shifting(point, name, unit))


def _shifting(point: Mapping[str, Any], name: str, unit: Any) -> Callable[[float], dict[str, Any]]:
    return lambda shift: {**point, name: point[name] + shift * unit}


@dataclass(frozen=True, eq=False)
class Quotients(Result):
    """Plain difference quotients with one step: variable -> (lower point, upper point, f there, f there, quotient)."""

    view = "quotients"

    graph: Graph
    point: dict[str, Any]
    value: float
    step: float
    scheme: str
    rows: dict[str, tuple[float, float, float, float, float]]
    gradients: dict[str, float]

    def record(self, expression: str) -> dict[str, Any]:
        keys = ("from", "to", "f_from", "f_to", "quotient")
        rows = {name: dict(zip(keys, row, strict=True)) for name, row in self.rows.items()}
        return {
            "schema": "bpcli/check/1", "expression": expression, "inputs": plain(self.point), "value": self.value,
            "h": self.step, "scheme": self.scheme, "quotients": rows, "gradients": self.gradients,
        }  # fmt: skip


def quotients(formula: str | Graph, values: Mapping[str, Any] | None = None, *, step: float = 1e-4,
              scheme: str = "forward", wrt: str | Sequence[str] | None = None, kinks: str = "torch",
              output: str | None = None, expand: bool = False, fuse: bool = False, share: bool = False,
              **variables: Any) -> Quotients:  # fmt: skip
    """The lectures' own numerical gradient: one difference quotient for each variable, beside reverse mode.

    STEP is h > 0; SCHEME "forward" is (f(x+h) - f(x))/h, "backward" (f(x) - f(x-h))/h, "central"
    (f(x+h) - f(x-h))/2h.
    """
    if not (step > 0 and math.isfinite(step)):
        raise Trouble(f"the step h must be a number above 0, not {step:g}", code="usage", tries=["--h 0.0001"])
    graph, point, computed = prepare(
        formula, values, variables, wrt, expand=expand, fuse=fuse, share=share, output=output
    )
    gradients = _gradients(graph, computed, chosen(graph, wrt), kinks)
    below, above = {"forward": (0.0, step), "backward": (-step, 0.0), "central": (-step, step)}[scheme]
    rows, slopes = {}, {}
    for entry in islice(_entries(point, gradients), MOST_ENTRIES):
        low, high = (float(forward(graph, entry.shifted(shift))[graph.output]) for shift in (below, above))
        quotient_ = (high - low) / (above - below)
        rows[entry.label] = (entry.x + below, entry.x + above, low, high, quotient_)
        slopes[entry.label] = entry.gradient
    return Quotients(graph, point, float(computed[graph.output]), step, scheme, rows, slopes)


@dataclass(frozen=True, eq=False)
class Sweep(Result):
    """The relative error of difference quotients against the step: for each h, of the central and forward scheme.

    None where the formula has no answer at a shifted point.
    """

    view = "sweep"

    name: str
    gradient: float
    points: list[tuple[float, float | None, float | None]]

    def record(self, expression: str) -> dict[str, Any]:
        points = [{"h": step, "central": central, "forward": forward} for step, central, forward in self.points]
        return {"schema": "bpcli/check/1", "expression": expression, "variable": self.name,
                "gradient": self.gradient, "sweep": points}  # fmt: skip


def sweep(formula: str | Graph, values: Mapping[str, Any] | None = None, *, wrt: str | Sequence[str] | None = None,
          kinks: str = "torch", output: str | None = None, expand: bool = False, fuse: bool = False,
          share: bool = False, **variables: Any) -> Sweep:  # fmt: skip
    """Errors for h from 1e-1 to 1e-15, four steps a decade, in the first of the variables WRT (or of all)."""
    graph, point, computed = prepare(
        formula, values, variables, wrt, expand=expand, fuse=fuse, share=share, output=output
    )
    entry = next(_entries(point, _gradients(graph, computed, chosen(graph, wrt), kinks)), None)
    if entry is None:
        raise Trouble("the formula has no variable to shift", code="no-variable")

    def error(step: float, scheme: str) -> float | None:
        try:
            measured = quotient(lambda t: float(forward(graph, entry.shifted(t))[graph.output]), step, scheme)
        except Trouble:
            return None
        return relative(entry.gradient, measured)

    steps = [10.0 ** (-k / 4) for k in range(4, 61)]
    points = [(step, error(step, "central"), error(step, "forward")) for step in steps]
    return Sweep(entry.label, entry.gradient, points)
