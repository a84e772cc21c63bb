"""The answers: one for each blank of a variant, and the three ways in which they are confirmed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from bpcli.checking import MISMATCH, OK
from bpcli.deriving import Derivative, derive
from bpcli.differences import quotient
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
from bpcli.exercises.staging import backward_lines, forward_lines
from bpcli.exercises.variants import Variant, evaluate
from bpcli.graph import Graph
from bpcli.printing import FORMULA, write
from bpcli.sweeps import forward, kinks_met, local_gradients
from bpcli.trouble import NO_ANSWER, Trouble


@dataclass(frozen=True, eq=False)
class Key:
    """The answer to one blank: a ``number`` (or array), or a ``text`` (an option, a formula, lines of code)."""

    blank: Blank
    number: Any = None
    text: str = ""
    graph: Graph | None = None
    """Of a formula blank: the derivative as a graph; of a program: the lines as one."""


@lru_cache(maxsize=256)  # a draw's are looked at several times before it is accepted, and once for each paper
def keys(variant: Variant) -> tuple[Key, ...]:
    """The key of every blank, in order; raises `Trouble` (exit code 3) where there is none."""
    return tuple(key(variant, blank) for blank in variant.problem.blanks)


def key(variant: Variant, blank: Blank) -> Key:
    """The answer to BLANK."""
    if isinstance(blank, FormulaBlank):
        return _formula(variant.problem.graph, variant.problem.upstream, blank)  # the same for every variant
    if isinstance(blank, ProgramBlank):
        return _program(variant, blank)
    if isinstance(blank, ChoiceBlank):
        return Key(blank, text=choice(variant, blank, variant.scope))
    found = number(variant, blank, variant.scope)
    if found is None:
        raise Trouble(f"{blank.name} has no value here: its gate is in a branch that is not taken",
                      code="no-value", exit_code=NO_ANSWER)  # fmt: skip
    return Key(blank, number=found if len(getattr(found, "shape", ())) else float(found))


def number(variant: Variant, blank: Blank, scope: Mapping[str, Any]) -> Any:
    """The number for BLANK, with what its SCOPE says the gradients are."""
    graph = variant.problem.graph
    if isinstance(blank, ValueBlank):
        return variant.values[blank.node]
    if isinstance(blank, GradientBlank):
        return scope[f"d{graph.ids[blank.node]}"]
    if isinstance(blank, LocalBlank):
        place = graph.position[blank.node]
        return _local(variant, place)[blank.place]
    if isinstance(blank, StepBlank):
        name = graph.ids[blank.node]
        rate, decay = evaluate(blank.rate, scope), evaluate(blank.decay, scope)
        return scope[name] - rate * (scope[f"d{name}"] + decay * scope[name])
    if isinstance(blank, QuotientBlank):
        name, x = blank.variable, variant.point[blank.variable]

        def shifted(shift: float) -> float:
            return float(forward(graph, {**variant.point, name: x + shift})[graph.output])

        return quotient(shifted, evaluate(blank.h, scope), blank.scheme)
    assert isinstance(blank, NumberBlank)
    return evaluate(blank.formula, scope)


def _local(variant: Variant, place: int) -> list[Any]:
    graph = variant.problem.graph
    if graph.shapes is None:
        return local_gradients(graph, place, variant.values, variant.problem.convention)
    from bpcli.arrays.sweeps import local_function

    row, args = graph.row(place), graph.args[place]
    inputs = [variant.values[k] for k in args]
    y = variant.values[graph.gates[place]]
    return [local_function(row, k, variant.problem.convention)(*inputs, y) if row.local[k] else None
            for k in range(len(row.local))]  # fmt: skip


def choice(variant: Variant, blank: ChoiceBlank, scope: Mapping[str, Any]) -> str:
    """The option that is right, with what SCOPE says the gradients are; `Trouble` unless it is exactly one."""
    graph = variant.problem.graph
    if blank.rule == "pattern":
        return graph.row(graph.position[blank.node]).pattern[0]
    if blank.rule == "route":
        args = graph.args[graph.position[blank.node]]
        winners = [k for k in dict.fromkeys(args) if variant.values[k] == variant.values[blank.node]]
        right = [graph.ids[k] for k in winners]
    else:
        holds = [evaluate(condition, scope) for condition in blank.conditions]
        right = [option for option, one in zip(blank.options, holds, strict=True) if one]
    if len(right) != 1:
        said = f"{' and '.join(right)} are all right" if right else "none of the options is right"
        raise Trouble(f"{blank.name}: {said}", code="ambiguous-choice", exit_code=NO_ANSWER)
    return right[0]


@lru_cache(maxsize=512)
def _formula(graph: Graph, upstream: Graph | None, blank: FormulaBlank) -> Key:
    if graph.shapes is not None:
        derived = _derived_on_arrays(graph, upstream, blank)
    else:
        derived = derive(replace(graph, outputs=(blank.node,)), wrt=[blank.variable])
    text = write(derived.graph, derived.graph.outputs[0], FORMULA, inline=True)
    return Key(blank, text=text, graph=derived.graph)


def _derived_on_arrays(graph: Graph, upstream: Graph | None, blank: FormulaBlank) -> Derivative:
    """The derivative of a number, or of Σ upstream · output, which has the gradients of an output that is an array."""
    assert graph.shapes is not None
    shapes = {name: graph.shapes[node] for name, node in graph.inputs.items()}
    typed = graph.typed or graph
    node = typed.output if blank.node == graph.output else typed.scope[graph.names[blank.node]]
    text = write(typed, node, FORMULA, inline=True)
    if graph.shapes[blank.node]:
        assert upstream is not None
        text = f"sum(({text})*({write(upstream.typed or upstream)}))"
        shapes |= {name: (upstream.shapes or {}).get(one, ()) for name, one in upstream.inputs.items()}
    return derive(text, wrt=[blank.variable], shapes=shapes)


def _program(variant: Variant, blank: ProgramBlank) -> Key:
    graph, upstream = variant.problem.graph, variant.problem.upstream
    lines = [] if blank.stage == "backward" else list(forward_lines(graph))
    if blank.stage != "forward":
        lines += backward_lines(graph, "1" if upstream is None else write(upstream), variant.values)
    return Key(blank, text="\n".join(lines))


# --- confirming ------------------------------------------------------------------------------------------


def confirm(variant: Variant) -> Iterator[str]:
    """What is wrong with the gradients of VARIANT: reverse mode against forward mode and differences.

    Nothing comes out when all agree, or when no blank depends on a gradient.
    """
    from bpcli.gradient_check import check

    graph = variant.problem.graph
    if graph.shapes is not None and graph.shapes[graph.output]:
        from bpcli.arrays.check import check as compare_arrays

        gradients = {name: variant.adjoints[node] for name, node in graph.inputs.items() if graph.active[node]}
        found = compare_arrays(graph, variant.point, gradients, variant.upstream)
    else:
        point = {name: variant.point[name] for name in graph.inputs}
        names = [name for name, node in graph.inputs.items() if graph.active[node]]
        found = check(graph, point, wrt=names, kinks=variant.problem.convention).check
    for name, one in found.comparisons.items():
        if one.verdict == MISMATCH or (one.verdict != OK and not _kinked(variant)):
            yield f"the gradient of {name} is {one.reverse:.6g} by reverse mode; differences say: {one.verdict}"


def _kinked(variant: Variant) -> bool:
    graph = variant.problem.graph
    if graph.shapes is not None:
        return True
    gates = graph.backward(graph.outputs, variant.values)[0]
    return next(iter(kinks_met(graph, variant.values, gates)), None) is not None
