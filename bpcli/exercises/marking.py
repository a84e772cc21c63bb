"""Marking a student's lines for one problem of a sheet: every kind of blank, with follow-through between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from bpcli.exercises.keys import choice, confirm, number
from bpcli.exercises.numbers import flat
from bpcli.exercises.problem import (
    Blank,
    ChoiceBlank,
    FormulaBlank,
    GradientBlank,
    LocalBlank,
    NumberBlank,
    ProgramBlank,
    QuotientBlank,
    StepBlank,
    ValueBlank,
)
from bpcli.exercises.variants import Variant, evaluate
from bpcli.graph import Graph
from bpcli.marking.answers import Answer, Line, Missing, Number, Unreadable, bare, placed, shown, table
from bpcli.marking.formulas import mark_formula
from bpcli.marking.handwork import Figure, figures, given
from bpcli.marking.idle import filling
from bpcli.marking.key import Asked, Key
from bpcli.marking.liberal import option_in, read_answer
from bpcli.marking.meter import Meter, TooMuch
from bpcli.marking.numbers import mark_numbers
from bpcli.marking.programs import mark_program
from bpcli.marking.verdicts import (
    BLANK,
    FOLLOWS,
    INVALID,
    RIGHT,
    ROUNDED,
    UNDECIDED,
    WRONG,
    Mark,
    in_words,
    score,
    to_its_last_digit,
    within,
    written,
)
from bpcli.rewrite import template
from bpcli.sweeps import forward
from bpcli.trouble import Trouble, shortened, visible

if TYPE_CHECKING:
    from bpcli.marking.array_formulas import Setting

#: Blanks whose number is computed from others by a formula of the problem's file.
_COMPUTED = (NumberBlank, StepBlank, QuotientBlank)
_MOST_REMARKS = 3  # on what was left alone in a program


def mark_problem(variant: Variant, lines: Sequence[Line], hint: bool = False, secret: bytes = b"",
                 doubts: Mapping[str, str] | None = None, meter: Meter | None = None) -> list[Mark]:  # fmt: skip
    """The mark of each blank of VARIANT's problem, in order.

    LINES are what the student wrote for it. HINT keeps the slip back, SECRET decides the points at which formulas are
    compared, DOUBTS (blank -> why its key is not confirmed) are worked out, if they are not given. METER counts what the
    hand-in costs; a formula or a program that would cost too much is undecided.
    """
    return _Marking(variant, tuple(lines), hint, secret or _secret(variant), doubts, meter or Meter()).marks()


def _secret(variant: Variant) -> bytes:
    return sha256(f"{variant.problem.sha256} {variant.seed}".encode()).digest()


@dataclass(frozen=True, eq=False)
class _Marking:
    variant: Variant
    lines: tuple[Line, ...]
    hint: bool
    secret: bytes
    doubts: Mapping[str, str] | None
    meter: Meter

    @cached_property
    def answered(self) -> dict[str, str | Unreadable]:
        """What was answered to every blank but the program."""
        names = {blank.name for blank in self.variant.problem.blanks if not isinstance(blank, ProgramBlank)}
        return table([line for line in self.lines if line.name in names])

    @cached_property
    def numbers(self) -> dict[str, Answer]:
        """The same, read as numbers."""
        return {name: read_answer(one) if isinstance(one, str) else one for name, one in self.answered.items()}

    @cached_property
    def key(self) -> Key:
        variant, problem = self.variant, self.variant.problem
        kinks = None if problem.kinks == "avoid" else problem.kinks
        return Key(problem.graph, variant.point, variant.values, variant.upstream, problem.rounding, kinks)

    def marks(self) -> list[Mark]:
        problem = self.variant.problem
        found: dict[str, Mark] = {}
        asked = [one for blank in problem.blanks if (one := _asked(blank)) is not None]
        if problem.graph.shapes is not None:
            found = {one.name: one for one in self._arrays([one for one in asked if one.kind != "local"])}
        else:
            found = {one.name: one for one in mark_numbers(self.key, asked, self.numbers, self.hint, self.doubts)}
        for blank in problem.blanks:
            if blank.name not in found:
                found[blank.name] = self._mark(blank, found)
        for line in self.lines:
            if line.note and line.name in found:
                found[line.name] = _with_notes(found[line.name], [line.note])
        return [found[blank.name] for blank in problem.blanks]

    def _mark(self, blank: Blank, found: Mapping[str, Mark]) -> Mark:
        points = float(blank.points)
        if isinstance(blank, ProgramBlank):
            return self._program(blank)._replace(points=points)
        answer = self.answered.get(blank.name, "")
        if isinstance(answer, Unreadable):
            return Mark(blank.name, answer.text, INVALID, answer.reason, points=points)
        if isinstance(read_answer(answer), Missing):
            return Mark(blank.name, answer or None, BLANK, points=points)
        mark = Mark(blank.name, answer, UNDECIDED, "a person has to look", points=points)
        if isinstance(blank, FormulaBlank):
            return self._formula(blank, bare(answer))._replace(answer=answer)
        if isinstance(blank, ChoiceBlank):
            return self._choice(blank, mark)
        if self.variant.problem.graph.shapes is not None:
            return self._computed_array(blank, mark, found) if isinstance(blank, _COMPUTED) else mark
        assert isinstance(blank, _COMPUTED)
        number = self.numbers[blank.name]
        notes = number.notes if isinstance(number, Number) else ()
        return _with_notes(self._computed(blank, mark, found), notes)

    # --- arrays ---

    def _arrays(self, asked: Sequence[Asked]) -> list[Mark]:
        from bpcli.marking.arrays import mark_arrays

        doubt = next(iter(confirm(self.variant)), "") if self.doubts is None else ""
        return mark_arrays(self.key, self.variant.adjoints, asked, self.answered, self.hint, doubt)

    def _computed_array(self, blank: Blank, mark: Mark, found: Mapping[str, Mark]) -> Mark:
        """An array, or a number of a graph on arrays, against the key, then against what the student's own lead to."""
        from bpcli.marking.array_answers import Array, agree, read_array

        exact = number(self.variant, blank, self.variant.scope)
        answer = read_array(mark.answer or "", getattr(exact, "shape", ()))
        if not isinstance(answer, Array):
            return mark._replace(verdict=INVALID, reason=getattr(answer, "reason", ""))
        rule = self.variant.problem.rounding
        if agree(answer.value, exact):
            return mark._replace(verdict=RIGHT, reason="")
        if agree(answer.value, exact, self._array_reach(exact)):
            return mark._replace(verdict=ROUNDED, reason=f"as rounding to {rule} gives it")
        own = self._own_arrays(blank, found)
        if own and answer.value.any():
            try:
                expected = number(self.variant, blank, self.variant.scope | dict(own.values()))
            except Trouble:
                expected = None
            if expected is not None and agree(answer.value, expected, self._array_reach(expected)):
                used = tuple(own)
                return mark._replace(verdict=FOLLOWS, reason=f"right, given your {in_words(used)}", used=used)
        return mark._replace(verdict=WRONG, reason="" if self.hint else "look again at the numbers that go into this")

    def _array_reach(self, exact: Any) -> float:
        """How far honest rounding may lead from EXACT, by its largest entry."""
        from bpcli.marking.arrays import UNITS

        rule = self.variant.problem.rounding
        unit = rule.unit(max(map(abs, flat(exact)), default=0.0))
        return UNITS * 2 * unit if rule.at_gates else unit if rule.kind == "answer" else 0.0

    def _own_arrays(self, blank: Blank, found: Mapping[str, Mark]) -> dict[str, tuple[str, Any]]:
        """The student's own arrays that BLANK is computed from and that are not the key's: blank -> (name, array)."""
        from bpcli.marking.array_answers import Array, read_array

        graph = self.variant.problem.graph
        needed, own = set(_names(blank, graph)), {}
        for one in self.variant.problem.blanks:
            known = _asked(one)
            if known is None or known.kind == "local" or found[one.name].verdict not in (WRONG, FOLLOWS):
                continue
            node = graph.ids[known.node]
            name = node if known.kind == "value" else f"d{node}"
            answer = read_array(found[one.name].answer or "", graph.shapes[known.node] if graph.shapes else ())
            # Zeros that nothing leads to buy nothing: w - rate*0 is w, copied from the question.
            if name in needed and isinstance(answer, Array) and (answer.value.any() or found[one.name].slips):
                own[one.name] = name, answer.value
        return own

    # --- choices ---

    def _choice(self, blank: ChoiceBlank, mark: Mark) -> Mark:
        folded = {_folded(option): option for option in blank.options}
        answer = bare(mark.answer or "")
        chosen = folded.get(_folded(answer))
        named = chosen or option_in(answer, blank.options)
        if named is None:
            return mark._replace(verdict=INVALID, reason=f"the options are {in_words(blank.options, 'or')}")
        right = named == choice(self.variant, blank, self.variant.scope)
        mark = mark._replace(verdict=RIGHT if right else WRONG, reason="" if right else "this is not the one")
        return mark if chosen else _with_notes(mark, [f"read as {named}"])

    # --- formulas and programs ---

    def _formula(self, blank: FormulaBlank, answer: str) -> Mark:
        graph = replace(self.variant.problem.graph, outputs=(blank.node,))
        asked = Asked(blank.name, "gradient", graph.inputs[blank.variable], points=float(blank.points))
        if graph.shapes is not None:
            from bpcli.marking.array_formulas import mark_array_formula

            return mark_array_formula(self._setting(graph), asked, answer, self.secret, self.hint)
        return mark_formula(graph, asked, answer, self.secret, self.variant.point, hint=self.hint,
                            meter=self.meter)  # fmt: skip

    def _setting(self, graph: Graph) -> Setting:
        """What formulas on arrays are about: the variables of GRAPH, and what an array's upstream gradient is made of."""
        from bpcli.marking.array_formulas import Setting

        assert graph.shapes is not None
        shapes = {name: graph.shapes[node] for name, node in graph.inputs.items()}
        upstream, point = self.variant.problem.upstream, self.variant.point
        if upstream is None or not graph.shapes[graph.output]:
            return Setting(graph, shapes, point, meter=self.meter)
        shapes |= {name: getattr(point[name], "shape", ()) for name in upstream.inputs}
        return Setting(graph, shapes, point, lambda point: evaluate(upstream, point), self.meter)

    def _program(self, blank: ProgramBlank) -> Mark:
        """The mark of all lines together; the share of the names that are right is what a wrong one has earned."""
        problem = self.variant.problem
        others = {one.name for one in problem.blanks if one is not blank}
        lines = [line for line in self.lines if line.name not in others]
        mark = Mark(blank.name, placed(lines) or None, BLANK)
        if not lines:
            return mark
        if problem.graph.shapes is None and problem.upstream is not None:
            return mark._replace(verdict=UNDECIDED, reason="a person has to look")
        backward = blank.stage == "backward"
        try:
            if problem.graph.shapes is not None:
                from bpcli.marking.array_programs import mark_array_program

                found = mark_array_program(
                    self._setting(problem.graph), lines, self.secret, blank.needs, backward, self.hint
                )
            else:
                found = mark_program(problem.graph, lines, self.secret, self.variant.point, blank.needs, backward, self.hint,
                                    self.meter)  # fmt: skip
        except TooMuch as limit:
            return mark._replace(verdict=UNDECIDED, reason=str(limit))
        except Trouble as trouble:
            return mark._replace(verdict=INVALID, reason=shortened(visible(trouble.message)))
        return _together(mark, *found)

    # --- numbers that formulas of the file compute ---

    def _computed(self, blank: Blank, mark: Mark, found: Mapping[str, Mark]) -> Mark:
        """A number against the key, then against what the student's own numbers lead to."""
        answer = self.numbers[blank.name]
        if isinstance(answer, Unreadable):
            return mark._replace(verdict=INVALID, reason=answer.reason)
        assert isinstance(answer, Number)
        rule = self.variant.problem.rounding
        exact = float(number(self.variant, blank, self.variant.scope))
        right = Figure(exact, 0.0, True)
        if within(answer.value, right, self.key.scale) or (rule.kind != "exact" and to_its_last_digit(answer, right)):
            return mark._replace(verdict=RIGHT, reason="")
        reach = self._reach(blank, {})
        if within(answer.value, Figure(exact, reach, True)):
            return mark._replace(verdict=ROUNDED, reason=f"as rounding to {rule} gives it")
        own = self._own(blank, found)
        if own:
            expected = self._expected(blank, own)
            idle = not answer.value or answer.value in self._filling(found)
            if expected is not None and not idle and within(answer.value, expected, self.key.scale):
                names = tuple(own)
                used = in_words([f"{name} = {shown((found[name].answer or '').strip())}" for name in names])
                return mark._replace(verdict=FOLLOWS, reason=f"right, given your {used}", used=names)
        return mark._replace(verdict=WRONG, reason="" if self.hint else "look again at the numbers that go into this")

    def _filling(self, found: Mapping[str, Mark]) -> frozenset[float]:
        """The few numbers that fill the sheet, if they do, with the computed ones among them."""
        variant, pairs, right = self.variant, [], 0
        for blank in variant.problem.blanks:
            answer, asked = self.numbers.get(blank.name), _asked(blank)
            if isinstance(answer, Number) and (asked or isinstance(blank, _COMPUTED)):
                exact = self.key.exact(asked).value if asked else float(number(variant, blank, variant.scope))
                pairs.append((answer.value, variant.problem.rounding.rounded(exact)))
                right += bool(answer.value) and blank.name in found and found[blank.name].verdict in (RIGHT, ROUNDED)
        return filling(pairs, right)

    def _own(self, blank: Blank, found: Mapping[str, Mark]) -> dict[str, Figure]:
        """The student's own numbers that BLANK is computed from and that are not the key's: name -> number."""
        needed = set(_names(blank, self.variant.problem.graph))
        own = {}
        for one in self.variant.problem.blanks:
            known = _asked(one)
            answer = self.numbers.get(one.name)
            if known is None or not isinstance(answer, Number) or found[one.name].verdict not in (WRONG, FOLLOWS):
                continue
            if not answer.value and found[one.name].verdict == WRONG and not found[one.name].slips:
                continue  # a 0 that nothing leads to: w - rate*0 is w, copied from the question
            node = self.variant.problem.graph.ids[known.node]
            scoped = node if known.kind == "value" else f"d{node}"
            if scoped in needed and known.kind != "local":
                own[one.name] = written(answer.value, self.key.rule, False, answer.decimals)
        return own

    def _expected(self, blank: Blank, own: Mapping[str, Figure]) -> Figure | None:
        named: dict[str, Figure] = {}
        for one in self.variant.problem.blanks:
            known = _asked(one)
            if known is not None and one.name in own:
                node = self.variant.problem.graph.ids[known.node]
                named[node if known.kind == "value" else f"d{node}"] = own[one.name]
        scope = self.variant.scope | {name: one.value for name, one in named.items()}
        try:
            value = float(number(self.variant, blank, scope))
        except Trouble:
            return None
        return Figure(value, self._reach(blank, named), True)

    def _reach(self, blank: Blank, own: Mapping[str, Figure]) -> float:
        """How far honest rounding may lead from the number of BLANK."""
        rule, variant = self.variant.problem.rounding, self.variant
        if not rule.at_gates:
            return rule.unit(abs(float(number(variant, blank, variant.scope)))) if rule.kind == "answer" else 0.0
        if isinstance(blank, QuotientBlank):
            return self._quotient_reach(blank)
        graph, scope = _as_graph(blank, variant), dict(variant.scope) | {name: one.value for name, one in own.items()}
        if isinstance(blank, StepBlank):
            name = variant.problem.graph.ids[blank.node]
            scope |= {"w": scope[name], "d": scope[f"d{name}"], "r": evaluate(blank.rate, scope),
                      "c": evaluate(blank.decay, scope)}  # fmt: skip
        known = {node: own.get(name) or self._figure(name, scope[name], blank) for name, node in graph.inputs.items()}
        values = forward(graph, {name: float(scope[name]) for name in graph.inputs})
        return figures(graph, values, rule, known)[graph.output].reach

    def _figure(self, name: str, value: float, blank: Blank) -> Figure:
        """A number that a formula of the file may name, with how far an honest one may be from it."""
        graph, rule = self.variant.problem.graph, self.variant.problem.rounding
        if isinstance(blank, StepBlank) and name == "d":
            return Figure(value, self.key.allowed.gradients[blank.node], True)
        nodes = {graph.ids[node]: node for node in graph.gates}
        if name in nodes:
            return Figure(value, self.key.allowed.values[nodes[name]], True)
        node = (nodes | graph.inputs).get(name[1:]) if name[:1] == "d" and name not in graph.inputs else None
        return given(value, rule) if node is None else Figure(value, self.key.allowed.gradients[node], True)

    def _quotient_reach(self, blank: QuotientBlank) -> float:
        """Both function values may be off, and the quotient divides by the step."""
        graph, variant = self.variant.problem.graph, self.variant
        h = abs(float(evaluate(blank.h, variant.scope)))
        far = 0.0
        for shift in {"forward": (0, h), "backward": (-h, 0), "central": (-h, h)}[blank.scheme]:
            point = {**variant.point, blank.variable: variant.point[blank.variable] + shift}
            far += figures(graph, forward(graph, point), variant.problem.rounding)[graph.output].reach
        value = abs(float(number(variant, blank, variant.scope)))
        far /= 2 * h if blank.scheme == "central" else h
        return far + variant.problem.rounding.unit(value + far)


def _asked(blank: Blank) -> Asked | None:
    """BLANK as a number of the graph, if it is one."""
    points = float(blank.points)
    if isinstance(blank, ValueBlank):
        return Asked(blank.name, "value", blank.node, 0, points)
    if isinstance(blank, GradientBlank):
        return Asked(blank.name, "gradient", blank.node, 0, points)
    if isinstance(blank, LocalBlank):
        return Asked(blank.name, "local", blank.node, blank.place, points)
    return None


def _as_graph(blank: Blank, variant: Variant) -> Graph:
    """The formula by which the number of BLANK is computed."""
    if isinstance(blank, NumberBlank):
        return blank.formula
    assert isinstance(blank, StepBlank)
    decays = evaluate(blank.decay, variant.scope) != 0
    return template("w - r*(d + c*w)" if decays else "w - r*d", ("w", "r", "d", "c"))


def _names(blank: Blank, graph: Graph) -> Iterator[str]:
    """The names that the number of BLANK is computed from."""
    if isinstance(blank, NumberBlank):
        yield from blank.formula.inputs
    elif isinstance(blank, StepBlank):
        yield from (f"d{graph.ids[blank.node]}", *blank.rate.inputs, *blank.decay.inputs)


def _with_notes(mark: Mark, notes: Sequence[str]) -> Mark:
    """MARK with how its answer was read."""
    return mark._replace(reason="; ".join([*[mark.reason] * bool(mark.reason), *notes]))


def _folded(text: str) -> str:
    return "".join(text.lower().split()).strip("\"'")


def _together(mark: Mark, each: Sequence[Mark], remarks: Sequence[str]) -> Mark:
    """MARK for a whole program, from those of its names."""
    left = "; ".join(remarks[:_MOST_REMARKS])
    bad = [one for one in each if one.credit != 1]
    if not bad:
        follows = any(one.verdict == FOLLOWS for one in each)
        return mark._replace(verdict=FOLLOWS if follows else RIGHT, reason=left)
    reason = "; ".join(f"{one.name}: {one.reason}" for one in bad[:5])
    more = f"; and {len(bad) - 5} more" if len(bad) > 5 else ""
    more += f"; {left}" if left else ""
    unread = all(one.verdict in (INVALID, BLANK) for one in each)
    share = 0.0 if unread else score(each) / sum(one.points for one in each)
    slips = tuple(dict.fromkeys(slip for one in bad for slip in one.slips))
    return mark._replace(verdict=INVALID if unread else WRONG, reason=reason + more, share=share, slips=slips)
