"""Marking formulas: a derivative, or a value, written in the names of the problem."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import islice

from bpcli.graph import Graph
from bpcli.language import STUDENT, parse
from bpcli.marking.answers import shown
from bpcli.marking.diagnosis import MOST_WAYS
from bpcli.marking.equivalence import DIFFERENT, EQUAL, Quantity, compare, points, said
from bpcli.marking.key import Asked
from bpcli.marking.meter import Meter, TooMuch, evaluations
from bpcli.marking.pasted import plain
from bpcli.marking.statements import assignments
from bpcli.marking.verdicts import BLANK, INVALID, RIGHT, UNDECIDED, WRONG, Mark, equal, in_words
from bpcli.printing import step_text
from bpcli.slipped import places, run
from bpcli.slips import SLIPS
from bpcli.sweeps import Values, forward
from bpcli.trouble import Trouble, shortened, visible

_TRIED = 5  # points at which a slip has to give the same as the answer
_MOST_PLACES = 40  # places of a slip that are tried one by one


def mark_formula(graph: Graph, asked: Asked, text: str, secret: bytes, near: Mapping[str, float] | None = None,
                 upstream: float = 1.0, hint: bool = False, meter: Meter | None = None) -> Mark:  # fmt: skip
    """The `Mark` of TEXT as the formula of the value or the gradient that ASKED is about.

    It may use the variables and the assigned names of GRAPH, not the one that is asked for. SECRET decides at which
    points the two are compared; HINT keeps the point and the slip back; METER counts for the hand-in, of which an answer
    that would take too much is undecided.
    """
    mark = Mark(asked.name, text, INVALID, points=asked.points)
    if not text.strip() or text.strip() == "?":
        return mark._replace(verdict=BLANK, answer=text or None)
    key = Quantity(graph, asked.node, asked.kind == "gradient", upstream, meter=(meter or Meter()).blank())
    try:
        return _marked(mark, key, asked, secret, near or {}, hint)
    except TooMuch as limit:
        return mark._replace(verdict=UNDECIDED, reason=str(limit))


def _marked(mark: Mark, key: Quantity, asked: Asked, secret: bytes, near: Mapping[str, float], hint: bool) -> Mark:
    """MARK with the verdict on its answer."""
    try:
        answer = _read(key.graph, asked, mark.answer or "", key.meter)
    except Trouble as trouble:
        return mark._replace(reason=shortened(visible(trouble.message)))
    outcome = compare(answer, key, secret, near)
    if outcome.verdict == EQUAL:
        return mark._replace(verdict=RIGHT, reason=outcome.note)
    if outcome.verdict != DIFFERENT:
        return mark._replace(verdict=UNDECIDED, reason=f"{outcome.note}; a person has to look")
    ways = _slips(answer, key, secret, near) if key.gradient else {}
    slips, reason = list(ways), said(outcome, answer, key)
    mark = mark._replace(verdict=WRONG)
    if hint:
        return mark._replace(reason=_where(key.graph, ways, reason))
    if not 0 < len(slips) <= MOST_WAYS:
        return mark._replace(reason=reason)
    advice = f". {SLIPS[slips[0]].advice.removesuffix('.')}" if len(slips) == 1 else ""
    titles = in_words([SLIPS[slip].title for slip in slips], "or")
    return mark._replace(reason=f"{titles}; {reason}{advice}", slips=tuple(slips))


def _read(graph: Graph, asked: Asked, text: str, meter: Meter) -> Quantity:
    """The student's formula, as a function of GRAPH's variables."""
    meter.read(text)
    if any(one.sign for one in assignments(text)) or ";" in text:
        raise Trouble("write the formula alone, without =", code="formula")
    answer = parse(plain(text), variables=list(graph.inputs), limits=STUDENT)
    if answer.has_arrays:
        raise Trouble("the formula of a number is asked, not of an array", code="formula")
    itself = asked.node if asked.kind == "value" else None
    own = {name: node for node, name in graph.names.items() if node in graph.position and node != itself}
    for name in answer.inputs:
        if name not in graph.inputs and name not in own:
            known = in_words([*graph.inputs, *own])
            raise Trouble(f"{shown(name)} is no name of this problem, which has {known}", code="unknown-name")
    if not own.keys() & answer.inputs.keys():
        return Quantity(answer, answer.output, meter=meter)
    forwards = evaluations(graph)

    def given(point: Mapping[str, float]) -> Mapping[str, float]:
        meter.spend(forwards)
        values = forward(graph, {name: point[name] for name in graph.inputs})
        return {**{name: values[node] for name, node in own.items()}, **point}

    return Quantity(answer, answer.output, given=given, meter=meter)


def _where(graph: Graph, ways: Mapping[str, frozenset[int]], reason: str) -> str:
    """Where to look, without what is wrong: the gate at which all the slips are that would explain it, and the point."""
    reason = reason.partition(": there it gives")[0]
    gates = set(ways.values())
    if not 0 < len(ways) <= MOST_WAYS or len(gates) != 1 or len(gate := [*gates.pop()]) != 1:
        return reason
    return f"look again at the derivative of {step_text(graph, gate[0])}; {reason}"


def _slips(answer: Quantity, key: Quantity, secret: bytes, near: Mapping[str, float]) -> dict[str, frozenset[int]]:
    """The slips that give the student's formula, each made at one gate or at every one, and where."""
    graph = key.graph
    tried: list[tuple[Values, float]] = []
    same = True
    for point in islice(points(list(graph.inputs), secret, near), 10 * _TRIED):
        right, given = key.at(point), answer.at(point)
        if right is not None and given is not None and len(tried) < _TRIED:
            tried.append((forward(graph, point), given.value))
            same = same and equal(given.value, right.value)
    if len(tried) < _TRIED or same:
        return {}  # where it is the key at all of them, a slip that changes nothing there would be named
    found = {}
    for slip in SLIPS.values():
        possible = places(graph, tried[0][0], slip)
        each: Iterable[frozenset[int]] = [frozenset([node]) for node in possible[:_MOST_PLACES]]
        for at in (frozenset(possible), *each):
            if at and all(_gives(key, values, slip.id, at, value) for values, value in tried):
                found[slip.id] = at
                break
    return found


def _gives(key: Quantity, values: Values, slip: str, at: frozenset[int], value: float) -> bool:
    try:
        number = run(key.graph, values, {key.graph.output: key.upstream}, SLIPS[slip], at=at)[key.node]
    except (Trouble, ArithmeticError):
        return False
    return math.isfinite(number) and equal(value, number)
