"""What Python users call, and what the commands call: formula in, results out, nothing printed.

Every function takes a formula as text (or a `Graph`) and the values of its variables as keyword arguments;
``values={"x": 2}`` does the same for a name that is also an argument. Every number is a float (a double);
angles are in radians. What the user can mend raises `Trouble`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bpcli.checking import Check
from bpcli.graph import Graph
from bpcli.language import OWN, Limits
from bpcli.language import parse as read
from bpcli.point import bind
from bpcli.sweeps import Values, forward, kinks_met, local_gradients, reverse, tangent
from bpcli.trouble import Trouble

if TYPE_CHECKING:
    from bpcli.printing import Style


@dataclass(frozen=True)
class Note:
    """Something the user should know of a result: a stable code, the gate's id if there is one, a sentence."""

    code: str
    gate: str | None
    message: str


@dataclass(frozen=True)
class GateLine:
    """One gate of a result: what the table prints in one row and ``--json`` in one object."""

    id: str
    gate: str
    text: str
    inputs: list[str]
    value: float | None
    local: list[float | None]
    upstream: float | None
    sends: list[float | None]
    tangents: dict[str, float] = field(default_factory=dict)


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
    if expand or fuse or share:
        from bpcli import rewrite

        for wanted, change in ((expand, rewrite.expand), (fuse, rewrite.fuse), (share, rewrite.share)):
            graph = change(graph) if wanted else graph
    return graph


def _with_outputs(graph: Graph, names: Sequence[str]) -> Graph:
    from dataclasses import replace

    for name in names:
        if name not in graph.scope:
            from bpcli.mistakes import closest

            tries = [f"--output {near}" for near in closest(name, list(graph.scope))]
            raise Trouble(f"no line of the formula assigns {name}", code="unknown-output", tries=tries)
    return replace(graph, outputs=tuple(graph.scope[name] for name in names))


def _prepare(formula: str | Graph, values: Mapping[str, Any] | None, variables: Mapping[str, Any],
             **options: Any) -> tuple[Graph, dict[str, float], Values]:  # fmt: skip
    given = {**(values or {}), **variables}
    graph = formula if isinstance(formula, Graph) else parse(formula, variables=list(given), **options)
    point = bind(graph, given)
    try:
        return graph, point, forward(graph, point)
    except Trouble as trouble:
        raise _with_stable_spelling(graph, point, trouble) from None


def _with_stable_spelling(graph: Graph, point: Mapping[str, float], trouble: Trouble) -> Trouble:
    """TROUBLE, with a hint when a fused gate would have had an answer: 1/(1 + exp(-x)) at -1000."""
    if trouble.code != "overflow":
        return trouble
    from bpcli.printing import FORMULA, program
    from bpcli.rewrite import fuse

    fused = fuse(graph)
    if len(fused.gates) < len(graph.gates):
        try:
            forward(fused, point)
            trouble.tries = ("; ".join(program(fused, FORMULA)),)
        except Trouble:
            pass
    return trouble


def _chosen(graph: Graph, wrt: str | Sequence[str] | None) -> list[str]:
    """The variables to differentiate with respect to: those asked for, or all, in the formula's order."""
    if wrt is None:
        return list(graph.inputs)
    names = [wrt] if isinstance(wrt, str) else list(wrt)
    for name in names:
        if name not in graph.inputs:
            from bpcli.mistakes import closest

            tries = [f"--wrt {near}" for near in closest(name, list(graph.inputs))]
            raise Trouble(f"the formula has no variable {name} to differentiate with respect to",
                          code="unknown-variable", tries=tries)  # fmt: skip
    return names


def _notes(graph: Graph, values: Values, kinks: str) -> list[Note]:
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
        if "jump" not in row.kink[1] and "edge" not in row.kink[1]:
            message += f"; took {taken} ({kinks} convention)"
        notes.append(Note("kink", graph.ids[node], message))
    return notes


class Shown:
    """A result that prints as its table and shows itself as HTML in a notebook."""

    def __str__(self) -> str:
        from bpcli.tables import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from bpcli.tables import as_html

        return as_html(self)


@dataclass(frozen=True)
class Gradients(Shown):
    """The gradients of one output at one point.

    ``gradients`` maps each variable asked for to ∂(upstream · output)/∂variable. ``check`` is None when the
    witness was not asked.
    """

    graph: Graph
    point: dict[str, float]
    values: Values = field(repr=False)
    mode: str
    kinks: str
    upstream: float
    gradients: dict[str, float]
    adjoints: Values = field(repr=False)
    tangents: dict[str, Values] = field(repr=False)
    check: Check | None = field(repr=False)

    @property
    def value(self) -> float:
        """The value of the output."""
        return float(self.values[self.graph.output])

    @property
    def reading(self) -> str:
        """The formula as it was read, fully bracketed; the lines of a program joined by ``; ``."""
        from bpcli.printing import program

        return "; ".join(program(self.graph))

    @cached_property
    def notes(self) -> list[Note]:
        """What the user should know: characters read as others, kinks met."""
        return _notes(self.graph, self.values, self.kinks)

    def lines(self) -> Iterator[GateLine]:
        """The gates that were evaluated, in order."""
        return gate_lines(self.graph, self.values, self.kinks, self.adjoints, self.tangents)


def gate_lines(graph: Graph, values: Values, kinks: str = "torch", adjoints: Values | None = None,
               tangents: Mapping[str, Values] | None = None) -> Iterator[GateLine]:  # fmt: skip
    """The evaluated gates of GRAPH in order, with their local gradients and what the sweeps gave them."""
    from bpcli.printing import gate_text

    reached = set(graph.backward(graph.outputs, values)[0])
    ids = graph.ids
    for place, node in enumerate(graph.gates):
        if values[node] is None:
            continue
        args = graph.args[place]
        live = node in reached
        local = local_gradients(graph, place, values, kinks) if live else [None] * len(args)
        upstream = adjoints[node] if adjoints and live else None
        yield GateLine(
            ids[node], graph.row(place).name, gate_text(graph, place), [ids[k] for k in args], values[node], local,
            upstream, [None if upstream is None or one is None else upstream * one for one in local],
            {name: column[node] for name, column in (tangents or {}).items()},
        )  # fmt: skip


def grad(formula: str | Graph, values: Mapping[str, Any] | None = None, *, mode: str = "reverse",
         wrt: str | Sequence[str] | None = None, upstream: float = 1.0, check: bool = True, kinks: str = "torch",
         output: str | None = None, expand: bool = False, fuse: bool = False, share: bool = False,
         **variables: Any) -> Gradients:  # fmt: skip
    """Run FORMULA forward and backward at a point.

    >>> bpcli.grad("(x+y)*z", x=-2, y=5, z=-4).gradients
    {'x': -4.0, 'y': -4.0, 'z': 3.0}

    MODE "reverse" needs one backward sweep for all variables, "forward" one sweep for each. WRT restricts the
    variables, UPSTREAM is ∂L/∂output, KINKS a convention of `bpcli.gates.CONVENTIONS`, CHECK asks the witness
    (finite differences) as well. EXPAND, FUSE, SHARE and OUTPUT are as for `parse`.

    Raises `Trouble`: exit code 2 for a formula or value that cannot be read, 3 where the mathematics has no
    answer. Source of the method: S. Linnainmaa, BIT 16 (1976); A. Griewank and A. Walther, "Evaluating
    Derivatives" (2008), chapters 2 and 3.
    """
    graph, point, computed = _prepare(formula, values, variables, expand=expand, fuse=fuse, share=share, output=output)
    names = _chosen(graph, wrt)
    adjoints: Values = []
    tangents: dict[str, Values] = {}
    if mode == "reverse":
        adjoints = reverse(graph, computed, {graph.output: upstream}, kinks)
        gradients = {name: float(adjoints[graph.inputs[name]]) for name in names}
    else:
        tangents = {name: tangent(graph, computed, {graph.inputs[name]: 1.0}, kinks) for name in names}
        gradients = {name: upstream * float(column[graph.output]) for name, column in tangents.items()}
    checked = None
    if check:
        from bpcli.checking import check as compare

        checked = compare(graph, point, computed, gradients, factor=upstream, kinks=kinks)
    return Gradients(graph, point, computed, mode, kinks, upstream, gradients, adjoints, tangents, checked)


@dataclass(frozen=True)
class Matrix(Shown):
    """A Jacobian or a Hessian at a point: ``rows[output][variable]``."""

    graph: Graph
    point: dict[str, float]
    values: Values = field(repr=False)
    kind: str
    kinks: str
    rows: dict[str, dict[str, float]]

    @property
    def reading(self) -> str:
        """The formula as it was read, fully bracketed."""
        from bpcli.printing import program

        return "; ".join(program(self.graph))

    @cached_property
    def notes(self) -> list[Note]:
        """What the user should know: characters read as others, kinks met."""
        return _notes(self.graph, self.values, self.kinks)


def jacobian(formula: str | Graph, outputs: Sequence[str], values: Mapping[str, Any] | None = None, *,
             wrt: str | Sequence[str] | None = None, kinks: str = "torch", expand: bool = False, fuse: bool = False,
             share: bool = False, **variables: Any) -> Matrix:  # fmt: skip
    """∂output/∂variable for every name in OUTPUTS and every variable: one backward sweep for each output."""
    graph, point, computed = _prepare(
        formula, values, variables, expand=expand, fuse=fuse, share=share, output=list(outputs)
    )
    names = _chosen(graph, wrt)
    rows = {}
    for label, node in zip(outputs, graph.outputs, strict=True):
        adjoints = reverse(graph, computed, {node: 1.0}, kinks)
        rows[label] = {name: float(adjoints[graph.inputs[name]]) for name in names}
    return Matrix(graph, point, computed, "jacobian", kinks, rows)


def hessian(formula: str | Graph, values: Mapping[str, Any] | None = None, *, wrt: str | Sequence[str] | None = None,
            kinks: str = "torch", output: str | None = None, expand: bool = False, fuse: bool = False,
            share: bool = False, **variables: Any) -> Matrix:  # fmt: skip
    """∂²output/∂u∂v for every two variables: reverse mode on the graph of the gradient, which reverse mode made."""
    from bpcli.symbolic import gradient

    graph, point, computed = _prepare(formula, values, variables, expand=expand, fuse=fuse, share=share, output=output)
    names = _chosen(graph, wrt)
    slopes = gradient(graph, names, blackboard=False)
    slope_values = forward(slopes, point)
    rows = {}
    for label, node in zip(names, slopes.outputs, strict=True):
        adjoints = reverse(slopes, slope_values, {node: 1.0}, kinks)
        rows[label] = {name: float(adjoints[slopes.inputs[name]]) for name in names}
    return Matrix(graph, point, computed, "hessian", kinks, rows)


@dataclass(frozen=True)
class Derivative(Shown):
    """Derivatives as formulas: ``graph`` has one output for each of ``names`` (such as "dx"), in order.

    ``numbers`` holds their values at ``point`` when values were given.
    """

    source: Graph
    graph: Graph
    names: list[str]
    parts: dict[int, str]
    numbers: dict[str, float] | None
    point: dict[str, float]

    def lines(self, style: Style | None = None) -> dict[str, str]:
        """Name -> formula (in bpcli's own language unless another STYLE is given), shared parts first."""
        from bpcli.printing import FORMULA, write

        named = {name: node for node, name in self.parts.items()}
        named |= dict(zip(self.names, self.graph.outputs, strict=True))
        return {name: write(self.graph, node, style or FORMULA) for name, node in named.items()}

    def latex(self) -> dict[str, str]:
        """Name -> LaTeX of the derivative; each written out, with no shared parts."""
        from bpcli.printing import LATEX, write

        outputs = zip(self.names, self.graph.outputs, strict=True)
        return {name: write(self.graph, node, LATEX, inline=True) for name, node in outputs}

    @property
    def program(self) -> str:
        """All of it as a program that bpcli reads back: the shared parts, then ``dx = …`` for each derivative."""
        return "\n".join(f"{name} = {text}" for name, text in self.lines().items())

    @cached_property
    def sizes(self) -> tuple[int, int]:
        """How many gates the derivatives have when equal parts are shared, and when each is written out."""
        from bpcli.symbolic import sizes

        return sizes(self.graph)


def derive(formula: str | Graph, values: Mapping[str, Any] | None = None, *, wrt: str | Sequence[str] | None = None,
           order: int = 1, blackboard: bool = True, output: str | None = None, expand: bool = False,
           fuse: bool = False, share: bool = False, **variables: Any) -> Derivative:  # fmt: skip
    """The symbolic derivatives of FORMULA, from reverse mode run on its own graph, lightly simplified.

    ORDER 2 gives every second derivative once. BLACKBOARD writes local gradients as a lecture does; otherwise in
    the stable forms that run. Values, if given, must be given for all variables; ``numbers`` then holds the
    derivatives there, computed from the stable forms.
    """
    from dataclasses import replace

    from bpcli.symbolic import shared_parts

    given = {**(values or {}), **variables}
    options = {"expand": expand, "fuse": fuse, "share": share, "output": output}
    graph = formula if isinstance(formula, Graph) else parse(formula, variables=list(given), **options)  # type: ignore[arg-type]
    names = _chosen(graph, wrt)
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
    from bpcli.symbolic import derivatives, gradient

    first = gradient(graph, names, blackboard)
    if order == 1:
        return _labels([f"d{name}" for name in names], graph), first
    pairs = [(i, j) for i in range(len(names)) for j in range(i, len(names))]
    second = derivatives(first, [(first.outputs[i], names[j]) for i, j in pairs], blackboard)
    return _labels([f"d{names[i]}_d{names[j]}" for i, j in pairs], graph), second


def _labels(wanted: Sequence[str], graph: Graph) -> list[str]:
    """WANTED, with ``_`` after those that are variables already (``dx`` may be one)."""
    return [label + "_" * (label in graph.inputs) for label in wanted]


def check(formula: str | Graph, values: Mapping[str, Any] | None = None, *, wrt: str | Sequence[str] | None = None,
          kinks: str = "torch", output: str | None = None, expand: bool = False, fuse: bool = False,
          share: bool = False, **variables: Any) -> Checked:  # fmt: skip
    """Hold reverse mode against forward mode, differences and, where the formula is analytic, the complex step."""
    from bpcli.checking import check as compare

    graph, point, computed = _prepare(formula, values, variables, expand=expand, fuse=fuse, share=share, output=output)
    names = _chosen(graph, wrt)
    adjoints = reverse(graph, computed, {graph.output: 1.0}, kinks)
    gradients = {name: float(adjoints[graph.inputs[name]]) for name in names}
    result = compare(graph, point, computed, gradients, thorough=True, kinks=kinks)
    return Checked(graph, point, computed, kinks, gradients, result)


@dataclass(frozen=True)
class Checked(Shown):
    """The outcome of `check`: ``check.comparisons`` holds one comparison for each variable."""

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
        return _notes(self.graph, self.values, self.kinks)


@dataclass(frozen=True)
class Quotients(Shown):
    """Plain difference quotients with one step: variable -> (lower point, upper point, f there, f there, quotient)."""

    graph: Graph
    point: dict[str, float]
    value: float
    step: float
    scheme: str
    rows: dict[str, tuple[float, float, float, float, float]]
    gradients: dict[str, float]


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
    graph, point, computed = _prepare(formula, values, variables, expand=expand, fuse=fuse, share=share, output=output)
    names = _chosen(graph, wrt)
    adjoints = reverse(graph, computed, {graph.output: 1.0}, kinks)
    below, above = {"forward": (0.0, step), "backward": (-step, 0.0), "central": (-step, step)}[scheme]
    rows = {}
    for name in names:
        places = [point[name] + shift for shift in (below, above)]
        low, high = (float(forward(graph, {**point, name: place})[graph.output]) for place in places)
        rows[name] = (places[0], places[1], low, high, (high - low) / (above - below))
    gradients = {name: float(adjoints[graph.inputs[name]]) for name in names}
    return Quotients(graph, point, float(computed[graph.output]), step, scheme, rows, gradients)


@dataclass(frozen=True)
class Sweep(Shown):
    """The relative error of difference quotients against the step: for each h, of the central and forward scheme.

    None where the formula has no answer at a shifted point.
    """

    name: str
    gradient: float
    points: list[tuple[float, float | None, float | None]]


def sweep(formula: str | Graph, values: Mapping[str, Any] | None = None, *, wrt: str | Sequence[str] | None = None,
          kinks: str = "torch", output: str | None = None, expand: bool = False, fuse: bool = False,
          share: bool = False, **variables: Any) -> Sweep:  # fmt: skip
    """Errors for h from 1e-1 to 1e-15, four steps a decade, in the first of the variables WRT (or of all)."""
    from bpcli.checking import relative
    from bpcli.differences import quotient

    graph, point, computed = _prepare(formula, values, variables, expand=expand, fuse=fuse, share=share, output=output)
    names = _chosen(graph, wrt)
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
