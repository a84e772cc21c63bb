"""Jacobians and Hessians at a point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bpcli.graph import Graph, figure
from bpcli.passes import Note, chosen, notes_of, prepare
from bpcli.printing import program
from bpcli.result import Result, in_brief
from bpcli.sweeps import Values, forward, reverse
from bpcli.symbolic import gradient
from bpcli.trouble import Trouble


@dataclass(frozen=True, eq=False)
class Matrix(Result):
    """A Jacobian or a Hessian at a point: ``rows[output][variable]``."""

    view = "matrix"

    graph: Graph
    point: dict[str, float]
    values: Values = field(repr=False)
    kind: str
    kinks: str
    rows: dict[str, dict[str, float]]

    @property
    def reading(self) -> str:
        """The formula as it was read, fully bracketed."""
        return "; ".join(program(self.graph))

    @cached_property
    def notes(self) -> list[Note]:
        """What the user should know: characters read as others, kinks met."""
        return notes_of(self.graph, self.values, self.kinks)

    def about(self) -> str:
        """The formula, and which matrix of what size."""
        columns = len(next(iter(self.rows.values()), {}))
        return f"{in_brief(self.graph.source)}: {self.kind} {len(self.rows)}×{columns}"

    def record(self, expression: str) -> dict[str, Any]:
        return {
            "schema": "bpcli/grad/1",
            "expression": expression,
            "reading": self.reading,
            "inputs": self.point,
            self.kind: self.rows,
            "notes": [note._asdict() for note in self.notes],
        }


def jacobian(formula: str | Graph, outputs: Sequence[str] | None = None, values: Mapping[str, Any] | None = None, *,
             wrt: str | Sequence[str] | None = None, kinks: str = "torch", expand: bool = False, fuse: bool = False,
             share: bool = False, **variables: Any) -> Result:  # fmt: skip
    """∂output/∂variable for every name in OUTPUTS (the last line, if None): one backward sweep for each output.

    Of numbers a `Matrix`; of an array an `ArrayJacobian`, whose arrays have the output's axes, then the variable's.
    """
    graph, point, computed = prepare(
        formula, values, variables, wrt, expand=expand, fuse=fuse, share=share, output=outputs and list(outputs)
    )
    names = chosen(graph, wrt)
    if graph.shapes is not None:
        from bpcli.arrays import passes as array_passes

        return array_passes.jacobian(graph, point, computed, names, kinks)
    rows = {}
    for label, node in zip(outputs or [graph.ids[graph.output]], graph.outputs, strict=True):
        adjoints = reverse(graph, computed, {node: 1.0}, kinks)
        rows[label] = {name: float(adjoints[graph.inputs[name]]) for name in names}
    return Matrix(graph, point, computed, "jacobian", kinks, rows)


def _named(vector: Mapping[str, Any], variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """VECTOR with the only variable's name for a part without one."""
    if "" not in vector:
        return vector
    if len(variables) != 1:
        from bpcli.arrays.shapes import shape_of

        fitting = [name for name, value in variables.items() if shape_of(value) == shape_of(vector[""])]
        raise Trouble(f"--hvp needs a name here: the formula has {', '.join(variables) or 'no variables'}",
                      code="usage", tries=[f"--hvp '{name}={figure(vector[''])}'" for name in fitting])  # fmt: skip
    return dict.fromkeys(variables, vector[""])


def hessian(formula: str | Graph, values: Mapping[str, Any] | None = None, *, wrt: str | Sequence[str] | None = None,
            times: Mapping[str, Any] | None = None, kinks: str = "torch", output: str | None = None,
            expand: bool = False, fuse: bool = False, share: bool = False, **variables: Any) -> Result:  # fmt: skip
    """∂²output/∂u∂v for every two variables: reverse mode on the graph of the gradient, which reverse mode made.

    TIMES a vector (name -> number or array of the variable's shape) gives the Hessian–vector product instead, by
    one forward sweep over that graph; the only form there is for arrays.
    """
    graph, point, computed = prepare(
        formula, values, variables, wrt, expand=expand, fuse=fuse, share=share, output=output
    )
    names = chosen(graph, wrt)
    if times is not None:
        from bpcli.arrays.passes import hessian_product

        return hessian_product(graph, point, names, _named(times, {name: point[name] for name in names}), kinks)
    if graph.shapes is not None:
        raise Trouble("the Hessian of arrays is too large to write out; its product with a vector is not",
                      code="array-hessian", tries=[f"--hvp {names[0] if names else 'x'}=@vector.npy"])  # fmt: skip
    slopes = gradient(graph, names, blackboard=False)
    slope_values = forward(slopes, point)
    rows = {}
    for label, node in zip(names, slopes.outputs, strict=True):
        adjoints = reverse(slopes, slope_values, {node: 1.0}, kinks)
        rows[label] = {name: float(adjoints[slopes.inputs[name]]) for name in names}
    return Matrix(graph, point, computed, "hessian", kinks, rows)
