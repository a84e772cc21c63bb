"""The `Trouble` for a gate that has no answer: which gate, on which numbers, where in the formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from bpcli.figures import show
from bpcli.graph import Graph
from bpcli.printing import write
from bpcli.trouble import NO_ANSWER, Trouble

TOO_LARGE = "is larger than any double (1.8e308)"


def refuse(
    graph: Graph, place: int, values: Mapping[int, Any] | Sequence[Any], sentence: str, code: str,
    at: tuple[int, ...] = (),
) -> NoReturn:  # fmt: skip
    """Raise it: VALUES has the numbers of the gate's inputs (of arrays, their entries AT a place)."""
    node, row, args = graph.gates[place], graph.row(place), graph.args[place]
    entry = str(list(at)) if at else ""
    known = {k: values[k] for k in dict.fromkeys(args) if not isinstance(values, Mapping) or k in values}
    numbers = {k: float(value) for k, value in known.items() if not getattr(value, "shape", ())}
    given = [
        f"{operand(graph, k, entry)} = {show(value, 6)}" for k, value in numbers.items() if k not in graph.constants
    ]
    start, end = graph.span(node)
    raise Trouble(
        sentence + (f"; here {', '.join(given)}" if given else ""),
        code=code, exit_code=NO_ANSWER, source=graph.source if end > start else None, start=start, end=end,
        gate=graph.ids[node], operation=row.name, values=[numbers.get(k) for k in args],
    )  # fmt: skip


def operand(graph: Graph, node: int, entry: str = "") -> str:
    """An operand, or its ENTRY, as its formula, or as its id when that is long."""
    text = graph.ids[node]
    if node in graph.position and node not in graph.names:
        formula = write(graph, node)
        text = formula if len(formula) <= 40 else text
    return f"({text}){entry}" if entry and not text.isidentifier() else f"{text}{entry}"
