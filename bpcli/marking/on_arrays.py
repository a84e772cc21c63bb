"""`mark` for a formula on arrays: its key, confirmed by differences, and the marks of the answers to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bpcli.arrays.check import check
from bpcli.arrays.passes import adjoint_of, array_notes, need_upstream
from bpcli.checking import MISMATCH
from bpcli.graph import Graph
from bpcli.marking.answers import NOT_A_FORMULA, Line, Unreadable, read_number
from bpcli.marking.array_formulas import Setting, mark_array_formula
from bpcli.marking.array_programs import mark_array_program
from bpcli.marking.arrays import mark_arrays
from bpcli.marking.key import Asked, Key
from bpcli.marking.programs import Marked
from bpcli.marking.verdicts import Mark
from bpcli.passes import Note
from bpcli.sweeps import Values, reverse
from bpcli.trouble import Trouble


def array_key(graph: Graph, point: Mapping[str, Any], values: Values, **choices: Any) -> tuple[Key, Values]:
    """The `Key` of GRAPH, which has shapes, at POINT, and the gradient of every node.

    CHOICES are the upstream gradient, the rule of rounding and the convention at kinks, as `Key` has them. Raises
    `Trouble` for an upstream gradient that has not the output's shape.
    """
    try:
        upstream = need_upstream(graph, choices.pop("upstream", None))
    except Trouble as trouble:
        trouble.tries = tuple(line for line in trouble.tries if line.startswith("--upstream"))
        raise
    key = Key(graph, dict(point), values, upstream, **choices)
    return key, reverse(graph, values, {graph.output: upstream}, key.kinks or "torch")


def doubt(key: Key, adjoints: Values) -> str:
    """Why the gradients of KEY cannot be trusted; "" when differences say nothing against them."""
    graph = key.graph
    gradients = {name: adjoint_of(graph, adjoints, name) for name, node in graph.inputs.items() if graph.active[node]}
    found = check(graph, key.point, gradients, key.upstream).comparisons
    return "differences do not confirm it" if any(one.verdict == MISMATCH for one in found.values()) else ""


def marks_on_arrays(key: Key, adjoints: Values, blanks: list[Asked], answers: Mapping[str, str | Unreadable],
                    secret: bytes, hint: bool) -> dict[str, Mark]:  # fmt: skip
    """The mark of each of BLANKS (values and gradients), by name; an answer may be a formula too."""
    setting = setting_of(key.graph, key.point, key.upstream)
    marks = {one.name: mark_array_formula(setting, one, text, secret, hint) for one in blanks
             if isinstance(text := answers[one.name], str) and _is_formula(text)}  # fmt: skip
    arrays = [one for one in blanks if one.name not in marks]
    asked = any(one.kind == "gradient" for one in arrays)
    found = mark_arrays(key, adjoints, arrays, answers, hint, doubt(key, adjoints) if asked else "")
    return marks | {one.name: one for one in found}


def _is_formula(text: str) -> bool:
    """Whether an answer is meant as a formula: something is named in it, or computed, and it is no array in rows."""
    read = read_number(text)
    return isinstance(read, Unreadable) and read.reason == NOT_A_FORMULA and not text.lstrip().startswith("[")


def setting_of(graph: Graph, point: Mapping[str, Any], upstream: Any) -> Setting:
    """What formulas are about here: the variables and, for an output that is an array, its gradient (``dy``)."""
    assert graph.shapes is not None
    shapes, near = {name: graph.shapes[node] for name, node in graph.inputs.items()}, dict(point)
    shape = graph.shapes[graph.output]
    if not shape:
        return Setting(graph, shapes, near, lambda _: upstream)
    arriving = f"d{graph.ids[graph.output]}"
    return Setting(graph, shapes | {arriving: shape}, near | {arriving: upstream}, lambda point: point[arriving])


def marks_of_program(graph: Graph, point: Mapping[str, Any], upstream: Any, lines: Sequence[Line], secret: bytes,
                     needs: Sequence[str], forward_given: bool, hint: bool) -> Marked:  # fmt: skip
    """The marks of a program on arrays; without an UPSTREAM gradient it is 1, at every entry."""
    assert graph.shapes is not None
    shape = graph.shapes[graph.output]
    arriving = need_upstream(graph, upstream if upstream is not None or not shape else np.ones(shape))
    return mark_array_program(setting_of(graph, point, arriving), lines, secret, needs, forward_given, hint)


def notes_on_arrays(key: Key) -> list[Note]:
    """What the reader of the formula and the kinks have to say."""
    return array_notes(key.graph, key.values, key.kinks or "torch")
