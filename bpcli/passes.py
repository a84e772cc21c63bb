"""The forward and the backward pass of a formula at a point: `grad`, and what it gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from bpcli.checking import Check
from bpcli.checking import check as compare
from bpcli.gates import COMPARES, CONVENTIONS, convention
from bpcli.graph import Graph
from bpcli.language import OWN, Limits
from bpcli.language import parse as read
from bpcli.point import bind
from bpcli.printing import FORMULA, gate_text, program, reading
from bpcli.result import Result, in_brief, size_or_figure
from bpcli.sweeps import Values, forward, kinks_met, local_gradients, reverse, tangent
from bpcli.trouble import Trouble

#: The ways to differentiate that `grad` knows, the usual one first.
MODES = ("reverse", "forward")


class Note(NamedTuple):
    """Something the user should know of a result: a stable code, the gate's id if there is one, a sentence."""

    code: str
    gate: str | None
    message: str


class GateLine(NamedTuple):
    """One gate of a result: what the table prints for it and ``--json`` has in one object."""

    id: str
    gate: str
    text: str
    inputs: list[str]
    value: float
    local: list[float | None]
    upstream: float | None
    sends: list[float | None]
    tangents: dict[str, float]


def parse(formula: str, *, variables: Sequence[str] = (), limits: Limits = OWN, expand: bool = False,
          fuse: bool = False, share: bool = False, output: str | Sequence[str] | None = None) -> Graph:  # fmt: skip
    """The graph of FORMULA.

    ``e`` is Euler's number unless it is among VARIABLES. EXPAND takes gates apart into the lectures' primitive
    ones, FUSE puts such groups together again, SHARE merges equal parts; all leave the function the same.
    OUTPUT names assigned names to be the outputs instead of the last line.
    """
    graph = read(formula, variables=variables, limits=limits)
    if output is not None:
        graph = _with_outputs(graph, [output] if isinstance(output, str) else list(output))
    if expand and fuse:
        raise Trouble("--expand and --fuse undo each other", code="usage", tries=["--expand", "--fuse"])
    if expand or fuse or share:
        from bpcli import rewrite

        for wanted, change in ((expand, rewrite.expand), (fuse, rewrite.fuse), (share, rewrite.share)):
            graph = change(graph) if wanted else graph
    return graph


def _with_outputs(graph: Graph, names: Sequence[str]) -> Graph:
    for name in names:
        if name not in graph.scope:
            from bpcli.mistakes import closest

            tries = [f"--output {near}" for near in closest(name, list(graph.scope))]
            raise Trouble(f"no line of the formula assigns {name}", code="unknown-output", tries=tries)
    return replace(graph, outputs=tuple(graph.scope[name] for name in names))


def prepare(formula: str | Graph, values: Mapping[str, Any] | None, variables: Mapping[str, Any],
            wrt: str | Sequence[str] | None = None, **options: Any) -> tuple[Graph, dict[str, Any], Values]:  # fmt: skip
    """The graph of FORMULA, the point that the values make, and the value of every node there.

    With an array among the values or in the formula the graph has shapes, and only the variables WRT (all, if
    None) are differentiated with respect to.
    """
    given = {**(values or {}), **variables}
    graph = formula if isinstance(formula, Graph) else parse(formula, variables=list(given), **options)
    point = bind(graph, given)
    if graph.has_arrays or not all(isinstance(value, float) for value in point.values()):
        from bpcli.arrays.shapes import resolve, shape_of

        shapes = {name: shape_of(value) for name, value in point.items()}
        graph = resolve(graph, shapes, chosen(graph, wrt))
    try:
        return graph, point, forward(graph, point)
    except Trouble as trouble:
        raise _with_stable_spelling(graph, point, trouble) from None


def _with_stable_spelling(graph: Graph, point: Mapping[str, float], trouble: Trouble) -> Trouble:
    """TROUBLE, with a hint when a fused gate would have had an answer: 1/(1 + exp(-x)) at -1000."""
    if trouble.code != "overflow" or graph.shapes is not None:
        return trouble
    from bpcli.rewrite import fuse

    fused = fuse(graph)
    if len(fused.gates) < len(graph.gates):
        try:
            forward(fused, point)
            trouble.tries = ("; ".join(program(fused, FORMULA)),)
        except Trouble:
            pass
    return trouble


def one_of(option: str, value: str, possible: Sequence[str]) -> None:
    """Raise `Trouble` if VALUE is none of the POSSIBLE values of OPTION."""
    if value not in possible:
        raise Trouble(f"{option} must be one of {', '.join(possible)}, not {value}", code="usage",
                      tries=[f"--{option} {possible[0]}"])  # fmt: skip


def chosen(graph: Graph, wrt: str | Sequence[str] | None) -> list[str]:
    """The variables to differentiate with respect to: those asked for, or all, in the formula's order."""
    if wrt is None:
        return list(graph.inputs)
    names = [wrt] if isinstance(wrt, str) else list(wrt)
    for name in names:
        if name not in graph.inputs:
            from bpcli.mistakes import closest

            names_there = list(graph.inputs)
            near = closest(name, names_there) or [",".join(names_there)] * bool(names_there)
            tries = [f"--wrt {one}" for one in near]
            has = f"it has {', '.join(names_there)}" if names_there else "it has none"
            raise Trouble(f"the formula has no variable {name}; {has}", code="unknown-variable", tries=tries)
    return names


def notes_of(graph: Graph, values: Values, kinks: str) -> list[Note]:
    """The notes of how GRAPH was read, and one for every kink that the backward pass met."""
    notes = [Note(code, None, message) for code, message in graph.notes]
    gates = graph.backward(graph.outputs, values)[0]
    for place, row in kinks_met(graph, values, gates):
        assert row.kink is not None
        node = graph.gates[place]
        local = local_gradients(graph, place, values, kinks)
        taken = ", ".join(
            f"{slope:g} for {graph.ids[k]}" for k, slope in zip(graph.args[place], local, strict=True)
            if slope is not None
        )  # fmt: skip
        message = f"{graph.ids[node]}: {row.kink[1]}"
        if "jump" not in row.kink[1] and row.binds != COMPARES:
            message += f"; took {taken} ({convention(row, kinks)})"
        notes.append(Note("kink", graph.ids[node], message))
    return notes


@dataclass(frozen=True, eq=False)
class Gradients(Result):
    """The gradients of one output at one point.

    ``gradients`` maps each variable asked for to ∂(upstream · output)/∂variable. ``check`` is None when the
    witness was not asked.
    """

    view = "gradients"

    graph: Graph
    point: dict[str, Any]
    values: Values = field(repr=False)
    mode: str
    kinks: str
    upstream: Any
    gradients: dict[str, Any]
    adjoints: Values = field(repr=False)
    tangents: dict[str, Values] = field(repr=False)
    check: Check | None = field(repr=False)

    @property
    def value(self) -> Any:
        """The value of the output."""
        return float(self.values[self.graph.output])

    @property
    def reading(self) -> str:
        """The formula as it was read, fully bracketed; the lines of a program joined by ``; ``."""
        return reading(self.graph)

    @cached_property
    def notes(self) -> list[Note]:
        """What the user should know: characters read as others, kinks met."""
        return notes_of(self.graph, self.values, self.kinks)

    @property
    def pushed(self) -> Any:
        """With arrays and in forward mode, the tangent of the output; otherwise None."""
        return None

    def about(self) -> str:
        """The formula and its gradients (or the tangent of its output)."""
        found = self.gradients or ({} if self.pushed is None else {"tangent": self.pushed})
        return in_brief(self.graph.source, {name: size_or_figure(one) for name, one in found.items()})

    def lines(self) -> Iterator[Any]:
        """The gates that were evaluated, in order."""
        return gate_lines(self.graph, self.values, self.kinks, self.adjoints, self.tangents)

    def record(self, expression: str) -> dict[str, Any]:
        graph = self.graph
        gates = [line._asdict() for line in self.lines()]
        if self.mode != "forward":
            for gate in gates:
                del gate["tangents"]
        record: dict[str, Any] = {
            "schema": "bpcli/grad/1",
            "expression": expression,
            "reading": self.reading,
            "mode": self.mode,
            "inputs": self.point,
            "output": {"name": graph.ids[graph.output], "value": self.value, "upstream": self.upstream},
            "gradients": self.gradients,
            "gates": gates,
            "notes": [note._asdict() for note in self.notes],
        }
        if self.check is not None:
            record["check"] = self.check.record()
        return record


def gate_lines(graph: Graph, values: Values, kinks: str = "torch", adjoints: Values | None = None,
               tangents: Mapping[str, Values] | None = None) -> Iterator[GateLine]:  # fmt: skip
    """The evaluated gates of GRAPH in order, with their local gradients and what the sweeps gave them."""
    reached = set(graph.backward(graph.outputs, values)[0])
    ids = graph.ids
    for place, node in enumerate(graph.gates):
        if values[node] is None:
            continue
        args = graph.args[place]
        live = node in reached
        local: list[float | None] = local_gradients(graph, place, values, kinks) if live else [None] * len(args)
        upstream = adjoints[node] if adjoints and live else None
        yield GateLine(
            ids[node], graph.row(place).name, gate_text(graph, place), [ids[k] for k in args], values[node], local,
            upstream, [None if upstream is None or one is None else upstream * one for one in local],
            {name: column[node] for name, column in (tangents or {}).items()},
        )  # fmt: skip


def grad(formula: str | Graph, values: Mapping[str, Any] | None = None, *, mode: str = "reverse",
         wrt: str | Sequence[str] | None = None, upstream: Any = None, tangents: Mapping[str, Any] | None = None,
         check: bool = True, kinks: str = "torch", output: str | None = None, expand: bool = False, fuse: bool = False, share: bool = False,
         **variables: Any) -> Gradients:  # fmt: skip
    """Run FORMULA forward and backward at a point.

    >>> bpcli.grad("(x+y)*z", x=-2, y=5, z=-4).gradients
    {'x': -4.0, 'y': -4.0, 'z': 3.0}

    MODE "reverse" needs one backward sweep for all variables, "forward" one sweep for each. WRT restricts the
    variables, UPSTREAM is ∂L/∂output, KINKS a convention of `bpcli.gates.CONVENTIONS`, CHECK asks the witness
    (finite differences) as well. EXPAND, FUSE, SHARE and OUTPUT are as for `parse`.

    Values may be arrays (nested lists or numpy's). Each gradient then has the shape of its variable; an output
    that is an array takes an UPSTREAM gradient of its own shape, and forward mode pushes the TANGENTS given for
    some of the variables (name -> array of the variable's shape).

    Raises `Trouble`: exit code 2 for a formula or value that cannot be read, 3 where the mathematics has no
    answer. Source of the method: S. Linnainmaa, BIT 16 (1976); A. Griewank and A. Walther, "Evaluating
    Derivatives" (2008), chapters 2 and 3.
    """
    one_of("mode", mode, MODES)
    one_of("kinks", kinks, CONVENTIONS)
    graph, point, computed = prepare(
        formula, values, variables, wrt, expand=expand, fuse=fuse, share=share, output=output
    )
    names = chosen(graph, wrt)
    if graph.shapes is not None:
        from bpcli.arrays.passes import run

        return run(graph, point, computed, mode, names, upstream, tangents, check, kinks)
    upstream = 1.0 if upstream is None else float(upstream)
    adjoints: Values = []
    columns: dict[str, Values] = {}
    if mode == "reverse":
        adjoints = reverse(graph, computed, {graph.output: upstream}, kinks)
        gradients = {name: float(adjoints[graph.inputs[name]]) for name in names}
    else:
        columns = {name: tangent(graph, computed, {graph.inputs[name]: 1.0}, kinks) for name in names}
        gradients = {name: upstream * float(column[graph.output]) for name, column in columns.items()}
    checked = None
    if check:
        checked = compare(graph, point, computed, gradients, factor=upstream, kinks=kinks)
    return Gradients(graph, point, computed, mode, kinks, upstream, gradients, adjoints, columns, checked)
