"""Marking lines of code on arrays: ``dW = np.outer(dz, x)``, ``db = dZ.sum(axis=0)``, each line by itself.

The counterpart of `bpcli.marking.programs`, with arrays for numbers: every line is evaluated for arrays that a secret
decides, and its name marked against the key and against what the line's own inputs imply.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from bpcli.arrays.passes import adjoint_of
from bpcli.arrays.shapes import resolve
from bpcli.arrays.sweeps import kinks_met
from bpcli.graph import Graph
from bpcli.language import STUDENT
from bpcli.marking.answers import Line, Number, Unreadable, read_number, shown
from bpcli.marking.array_answers import Array, agree, in_any_shape
from bpcli.marking.array_formulas import Setting, check_size, work
from bpcli.marking.arrays import mark_arrays
from bpcli.marking.key import Asked, Key
from bpcli.marking.meter import ONE_BY_ONE
from bpcli.marking.programs import NO_VALUE, Marked, Program
from bpcli.marking.steps import APPLY, Column
from bpcli.marking.verdicts import Mark
from bpcli.sweeps import Values, forward, reverse
from bpcli.trouble import Trouble

_POINTS = 3  # at which every line is evaluated
_DRAWN = 60


def mark_array_program(setting: Setting, lines: Sequence[Line], secret: bytes, needs: Sequence[str] = (),
                       forward_given: bool = False, hint: bool = False) -> Marked:  # fmt: skip
    """A `Mark` for every name that LINES give a value and the problem knows, and for every one that NEEDS wants.

    With FORWARD_GIVEN the values of the graph's own names are there before the first line, as the names of SETTING
    always are. HINT says where a mistake is, not what. Raises `Trouble` when there are too many lines, or no points, and
    `TooMuch`.
    """
    if STUDENT.lines is not None and len(lines) > STUDENT.lines:
        raise Trouble(f"the program has {len(lines)} lines; the limit is {STUDENT.lines}", code="too-large")
    setting = replace(setting, meter=setting.meter.blank())
    keys = list(islice(_keys(setting, secret), _POINTS))
    if not keys:
        raise Trouble("the program has no value at any point that was tried", code="no-points", exit_code=3)
    return ArrayProgram(setting.graph, tuple(lines), keys, forward_given, hint, setting.meter, setting=setting).marked(
        needs
    )


def _keys(setting: Setting, secret: bytes) -> Iterator[Key]:
    """The keys at points away from kinks, the sheet's own first."""
    graph = setting.graph
    for point in islice(_candidates(setting, secret), _DRAWN):
        setting.meter.spend(work(graph) * 3)
        try:
            values = forward(graph, {name: point[name] for name in graph.inputs})
            key = Key(graph, point, values, setting.upstream(point), meter=setting.meter)
            if next(kinks_met(graph, values, key.gates), None) is None:
                yield key
        except Trouble:
            continue


def _candidates(setting: Setting, secret: bytes) -> Iterator[Mapping[str, Any]]:
    yield setting.near
    yield from setting.points(secret)


@dataclass(frozen=True, eq=False)
class ArrayProgram(Program):
    """A `Program` whose names have arrays."""

    setting: Setting = field(kw_only=True)

    @property
    def given(self) -> Collection[str]:
        return self.setting.shapes

    @cached_property
    def adjoints(self) -> list[Values]:
        """The gradient of every node at every point."""
        return [reverse(self.graph, key.values, {self.graph.output: key.upstream}) for key in self.keys]

    def _as_it_should_be(self, kind: str, node: int) -> Column:
        if kind == "value":
            return [key.values[node] for key in self.keys]
        name = next((name for name, one in self.graph.inputs.items() if one == node), None)
        return [found[node] if name is None else adjoint_of(self.graph, found, name) for found in self.adjoints]

    def _is_written_out(self, text: str) -> bool:
        return isinstance(read_number(text), Number) or isinstance(in_any_shape(text), Array)

    def _evaluated(self, line: Line, known: Mapping[str, Column]) -> Column:
        shapes = {name: np.shape(column[0]) for name, column in known.items() if column[0] is not None}
        graph = self._read(line, known, shapes)
        if any(name not in shapes for name in graph.inputs):
            return [None] * len(self.keys)
        try:
            graph = resolve(graph, {name: shapes[name] for name in graph.inputs})
        except Trouble as trouble:  # without what would fit, which is often the answer
            raise Trouble(trouble.message.partition("; ")[0], code=trouble.code) from None
        check_size(graph)
        self.meter.spend(len(self.keys) * work(graph))
        return [self._at(graph, known, k) for k in range(len(self.keys))]

    def _at(self, graph: Graph, known: Mapping[str, Column], k: int) -> Any:
        point = {name: known[name][k] for name in graph.inputs}
        if any(one is None for one in point.values()):
            return None
        try:
            assert graph.shapes is not None  # of a `where` with one condition, a branch may be a plain number
            return np.broadcast_to(forward(graph, point)[graph.output], graph.shapes[graph.output])
        except Trouble:
            return None

    def _applied(self, sign: str, old: Any, new: Any) -> Any:
        if old is None or new is None:
            return None
        try:
            with np.errstate(over="raise", divide="raise", invalid="raise"):
                return APPLY[sign](old, new)
        except (ArithmeticError, ValueError):
            return None

    def _is(self, column: Column, node: int) -> bool:
        return all(
            a is not None and (b := key.values[node]) is not None and agree(a, b)
            for a, key in zip(column, self.keys, strict=True)
        )

    def _at_point(self, k: int, asked: Mapping[str, Asked]) -> dict[str, Mark]:
        self.meter.spend(ONE_BY_ONE * len(asked) * work(self.graph))
        answers: dict[str, str | Unreadable | Array] = {}
        for name in asked:
            value = self.columns[name][k]
            text = shown(self.found.history[name][-1].text)
            answers[name] = Unreadable(text, NO_VALUE) if value is None else Array(text, np.asarray(value), False)
        found = mark_arrays(self.keys[k], self.adjoints[k], list(asked.values()), answers)
        return {one.name: one for one in found}
