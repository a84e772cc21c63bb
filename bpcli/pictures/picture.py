"""What a picture of a graph shows: its nodes and wires with their texts, before anything has a place.

Numbers of the formula are folded into the label of the gate that they feed (``*-1``, ``+1``, ``1/x``), as on the
lectures' slides, whenever that gate has just one other input; elsewhere they are nodes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from bpcli.gates import COMPARES
from bpcli.graph import WHERE, Graph
from bpcli.passes import Gradients, grad, one_of, parse, prepare
from bpcli.pictures.labels import WIDEST_LABEL, constant_text, gate_label, number_text, shape_text
from bpcli.printing import reading
from bpcli.result import Result, in_brief
from bpcli.sweeps import Values, taken
from bpcli.trouble import Trouble

if TYPE_CHECKING:
    from bpcli.pictures.layout import Drawing

#: What is written at the wires: values, gradients, both, the values with every local gradient, or nothing.
SHOWS = ("both", "values", "gradients", "local", "nothing")

INPUT, NUMBER, GATE = "input", "number", "gate"


class Node(NamedTuple):
    """A variable, a number or a gate. Texts are "" where there is nothing to show."""

    id: str
    """Unique in the picture: a variable's or assigned name, g1, g2, …; of a number its place, such as #3."""
    kind: str
    label: str
    name: str
    """The assigned name of a gate."""
    value: str
    gradient: str
    asks: tuple[bool, bool]
    """Whether there is a blank to fill in with the value, with the gradient; their text is what stands in it."""
    is_output: bool
    place: int
    """Its number in the graph."""


class Wire(NamedTuple):
    """What carries the value of the node SOURCE to the input at PLACE of the gate TARGET."""

    source: int
    target: int
    place: int
    """The place among the gate's inputs, as `--json` counts them; numbers folded into the label have one too."""
    local: str
    """The local gradient of the gate for this input, where it is to be shown."""
    carries: bool
    """Whether a gradient goes back on it."""
    taken: bool
    """False for a branch that a `where` did not take."""


class Numbers(NamedTuple):
    """What a run found, by node of the graph; absent where nothing was computed."""

    values: Mapping[int, Any]
    gradients: Mapping[int, Any]
    locals: Mapping[tuple[int, int], Any]
    """(gate's node, place of the input) -> local gradient."""


NONE = Numbers({}, {}, {})


@dataclass(frozen=True, eq=False)
class Picture(Result):
    """A graph to be drawn: `print` shows it in text, a notebook as SVG, `svg()` and its like give the formats."""

    view = "picture"

    graph: Graph = field(repr=False)
    title: str
    """The formula as it was typed."""
    nodes: tuple[Node, ...]
    wires: tuple[Wire, ...]
    """Sorted by target and place."""
    show: str
    blanks: bool
    result: Gradients | None = field(repr=False)
    """The run that the numbers are from."""
    found: Numbers = field(repr=False)

    @property
    def reading(self) -> str:
        """The formula as it was read, fully bracketed; the lines of a program joined by ``; ``."""
        return reading(self.graph)

    def about(self) -> str:
        return in_brief(self.title)

    @cached_property
    def drawing(self) -> Drawing:
        """Where everything is, in pixels: laid out once for all formats but text."""
        from bpcli.pictures.layout import layout

        return layout(self)

    def svg(self) -> str:
        """The picture as an SVG document."""
        from bpcli.pictures.svg import write

        return write(self, self.drawing)

    def record(self, expression: str) -> dict[str, Any]:
        from bpcli.pictures.layout import record

        notes = [note._asdict() for note in self.result.notes] if self.result else []
        return {"schema": "bpcli/graph/1", "expression": expression, "reading": self.reading,
                **record(self, self.drawing), "notes": notes}  # fmt: skip

    def _repr_svg_(self) -> str:
        return self.svg()

    def _repr_html_(self) -> str:
        return self.svg()


def draw(formula: str | Graph, values: Mapping[str, Any] | None = None, *, show: str = "both", blanks: bool = False,
         digits: int = 4, upstream: Any = None, kinks: str = "torch", output: str | None = None, expand: bool = False,
         fuse: bool = False, share: bool = False, **variables: Any) -> Picture:  # fmt: skip
    """The picture of FORMULA's graph: values above the wires, gradients below.

    >>> print(bpcli.draw("(x+y)*z", x=-2, y=5, z=-4).svg()[:4])
    <svg

    Without any values for its variables, the structure alone. SHOW is one of "both", "values", "gradients", "local"
    (values, and every gate's local gradients) and "nothing"; with BLANKS there is an empty box wherever a number
    was left out. DIGITS are significant ones. The rest is as for `grad`. Raises `Trouble` as `grad` does.
    """
    one_of("show", show, SHOWS)
    given = {**(values or {}), **variables}
    rewritings = {"expand": expand, "fuse": fuse, "share": share, "output": output}
    graph = formula if isinstance(formula, Graph) else parse(formula, variables=list(given), **rewritings)  # type: ignore[arg-type]
    if graph.inputs and not given:
        return picture(graph, NONE, show, blanks=blanks, digits=digits)
    if show == "values":
        graph, _, computed = prepare(graph, given, {})
        return picture(graph, _values(computed), show, blanks=blanks, digits=digits)
    try:
        result = grad(graph, given, upstream=upstream, kinks=kinks, check=False)
    except Trouble as trouble:
        if trouble.code == "array-output":
            trouble.tries = tuple(["--show values" if line == "--jacobian" else line for line in trouble.tries])
        raise
    return picture(result.graph, numbers(result), show, blanks=blanks, digits=digits, result=result,
                   given_upstream=upstream is not None)  # fmt: skip


def _values(values: Values) -> Numbers:
    return Numbers({node: value for node, value in enumerate(values) if value is not None}, {}, {})


def numbers(result: Gradients) -> Numbers:
    """The numbers of a run in reverse mode. A branch that a `where` did not take has none."""
    graph = result.graph
    gradients: dict[int, Any] = {graph.inputs[name]: one for name, one in result.gradients.items()}
    locals_: dict[tuple[int, int], Any] = {}
    for line, node in zip(result.lines(), _evaluated(graph, result.values), strict=True):
        if line.upstream is not None:
            gradients[node] = line.upstream
        for place, local in enumerate(line.local):
            if local is not None:
                locals_[node, place] = local
    return Numbers(_values(result.values).values, gradients, locals_)


def _evaluated(graph: Graph, values: Values) -> list[int]:
    return [node for node in graph.gates if values[node] is not None]


def picture(graph: Graph, found: Numbers, show: str = "both", *, blanks: bool = False, digits: int = 4,
            result: Gradients | None = None, given_upstream: bool = False, on_paper: bool = False) -> Picture:  # fmt: skip
    """The picture of GRAPH with the numbers FOUND. In the blank for an array stands its shape."""
    folds = _folded(graph)
    drawn = _drawn(graph, folds)
    ids = _ids(graph, drawn)
    outputs = set(graph.outputs)
    nodes = []
    for node in drawn:
        is_gate = node in graph.position
        kind = GATE if is_gate else INPUT if node in graph.inputs.values() else NUMBER
        plain = kind == NUMBER and node not in graph.names
        value = "" if plain else number_text(found.values.get(node), digits, on_paper)
        gradient = number_text(found.gradients.get(node), digits, on_paper)
        known = kind == INPUT or (node in outputs and given_upstream)  # what an exercise tells
        shows_value = show in ("both", "values", "local") or (blanks and kind == INPUT)
        shows_gradient = show in ("both", "gradients") or (blanks and node in outputs and known and kind != INPUT)
        asks = (blanks and not (shows_value and value) and not plain,
                blanks and not (shows_gradient and gradient) and graph.active[node])  # fmt: skip
        size = shape_text(graph.shapes[node]) if graph.shapes and graph.shapes[node] else ""
        nodes.append(Node(
            ids[node], kind, _label(graph, node, folds), graph.names.get(node, "") if is_gate else "",
            size if asks[0] else value if shows_value else "", size if asks[1] else gradient if shows_gradient else "",
            asks, node in outputs, node,
        ))  # fmt: skip
    place_of = {node: k for k, node in enumerate(drawn)}
    wires = _wires(graph, found, folds, place_of, digits if show == "local" else 0)
    title = graph.source.strip() or "a graph of gates"
    return Picture(graph, title, tuple(nodes), tuple(wires), show, blanks, result, found)


def _folded(graph: Graph) -> dict[int, dict[int, str]]:
    """Gate -> the numbers in its label by place, for gates of whose inputs just one is not a number."""
    folded: dict[int, dict[int, str]] = {}
    for place, (node, args) in enumerate(zip(graph.gates, graph.args, strict=True)):
        constant = {k: _constant(graph, given) for k, given in enumerate(args) if given in graph.constants}
        row = graph.row(place)
        fits = constant and len(args) - len(constant) == 1 and len(gate_label(row, constant)) <= WIDEST_LABEL
        folded[node] = constant if fits else {}
    return folded


def _constant(graph: Graph, node: int) -> str:
    return graph.names.get(node) or constant_text(graph.constants[node])


def _drawn(graph: Graph, folds: Mapping[int, Mapping[int, str]]) -> list[int]:
    """The nodes to draw, in the graph's order: every gate and variable, and the numbers that were not folded."""
    kept = {given for node, args in zip(graph.gates, graph.args, strict=True)
            for k, given in enumerate(args) if k not in folds[node]}  # fmt: skip
    kept |= {*graph.gates, *graph.inputs.values(), *graph.outputs}
    return sorted(kept)


def _ids(graph: Graph, drawn: Collection[int]) -> dict[int, str]:
    plain = {node for node in drawn if node in graph.constants and node not in graph.names}
    ids, taken_ids = {}, set()
    for node in drawn:
        name = f"#{node}" if node in plain or graph.ids[node] in taken_ids else graph.ids[node]
        ids[node] = name
        taken_ids.add(name)
    return ids


def _label(graph: Graph, node: int, folds: Mapping[int, Mapping[int, str]]) -> str:
    if node in graph.position:
        return gate_label(graph.row(graph.position[node]), folds[node])
    return _constant(graph, node) if node in graph.constants else graph.ids[node]


def _wires(graph: Graph, found: Numbers, folds: Mapping[int, Mapping[int, str]], place_of: Mapping[int, int],
           digits: int) -> list[Wire]:  # fmt: skip
    """The wires; with their local gradients if there are any DIGITS to show of them."""
    wires = []
    for place, (node, args) in enumerate(zip(graph.gates, graph.args, strict=True)):
        row = graph.row(place)
        untaken = _untaken(graph, place, found.values)
        for k, given in enumerate(args):
            if k in folds[node]:
                continue
            local = number_text(found.locals.get((node, k)), digits) if digits else ""
            slopes = row.binds != COMPARES and not (row is WHERE and k == 0)
            carries = (
                graph.active[given] and slopes and k != untaken and (not found.gradients or node in found.gradients)
            )
            wires.append(Wire(place_of[given], place_of[node], k, local, carries, k != untaken))
    return wires


def _untaken(graph: Graph, place: int, values: Mapping[int, Any]) -> int:
    """The place of the branch that a `where` did not take; -1 for other gates and before anything is computed."""
    args: Sequence[int] = graph.args[place]
    if graph.row(place) is not WHERE or args[0] not in values:
        return -1
    return 2 if taken((0, 1, 2), [values[args[0]]]) == 1 else 1
