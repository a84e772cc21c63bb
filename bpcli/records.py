"""Results as the objects that ``--json`` prints (`bpcli help json`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bpcli.api import Checked, Derivative, Gradients, Matrix, Note, Quotients, Sweep
from bpcli.checking import Check, Comparison, blame
from bpcli.graph import Graph


def gradients(result: Gradients, expression: str) -> dict[str, Any]:
    """``bpcli/grad/1``."""
    graph, forward_mode = result.graph, result.mode == "forward"
    record: dict[str, Any] = {
        "schema": "bpcli/grad/1",
        "expression": expression,
        "reading": result.reading,
        "mode": result.mode,
        "inputs": _inputs(graph, result.point),
        "output": {"name": graph.ids[graph.output], "value": result.value, "upstream": result.upstream},
        "gradients": result.gradients,
        "gates": [
            {
                "id": line.id, "gate": line.gate, "text": line.text, "inputs": line.inputs, "value": line.value,
                "local": line.local, "upstream": line.upstream, "sends": line.sends,
            } | ({"tangents": line.tangents} if forward_mode else {})
            for line in result.lines()
        ],
        "notes": _notes(result.notes),
    }  # fmt: skip
    if result.check is not None:
        record["check"] = _check(result.check)
    return record


def matrix(result: Matrix, expression: str) -> dict[str, Any]:
    """``bpcli/grad/1`` with a ``jacobian`` or a ``hessian`` in the place of gradients and gates."""
    return {
        "schema": "bpcli/grad/1",
        "expression": expression,
        "reading": result.reading,
        "inputs": _inputs(result.graph, result.point),
        result.kind: result.rows,
        "notes": _notes(result.notes),
    }


def of_check(result: Checked | Quotients | Sweep, expression: str) -> dict[str, Any]:
    """``bpcli/check/1``: the comparisons, or the quotients of ``--h``, or the points of ``--sweep``."""
    record: dict[str, Any] = {"schema": "bpcli/check/1", "expression": expression}
    if isinstance(result, Sweep):
        points = [{"h": step, "central": central, "forward": forward} for step, central, forward in result.points]
        return record | {"variable": result.name, "gradient": result.gradient, "sweep": points}
    if isinstance(result, Quotients):
        keys = ("from", "to", "f_from", "f_to", "quotient")
        rows = {name: dict(zip(keys, row, strict=True)) for name, row in result.rows.items()}
        return record | {"h": result.step, "scheme": result.scheme, "value": result.value, "quotients": rows,
                         "gradients": result.gradients}  # fmt: skip
    return record | _comparisons(result)


def _comparisons(result: Checked) -> dict[str, Any]:
    return {
        "ok": result.ok,
        "inputs": _inputs(result.graph, result.point),
        "sampled": result.check.sampled,
        "comparisons": {name: _comparison(one, result.graph) for name, one in result.check.comparisons.items()},
        "notes": _notes(result.notes),
    }


def derivative(result: Derivative, expression: str, latex: dict[str, str] | None = None) -> dict[str, Any]:
    """``bpcli/derive/1``."""
    record: dict[str, Any] = {
        "schema": "bpcli/derive/1",
        "expression": expression,
        "derivatives": {name: text for name, text in result.lines().items() if name in result.names},
        "shared": {name: text for name, text in result.lines().items() if name not in result.names},
        "size": dict(zip(("shared", "written_out"), result.sizes, strict=True)),
    }
    if latex is not None:
        record["latex"] = latex
    if result.numbers is not None:
        record |= {"inputs": _inputs(result.source, result.point), "values": result.numbers}
    return record


def _inputs(graph: Graph, point: dict[str, float]) -> dict[str, float]:
    return {name: point[name] for name in graph.inputs}


def _notes(notes: Sequence[Note]) -> list[dict[str, Any]]:
    return [{"code": note.code, "gate": note.gate, "message": note.message} for note in notes]


def _check(check: Check) -> dict[str, Any]:
    comparisons = check.comparisons
    return {
        "ok": check.ok,
        "differences": {name: one.difference for name, one in comparisons.items()},
        "error": {name: one.error for name, one in comparisons.items()},
        "verdict": {name: one.verdict for name, one in comparisons.items()},
    }


def _comparison(one: Comparison, graph: Graph) -> dict[str, Any]:
    slope = one.slope
    sides = slope is not None and (slope.left is not None or slope.right is not None)
    return {
        "reverse": one.reverse, "forward": one.forward, "differences": one.difference, "complex": one.complex,
        "error": one.error, "step": slope.step if slope else None, "verdict": one.verdict,
        "left": slope.left if slope and sides else None, "right": slope.right if slope and sides else None,
        "jumps": bool(slope and slope.jumps), "gates": list(blame(graph, one)) if one.verdict == "kink" else [],
    }  # fmt: skip
