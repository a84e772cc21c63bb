"""Marking formulas on arrays: whether ``outer(G, x)`` is the gradient of W, for all arrays of the problem's shapes.

The counterpart of `bpcli.marking.formulas`. A point has an array for every name, drawn from the secret; what is compared
is every entry. A formula of another shape is wrong before any point is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import shake_256
from itertools import islice
from math import inf, prod
from typing import Any

import numpy as np

from bpcli.arrays.gates import ARRAY_GATES, Shape
from bpcli.arrays.shapes import resolve
from bpcli.arrays.sweeps import as_value, evaluate_gate, piece_function
from bpcli.graph import Graph
from bpcli.language import STUDENT, parse
from bpcli.marking.answers import shown
from bpcli.marking.array_answers import agree
from bpcli.marking.diagnosis import MOST_WAYS, SEEN
from bpcli.marking.equivalence import DIFFERENT, DRAWN, EQUAL, Outcome, Quantity, Reading, compare
from bpcli.marking.key import Asked
from bpcli.marking.meter import ONE_BY_ONE, Meter, TooMuch
from bpcli.marking.pasted import plain
from bpcli.marking.statements import assignments
from bpcli.marking.verdicts import BLANK, INVALID, RIGHT, UNDECIDED, WRONG, Mark, in_words
from bpcli.slipped import places, run
from bpcli.slips import SLIPS
from bpcli.sweeps import Values, forward, forward_on_demand, reverse
from bpcli.trouble import Trouble, shortened, visible

MOST_ENTRIES = 10_000
MOST_AXES = 6
_TRIED = 4  # points at which a slip has to give the same as the answer
_MOST_PLACES = 20  # places of a slip that are tried one by one
_EPSILON = 2.0**-52

#: An array for every name.
Arrays = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Setting:
    """What a formula on arrays is about: GRAPH, which has shapes, and the names that a point has.

    ``shapes`` has the variables of the graph and the names that the upstream gradient is made of; ``near`` is a point.
    """

    graph: Graph
    shapes: Mapping[str, Shape]
    near: Arrays
    upstream: Callable[[Arrays], Any] = lambda _: 1.0
    meter: Meter = field(default_factory=Meter)

    @cached_property
    def labels(self) -> frozenset[str]:
        """The variables that are labels of classes, and stay whole numbers."""
        graph = self.graph
        assert graph.shapes is not None
        targets = {
            args[1] for place, args in enumerate(graph.args)
            if graph.row(place).name == "cross_entropy" and graph.shapes[args[1]] != graph.shapes[args[0]]
        }  # fmt: skip
        return frozenset(name for name, node in graph.inputs.items() if node in targets)

    def points(self, secret: bytes) -> Iterator[dict[str, Any]]:
        """Points that SECRET decides: of all sizes and signs, and around the point that is near."""
        if not self.shapes:
            yield {}
            return
        for number in range(DRAWN):
            yield {name: self._drawn(secret, number, name) for name in sorted(self.shapes)}

    def _drawn(self, secret: bytes, number: int, name: str) -> Any:
        near, shape = np.asarray(self.near[name], dtype=float), self.shapes[name]
        if name in self.labels:
            return as_value(np.roll(near, number))
        count = prod(shape)
        data = shake_256(secret + f" {number}/{name}".encode()).digest(24 * count)
        share, sign, spare = (np.frombuffer(data, dtype="<u8") / 2.0**64).reshape((3, *shape))
        if number % 3 == 0:
            drawn = near * (0.5 + share) + (spare - 0.5) * np.where(near == 0, 2.0, 0.2)
        elif number % 3 == 1:
            drawn = 10 ** (-1.5 + 2.5 * share) * np.where((sign < 0.5) | (number % 2 == 1), 1, -1)
        else:
            drawn = 0.05 + 2.95 * share if number % 4 < 2 else -3 + 6 * share
        return as_value(drawn)


@dataclass(frozen=True, eq=False)
class ArrayQuantity(Quantity):
    """The value of a node of a graph on arrays, or the output's gradient there, as a function of a `Setting`'s names."""

    at_kinks = 4  # each costs about a hundred sweeps over arrays
    setting: Setting = field(kw_only=True)

    def draw(self, secret: bytes, near: Arrays) -> Iterator[dict[str, Any]]:
        return self.setting.points(secret)

    @cached_property
    def _sweep(self) -> int:
        return work(self.graph) * (2 if self.gradient else 1)

    def at(self, point: Arrays) -> Reading | None:
        self.meter.spend(self._sweep + len(self._kinked))
        try:
            values = forward(self.graph, self._own(point))
            number = self._array(values, point)
        except (Trouble, KeyError):
            return None
        return Reading(number, tuple(self._pieces(values))) if np.isfinite(number).all() else None

    def noise(self, point: Arrays, value: Any) -> float:
        worst = 4 * _EPSILON * float(np.max(np.abs(value), initial=0.0))
        for pattern in (7, 13, 19):
            self.meter.spend(ONE_BY_ONE * self._sweep)
            try:
                moved = self._array(self._wobbled(point, pattern), point) - value
            except Trouble:
                return inf
            worst = max(worst, 2 * float(np.max(np.abs(moved), initial=0.0)))
        return worst

    def _array(self, values: Values, point: Arrays) -> Any:
        if not self.gradient:
            assert self.graph.shapes is not None  # of a `where` with one condition, a branch may be a plain number
            return np.broadcast_to(values[self.node], self.graph.shapes[self.node])
        found = reverse(self.graph, values, {self.graph.output: self.setting.upstream(point)})[self.node]
        return np.zeros(np.shape(values[self.node])) if found is None else np.asarray(found)

    def _wobbled(self, point: Arrays, pattern: int) -> Values:
        graph, own = self.graph, self._own(point)
        values: Values = [None] * graph.size
        for name, node in graph.inputs.items():
            values[node] = as_value(own[name])
        for node, value in graph.constants.items():
            values[node] = as_value(value)

        def evaluate(graph: Graph, place: int, now: Values) -> Any:
            exact = evaluate_gate(graph, place, now)
            signs = np.where((place * pattern + np.arange(np.size(exact))) % 5 > 1, 1, -1).reshape(np.shape(exact))
            return exact * (1 + 2 * signs * _EPSILON)

        with np.errstate(over="raise", divide="raise", invalid="raise", under="ignore"):
            return forward_on_demand(graph, values, evaluate)

    def _pieces(self, values: Values) -> Iterator[float]:
        graph = self.graph
        for place in self._kinked:
            y, inputs = values[graph.gates[place]], [values[k] for k in graph.args[place]]
            pieces = 0.5 if y is None else piece_function(graph.row(place))(*inputs, y)
            yield from np.broadcast_to(pieces, () if y is None else np.shape(pieces)).ravel().tolist()


def work(graph: Graph) -> int:
    """What one sweep over a graph on arrays counts for: a gate, and every product that it makes of entries."""
    assert graph.shapes is not None
    total = 0
    for place, node in enumerate(graph.gates):
        shapes = [graph.shapes[k] for k in (*graph.args[place], node)]
        entries = max(map(prod, shapes))
        inner = shapes[0][-1] if graph.row(place).name == "matmul" else 1
        total += 1 + entries * inner // 8
    return total


def mark_array_formula(setting: Setting, asked: Asked, text: str, secret: bytes, hint: bool = False) -> Mark:
    """The `Mark` of TEXT as the formula of the value or the gradient that ASKED is about.

    It may use the variables, the assigned names and the gradients of what is made from the quantity (``dy``). SECRET
    decides at which points the two are compared; HINT keeps the slip back.
    """
    mark = Mark(asked.name, text, INVALID, points=asked.points)
    if not text.strip() or text.strip() == "?":
        return mark._replace(verdict=BLANK, answer=text or None)
    setting = replace(setting, meter=setting.meter.blank())
    key = ArrayQuantity(setting.graph, asked.node, asked.kind == "gradient", meter=setting.meter, setting=setting)
    try:
        return _marked(mark, key, asked, secret, hint)
    except TooMuch as limit:
        return mark._replace(verdict=UNDECIDED, reason=str(limit))


def _marked(mark: Mark, key: ArrayQuantity, asked: Asked, secret: bytes, hint: bool) -> Mark:
    setting = key.setting
    try:
        answer = _read(setting, asked, mark.answer or "")
    except Trouble as trouble:
        if trouble.code == "shapes":
            return mark._replace(verdict=WRONG, reason=shortened(visible(trouble.message.partition("; ")[0])))
        return mark._replace(reason=shortened(visible(trouble.message)))
    assert setting.graph.shapes is not None
    assert answer.graph.shapes is not None
    wanted, given = setting.graph.shapes[asked.node], answer.graph.shapes[answer.node]
    same = [n for n in given if n > 1] == [n for n in wanted if n > 1]
    if not same:
        return _misshapen(mark, answer, key, asked, secret, hint)
    outcome = compare(_then(answer, "reshape", wanted) if given != wanted else answer, key, secret)
    if outcome.verdict == EQUAL:
        return mark._replace(verdict=RIGHT, reason=outcome.note)
    if outcome.verdict != DIFFERENT:
        return mark._replace(verdict=UNDECIDED, reason=f"{outcome.note}; a person has to look")
    mark = mark._replace(verdict=WRONG, reason="it is another function")
    if hint:
        return mark
    if len(given) == 2 and given == wanted[::-1] and _is_transposed(answer, key, secret):
        return mark._replace(reason=SEEN["transposed"], slips=("transposed",))
    return _with_slips(mark, answer, key, secret, outcome)


def _read(setting: Setting, asked: Asked, text: str) -> ArrayQuantity:
    """The student's formula, as a function of the names of SETTING."""
    graph, meter = setting.graph, setting.meter
    meter.read(text)
    if any(one.sign for one in assignments(text)) or ";" in text:
        raise Trouble("write the formula alone, without =", code="formula")
    own, slopes = _own_names(setting, asked)
    assert graph.shapes is not None
    shapes = {name: graph.shapes[node] for name, node in (own | slopes).items()} | dict(setting.shapes)
    answer = parse(plain(text, shapes), variables=list(shapes), limits=STUDENT)
    for name in answer.inputs:
        if name not in shapes:
            known = in_words([*setting.shapes, *own, *slopes])
            raise Trouble(f"{shown(name)} is no name of this problem, which has {known}", code="unknown-name")
    answer = resolve(answer, {name: shapes[name] for name in answer.inputs})
    check_size(answer)
    used = answer.inputs.keys() - setting.shapes.keys()
    if not used:
        return ArrayQuantity(answer, answer.output, meter=meter, setting=setting)
    sweep = work(graph)

    def given(point: Arrays) -> Arrays:
        meter.spend(sweep * 3)
        values = forward(graph, {name: point[name] for name in graph.inputs})
        found = {name: values[own[name]] for name in used & own.keys()}
        if used & slopes.keys():
            adjoints = reverse(graph, values, {graph.output: setting.upstream(point)})
            found |= {name: adjoints[slopes[name]] for name in used & slopes.keys()}
        return {**found, **point}

    return ArrayQuantity(answer, answer.output, given=given, meter=meter, setting=setting)


def check_size(graph: Graph) -> None:
    """`Trouble` when an array of GRAPH is larger than any that a sheet asks for."""
    for shape in (graph.shapes or {}).values():
        if prod(shape) > MOST_ENTRIES or len(shape) > MOST_AXES:
            raise Trouble(
                f"it makes an array of the shape {shape}; the limit is {MOST_ENTRIES:,} entries", code="too-large"
            )


def _own_names(setting: Setting, asked: Asked) -> tuple[dict[str, int], dict[str, int]]:
    """The assigned names that an answer may use, and the gradients of what is made from the node asked for."""
    graph = setting.graph
    above = {asked.node}
    for node, args in zip(graph.gates, graph.args, strict=True):
        if not above.isdisjoint(args):
            above.add(node)
    named = {name: node for node, name in graph.names.items() if node in graph.position}
    gradient = asked.kind == "gradient"
    own = {name: node for name, node in named.items() if gradient or node not in above}
    slopes = {f"d{name}": node for name, node in named.items() if gradient and node in above - {asked.node}}
    taken = setting.shapes.keys()
    return ({name: node for name, node in own.items() if name not in taken},
            {name: node for name, node in slopes.items() if name not in taken and name not in own})  # fmt: skip


# --- what a wrong formula is told ------------------------------------------------------------------------


def _then(quantity: ArrayQuantity, name: str, sizes: Shape = ()) -> ArrayQuantity:
    """QUANTITY with one more gate on arrays after it."""
    graph = quantity.graph
    assert graph.shapes is not None
    row = ARRAY_GATES[name][2]((graph.shapes[quantity.node],), *sizes)
    node = graph.size
    kinds = [*graph.kind_table, (row, 1)]
    longer = replace(
        graph, size=node + 1, gates=[*graph.gates, node], kinds=[*graph.kinds, len(kinds) - 1], kind_table=kinds,
        args=[*graph.args, (quantity.node,)], active=[*graph.active, True], outputs=(node,), spans=(), source="",
        shapes=graph.shapes | {node: row.shape or ()},
    )  # fmt: skip
    return replace(quantity, graph=longer, node=node)


def _is_transposed(answer: ArrayQuantity, key: ArrayQuantity, secret: bytes) -> bool:
    return compare(_then(answer, "transpose"), key, secret).verdict == EQUAL


def _misshapen(mark: Mark, answer: ArrayQuantity, key: ArrayQuantity, asked: Asked, secret: bytes, hint: bool) -> Mark:
    """MARK for an answer of another shape: what that shows, or what the shape should be."""
    graph = key.graph
    assert graph.shapes is not None
    assert answer.graph.shapes is not None
    wanted, given = graph.shapes[asked.node], answer.graph.shapes[answer.node]
    owner = graph.ids[asked.node]
    said = f"its shape is {given}" if given else "it is a number"
    belongs = f"the gradient has the shape of {owner}" if asked.kind == "gradient" else f"{owner} has the shape"
    reason = (
        f"{said}; {belongs}{',' if asked.kind == 'gradient' else ''} {wanted}"
        if wanted
        else f"{said}, and a number is asked"
    )
    mark = mark._replace(verdict=WRONG, reason=reason)
    if hint:
        return mark
    if given == wanted[::-1] and _is_transposed(answer, key, secret):
        return mark._replace(reason=f"{SEEN['transposed']}: {reason}", slips=("transposed",))
    slip = SLIPS["bias-not-summed"]
    copied = any(graph.row(graph.position[gate]).name == "stretch" and graph.shapes[gate] == given
                 for gate, args in zip(graph.gates, graph.args, strict=True) if asked.node in args)  # fmt: skip
    if key.gradient and copied and compare(_then(answer, "fold", wanted), key, secret).verdict == EQUAL:
        return mark._replace(reason=f"{slip.title}: {reason}. {slip.advice.removesuffix('.')}", slips=(slip.id,))
    return mark


def _with_slips(mark: Mark, answer: ArrayQuantity, key: ArrayQuantity, secret: bytes, outcome: Outcome) -> Mark:
    """MARK with the slips that give the student's formula, or with the entries at which it is different."""
    tried: list[tuple[Arrays, Values, Any, Any]] = []
    for point in islice(key.setting.points(secret), 10 * _TRIED):
        right, given = key.at(point), answer.at(point)
        if right is not None and given is not None and len(tried) < _TRIED:
            tried.append((point, forward(key.graph, point), np.reshape(given.value, right.value.shape), right.value))
    if len(tried) < _TRIED or all(agree(given, right) for *_, given, right in tried):
        return mark._replace(reason=outcome.note or mark.reason)
    found = _slips(key, tried) if key.gradient else []
    if 0 < len(found) <= MOST_WAYS:
        advice = f". {SLIPS[found[0]].advice.removesuffix('.')}" if len(found) == 1 else ""
        titles = in_words([SLIPS[slip].title for slip in found], "or")
        return mark._replace(reason=titles + advice, slips=tuple(found))
    off = np.any([~np.isclose(given, right, rtol=1e-9) for *_, given, right in tried], axis=0)
    wrong = [str(list(map(int, at))) for at in np.argwhere(off)]
    if 0 < len(wrong) < off.size and len(wrong) <= MOST_WAYS:
        entries = f"{'entry' if len(wrong) == 1 else 'entries'} {in_words(wrong)}"
        return mark._replace(reason=f"{mark.reason} in {entries}")
    return mark


def _slips(key: ArrayQuantity, tried: list[tuple[Arrays, Values, Any, Any]]) -> list[str]:
    """The slips that give the student's arrays at all points TRIED, made at one gate or at every one."""
    found = []
    for slip in SLIPS.values():
        key.meter.spend(ONE_BY_ONE * work(key.graph))
        possible = places(key.graph, tried[0][1], slip)
        for at in (frozenset(possible), *[frozenset([node]) for node in possible[:_MOST_PLACES]]):
            if at and all(_gives(key, point, values, slip.id, at, given) for point, values, given, _ in tried):
                found.append(slip.id)
                break
    return found


def _gives(key: ArrayQuantity, point: Arrays, values: Values, slip: str, at: frozenset[int], given: Any) -> bool:
    key.meter.spend(ONE_BY_ONE * work(key.graph))
    seeds = {key.graph.output: key.setting.upstream(point)}
    try:
        number = run(key.graph, values, seeds, SLIPS[slip], at=at)[key.node]
    except (Trouble, ArithmeticError, ValueError):
        return False
    return number is not None and agree(given, number)
