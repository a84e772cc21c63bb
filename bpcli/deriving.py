"""Derivatives as formulas: `derive`, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Any

from bpcli.graph import Graph
from bpcli.passes import chosen, parse
from bpcli.point import bind
from bpcli.printing import FORMULA, LATEX, Style, write
from bpcli.result import Result, in_brief, plain
from bpcli.sweeps import forward
from bpcli.symbolic import derivatives, gradient, shared_parts, sizes
from bpcli.trouble import Trouble


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
    numbers: dict[str, Any] | None
    point: dict[str, Any]

    def about(self) -> str:
        """The formula and the names of its derivatives."""
        return f"{in_brief(self.source.source)}: {', '.join(self.names) or 'no variable'}"

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
            record |= {"inputs": plain(self.point), "values": plain(self.numbers)}
        return record


def derive(formula: str | Graph, values: Mapping[str, Any] | None = None, *, wrt: str | Sequence[str] | None = None,
           order: int = 1, blackboard: bool = True, shapes: Mapping[str, tuple[int, ...]] | None = None,
           output: str | None = None, expand: bool = False, fuse: bool = False, share: bool = False,
           **variables: Any) -> Derivative:  # fmt: skip
    """The symbolic derivatives of FORMULA, from reverse mode run on its own graph, lightly simplified.

    ORDER 2 gives every second derivative once. BLACKBOARD writes local gradients as a lecture does; otherwise in
    the stable forms that run. SHAPES (name -> shape) tells which variables are arrays when no values do. Values, if given, must be given for all variables; ``numbers`` then holds the
    derivatives there, computed from the stable forms.
    """
    if order not in (1, 2):
        raise Trouble(f"derivatives are of order 1 or 2, not {order}", code="usage", tries=["--order 2"])
    given = {**(values or {}), **variables}
    options = {"expand": expand, "fuse": fuse, "share": share, "output": output}
    graph = formula if isinstance(formula, Graph) else parse(formula, variables=list(given), **options)  # type: ignore[arg-type]
    names = chosen(graph, wrt)
    point = bind(graph, given) if given else {}
    graph = _with_shapes(graph, point, shapes or {}, names)
    if order > 1 and graph.shapes is not None:
        raise Trouble("second derivatives of arrays are not written out; grad --hvp multiplies by them",
                      code="array-hessian", tries=[f"bpcli grad … --hvp {names[0] if names else 'x'}=@vector.npy"])  # fmt: skip
    labels, slopes = _derivatives(graph, names, order, blackboard)
    numbers = None
    if given:
        forward(graph, point)  # no derivative where there is no value: log at -1
        stable = _derivatives(graph, names, order, blackboard=False)[1]
        computed = forward(stable, point)
        numbers = {label: _number(computed[node]) for label, node in zip(labels, stable.outputs, strict=True)}
    parts = shared_parts(slopes, [*labels, *graph.inputs])
    return Derivative(graph, replace(slopes, names={**slopes.names, **parts}), labels, parts, numbers, point)


def _number(value: Any) -> Any:
    """A float for a number of any kind; an array as it is."""
    return value if len(getattr(value, "shape", [])) else float(value)


def _with_shapes(
    graph: Graph, point: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], names: Sequence[str]
) -> Graph:
    """GRAPH with the shapes that the values or SHAPES give its variables, when there are arrays."""
    if not (graph.has_arrays or any(shapes.values()) or not all(isinstance(value, float) for value in point.values())):
        return graph
    from bpcli.arrays.shapes import resolve, shape_of

    for name in shapes:
        if name not in graph.inputs:
            raise Trouble(f"the formula has no variable {name} to have a shape", code="unknown-variable")
    known = {**shapes, **{name: shape_of(value) for name, value in point.items()}}
    if not known:
        shapes_tried = " ".join(f"--shape {name}=2" for name in graph.inputs)
        raise Trouble("the derivative of an array's formula depends on the shapes: say which, or give the values",
                      code="no-shapes", tries=[shapes_tried])  # fmt: skip
    graph = resolve(graph, known, names)
    if graph.shapes and graph.shapes[graph.output]:
        raise Trouble(f"the output is an array of shape {graph.shapes[graph.output]}; a number has derivatives",
                      code="array-output", tries=[f"sum({graph.source})"])  # fmt: skip
    return graph


def _derivatives(graph: Graph, names: Sequence[str], order: int, blackboard: bool) -> tuple[list[str], Graph]:
    """Labels and the graph of the derivatives of the given ORDER (1 or 2; each mixed one once)."""
    first = gradient(graph, names, blackboard)
    if order == 1:
        return _labels([f"d{name}" for name in names], graph), first
    pairs = [(i, j) for i in range(len(names)) for j in range(i, len(names))]
    second = derivatives(first, [(first.outputs[i], names[j]) for i, j in pairs], blackboard)
    return _labels([f"d{names[i]}_d{names[j]}" for i, j in pairs], graph), second


def _labels(wanted: Sequence[str], graph: Graph) -> list[str]:
    """WANTED, with as many ``_`` as tell them from the variables (``dx`` may be one) and from one another."""
    taken = set(graph.inputs)
    labels: list[str] = []
    for name in wanted:
        label = next(longer for number in count() if (longer := name + "_" * number) not in taken)
        taken.add(label)
        labels.append(label)
    return labels
