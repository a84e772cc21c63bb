"""Wrong on purpose: right and wrong backward runs side by side, and the table of slips for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from bpcli.explaining import local_text, solved, with_names
from bpcli.gates import GATES
from bpcli.graph import Graph
from bpcli.passes import Gradients
from bpcli.printing import gate_text
from bpcli.result import Result, plain
from bpcli.slipped import edges, places, rules_at, run, slipped_gradients, why_nowhere
from bpcli.slips import FORMS, NO_SLIP, SLIPS, Slip
from bpcli.trouble import Trouble

#: Relative difference up to which two runs count as giving the same number.
SAME = 1e-12


class Rule(NamedTuple):
    """A local gradient as it is and as the slip has it: formulas, and at a gate of a formula their numbers."""

    gate: str
    input: str
    right: str
    wrong: str
    numbers: tuple[float, float] | None = None


class Line(NamedTuple):
    """One gate or variable: its gradient in the right run and in the wrong one."""

    id: str
    text: str
    is_input: bool
    right: Any
    wrong: Any
    same: bool


@dataclass(frozen=True, eq=False)
class SlippedRun(Result):
    """A formula's right backward run beside the one with a slip at each of its ``places``."""

    view = "slipped_run"

    slip: Slip
    gradients: Gradients
    places: list[str]
    rules: list[Rule]
    """For a slip in local gradients of numbers: what it takes instead, at the first of the places."""
    lines: list[Line]
    why_nowhere: str = ""

    @property
    def wrong(self) -> list[str]:
        """The variables that come out wrong."""
        return [line.id for line in self.lines if line.is_input and not line.same]

    @property
    def verdict(self) -> str:
        """What the slip does here, in a sentence or two."""
        names = [line.id for line in self.lines if line.is_input]
        right = [name for name in names if name not in self.wrong]
        if not self.places:
            return (
                self.why_nowhere
                or "Nothing in this formula gives an opportunity for this slip, so right answers say nothing about it."
            )
        if not self.wrong:
            inside = [line.id for line in self.lines if not line.same]
            seen = f" (only {_listed(inside)} on the way)" if inside else ""
            return (f"The slip changes no gradient of a variable here{seen}: with these numbers a right answer is no "
                    "evidence that it was not made.")  # fmt: skip
        if not right:
            verb = {1: "comes", 2: "both come"}.get(len(self.wrong), "all come")
            return f"{_listed(self.wrong)} {verb} out wrong."
        verbs = ["comes" if len(one) == 1 else "come" for one in (self.wrong, right)]
        return f"{_listed(self.wrong)} {verbs[0]} out wrong; {_listed(right)} {verbs[1]} out right all the same."

    def record(self, expression: str) -> dict[str, Any]:
        return {
            "schema": "bpcli/explain/1",
            "expression": expression,
            "reading": self.gradients.reading,
            "inputs": plain(self.gradients.point),
            "slip": _slip_record(self.slip),
            "places": self.places,
            "gradients": [
                {"id": line.id, "right": plain(line.right), "wrong": plain(line.wrong), "same": line.same}
                for line in self.lines
            ],
            "wrong": self.wrong,
            "verdict": self.verdict,
        }


@dataclass(frozen=True, eq=False)
class EverySlip(Result):
    """A formula with every slip in turn: where it can be made, and what comes out wrong."""

    view = "every_slip"

    gradients: Gradients
    runs: list[SlippedRun]

    def record(self, expression: str) -> dict[str, Any]:
        return {
            "schema": "bpcli/explain/1",
            "expression": expression,
            "reading": self.gradients.reading,
            "inputs": plain(self.gradients.point),
            "slips": [
                {"id": run.slip.id, "title": run.slip.title, "places": run.places, "wrong": run.wrong,
                 "gradients": {line.id: plain(line.wrong) for line in run.lines if line.is_input}}
                for run in self.runs
            ],
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class SlipPage(Result):
    """One slip in full, with a worked example."""

    view = "slip_page"

    slip: Slip
    rules: list[Rule]
    """For every gate whose local gradient it changes, in the words of the gate table."""
    example: SlippedRun

    def record(self, expression: str = "") -> dict[str, Any]:
        return {"schema": "bpcli/slips/1", "slips": [_slip_record(self.slip)]}


@dataclass(frozen=True, eq=False)
class SlipList(Result):
    """Every slip, in the order of the table."""

    view = "slip_list"

    slips: list[Slip]

    def record(self, expression: str = "") -> dict[str, Any]:
        return {"schema": "bpcli/slips/1", "slips": [_slip_record(slip) for slip in self.slips]}


def _slip_record(slip: Slip) -> dict[str, Any]:
    return {
        "id": slip.id, "title": slip.title, "sentence": slip.sentence, "advice": slip.advice,
        "local": {gate: list(rules) for gate, rules in slip.local.items()},
        "arrays": {gate: list(pulls) if isinstance(pulls, tuple) else None for gate, pulls in slip.pulls.items()},
        "product": slip.product, "collect": slip.collect, "order": slip.order, "push": dict(slip.push),
        "example": {"formula": slip.formula, "values": dict(slip.point)},
    }  # fmt: skip


def _listed(names: list[str]) -> str:
    if len(names) > 8:
        names = [*names[:6], f"{len(names) - 6:,} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def find(name: str) -> Slip:
    """The slip called NAME; `Trouble` with what may have been meant."""
    if name not in SLIPS:
        from difflib import get_close_matches

        titles = {slip.title: slip.id for slip in SLIPS.values()}
        near = [titles.get(one, one) for one in get_close_matches(name, [*SLIPS, *titles], n=2, cutoff=0.5)]
        near += [one for one in SLIPS if name and name in one][:2]
        raise Trouble(f"there is no slip called {name} (bpcli slips lists them)", code="unknown-slip",
                      tries=list(dict.fromkeys(near))[:2])  # fmt: skip
    return SLIPS[name]


def wrong_on_purpose(formula: str | Graph, values: Mapping[str, Any] | None = None, *, slip: str = "all",
                     upstream: Any = None, kinks: str = "torch", output: str | None = None, expand: bool = False,
                     fuse: bool = False, share: bool = False, **variables: Any) -> SlippedRun | EverySlip:  # fmt: skip
    """A formula's right backward run beside the one with the SLIP of that id made wherever it can be made.

    >>> bpcli.slip("(x+y)*z", slip="mul-not-switched", x=-2, y=5, z=-4).wrong
    ['x', 'y', 'z']

    With "all", every slip in turn. Raises `Trouble` as `bpcli.grad` does, and for an unknown slip.
    """
    chosen = None if slip == "all" else find(slip)
    result = solved(formula, {**(values or {}), **variables}, upstream, kinks, output, expand, fuse, share)
    if chosen is None:
        return EverySlip(result, [beside(result, one) for one in SLIPS.values()])
    return beside(result, chosen)


def beside(result: Gradients, slip: Slip) -> SlippedRun:
    """The right run RESULT beside the one with SLIP."""
    graph = result.graph
    found = places(graph, result.values, slip)
    wrong = run(graph, result.values, {graph.output: result.upstream}, slip, result.kinks)
    live = graph.backward((graph.output,), result.values)[0]
    lines = [_line(result, wrong, node, False) for node in live]
    lines += [_line(result, wrong, node, True) for node in graph.inputs.values()]
    at = found[:MOST_RULES] if slip.local and graph.shapes is None else []
    rules = [rule for node in at for rule in _rules(result, node, slip)]
    why = "" if found else why_nowhere(graph, result.values, slip)
    return SlippedRun(slip, result, [graph.ids[node] for node in found], rules, lines, why)


#: Gates at which the wrong rule is spelled out.
MOST_RULES = 6


def _line(result: Gradients, wrong: list[Any], node: int, is_input: bool) -> Line:
    graph = result.graph
    text = "" if is_input else gate_text(graph, graph.position[node])
    right = result.gradients[graph.ids[node]] if is_input else _or_zero(graph, node, result.adjoints[node])
    other = _or_zero(graph, node, wrong[node])
    return Line(graph.ids[node], text, is_input, right, other, same(right, other))


def _or_zero(graph: Graph, node: int, adjoint: Any) -> Any:
    if graph.shapes is None:
        return adjoint
    import numpy as np

    found = np.zeros(graph.shapes[node]) if adjoint is None else np.asarray(adjoint)
    return found if found.ndim else float(found)


def same(right: Any, wrong: Any) -> bool:
    """Whether two gradients are one number, but for rounding."""
    if not getattr(right, "shape", ()):
        return bool(abs(right - wrong) <= SAME * max(abs(right), abs(wrong)))
    return bool((abs(right - wrong) <= SAME * (abs(right) + abs(wrong))).all())


def _rules(result: Gradients, node: int, slip: Slip) -> list[Rule]:
    graph, values = result.graph, result.values
    place = graph.position[node]
    rules = rules_at(graph, place, values, slip)
    if not rules:
        return []
    right, wrong = (slipped_gradients(graph, place, values, one, result.kinks) for one in (NO_SLIP, slip))
    return [
        Rule(graph.ids[node], graph.ids[graph.args[place][k]], local_text(graph, place, k),
             with_names(rules[k], graph, place), (right[k] or 0.0, wrong[k] or 0.0))
        for k in edges(graph, place, values) if rules[k]
    ]  # fmt: skip


# --- the table -------------------------------------------------------------------------------------------


def slip_list() -> SlipList:
    """Every slip."""
    return SlipList(list(SLIPS.values()))


def slip_page(name: str) -> SlipPage:
    """The slip called NAME in full; `Trouble` when there is none."""
    slip = find(name)
    rules = []
    for gate, wrong in slip.local.items():
        called = FORMS[gate][0] if gate in FORMS else gate
        row = GATES.get(called)
        names = row.inputs if row else ("each",)
        right = row.blackboard() if row else ("1 if it wins, else 0",)
        rules += [Rule(gate, names[k], right[k], slip.words.get(gate, wrong[k])) for k in range(len(wrong)) if wrong[k]]
    example = wrong_on_purpose(slip.formula, dict(slip.point), slip=name)
    assert isinstance(example, SlippedRun)
    return SlipPage(slip, rules, example)
