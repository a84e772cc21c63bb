"""Derivatives as formulas: `derive`, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from bpcli.graph import Graph
from bpcli.passes import chosen, parse
from bpcli.point import bind
from bpcli.printing import FORMULA, LATEX, Style, write
from bpcli.result import Result
from bpcli.sweeps import forward
from bpcli.symbolic import derivatives, gradient, shared_parts, sizes


@dataclass(frozen=True, eq=False)
class Derivative(Result):
    """Derivatives as formulas: ``graph`` has one output for each of ``names`` (such as "dx"), in order.

    ``numbers`` holds their values at ``point`` when values were given.
    """

    view = "derivative"

    source: Graph
    graph: Graph
    names: list[str]
    parts: dict[int, str]
    numbers: dict[str, float] | None
    point: dict[str, float]

    def lines(self, style: Style = FORMULA) -> dict[str, str]:
        """Name -> formula in bpcli's own language, or another STYLE, shared parts first."""
        named = {name: node for node, name in self.parts.items()}
        named |= dict(zip(self.names, self.graph.outputs, strict=True))
        return {name: write(self.graph, node, style) for name, node in named.items()}

    def latex(self) -> dict[str, str]:
        """Name -> LaTeX of the derivative; each written out, with no shared parts."""
        outputs = zip(self.names, self.graph.outputs, strict=True)
        return {name: write(self.graph, node, LATEX, inline=True) for name, node in outputs}

    @property
    def program(self) -> str:
        """All of it as a program that bpcli reads back: the shared parts, then ``dx = …`` for each derivative."""
        return "\n".join(f"{name} = {text}" for name, text in self.lines().items())

    @cached_property
    def sizes(self) -> tuple[int, int]:
        """How many gates the derivatives have when equal parts are shared, and when each is written out."""
        return sizes(self.graph)

    def record(self, expression: str) -> dict[str, Any]:
        lines = self.lines()
        record: dict[str, Any] = {
            "schema": "bpcli/derive/1",
            "expression": expression,
            "derivatives": {name: lines[name] for name in self.names},
            "shared": {name: text for name, text in lines.items() if name not in self.names},
            "latex": self.latex(),
            "size": dict(zip(("shared", "written_out"), self.sizes, strict=True)),
        }
        if self.numbers is not None:
            record |= {"inputs": self.point, "values": self.numbers}
        return record


def derive(formula: str | Graph, values: Mapping[str, Any] | None = None, *, wrt: str | Sequence[str] | None = None,
           order: int = 1, blackboard: bool = True, output: str | None = None, expand: bool = False,
           fuse: bool = False, share: bool = False, **variables: Any) -> Derivative:  # fmt: skip
    """The symbolic derivatives of FORMULA, from reverse mode run on its own graph, lightly simplified.

    ORDER 2 gives every second derivative once. BLACKBOARD writes local gradients as a lecture does; otherwise in
    the stable forms that run. Values, if given, must be given for all variables; ``numbers`` then holds the
    derivatives there, computed from the stable forms.
    """
    given = {**(values or {}), **variables}
    options = {"expand": expand, "fuse": fuse, "share": share, "output": output}
    graph = formula if isinstance(formula, Graph) else parse(formula, variables=list(given), **options)  # type: ignore[arg-type]
    names = chosen(graph, wrt)
    labels, slopes = _derivatives(graph, names, order, blackboard)
    point: dict[str, float] = {}
    numbers = None
    if given:
        point = bind(graph, given)
        stable = _derivatives(graph, names, order, blackboard=False)[1]
        computed = forward(stable, point)
        numbers = {label: float(computed[node]) for label, node in zip(labels, stable.outputs, strict=True)}
    parts = shared_parts(slopes, [*labels, *graph.inputs])
    return Derivative(graph, replace(slopes, names={**slopes.names, **parts}), labels, parts, numbers, point)


def _derivatives(graph: Graph, names: Sequence[str], order: int, blackboard: bool) -> tuple[list[str], Graph]:
    """Labels and the graph of the derivatives of the given ORDER (1 or 2; each mixed one once)."""
    first = gradient(graph, names, blackboard)
    if order == 1:
        return _labels([f"d{name}" for name in names], graph), first
    pairs = [(i, j) for i in range(len(names)) for j in range(i, len(names))]
    second = derivatives(first, [(first.outputs[i], names[j]) for i, j in pairs], blackboard)
    return _labels([f"d{names[i]}_d{names[j]}" for i, j in pairs], graph), second


def _labels(wanted: Sequence[str], graph: Graph) -> list[str]:
    """WANTED, with ``_`` after those that are variables already (``dx`` may be one)."""
    return [label + "_" * (label in graph.inputs) for label in wanted]
