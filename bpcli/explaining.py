"""The lecture on a formula as data: for every gate what arrives, its local gradients, and what it sends on.

`bpcli.lecturing` puts it into words; every number here is the engine's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import floor, log10
from typing import Any, NamedTuple

from bpcli.figures import NUMBER
from bpcli.gates import Gate
from bpcli.graph import Graph, figure
from bpcli.passes import Gradients, Note, grad
from bpcli.printing import gate_text
from bpcli.result import Result, plain
from bpcli.slipped import edges, slipped_gradients
from bpcli.slips import NO_SLIP
from bpcli.sweeps import Values, forward
from bpcli.trouble import Trouble

#: A variable is raised by about a hundredth, or by a hundredth of its size when that is far from 1.
STEP = 0.01
#: Variables of which the true change is measured; each takes a forward pass.
MOST_MOVED = 20


class Arrival(NamedTuple):
    """A gradient that arrives at a node: from which gate ("" for the gradient given at the output), and its value."""

    source: str
    gradient: Any


class Sent(NamedTuple):
    """What a gate sends to one of its inputs.

    ``formula`` is the local gradient on the blackboard with the names of this formula, or for a gate on whole arrays
    what it sends, with ``G`` for the upstream gradient; ``local`` is its number (None for such a gate).
    """

    input: str
    place: int
    formula: str
    local: Any
    gradient: Any


class Step(NamedTuple):
    """One gate: its value, what arrives there from above, and what it sends on."""

    place: int
    id: str
    gate: str
    text: str
    value: Any
    arrivals: list[Arrival]
    upstream: Any
    sends: list[Sent]
    note: str


class Variable(NamedTuple):
    """A variable: what arrives there adds up to its gradient."""

    name: str
    value: Any
    arrivals: list[Arrival]
    gradient: Any


class Moved(NamedTuple):
    """What a gradient means: the variable (or one ENTRY of it) moved BY so much, the change it promises, the true one.

    ``true`` is None where the formula has no value after the move.
    """

    by: float
    entry: tuple[int, ...]
    about: float
    true: float | None


@dataclass(frozen=True, eq=False)
class Explanation(Result):
    """A formula explained at a point, gate by gate (``steps``, in order of evaluation), then variable by variable."""

    view = "explanation"

    gradients: Gradients
    steps: list[Step]
    variables: list[Variable]
    only: str | None = None
    """The gate or variable to explain alone."""
    brief: bool = False
    found: dict[str, Moved] = field(default_factory=dict, repr=False)

    def _repr_html_(self) -> str:
        from bpcli.views.written import fragment

        return fragment(self)

    @property
    def graph(self) -> Graph:
        """The graph of the formula."""
        return self.gradients.graph

    @property
    def values(self) -> Values:
        """The value of every node."""
        return self.gradients.values

    @property
    def output(self) -> str:
        """The id of the output."""
        return self.graph.ids[self.graph.output]

    @cached_property
    def notes(self) -> list[Note]:
        """What the user should know: characters read as others, kinks met."""
        return self.gradients.notes

    @cached_property
    def by_id(self) -> dict[str, Step]:
        """Id -> step."""
        return {step.id: step for step in self.steps}

    def moved(self, name: str) -> Moved:
        """The variable NAME (of an array, the entry with the steepest gradient) raised a little."""
        if name not in self.found:
            self.found[name] = _move(self.gradients, name)
        return self.found[name]

    def record(self, expression: str) -> dict[str, Any]:
        from bpcli.lecturing import plain_words, say_step, say_variable

        result = self.gradients
        steps = [step for step in self.steps if self.only in (None, step.id)]
        variables = [one for one in self.variables if self.only in (None, one.name)]
        return {
            "schema": "bpcli/explain/1",
            "expression": expression,
            "reading": result.reading,
            "inputs": plain(result.point),
            "output": {"name": self.output, "value": plain(result.value), "upstream": plain(result.upstream)},
            "gates": [
                {
                    "id": step.id, "gate": step.gate, "text": step.text, "value": plain(step.value),
                    "arrivals": [plain(one._asdict()) for one in step.arrivals], "upstream": plain(step.upstream),
                    "sends": [{"input": one.input, "formula": one.formula, "local": plain(one.local),
                               "gradient": plain(one.gradient)} for one in step.sends],
                    "note": step.note, "words": plain_words(self, say_step(self, step)),
                }
                for step in steps
            ],
            "variables": [
                {
                    "name": one.name, "gradient": plain(one.gradient),
                    "arrivals": [plain(arrival._asdict()) for arrival in one.arrivals],
                    "moved": plain(self.moved(one.name)._asdict()) if number < MOST_MOVED else None,
                    "words": plain_words(self, say_variable(self, one, number < MOST_MOVED)),
                }
                for number, one in enumerate(variables)
            ],
            "notes": [note._asdict() for note in self.notes],
        }  # fmt: skip


def explain(formula: str | Graph, values: Mapping[str, Any] | None = None, *, gate: str | None = None,
            brief: bool = False, upstream: Any = None, kinks: str = "torch", output: str | None = None,
            expand: bool = False, fuse: bool = False, share: bool = False, **variables: Any) -> Explanation:  # fmt: skip
    """The lecture on FORMULA at a point: forward, then backward gate by gate, then what each gradient means.

    >>> bpcli.explain("(x+y)*z", x=-2, y=5, z=-4).by_id["g1"].upstream
    -4.0

    GATE (an id, or a variable's name) explains that one alone, BRIEF leaves the products only. UPSTREAM is
    ∂L/∂output; the rest is as for `bpcli.grad`. Raises `Trouble` as that does, and for an unknown GATE.
    """
    result = solved(formula, {**(values or {}), **variables}, upstream, kinks, output, expand, fuse, share)
    steps, found = walk(result)
    explanation = Explanation(result, steps, found, gate, brief)
    if gate is not None:
        _known(explanation, gate)
    return explanation


def solved(formula: str | Graph, values: Mapping[str, Any], upstream: Any, kinks: str, output: str | None,
           expand: bool, fuse: bool, share: bool) -> Gradients:  # fmt: skip
    """The gradients to explain: `bpcli.grad` without its witness."""
    try:
        return grad(formula, values, upstream=upstream, check=False, kinks=kinks, output=output, expand=expand,
                    fuse=fuse, share=share)  # fmt: skip
    except Trouble as trouble:
        trouble.tries = tuple(one for one in trouble.tries if one != "--jacobian")  # which only grad has
        raise


def _known(explanation: Explanation, gate: str) -> None:
    gates = [step.id for step in explanation.steps]
    names = gates + [one.name for one in explanation.variables]
    if gate not in names:
        from bpcli.mistakes import closest

        tries = [f"--gate {one}" for one in closest(gate, names)] or [f"--gate {one}" for one in (gates or names)[-2:]]
        raise Trouble(f"there is no gate or variable called {gate} here", code="unknown-gate", tries=tries)


#: What a gate sends on: the result, the gate's place, its upstream gradient.
Sends = Callable[[Gradients, int, Any], list[Sent]]


def walk(result: Gradients, sends: Sends | None = None) -> tuple[list[Step], list[Variable]]:
    """Every evaluated gate and every variable of RESULT, with what arrives there in the order of the sweep.

    SENDS says what the gate at a place sends on, given its upstream gradient: the engine's own, or somebody's who
    rounds.
    """
    sends = sends or _sends
    graph, ids = result.graph, result.graph.ids
    arrived: dict[int, list[Arrival]] = {graph.output: [Arrival("", result.upstream)]}
    notes = {note.gate: note.message for note in result.notes if note.gate is not None}
    done: dict[int, Step] = {}
    for node in graph.backward((graph.output,), result.values)[0]:
        done[node] = step = _step(result, node, arrived.get(node, []), notes.get(ids[node], ""), sends)
        for sent in step.sends:
            given = graph.args[step.place][sent.place]
            arrived.setdefault(given, []).append(Arrival(step.id, sent.gradient))
    for node in graph.gates:
        if node not in done and result.values[node] is not None:
            done[node] = _step(result, node, [], notes.get(ids[node], ""), sends)
    variables = [
        Variable(name, result.point[name], arrived.get(node, []), result.gradients[name])
        for name, node in graph.inputs.items() if name in result.gradients
    ]  # fmt: skip
    return [done[node] for node in graph.gates if node in done], variables


def _step(result: Gradients, node: int, arrivals: list[Arrival], note: str, sends: Sends) -> Step:
    graph = result.graph
    place = graph.position[node]
    row = graph.row(place)
    upstream = result.adjoints[node] if arrivals else None
    return Step(
        place, graph.ids[node], row.name, gate_text(graph, place), result.values[node], arrivals, upstream,
        [] if upstream is None else sends(result, place, upstream), note,
    )  # fmt: skip


def _sends(result: Gradients, place: int, upstream: Any) -> list[Sent]:
    graph, values, kinks = result.graph, result.values, result.kinks
    local: list[Any]
    if graph.shapes is not None:
        from bpcli.arrays.sweeps import entrywise_local, sends

        local = entrywise_local(graph, place, values, kinks)
        sent = sends(graph, place, values, upstream, kinks)
    else:
        local = list(slipped_gradients(graph, place, values, NO_SLIP, kinks))
        sent = [None if one is None else upstream * one for one in local]
    ids = graph.ids
    return [
        Sent(ids[graph.args[place][k]], k, local_text(graph, place, k), local[k], sent[k])
        for k in edges(graph, place, values) if sent[k] is not None
    ]  # fmt: skip


def local_text(graph: Graph, place: int, k: int) -> str:
    """The local gradient for input K on the blackboard, with the names of this formula: ``3*x^2``.

    For a gate on whole arrays what it sends, with ``G`` for the upstream gradient.
    """
    row = graph.row(place)
    if row.name == "pow" and k == 0 and graph.args[place][1] in graph.constants:
        exponent = graph.constants[graph.args[place][1]]
        if isinstance(exponent, float):
            return power_rule(_operand(graph, graph.args[place][0]), exponent)
    shown = row.blackboard() if not row.pull else row.shown or row.pull
    text = with_names(shown[k], graph, place)
    bare = text.removeprefix("(").removesuffix(")")
    return bare if NUMBER.fullmatch(bare) else text


def power_rule(base: str, exponent: float) -> str:
    """The derivative of base^exponent, as it is written: 2*x for a square, -1/x^2 for x^-1."""
    if exponent == 1:
        return "1"
    if exponent == 2:
        return f"2*{base}"
    if exponent == -1:
        return f"-1/{base}^2"
    lower = figure(exponent - 1)
    return f"{figure(exponent)}*{base}^{f'({lower})' if exponent < 1 else lower}"


def with_names(formula: str, graph: Graph, place: int) -> str:
    """A rule of the gate table with the operands of the gate at PLACE for its inputs, and its id for ``y``."""
    row: Gate = graph.row(place)
    texts = dict(zip(row.inputs, [_operand(graph, node) for node in graph.args[place]], strict=True))
    texts["y"] = graph.ids[graph.gates[place]]
    if "condition" in texts:
        texts["condition"] = "condition"
    return re.sub(r"(?<![\w.])[A-Za-z]\w*\b(?!\()", lambda match: texts.get(match[0], match[0]), formula)


def _operand(graph: Graph, node: int) -> str:
    text = graph.ids[node]
    return f"({text})" if text.startswith("-") else text


# --- what a gradient means -------------------------------------------------------------------------------


def _move(result: Gradients, name: str) -> Moved:
    """Raise a variable a little; where the formula has no value there, lower it."""
    value, gradient = result.point[name], result.gradients[name]
    entry: tuple[int, ...] = ()
    if getattr(value, "shape", ()):
        import numpy as np

        entry = tuple(int(k) for k in np.unravel_index(np.argmax(np.abs(gradient)), value.shape)) if value.size else ()
        if not value.size:
            return Moved(STEP, (), 0.0, None)
    number, slope = (float(one[entry]) if entry else float(one) for one in (value, gradient))
    step = STEP if number == 0 or 0.1 <= abs(number) < 100 else 10.0 ** (floor(log10(abs(number))) - 2)
    true = None
    for by in (step, -step):
        true = _change(result, name, entry, by)
        if true is not None:
            return Moved(by, entry, by * slope, true)
    return Moved(step, entry, step * slope, None)


def _change(result: Gradients, name: str, entry: tuple[int, ...], by: float) -> float | None:
    """How much Σ upstream·output changes when a variable (its ENTRY) moves BY so much; None without a value there."""
    value = result.point[name]
    if entry:
        value = value.copy()
        value[entry] += by
    else:
        value = value + by
    try:
        shifted = forward(result.graph, {**result.point, name: value})[result.graph.output]
    except Trouble:
        return None
    change = result.upstream * (shifted - result.values[result.graph.output])
    return float(change.sum()) if hasattr(change, "sum") else float(change)
