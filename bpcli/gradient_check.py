"""The gradient check and its two teaching forms: one plain quotient, and the error against the step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bpcli.checking import Check, Comparison, blame, relative
from bpcli.checking import check as compare
from bpcli.differences import quotient
from bpcli.graph import Graph
from bpcli.passes import Note, chosen, notes_of, prepare
from bpcli.result import Result
from bpcli.sweeps import Values, forward, reverse
from bpcli.trouble import Trouble


@dataclass(frozen=True, eq=False)
class Checked(Result):
    """The outcome of `check`: ``check.comparisons`` holds one comparison for each variable."""

    view = "check"

    graph: Graph
    point: dict[str, float]
    values: Values = field(repr=False)
    kinks: str
    gradients: dict[str, float]
    check: Check

    @property
    def ok(self) -> bool:
        """Whether nothing disagrees."""
        return self.check.ok

    @cached_property
    def notes(self) -> list[Note]:
        """What the user should know: characters read as others, kinks met."""
        return notes_of(self.graph, self.values, self.kinks)

    def record(self, expression: str) -> dict[str, Any]:
        return {
            "schema": "bpcli/check/1",
            "expression": expression,
            "ok": self.ok,
            "inputs": self.point,
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
    }  # fmt: skip


def check(formula: str | Graph, values: Mapping[str, Any] | None = None, *, wrt: str | Sequence[str] | None = None,
          kinks: str = "torch", output: str | None = None, expand: bool = False, fuse: bool = False,
          share: bool = False, **variables: Any) -> Checked:  # fmt: skip
    """Hold reverse mode against forward mode, differences and, where the formula is analytic, the complex step."""
    graph, point, computed = prepare(formula, values, variables, expand=expand, fuse=fuse, share=share, output=output)
    names = chosen(graph, wrt)
    adjoints = reverse(graph, computed, {graph.output: 1.0}, kinks)
    gradients = {name: float(adjoints[graph.inputs[name]]) for name in names}
    result = compare(graph, point, computed, gradients, thorough=True, kinks=kinks)
    return Checked(graph, point, computed, kinks, gradients, result)


@dataclass(frozen=True, eq=False)
class Quotients(Result):
    """Plain difference quotients with one step: variable -> (lower point, upper point, f there, f there, quotient)."""

    view = "quotients"

    graph: Graph
    point: dict[str, float]
    value: float
    step: float
    scheme: str
    rows: dict[str, tuple[float, float, float, float, float]]
    gradients: dict[str, float]

    def record(self, expression: str) -> dict[str, Any]:
        keys = ("from", "to", "f_from", "f_to", "quotient")
        rows = {name: dict(zip(keys, row, strict=True)) for name, row in self.rows.items()}
        return {
            "schema": "bpcli/check/1", "expression": expression, "inputs": self.point, "value": self.value,
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
    graph, point, computed = prepare(formula, values, variables, expand=expand, fuse=fuse, share=share, output=output)
    names = chosen(graph, wrt)
    adjoints = reverse(graph, computed, {graph.output: 1.0}, kinks)
    below, above = {"forward": (0.0, step), "backward": (-step, 0.0), "central": (-step, step)}[scheme]
    rows = {}
    for name in names:
        places = [point[name] + shift for shift in (below, above)]
        low, high = (float(forward(graph, {**point, name: place})[graph.output]) for place in places)
        rows[name] = (places[0], places[1], low, high, (high - low) / (above - below))
    gradients = {name: float(adjoints[graph.inputs[name]]) for name in names}
    return Quotients(graph, point, float(computed[graph.output]), step, scheme, rows, gradients)


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
    graph, point, computed = prepare(formula, values, variables, expand=expand, fuse=fuse, share=share, output=output)
    names = chosen(graph, wrt)
    if not names:
        raise Trouble("the formula has no variable to shift", code="no-variable")
    name = names[0]
    gradient = float(reverse(graph, computed, {graph.output: 1.0}, kinks)[graph.inputs[name]])

    def error(step: float, scheme: str) -> float | None:
        try:
            measured = quotient(lambda t: forward(graph, {**point, name: point[name] + t})[graph.output], step, scheme)
        except Trouble:
            return None
        return relative(gradient, measured)

    steps = [10.0 ** (-k / 4) for k in range(4, 61)]
    return Sweep(name, gradient, [(step, error(step, "central"), error(step, "forward")) for step in steps])
