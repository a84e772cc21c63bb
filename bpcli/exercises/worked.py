"""A variant worked out in words: the lecture of `bpcli explain` with the numbers of somebody who keeps to the sheet's
rounding rule, so that every line can be followed with a pencil.

Graphs on arrays are worked out exactly and shown with two more places than the rule asks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bpcli.exercises.keys import number
from bpcli.exercises.markdown import Block, Piece
from bpcli.exercises.problem import Blank, LocalBlank, NumberBlank, QuotientBlank, StepBlank
from bpcli.exercises.telling import asks_gradients
from bpcli.exercises.variants import Variant
from bpcli.exercises.wording import array_figure
from bpcli.explaining import Explanation, Sent, local_text, walk
from bpcli.figures import show
from bpcli.graph import Graph
from bpcli.lecturing import (
    MOST_ENTRIES,
    Atom,
    Gate,
    Number,
    Paragraph,
    Pieces,
    Text,
    atom_text,
    number_text,
    say_step,
    say_value,
    say_variable,
)
from bpcli.marking.handwork import sent_by_hand
from bpcli.marking.handwork import walk as walk_by_hand
from bpcli.passes import Gradients
from bpcli.printing import FORMULA, gate_text, write
from bpcli.rewrite import template
from bpcli.rounding import Rule
from bpcli.slipped import edges
from bpcli.trouble import Trouble

MORE = 2  # places beyond the rule's, of numbers that are not rounded on the way


class ByHand(Variant):
    """A variant whose values and gradients are those of somebody who rounds every number; `Trouble` if that leads
    nowhere (1/0.00)."""

    def __init__(self, variant: Variant) -> None:
        super().__init__(variant.problem, variant.seed, variant.student, variant.numbers)
        problem, graph = variant.problem, variant.problem.graph
        self.exact = variant
        point = {name: variant.point[name] for name in graph.inputs}
        values, adjoints = walk_by_hand(graph, point, problem.rounding, seeds={graph.output: variant.upstream},
                                        kinks=problem.convention)  # fmt: skip
        self.__dict__ |= {"values": values, "adjoints": adjoints}

    def answer(self, blank: Blank) -> Any:
        """The number for BLANK; a difference quotient exactly, as rounding would leave nothing of it."""
        if isinstance(blank, QuotientBlank):
            return number(self.exact, blank, self.exact.scope)
        if isinstance(blank, LocalBlank):
            return self.sent(self.problem.graph.position[blank.node], blank.place, 1.0)[0]
        if not isinstance(blank, NumberBlank | StepBlank):
            return number(self, blank, self.scope)
        graph = blank.formula if isinstance(blank, NumberBlank) else _step_formula(self, blank)
        point = {name: float(self.scope[name]) for name in graph.inputs}
        return walk_by_hand(graph, point, self.problem.rounding)[0][graph.output]

    def sent(self, place: int, k: int, upstream: float) -> tuple[float, float]:
        """The local gradient of a gate for its input K, and what it sends there."""
        problem = self.problem
        return sent_by_hand(problem.graph, place, k, self.values, upstream, problem.rounding, problem.convention)


def by_hand(variant: Variant) -> ByHand | None:
    """VARIANT with rounded numbers; None where the rule rounds nothing on the way, or rounding leads nowhere."""
    if not variant.problem.rounding.at_gates or variant.problem.graph.shapes is not None:
        return None
    try:
        hand = ByHand(variant)
        for blank in variant.problem.blanks:
            if isinstance(blank, NumberBlank | StepBlank):
                hand.answer(blank)
        _lecture(hand)
    except Trouble:
        return None
    return hand


def answer_text(exact: Any, blank: Blank, hand: ByHand | None, rule: Rule) -> str:
    """The answer to BLANK by hand, and beside it the exact one where that rounds to something else."""
    shown = array_figure(exact, rule)
    if hand is None or shown == (found := array_figure(hand.answer(blank), rule)):
        return shown
    return f"{found} (exact: {array_figure(exact, _finer(rule))})"


def _finer(rule: Rule) -> Rule:
    return Rule(rule.kind, rule.places + MORE) if rule.kind != "exact" else rule


def _step_formula(variant: Variant, blank: StepBlank) -> Graph:
    """The update rule in the problem's own names."""
    name = variant.problem.graph.ids[blank.node]
    rate, decay = (write(one, style=FORMULA) for one in (blank.rate, blank.decay))
    slope = f"d{name}" if decay == "0" else f"(d{name} + ({decay})*{name})"
    names = dict.fromkeys((name, f"d{name}", *blank.rate.inputs, *(blank.decay.inputs if decay != "0" else ())))
    return template(f"{name} - ({rate})*{slope}", tuple(names))


# --- in words --------------------------------------------------------------------------------------------


def worked(variant: Variant, hand: ByHand | None) -> tuple[Block, ...]:
    """Forward, backward and what is reckoned from both, as blocks for any format; by HAND, if there is one."""
    return tuple(_Words(variant, hand).blocks())


def _lecture(variant: Variant) -> Explanation:
    graph = variant.problem.graph
    gradients = {name: variant.adjoints[node] for name, node in graph.inputs.items() if graph.active[node]}
    kind: type[Gradients] = Gradients
    if graph.shapes is not None:
        from bpcli.arrays.passes import ArrayGradients

        kind = ArrayGradients
    result = kind(graph, variant.point, variant.values, "reverse", variant.problem.convention, variant.upstream,
                  gradients, variant.adjoints, {}, None)  # fmt: skip
    if not isinstance(variant, ByHand):
        return Explanation(result, *walk(result))

    def sends(_: Gradients, place: int, upstream: Any) -> list[Sent]:
        ids, args = graph.ids, graph.args[place]
        return [Sent(ids[args[k]], k, local_text(graph, place, k), *variant.sent(place, k, upstream))
                for k in edges(graph, place, variant.values)]  # fmt: skip

    return Explanation(result, *walk(result, sends))


class _Words:
    """The lecture on a variant, with numbers as the sheet's rule writes them."""

    def __init__(self, variant: Variant, hand: ByHand | None) -> None:
        self.exact, self.variant = variant, hand or variant
        self.lecture = _lecture(self.variant)
        self.rule = variant.problem.rounding

    def blocks(self) -> Iterator[Block]:
        lecture = self.lecture
        yield _heading("Forward")
        for step in lecture.steps:
            yield self._item(say_value(lecture, step).lead)
        if asks_gradients(self.variant.problem):
            yield _heading("Backward")
            for step in reversed(lecture.steps):
                if step.upstream is not None:
                    yield from self._paragraph(say_step(lecture, step))
            yield _heading("Gradients")
            for one in lecture.variables:
                yield self._item(say_variable(lecture, one, with_meaning=False).lead)
        if reckoned := [one for blank in self.variant.problem.blanks for one in self._reckoned(blank)]:
            yield _heading("And from these")
            yield from reckoned

    def _paragraph(self, paragraph: Paragraph) -> Iterator[Block]:
        yield Block("paragraph", self._pieces(paragraph.lead))
        for item in paragraph.items:
            yield self._item(item)

    def _item(self, pieces: Pieces) -> Block:
        return Block("item", self._pieces(pieces), "•")

    def _pieces(self, pieces: Pieces) -> tuple[Piece, ...]:
        return tuple(
            Piece("text", one) if isinstance(one, str) else Piece("code", " ".join(map(self._atom, one.atoms)))
            for one in pieces
        )

    def _atom(self, atom: Atom) -> str:
        graph, values = self.lecture.graph, self.lecture.values
        if isinstance(atom, Number):
            return self.figure(atom.value)
        if isinstance(atom, Gate) and atom.with_values:
            inputs = [graph.ids[k] if values[k] is None else self.figure(values[k]) for k in graph.args[atom.place]]
            return gate_text(graph, atom.place, operands=inputs)
        if isinstance(atom, Text) and (filled := self._filled_in(atom.text)):
            return f"{atom.text} = {filled}"
        return atom_text(graph, values, atom, 12)

    def _filled_in(self, local: str) -> str:
        """A local gradient with numbers for its names: 0.18*(1 - 0.18) for f*(1 - f); "" where that tells nothing."""
        graph, values = self.lecture.graph, self.lecture.values
        if graph.shapes is not None or " if " in local or " wins" in local:
            return ""
        numbers = {graph.ids[k]: values[k] for k in (*graph.inputs.values(), *graph.gates) if values[k] is not None}
        filled = self._with_numbers(local, numbers)
        return filled if filled != local and local not in numbers else ""

    def figure(self, value: Any) -> str:
        """A number on the way: with the rule's places if it has been rounded, otherwise with more, or as it is."""
        if getattr(value, "shape", ()) and value.size > MOST_ENTRIES:
            return number_text(value, 12)
        rule = self.rule if isinstance(self.variant, ByHand) else _finer(self.rule)
        if getattr(value, "shape", ()):
            return number_text(value, 12) if (value % 1 == 0).all() else array_figure(value, rule)
        rounds = isinstance(self.variant, ByHand) and abs(rule.rounded(value) - value) > 1e-12 * abs(value)
        return show(float(value), 12) if rounds or float(value).is_integer() else array_figure(value, rule)

    def _reckoned(self, blank: Blank) -> Iterator[Block]:
        """A blank that a formula over values and gradients answers: the formula, with its numbers, and what it gives."""
        variant = self.variant
        if isinstance(blank, NumberBlank | StepBlank):
            graph = blank.formula if isinstance(blank, NumberBlank) else _step_formula(variant, blank)
            formula = write(graph, style=FORMULA)
            filled = self._with_numbers(formula, {name: variant.scope[name] for name in graph.inputs})
            filled = re.sub(r"^\((-[\d.]+)\)(?! *\^)", r"\1", filled)
            value = variant.answer(blank) if isinstance(variant, ByHand) else number(variant, blank, variant.scope)
            texts = dict.fromkeys([blank.name, formula, filled, array_figure(value, self.rule)])
            yield Block("item", (Piece("code", " = ".join(texts)),), "•")

    def _with_numbers(self, formula: str, numbers: Mapping[str, Any]) -> str:
        """FORMULA with figures for its names; a negative one in brackets, but only in one pair."""
        filled = _NAME.sub(lambda match: self._operand(match[0], numbers), formula)
        return re.sub(r"\(\((-[\d.e-]+)\)\)", r"(\1)", filled)

    def _operand(self, name: str, numbers: Mapping[str, Any]) -> str:
        if name not in numbers:
            return name
        text = self.figure(numbers[name])
        return f"({text})" if text.startswith("-") else text


_NAME = re.compile(r"(?<![\w.])[^\W\d]\w*(?!\w*\()")


def _heading(text: str) -> Block:
    return Block("paragraph", (Piece("bold", text),))
