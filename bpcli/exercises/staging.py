"""The passes as lines of code, as the lectures stage them: one gate to a line, ``dq`` for the gradient at q."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from bpcli.graph import WHERE, Graph
from bpcli.language import parse
from bpcli.printing import FORMULA, gate_text, write
from bpcli.slipped import edges
from bpcli.sweeps import Values


def forward_lines(graph: Graph) -> Iterator[str]:
    """``name = formula`` for every gate."""
    for place, node in enumerate(graph.gates):
        yield f"{graph.ids[node]} = {gate_text(graph, place)}"


class Staged(NamedTuple):
    """A line of the backward pass, and which gate sends this to its input number ``place`` (-1 for the first line)."""

    text: str
    gate: int = -1
    place: int = -1


def backward_lines(graph: Graph, upstream: str = "1", values: Values | None = None) -> Iterator[str]:
    """The lines of `backward_steps`."""
    return (step.text for step in backward_steps(graph, upstream, values))


def backward_steps(graph: Graph, upstream: str = "1", values: Values | None = None) -> Iterator[Staged]:
    """A line for every gradient that a gate sends, from the output to the variables; ``+=`` at a branch.

    UPSTREAM is what arrives at the output, as text. With a `where`, the VALUES tell which branch is taken.
    """
    yield Staged(f"d{graph.ids[graph.output]} = {upstream}")
    started = {graph.output}
    values = values or [1.0] * graph.size
    gates, _, args = graph.backward(graph.outputs, values)
    for node, inputs in zip(gates, args, strict=True):
        for k in _senders(graph, node, values):
            given = inputs[k]
            sign = "+=" if given in started else "="
            started.add(given)
            yield Staged(f"d{graph.ids[given]} {sign} {_sent(graph, node, k)}", node, k)


def _senders(graph: Graph, node: int, values: Values) -> list[int]:
    """The inputs that a gate has a line for: all with a slope, be it 0, so that every gradient gets a value."""
    row, args = graph.row(graph.position[node]), graph.args[graph.position[node]]
    if row is WHERE:
        return edges(graph, graph.position[node], values)
    rules = row.pull or row.local
    return [k for k in range(min(len(args), len(rules))) if graph.active[args[k]] and rules[k]]


def _sent(graph: Graph, node: int, k: int) -> str:
    """What the gate NODE sends to its input K, in the names of the graph."""
    place = graph.position[node]
    row, upstream = graph.row(place), f"d{graph.ids[node]}"
    names = {name: _operand(graph, given) for name, given in zip(row.inputs, graph.args[place], strict=True)}
    names |= {"y": graph.ids[node], "G": upstream}
    if row.name == "stretch" and (axis := _added_up(graph, node)) is not None:
        return f"sum({upstream}{axis})"
    if row.pull:
        return _renamed(row.pull[k], names)
    shown = row.blackboard()[k]
    local = row.local[k] if " if " in shown else shown  # a sentence is no formula
    if local in ("1", "-1"):
        return upstream if local == "1" else f"-{upstream}"
    if row.name == "pow" and k == 0 and names["b"].isdigit():
        local = {"2": "2*a", "1": "1"}.get(names["b"], f"b*a^{int(names['b']) - 1}")  # not 2*x^(2 - 1)
    return _renamed(f"({local})*G", names)


def _added_up(graph: Graph, node: int) -> str | None:
    """The axis over which the copies that a stretch makes are added up, as numpy's sum has it; None for another sum."""
    assert graph.shapes is not None
    shape, copied = graph.shapes[graph.args[graph.position[node]][0]], graph.shapes[node]
    return "" if shape == () else ", axis=0" if shape == copied[1:] else None


def _operand(graph: Graph, node: int) -> str:
    text = graph.ids[node]
    return f"({text})" if text.startswith("-") else text


def _renamed(formula: str, names: dict[str, str]) -> str:
    """A formula of the gate table with the table's names replaced, and no bracket too many."""
    return _tidy(re.sub(r"(?<![\w.])[A-Za-z]\w*(?!\w*\()", lambda match: names.get(match[0], match[0]), formula))


@lru_cache(maxsize=4096)  # every student's solution has the same lines
def _tidy(text: str) -> str:
    return write(parse(text), style=FORMULA)
