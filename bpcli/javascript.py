"""The gate table's formulas as JavaScript, for the page that a class steps through.

`rules` gives one JavaScript object with the value, the local gradients, the domain and the kink of every kind of
gate in a graph. It is translated from the rows of `bpcli.gates`, so the page and the command line compute by the
same formulas. What Python's ``math`` has is called by the same name; those functions are in
``pictures/arithmetic.js``, which stops where Python raises. Only the table's own text is ever translated.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable, Sequence

from bpcli.gates import CONSTANTS, GATES, Gate, convention

#: How tightly an expression holds together, from a conditional to a name or a call.
_CHOICE, _OR, _AND, _COMPARISON, _SUM, _PRODUCT, _SIGN, _ATOM = range(8)

_SIGNS: dict[type[ast.AST], str] = {
    ast.Add: " + ", ast.Sub: " - ", ast.Mult: "*", ast.Lt: " < ", ast.LtE: " <= ", ast.Gt: " > ", ast.GtE: " >= ",
    ast.Eq: " === ", ast.NotEq: " !== ",
}  # fmt: skip

#: Functions of ``pictures/arithmetic.js`` besides those that Python's ``math`` has.
_OWN = frozenset("abs max min ties place quotient".split())

#: Whether the inputs are at the kink, where a rule has it.
_BENT = "bent"

Written = tuple[str, int]


def expression(formula: str, names: Sequence[str] = ()) -> str:
    """A formula of the table as a JavaScript expression; NAMES are variables, whatever constants are called so."""
    return _write(ast.parse(formula.replace("^", "**"), mode="eval").body, frozenset(names))[0]


def _write(node: ast.expr, names: frozenset[str]) -> Written:
    """An expression and how tightly it holds together."""
    match node:
        case ast.Constant(value=int() | float() as number):
            return repr(number), _ATOM
        case ast.Name(id=name):
            return (repr(CONSTANTS[name]) if name in CONSTANTS and name not in names else name), _ATOM
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return "-" + _inside(operand, names, _ATOM), _SIGN
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return f"pow({_inside(left, names)}, {_inside(right, names)})", _ATOM
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            if isinstance(right, ast.Constant) and right.value:
                return f"{_inside(left, names, _PRODUCT)}/{right.value!r}", _PRODUCT
            return f"quotient({_inside(left, names)}, {_inside(right, names)})", _ATOM  # Python raises at x/0
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _SIGNS:
            binds = _PRODUCT if isinstance(op, ast.Mult) else _SUM
            return _inside(left, names, binds) + _SIGNS[type(op)] + _inside(right, names, binds + 1), binds
        case ast.Compare(left=first, ops=ops, comparators=others):
            sides = [_inside(side, names, _SUM) for side in (first, *others)]
            parts = [a + _SIGNS[type(op)] + b for a, op, b in zip(sides, ops, sides[1:], strict=False)]
            return " && ".join(parts), _COMPARISON if len(parts) == 1 else _AND
        case ast.BoolOp(op=op, values=sides):
            binds, sign = (_AND, " && ") if isinstance(op, ast.And) else (_OR, " || ")
            return sign.join(_inside(side, names, binds + 1) for side in sides), binds
        case ast.Call(func=ast.Name(id="where"), args=[condition, taken, other]):
            return f"{_inside(condition, names, _OR)} ? {_inside(taken, names)} : {_inside(other, names)}", _CHOICE
        case ast.Call(func=ast.Name(id=name), args=given):
            return f"{name}({', '.join(_inside(one, names) for one in given)})", _ATOM
    raise TypeError(f"no JavaScript for {ast.unparse(node)}")


def _inside(node: ast.expr, names: frozenset[str], least: int = _CHOICE) -> str:
    """An expression as a part of another, in brackets unless it holds together as tightly as LEAST."""
    text, binds = _write(node, names)
    return text if binds >= least else f"({text})"


def key(row: Gate) -> str:
    """What ROW is called among `rules`: its name and number of inputs."""
    return f"{row.name}/{len(row.inputs)}"


def rules(rows: Iterable[Gate], kinks: str = "torch") -> str:
    """A JavaScript expression: an object from `key` to the rule of each of ROWS under the convention KINKS.

    A rule has ``value(inputs…)``; ``local(inputs…, y)``, which gives for each input a function without parameters (null
    where there is no local gradient); ``domain`` with pairs of a condition and the sentence to say when it does not
    hold; and, for a gate with a kink, ``kink`` (a condition), ``sentence``, what the ``convention`` is called, and
    ``sides``: the local gradients under the conventions left and right, null when the conventions do not differ.
    """
    lines = [f"{json.dumps(key(row))}: {_rule(row, kinks)}" for row in dict.fromkeys(rows)]
    body = ",\n".join(lines)
    return "\n".join(["(() => {", *_functions(body), f"return {{\n{body}\n}};", "})()"])


def _rule(row: Gate, kinks: str) -> str:
    given = (*row.inputs, "y")
    domain = [f"[{_function(given, holds)}, {json.dumps(sentence)}]" for holds, sentence in row.domain]
    fields = [
        f"value: {_function(row.inputs, row.forward)}",
        f"local: {_local(row, kinks)}",
        f"domain: [{', '.join(domain)}]",
    ]
    if row.kink:
        sides = f"[{_local(row, 'left')}, {_local(row, 'right')}]" if row.at else "null"
        fields += [f"kink: {_function(given, row.kink[0])}", f"sentence: {json.dumps(row.kink[1])}",
                   f"convention: {json.dumps(convention(row, kinks))}", f"sides: {sides}"]  # fmt: skip
    return "{" + ",\n  ".join(fields) + "}"


def _local(row: Gate, kinks: str) -> str:
    """A function of the inputs and ``y`` that gives the local gradients, each as a function to call when needed.

    What several of them use is computed once, or the text would grow with the square of the number of inputs.
    """
    lets, formulas = row.lets, row.local
    if row.kink and kinks in row.at:
        lets = (*lets, (_BENT, row.kink[0]))
        formulas = tuple(local and f"where({_BENT}, {at}, {local})"
                         for local, at in zip(formulas, row.at[kinks], strict=True))  # fmt: skip
    used = [(name, text) for name, text in lets if re.search(rf"\b{name}\b", " ".join(formulas))]
    names = (*row.inputs, "y", *(name for name, _ in used))
    given = [f"const {name} = {expression(text, names)};" for name, text in used]
    found = [f"() => {expression(formula, names)}" if formula else "null" for formula in formulas]
    body = f"[{', '.join(found)}]"
    if given:
        body = " ".join(["{", *given, f"return {body};", "}"])
    return f"({', '.join(row.inputs)}, y) => {body}"


def _function(parameters: Sequence[str], formula: str) -> str:
    """A function of PARAMETERS whose value is FORMULA."""
    return f"({', '.join(parameters)}) => {expression(formula, parameters)}"


def _functions(text: str) -> list[str]:
    """Definitions of the table's own functions that TEXT calls, and those that they call."""
    found: dict[str, str] = {}
    queue = [text]
    while queue:
        for name in re.findall(r"\b([a-z]\w*)\(", queue.pop()):
            if name in found or name in _OWN or hasattr(math, name) or name not in GATES:
                continue
            row = GATES[name]
            found[name] = f"const {name} = {_function(row.inputs, row.forward)};"
            queue.append(found[name].partition("=> ")[2])
    return [found[name] for name in sorted(found)]
