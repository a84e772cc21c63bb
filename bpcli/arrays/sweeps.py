"""The sweeps on arrays: gate by gate, each as one numpy expression of its row's formula.

The counterpart of the loops in `bpcli.compiled`, which are for floats: here a gate's work is worth far more than
the call of a function, so there is one compiled function for each row and input and no loop to generate.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

import numpy as np

from bpcli.arrays import functions as arrays
from bpcli.compiled import Backend, condition
from bpcli.compiled import local_function as float_slope
from bpcli.compiled import value_function as float_function
from bpcli.gates import Gate
from bpcli.graph import Graph, Schedule
from bpcli.refusal import TOO_LARGE, refuse
from bpcli.sweeps import forward_on_demand
from bpcli.trouble import NO_ANSWER, Trouble

Values = list[Any]


class ArrayBackend(Backend):
    """Numpy arrays: formulas run as they stand, and every branch of a ``where`` is evaluated."""

    def __init__(self) -> None:
        super().__init__(arrays)
        for name in ("abs", "max", "min", "ties", "place"):
            self[name] = getattr(arrays, name, abs)

    def function(self, row: Gate) -> Callable[..., Any]:
        """The value of ROW: one of the functions of `bpcli.arrays.functions`, if there is one, or its formula."""
        own = getattr(arrays, row.name, None) if row.shape is None else None
        return own or super().function(row)

    def expression(self, row: Gate) -> str:
        """The value of ROW as a Python expression."""
        return numpy_text(row.forward)

    def compile(self, name: str, parameters: Any, expression: str) -> Callable[..., Any]:
        """As for floats, but what a ``where`` does not take may overflow unseen."""
        function = super().compile(name, parameters, expression)
        return _unseen(function) if "where(" in expression else function


def numpy_text(formula: str) -> str:
    """A formula of the table as a Python expression on arrays."""
    return formula.replace("^", "**")


def _unseen(function: Callable[..., Any]) -> Callable[..., Any]:
    def quietly(*inputs: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*inputs)

    return quietly


ARRAYS = ArrayBackend()
#: Local gradients in a form that takes fewer passes over arrays than the table's (a test holds them equal).
CHEAPER = {"sigmoid": "sigmoid_slope(x, y)", "tanh": "tanh_slope(x, y)"}


@cache
def value_function(row: Gate) -> Callable[..., Any]:
    """ROW's value as a function of its inputs."""
    return ARRAYS.function(row)


@cache
def local_function(row: Gate, place: int, kinks: str) -> Callable[..., Any]:
    """The local gradient for the input at PLACE, entry by entry, as a function of the inputs and ``y``."""
    return ARRAYS.compile(row.name, (*row.inputs, "y"), _local_text(row, place, kinks))


def _local_text(row: Gate, place: int, kinks: str) -> str:
    text = CHEAPER.get(row.name, row.local[place])
    if row.kink and kinks in row.at:
        text = f"where({row.kink[0]}, {row.at[kinks][place]}, {text})"
    for name, formula in reversed(row.lets):
        text = re.sub(rf"\b{name}\b", f"({formula})", text)
    return numpy_text(text)


@cache
def pull_function(row: Gate, place: int, kinks: str = "torch") -> Callable[..., Any]:
    """What goes back to the input at PLACE, as a function of the inputs, ``y`` and the upstream gradient ``G``."""
    return ARRAYS.compile(row.name, (*row.inputs, "y", "G"), numpy_text(row.at.get(kinks, row.pull)[place]))


@cache
def piece_function(row: Gate) -> Callable[..., Any]:
    """Which smooth piece each entry is on, as a function of the inputs and ``y``."""
    return ARRAYS.compile(row.name, (*row.inputs, "y"), numpy_text(row.piece))


@cache
def kink_function(row: Gate) -> Callable[..., Any]:
    """Which entries are at a kink, as a function of the inputs and ``y``."""
    assert row.kink is not None
    return ARRAYS.compile(row.name, (*row.inputs, "y"), numpy_text(row.kink[0]))


@cache
def push_function(row: Gate, kinks: str) -> Callable[..., Any]:
    """The output's tangent as a function of the inputs, ``y`` and the inputs' tangents."""
    tangents = [f"d{name}" for name in row.inputs]
    text = row.at[kinks][-1] if kinks in row.at else row.push
    return ARRAYS.compile(row.name, (*row.inputs, "y", *tangents), numpy_text(text))


# --- sweeps ----------------------------------------------------------------------------------------------


def _strict() -> np.errstate:
    """Whatever is not a finite number is an error, as it is for floats; what vanishes to 0 is not."""
    return np.errstate(over="raise", divide="raise", invalid="raise", under="ignore")


def as_value(value: Any) -> Any:
    """A number or array as the doubles that the sweeps compute with."""
    kind = type(value)
    if kind is np.float64 or (kind is np.ndarray and value.dtype == np.float64 and value.ndim):
        return value
    # Asking a float for its dimension would take thirty times as long as the conversion.
    return np.float64(value) if kind is float or np.ndim(value) == 0 else np.asarray(value, dtype=np.float64)


def evaluate_gate(graph: Graph, place: int, values: Values) -> Any:
    """The value of one gate, inside `_strict`; `Trouble` names the first entry that has none."""
    row = graph.row(place)
    inputs = [values[given] for given in graph.args[place]]
    if graph.gates[place] in graph.guarded:  # the `where` that takes some of its entries looks at those
        with np.errstate(all="ignore"):
            return value_function(row)(*inputs)
    reason = ""
    try:
        result = value_function(row)(*inputs)
        if np.isfinite(result).all():
            return result
    except (ArithmeticError, ValueError) as error:
        reason = str(error) if isinstance(error, ValueError) else ""
    if not row.lazy:
        _refuse_taken(graph, values, np.where(inputs[0] != 0, inputs[1], inputs[2]))
    return _refuse_entry(graph, place, values, reason)


#: Gates whose value has an entry that is not finite when an input has one, and those that have none by themselves.
_PASS_ON = frozenset(["add", "sub", "neg", "sum", "mean", "stretch", "fold", "reshape", "transpose", "concat"])
_ALWAYS_FINITE = frozenset(["tanh", "sigmoid", "softmax", "sin", "cos", "atan", "erf", "erfc", "relu", "abs"])


#: A gate's node, the function for its value, its inputs, and whether its value must be looked at.
Step = tuple[int, Callable[..., Any], tuple[int, ...], bool]
_PLANS: WeakKeyDictionary[Graph, list[Step]] = WeakKeyDictionary()


def _plan(graph: Graph) -> list[Step]:
    """The gates in order, each with whether it must be looked at to know that every value is finite.

    It need not be when a gate that takes its value passes on what is not finite, for then that one is looked at, or
    need not be for the same reason; nor when it makes no such entry of finite ones.
    """
    if graph not in _PLANS:
        vouched: set[int] = set()
        plan: list[Step] = []
        for node, kind, args in zip(*[reversed(column) for column in graph.schedule], strict=True):
            row = graph.kind_table[kind][0]
            plan.append((node, value_function(row), args, not (node in vouched or row.name in _ALWAYS_FINITE)))
            if row.name in _PASS_ON:
                vouched.update(args)
        _PLANS[graph] = plan[::-1]
    return _PLANS[graph]


def _refuse_taken(graph: Graph, values: Values, result: Any) -> None:
    """For a `where` that took an entry without a value: find the gate in its branch that has none there."""
    at = tuple(int(k) for k in np.argwhere(~np.isfinite(result))[0])
    for node in sorted(graph.guarded):
        if np.shape(values[node]) == np.shape(result) and not np.isfinite(values[node][at]):
            _refuse_entry(graph, graph.position[node], values, "", at)


def _refuse_entry(
    graph: Graph, place: int, values: Values, reason: str, only: tuple[int, ...] | None = None
) -> NoReturn:
    """Find the first entry (ONLY that one, if given) at which a gate has no value, and say why."""
    row, args = graph.row(place), graph.args[place]
    entrywise = row.shape is None
    if entrywise:
        inputs = np.broadcast_arrays(*[values[given] for given in args])
        for at in np.ndindex(np.shape(inputs[0])) if only is None else [only]:
            entry = [float(one[at]) for one in inputs]
            try:
                if math.isfinite(float_function(row)(*entry)):
                    continue
            except (ArithmeticError, ValueError):
                pass
            for holds, sentence in row.domain:
                if not condition(row, holds)(*entry, None):
                    refuse(graph, place, dict(zip(args, entry, strict=True)), sentence, "outside-domain", at)
            sentence = f"{row.name} overflows: its value {TOO_LARGE}"
            refuse(graph, place, dict(zip(args, entry, strict=True)), sentence, "overflow", at)
    if reason:
        refuse(graph, place, {}, f"{row.name}: {reason}", "outside-domain")
    refuse(graph, place, {}, f"{row.name} overflows: an entry {TOO_LARGE}", "overflow")


def forward(graph: Graph, values: Values) -> Values:
    """Fill in the value of every gate."""
    given = [None if value is None else as_value(value) for value in values]
    with _strict():
        if graph.branching:
            return forward_on_demand(graph, given, evaluate_gate)
        if not graph.guarded and (computed := _unexplained(graph, given)):
            return computed
        for place, node in enumerate(graph.gates):
            given[node] = evaluate_gate(graph, place, given)
    return given


def _unexplained(graph: Graph, given: Values) -> Values | None:
    """The same with as few looks at the values as will do; None when a gate has no value, whichever it is."""
    values = given.copy()
    try:
        for node, function, args, look in _plan(graph):
            values[node] = value = function(*[values[k] for k in args])
            # A sum is finite unless some entry is not (or the sum alone overflows, which the second look settles).
            if look and not math.isfinite(np.add.reduce(value, axis=None) if np.ndim(value) else value):
                return None
    except (ArithmeticError, ValueError):
        return None
    return values


def reverse(graph: Graph, values: Values, schedule: Schedule, seeds: dict[int, Any], kinks: str) -> Values:
    """The adjoint of every node that SEEDS reach by SCHEDULE, in the node's own shape; None for the others."""
    adjoints: Values = [None] * graph.size
    for node, seed in seeds.items():
        adjoints[node] = as_value(seed)
    with _strict():
        for node, kind, args in zip(*schedule, strict=True):
            row, mask = graph.kind_table[kind]
            if adjoints[node] is None:
                continue
            for k, sent in _sends(graph, row, mask, args, node, values, adjoints[node], kinks):
                so_far = adjoints[args[k]]
                adjoints[args[k]] = sent if so_far is None else _total(graph, args[k], so_far, sent)
    return adjoints


def _total(graph: Graph, node: int, so_far: Any, sent: Any) -> Any:
    try:
        return so_far + sent
    except ArithmeticError:
        message = f"the gradient of {graph.ids[node]} {TOO_LARGE}"
        raise Trouble(message, code="overflow", exit_code=NO_ANSWER) from None


def _sends(
    graph: Graph, row: Gate, mask: int, args: tuple[int, ...], node: int, values: Values, upstream: Any, kinks: str
) -> list[tuple[int, Any]]:
    """What a gate sends to each of its inputs that depends on a variable: (which input, the array)."""
    inputs = [values[given] for given in args]
    try:
        if node in graph.guarded:
            with np.errstate(all="ignore"):
                found = _sent(row, mask, kinks, inputs, values[node], upstream)
            if not row.pull:  # what was not taken sends nothing, whatever its slope
                found = [(k, np.where(upstream == 0, 0.0, sent)) for k, sent in found]
        else:
            found = _sent(row, mask, kinks, inputs, values[node], upstream)
            if not _chooses(row, kinks):
                return found
        if not all(np.isfinite(sent).all() for _, sent in found):
            raise FloatingPointError
        return found
    except (ArithmeticError, ValueError) as error:
        _refuse_slope(graph, graph.position[node], values, kinks, error)


@cache
def _chooses(row: Gate, kinks: str) -> bool:
    """Whether a local gradient leaves out, by a `where`, entries that have none, so that none is reported."""
    return not row.pull and any("where(" in _local_text(row, k, kinks) for k in range(len(row.local)))


def _sent(row: Gate, mask: int, kinks: str, inputs: Values, y: Any, upstream: Any) -> list[tuple[int, Any]]:
    """What goes back to each of the inputs in MASK that gets anything."""
    found = []
    for k, function in _ways_back(row, mask, kinks):
        if function is None:
            found.append((k, upstream))
        elif row.pull:
            found.append((k, function(*inputs, y, upstream)))
        else:
            local = function(*inputs, y)
            alone = np.ndim(local) > 0 and np.ndim(upstream) == 0 and upstream == 1
            found.append((k, local if alone else upstream * local))
    return found


@cache
def _ways_back(row: Gate, mask: int, kinks: str) -> list[tuple[int, Callable[..., Any] | None]]:
    """For each input in MASK that gets anything: its place, and the pull or the local gradient (None for 1)."""
    places = [k for k in range(len(row.inputs)) if mask >> k & 1]
    if row.pull:
        return [(k, pull_function(row, k, kinks)) for k in places if row.pull[k]]
    return [(k, None if row.local[k] == "1" else local_function(row, k, kinks)) for k in places
            if row.local[k] not in ("", "0")]  # fmt: skip


def _refuse_slope(graph: Graph, place: int, values: Values, kinks: str, error: Exception) -> NoReturn:
    """Say at which entry a gate has no slope, or that only the products with its slopes are too large."""
    row, args = graph.row(place), graph.args[place]
    entrywise = row.shape is None
    inputs = np.broadcast_arrays(*[values[given] for given in (*args, graph.gates[place])])
    for at in np.ndindex(inputs[0].shape) if entrywise else ():
        entry = [float(one[at]) for one in inputs]
        for k in range(len(args)):
            try:
                if not row.local[k] or math.isfinite(float_slope(row, k, kinks)(*entry)):
                    continue
            except (ArithmeticError, ValueError):
                pass
            numbers = dict(zip(args, entry, strict=False))
            refuse(graph, place, numbers, f"{row.name} has no finite slope", "no-slope", at)
    if entrywise or "overflow" in str(error):
        refuse(graph, place, {}, f"the gradient at this gate {TOO_LARGE}", "overflow")
    refuse(graph, place, {}, f"{row.name} has no finite slope at one of its entries", "no-slope")


def sends(graph: Graph, place: int, values: Values, upstream: Any, kinks: str) -> list[Any]:
    """What a gate sends to each input; None where an input depends on no variable."""
    row, mask = graph.kind_table[graph.kinds[place]]
    args = graph.args[place]
    with _strict():
        found = dict(_sends(graph, row, mask, args, graph.gates[place], values, upstream, kinks))
    return [found.get(k) for k in range(len(args))]


def tangent(graph: Graph, values: Values, schedule: Schedule, seeds: dict[int, Any], kinks: str) -> Values:
    """The tangent of every node that SEEDS reach; None stands for a tangent of 0."""
    tangents: Values = [None] * graph.size
    for node, seed in seeds.items():
        tangents[node] = as_value(seed)
    for node, kind, args in zip(*schedule, strict=True):
        row, mask = graph.kind_table[kind]
        try:
            with np.errstate(all="ignore") if node in graph.guarded else _strict():
                tangents[node] = _tangent(row, mask, [values[k] for k in args], values[node],
                                          [tangents[k] for k in args], kinks)  # fmt: skip
        except (ArithmeticError, ValueError) as error:
            _refuse_slope(graph, graph.position[node], values, kinks, error)
    return tangents


def _tangent(row: Gate, mask: int, inputs: Values, y: Any, given: Values, kinks: str) -> Any:
    moving = [k for k in range(len(inputs)) if mask >> k & 1 and given[k] is not None]
    if not moving:
        return None
    if row.push:
        filled = [given[k] if k in moving else np.zeros(np.shape(inputs[k])) for k in range(len(inputs))]
        return push_function(row, kinks)(*inputs, y, *filled)
    if not row.lazy:
        branches = [np.zeros(np.shape(y)) if given[k] is None else given[k] for k in (1, 2)]
        return np.where(inputs[0] != 0, *branches)
    total = None
    for k in moving:
        if row.pull:  # linear in each input: the gate itself, on the tangent
            term = value_function(row)(*inputs[:k], given[k], *inputs[k + 1 :])
        elif row.local[k] in ("", "0"):
            continue
        else:
            term = given[k] * local_function(row, k, kinks)(*inputs, y)
        total = term if total is None else total + term
    return total


def entrywise_local(graph: Graph, place: int, values: Values, kinks: str) -> list[Any]:
    """The local gradients of a gate that works entry by entry; None for each input of any other gate."""
    row, mask = graph.kind_table[graph.kinds[place]]
    inputs = [values[given] for given in graph.args[place]]
    y = values[graph.gates[place]]
    guarded = graph.gates[place] in graph.guarded
    with np.errstate(all="ignore") if guarded else _strict():
        return [
            local_function(row, k, kinks)(*inputs, y)
            if mask >> k & 1 and not row.pull and row.local[k] else None
            for k in range(len(row.inputs))
        ]  # fmt: skip


def kinks_met(graph: Graph, values: Values, gates: Sequence[int]) -> Iterator[tuple[int, Gate, list[tuple[int, ...]]]]:
    """Those of GATES with entries exactly at a kink: (place, row, the entries)."""
    for node in reversed(gates):
        place = graph.position[node]
        row = graph.row(place)
        if row.kink is None or not graph.active[node]:
            continue
        inputs = [values[given] for given in graph.args[place]]
        with np.errstate(all="ignore"):
            bent = np.asarray(kink_function(row)(*inputs, values[node]))
        if bent.any():
            yield place, row, [tuple(int(k) for k in at) for at in np.argwhere(bent)]


def refuse_kinks(graph: Graph, values: Values, gates: Sequence[int]) -> None:
    """Raise `Trouble` (exit code 3) for the first of GATES that has an entry at a kink."""
    for place, row, entries in kinks_met(graph, values, gates):
        assert row.kink is not None
        refuse(graph, place, {}, f"{row.kink[1]} (entry {list(entries[0])})", "kink")
