"""`grad` for formulas with arrays: vector–Jacobian and Jacobian–vector products, Jacobians, Hessian–vector products."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from bpcli.arrays.gates import spelled
from bpcli.arrays.sweeps import entrywise_local, kinks_met, sends
from bpcli.gates import convention
from bpcli.graph import Graph
from bpcli.passes import Gradients, Note
from bpcli.printing import gate_text, reading
from bpcli.result import Result, in_brief, plain, size_or_figure
from bpcli.sweeps import Values, forward, reverse, tangent
from bpcli.symbolic import gradient
from bpcli.trouble import Trouble

#: A Jacobian has one backward sweep for each entry of the output; more than this many are refused.
MOST_ROWS = 10_000


class ArrayLine(NamedTuple):
    """One gate of a result: what is printed for it and ``--json`` has in one object."""

    id: str
    gate: str
    text: str
    inputs: list[str]
    shape: tuple[int, ...]
    value: Any
    local: list[Any]
    upstream: Any
    sends: list[Any]
    tangent: Any


class ArrayGradients(Gradients):
    """The gradients of a formula with arrays at one point.

    ``gradients`` maps each variable to ∂(Σ upstream · output)/∂variable, in the variable's shape; in forward mode
    it is empty and ``pushed`` is the output's tangent (the Jacobian–vector product), in the output's shape.
    """

    view = "arrays"

    @property
    def value(self) -> Any:
        """The value of the output: a float or an array."""
        return as_number(self.values[self.graph.output])

    @property
    def pushed(self) -> Any:
        """The tangent of the output in forward mode; None in reverse mode."""
        if not self.tangents:
            return None
        found = self.tangents["tangent"][self.graph.output]
        return np.zeros(np.shape(self.value)) if found is None else as_number(found)

    @cached_property
    def notes(self) -> list[Note]:
        """What the user should know: characters read as others, entries at kinks."""
        return array_notes(self.graph, self.values, self.kinks)

    def lines(self) -> Iterator[Any]:
        """The gates that were evaluated, in order."""
        graph, ids = self.graph, self.graph.ids
        assert graph.shapes is not None
        reached = set(graph.backward(graph.outputs, self.values)[0])
        for place, node in enumerate(graph.gates):
            value = self.values[node]
            if value is None:
                continue
            args = graph.args[place]
            upstream = self.adjoints[node] if self.adjoints and node in reached else None
            none = [None] * len(args)
            yield ArrayLine(
                ids[node], graph.row(place).name, gate_text(graph, place), [ids[k] for k in args],
                graph.shapes[node], value,
                entrywise_local(graph, place, self.values, self.kinks) if node in reached else none,
                upstream,
                none if upstream is None else sends(graph, place, self.values, upstream, self.kinks),
                self.tangents["tangent"][node] if self.tangents else None,
            )  # fmt: skip

    def record(self, expression: str) -> dict[str, Any]:
        graph = self.graph
        gates = [{key: plain(value) for key, value in line._asdict().items()} for line in self.lines()]
        if self.mode != "forward":
            for gate in gates:
                del gate["tangent"]
        record: dict[str, Any] = {
            "schema": "bpcli/grad/1",
            "expression": expression,
            "reading": self.reading,
            "mode": self.mode,
            "inputs": {name: plain(self.point[name]) for name in graph.inputs},
            "output": {"name": graph.ids[graph.output], "value": plain(self.value), "upstream": plain(self.upstream)},
            "gradients": {name: plain(one) for name, one in self.gradients.items()},
            "gates": gates,
            "notes": [note._asdict() for note in self.notes],
        }
        if self.tangents:
            record["output"]["tangent"] = plain(self.pushed)
        if self.check is not None:
            record["check"] = self.check.record()
        return record


def run(graph: Graph, point: dict[str, Any], values: Values, mode: str, names: Sequence[str], upstream: Any,
        direction: Mapping[str, Any] | None, check: bool, kinks: str) -> ArrayGradients:  # fmt: skip
    """The result of `bpcli.grad` for a graph with shapes."""
    if mode == "forward":
        if not direction:
            raise Trouble("forward mode with arrays pushes one tangent through the gates", code="no-tangent",
                          tries=[f"--tangent {names[0] if names else 'x'}=@direction.npy"])  # fmt: skip
        tangents = tangent(graph, values, seeds_of(graph, direction, "tangent", "--tangent"), kinks)
        return ArrayGradients(graph, point, values, mode, kinks, None, {}, [], {"tangent": tangents}, None)
    upstream = need_upstream(graph, upstream)
    gradients, adjoints = pull_back(graph, values, names, upstream, kinks)
    checked = None
    if check:
        from bpcli.arrays.check import check as compare

        checked = compare(graph, point, gradients, upstream)
    return ArrayGradients(graph, point, values, mode, kinks, upstream, gradients, adjoints, {}, checked)


def array_notes(graph: Graph, values: Values, kinks: str) -> list[Note]:
    """The notes of how GRAPH was read, and one for every gate with entries at a kink."""
    notes = [Note(code, None, message) for code, message in (graph.typed or graph).notes]
    gates = graph.backward(graph.outputs, values)[0]
    for place, row, entries in kinks_met(graph, values, gates):
        assert row.kink is not None
        name = graph.ids[graph.gates[place]]
        where = f" at {', '.join(str(list(at)) for at in entries[:3])}" if entries[0] else ""
        more = f" and {len(entries) - 3} more" if len(entries) > 3 else ""
        notes.append(Note("kink", name, f"{name}: {row.kink[1]}; met{where}{more} ({convention(row, kinks)})"))
    return notes


def as_number(value: Any) -> Any:
    """A float for a number, the array for an array."""
    return float(value) if np.ndim(value) == 0 else value


def in_shape(value: Any, shape: tuple[int, ...], what: str, flag: str) -> Any:
    """VALUE as an array of SHAPE; `Trouble` when it has another."""
    if np.shape(value) != shape:
        raise Trouble(f"{what} has the shape {spelled(np.shape(value))}, not {spelled(shape)}", code="shapes",
                      shapes=[list(np.shape(value)), list(shape)], flag=flag)  # fmt: skip
    return as_number(np.asarray(value, dtype=float))


def pull_back(graph: Graph, values: Values, names: Sequence[str], upstream: Any, kinks: str) -> tuple[Any, Values]:
    """The gradients of the variables NAMES for an UPSTREAM gradient of the output's shape, and all adjoints."""
    adjoints = reverse(graph, values, {graph.output: upstream}, kinks)
    return {name: adjoint_of(graph, adjoints, name) for name in names}, adjoints


def adjoint_of(graph: Graph, adjoints: Values, name: str) -> Any:
    """The adjoint of a variable in its own shape: zeros where nothing arrived."""
    assert graph.shapes is not None
    node = graph.inputs[name]
    found = adjoints[node]
    return as_number(np.zeros(graph.shapes[node]) if found is None else np.array(found))


def seeds_of(graph: Graph, given: Mapping[str, Any], what: str, flag: str) -> dict[int, Any]:
    """Node -> direction for the variables in GIVEN, each in its variable's shape."""
    assert graph.shapes is not None
    seeds = {}
    for name, value in given.items():
        if name not in graph.inputs:
            raise Trouble(f"the formula has no variable {name}", code="unknown-variable", flag=flag)
        node = graph.inputs[name]
        seeds[node] = in_shape(value, graph.shapes[node], f"the {what} of {name}", flag)
    return seeds


def need_upstream(graph: Graph, upstream: Any) -> Any:
    """UPSTREAM in the output's shape; for a number 1 if there is none; `Trouble` when an array needs one."""
    assert graph.shapes is not None
    shape = graph.shapes[graph.output]
    if upstream is None:
        if shape:
            ones = str(np.ones(shape).tolist()) if np.prod(shape) <= 8 else "@upstream.npy"
            raise Trouble(
                f"the output is an array of shape {spelled(shape)}, so it has no single gradient",
                code="array-output",
                tries=[f"--upstream '{ones.replace('.0', '')}'", "--jacobian"],
            )
        return 1.0
    return in_shape(upstream, shape, "the upstream gradient", "--upstream")


@dataclass(frozen=True, eq=False)
class ArrayJacobian(Result):
    """Jacobians of an array: ``jacobians`` maps each variable to an array of the output's shape, then its own."""

    view = "array_jacobian"

    graph: Graph
    point: dict[str, Any]
    values: Values = field(repr=False)
    kinks: str
    jacobians: dict[str, Any]

    @property
    def reading(self) -> str:
        """The formula as it was typed, fully bracketed."""
        return reading(self.graph)

    @cached_property
    def notes(self) -> list[Note]:
        """What the user should know: characters read as others, kinks met."""
        return array_notes(self.graph, self.values, self.kinks)

    def about(self) -> str:
        """The formula and the shapes of its Jacobians."""
        return in_brief(self.graph.source, {name: size_or_figure(one) for name, one in self.jacobians.items()})

    def record(self, expression: str) -> dict[str, Any]:
        return {
            "schema": "bpcli/grad/1",
            "expression": expression,
            "reading": self.reading,
            "inputs": {name: plain(self.point[name]) for name in self.graph.inputs},
            "output": {"name": self.graph.ids[self.graph.output], "value": plain(self.values[self.graph.output])},
            "jacobian": {name: plain(one) for name, one in self.jacobians.items()},
            "notes": [note._asdict() for note in self.notes],
        }


def jacobian(graph: Graph, point: dict[str, Any], values: Values, names: Sequence[str], kinks: str) -> ArrayJacobian:
    """One backward sweep for each entry of the output."""
    assert graph.shapes is not None
    shape = graph.shapes[graph.output]
    count = int(np.prod(shape))
    if count > MOST_ROWS:
        raise Trouble(f"the output has {count:,} entries; a Jacobian is made for at most {MOST_ROWS:,}",
                      code="too-large", tries=["--upstream @upstream.npy"])  # fmt: skip
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for entry in range(count):
        seed = np.zeros(count)
        seed[entry] = 1.0
        gradients, _ = pull_back(graph, values, names, as_number(seed.reshape(shape)), kinks)
        for name, gradient_ in gradients.items():
            columns[name].append(gradient_)
    found = {
        name: np.reshape(np.array(rows), (*shape, *graph.shapes[graph.inputs[name]])) for name, rows in columns.items()
    }
    return ArrayJacobian(graph, point, values, kinks, found)


@dataclass(frozen=True, eq=False)
class HessianProduct(Result):
    """The Hessian times a vector: ``products`` maps each variable to its part, in its shape."""

    view = "hessian_product"

    graph: Graph
    point: dict[str, Any]
    products: dict[str, Any]

    @property
    def reading(self) -> str:
        """The formula as it was typed, fully bracketed."""
        return reading(self.graph)

    def about(self) -> str:
        """The formula and the parts of the product."""
        return in_brief(self.graph.source, {name: size_or_figure(one) for name, one in self.products.items()})

    def record(self, expression: str) -> dict[str, Any]:
        return {
            "schema": "bpcli/grad/1",
            "expression": expression,
            "reading": self.reading,
            "inputs": {name: plain(self.point[name]) for name in self.graph.inputs},
            "hvp": {name: plain(one) for name, one in self.products.items()},
        }


def hessian_product(
    graph: Graph, point: dict[str, Any], names: Sequence[str], vector: Mapping[str, Any], kinks: str
) -> HessianProduct:
    """Forward mode over the graph of the gradient, which reverse mode made: the Hessian itself is never formed.

    B. Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6 (1994).
    """
    slopes = gradient(graph, names, blackboard=False)
    values = forward(slopes, point)
    seeds = seeds_of(slopes, vector, "vector", "--hvp") if slopes.shapes else {
        slopes.inputs[name]: value for name, value in vector.items()}  # fmt: skip
    tangents = tangent(slopes, values, seeds, kinks)
    products = {}
    for name, node in zip(names, slopes.outputs, strict=True):
        found = tangents[node]
        shape = graph.shapes[graph.inputs[name]] if graph.shapes else ()
        products[name] = as_number(np.zeros(shape) if found is None else np.asarray(found))
    return HessianProduct(graph, point, products)
