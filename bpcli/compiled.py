"""The table's formulas as running Python: one function for a gate, one loop for a whole sweep.

Only text from `bpcli.gates` is ever compiled. A user's formula is a graph, never Python source.

A sweep runs over a flat graph in one generated function in which every kind of gate in that graph is a
branch with its formula written out in real operators, as a tape loop written by hand would have it
(`tests/bench/sweeps.py` measures it against one).
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from bpcli.gates import CONSTANTS, GATES, Gate
from bpcli.graph import Kind

Function = Callable[..., Any]


class _Translator(ast.NodeTransformer):
    """``where(c, a, b)`` becomes a conditional expression, so that only the branch taken is evaluated; a power
    becomes a call, as Python's own operator turns complex for a negative base; ``by_real_part`` compares so."""

    def __init__(self, by_real_part: bool) -> None:
        self.by_real_part = by_real_part

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if self.by_real_part:
            node.left = ast.Attribute(node.left, "real")
            node.comparators = [ast.Attribute(side, "real") for side in node.comparators]
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "where":
            condition, taken, other = node.args
            return ast.IfExp(condition, taken, other)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.Pow):
            return ast.Call(ast.Name("pow"), [node.left, node.right], [])
        return node


@cache
def python(formula: str, by_real_part: bool = False) -> str:
    """A formula of the table as a Python expression (on complex numbers, when compared BY_REAL_PART)."""
    formula = re.sub(r"(?<![\w.])(?<![\d.][eE][-+])(\d+)(?![\w.])", r"\1.0", formula.replace("^", "**"))
    if "where(" in formula or "**" in formula:
        formula = ast.unparse(_Translator(by_real_part).visit(ast.parse(formula, mode="eval")))
    return formula


def _ties(value: float, *others: float) -> float:
    return float(others.count(value))


def _place(value: float, *others: float) -> float:
    return others.index(value) + 1.0 if value in others else 0.0


class Backend(dict[str, Any]):
    """The functions that formulas call for one type of number, filled in as they are needed."""

    def __init__(self, library: Any, **own: Function) -> None:
        super().__init__(CONSTANTS, zip=zip, abs=abs, max=max, min=min, ties=_ties, place=_place, **own)
        self.library = library

    def resolve(self, expression: str) -> None:
        """Define every function that EXPRESSION calls."""
        for name in re.findall(r"\b([a-z]\w*)\(", expression):
            if name not in self:
                self[name] = getattr(self.library, name, None) or self.function(GATES[name])

    def function(self, row: Gate) -> Function:
        """The value of ROW as a function of its inputs."""
        expression = self.expression(row)
        if expression == f"{row.name}({', '.join(row.inputs)})":
            self.resolve(expression)
            return self[row.name]  # type: ignore[no-any-return]
        return self.compile(row.name, row.inputs, expression)

    def expression(self, row: Gate) -> str:
        """The value of ROW as a Python expression."""
        return python(row.forward)

    def compile(self, name: str, parameters: Sequence[str], expression: str) -> Function:
        """A function of PARAMETERS; a traceback through it says NAME."""
        self.resolve(expression)
        text = f"lambda {', '.join(parameters)}: {expression}"
        return eval(compile(text, f"<gate {name}>", "eval"), self)  # type: ignore[no-any-return]

    def loop(self, name: str, parameters: str, body: list[str]) -> Function:
        """A function with the given body lines."""
        self.resolve("\n".join(body))
        source = "\n".join([f"def {name}({parameters}):", *body])
        scope: dict[str, Any] = {}
        exec(compile(source, f"<{name} loop>", "exec"), self, scope)
        return scope[name]  # type: ignore[no-any-return]


class ComplexBackend(Backend):
    """Complex numbers: comparisons go by the real part, so each piece of a formula is continued analytically."""

    def expression(self, row: Gate) -> str:
        return python(row.complex or row.forward, by_real_part=True)


def _complex_power(a: complex, b: complex) -> complex:
    if not a:
        return complex(0.0**b.real)  # Python refuses 0**(2 + 1e-30j)
    if a.real < 0 and not b.imag and b.real % 1 == 0:  # exactly real along the real axis, also beyond a^100
        return complex((-a) ** b * (-1.0) ** b.real)
    return complex(a**b)


def _whole(function: Function) -> Function:
    return lambda x: float(function(x))


#: Python floats, with the functions of the `math` module.
FLOATS = Backend(math, floor=_whole(math.floor), ceil=_whole(math.ceil))


@cache
def complex_numbers() -> Backend:
    """Python complex numbers, for the complex step."""
    import cmath

    return ComplexBackend(cmath, pow=_complex_power)


# --- one gate --------------------------------------------------------------------------------------------


@cache
def value_function(row: Gate) -> Function:
    """ROW's value as a function of its inputs."""
    return FLOATS.function(row)


@cache
def condition(row: Gate, text: str) -> Function:
    """A condition of the table (a domain, a kink) as a function of ROW's inputs and its output ``y``."""
    return FLOATS.compile(row.name, (*row.inputs, "y"), text)


def local_formula(row: Gate, place: int, kinks: str) -> str:
    """The local gradient of ROW for the input at PLACE under the convention KINKS, as Python."""
    text = python(row.local[place])
    if row.kink and kinks in row.at:
        text = f"({python(row.at[kinks][place])} if {python(row.kink[0])} else {text})"
    return text


@cache
def local_function(row: Gate, place: int, kinks: str) -> Function:
    """That local gradient as a function of ROW's inputs and its output ``y``."""
    text = local_formula(row, place, kinks)
    for name, formula in reversed(row.lets):
        text = re.sub(rf"\b{name}\b", f"({python(formula)})", text)
    return FLOATS.compile(row.name, (*row.inputs, "y"), text)


@cache
def complex_function(row: Gate) -> Function:
    """ROW's value as a function of complex inputs."""
    return complex_numbers().function(row)


# --- whole sweeps ----------------------------------------------------------------------------------------


def _branches(bodies: list[list[str]], first: int = 0, indent: str = "        ") -> list[str]:
    """Lines that run the body whose number is ``_k``: a few comparisons each, halving when there are many."""
    if not bodies:
        return [f"{indent}pass"]
    if len(bodies) > 4:
        half = len(bodies) // 2
        return [
            f"{indent}if _k < {first + half}:",
            *_branches(bodies[:half], first, indent + "    "),
            f"{indent}else:",
            *_branches(bodies[half:], first + half, indent + "    "),
        ]
    lines = []
    for number, body in enumerate(bodies):
        word = "if" if number == 0 else "elif"
        lines.append(f"{indent}else:" if 0 < number == len(bodies) - 1 else f"{indent}{word} _k == {first + number}:")
        lines += [f"{indent}    {line}" for line in body]
    return lines


def _fetch(row: Gate, used: str) -> list[str]:
    """Lines that fetch the inputs of ROW that the text USED mentions, and its ``y``."""
    indices = ", ".join(f"_{k}" for k in range(len(row.inputs)))
    lines = [f"{indices}{',' * (len(row.inputs) == 1)} = _args"]
    words = set(re.findall(r"\w+", used))
    lines += [f"{name} = _values[_{k}]" for k, name in enumerate(row.inputs) if name in words]
    if "y" in words:
        lines.append("y = _values[_i]")
    return lines


def _lets(row: Gate, used: str) -> list[str]:
    words = set(re.findall(r"\w+", used))
    return [f"{name} = {python(formula)}" for name, formula in row.lets if name in words]


_EVERY_GATE = "    for _i, _k, _args in zip(_gates, _kinds, _inputs):"


@cache
def forward_loop(kinds: tuple[Kind, ...]) -> Function:
    """``loop(schedule, values)`` fills in the value of every gate."""
    bodies = []
    for row, _ in kinds:
        text = FLOATS.expression(row)
        bodies.append([*_fetch(row, text), f"_values[_i] = {text}"])
    return FLOATS.loop("forward", "_gates, _kinds, _inputs, _values",
                       [_EVERY_GATE, *_branches(bodies)])  # fmt: skip


@cache
def reverse_loop(kinds: tuple[Kind, ...], kinks: str) -> Function:
    """``loop(schedule, values, adjoints)`` adds to each input's adjoint: upstream times local gradient."""
    bodies = []
    for row, mask in kinds:
        sends = [(k, local_formula(row, k, kinks)) for k in range(len(row.inputs)) if mask >> k & 1 and row.local[k]]
        sends = [(k, text) for k, text in sends if text != "0.0"]
        used = " ".join(text for _, text in sends)
        lets = _lets(row, used)
        lines = [*_fetch(row, " ".join([used, *lets])), *lets, "_G = _adjoints[_i]"]
        bodies.append(lines + [f"_adjoints[_{k}] {_times('_G', text)}" for k, text in sends] if sends else ["pass"])
    return FLOATS.loop("reverse", "_gates, _kinds, _inputs, _values, _adjoints",
                       [_EVERY_GATE, *_branches(bodies)])  # fmt: skip


@cache
def tangent_loop(kinds: tuple[Kind, ...], kinks: str) -> Function:
    """``loop(schedule, values, tangents)`` fills in the tangent of every gate."""
    bodies = []
    for row, mask in kinds:
        terms = [(k, local_formula(row, k, kinks)) for k in range(len(row.inputs)) if mask >> k & 1 and row.local[k]]
        terms = [(k, text) for k, text in terms if text != "0.0"]
        used = " ".join(text for _, text in terms)
        lets = _lets(row, used)
        lines = [*_fetch(row, " ".join([used, *lets])), *lets, "_t = 0.0"]
        bodies.append([*lines, *[f"_t {_times(f'_tangents[_{k}]', text)}" for k, text in terms], "_tangents[_i] = _t"])
    return FLOATS.loop("tangent", "_gates, _kinds, _inputs, _values, _tangents",
                       [_EVERY_GATE, *_branches(bodies)])  # fmt: skip


def _times(factor: str, local: str) -> str:
    """``+= factor*local``, without the product where the local gradient is 1 or -1."""
    if local in ("1.0", "-1.0"):
        return f"{'+=' if local == '1.0' else '-='} {factor}"
    return f"+= {factor}*({local})"
