"""What the user gives for the variables: strict numbers, checked against the formula's own names."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from typing import Any

from bpcli.graph import Graph
from bpcli.language import STUDENT, parse, plain_name
from bpcli.sweeps import forward
from bpcli.trouble import NO_ANSWER, Trouble

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)


def read_number(name: str, text: str) -> float:
    """The number that TEXT writes for the variable NAME; arithmetic on numbers (``pi/4``) is one too.

    Raises `Trouble` for anything else: nan, inf, 1_000, wide digits, a decimal comma, numbers beyond doubles.
    """
    source, start = f"--{name}={text}", len(name) + 3
    plain = text.strip().replace("−", "-")
    if len(plain) <= STUDENT.digits and _NUMBER.fullmatch(plain):
        value = float(plain)
        if math.isinf(value):
            raise Trouble(f"the value of {name} is too large: the largest number is about 1.8e308",
                          code="number-too-large", source=source, start=start, end=len(source))  # fmt: skip
        return value
    tries: list[str] = []
    try:
        graph = parse(text, limits=STUDENT)
        if not graph.inputs and not graph.scope:
            return float(forward(graph, {})[graph.output])
    except Trouble as trouble:
        if trouble.exit_code == NO_ANSWER:
            raise
        tries = [f"--{name}={line}" for line in trouble.tries if _NUMBER.fullmatch(line)]
    raise Trouble(f"the value of {name} is not a number: {text}" if text else f"{name} has no value",
                  code="not-a-number", source=source, start=start, end=max(len(source), start + 1),
                  tries=tries or [f"--{name}=2"])  # fmt: skip


def bind(graph: Graph, given: Mapping[str, Any]) -> dict[str, float]:
    """A finite float for every variable of GRAPH, from numbers or texts.

    Raises `Trouble` that names every missing variable at once, or a value for a name that is not there.
    """
    point: dict[str, float] = {}
    for spelled, value in given.items():
        name = plain_name(spelled)
        if name not in graph.inputs:
            raise _unknown(graph, spelled, given)
        if name in point:
            raise Trouble(f"{name} has two values", code="two-values")
        point[name] = read_number(name, value) if isinstance(value, str) else _finite(name, value)
    missing = [name for name in graph.inputs if name not in point]
    if missing:
        raise _missing(graph, missing, point)
    return point


def _finite(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        try:  # numpy's numbers among others
            if isinstance(value, (bool, str, bytes)) or "bool" in type(value).__name__:
                raise TypeError
            value = float(value)
        except (TypeError, ValueError):
            raise Trouble(f"the value of {name} is not a number: {value!r}", code="not-a-number") from None
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Trouble(f"the value of {name} is not a finite number: {value!r}", code="not-a-number")
    return number


def _unknown(graph: Graph, name: str, given: Collection[str]) -> Trouble:
    from bpcli.mistakes import closest

    free = [variable for variable in graph.inputs if variable not in given]
    names = list(graph.inputs)
    has = f"it has {', '.join(names)}" if names else "it has no variables"
    if name in graph.scope:
        message = f"{name} is assigned in the formula, so it cannot be given a value"
    else:
        message = f"the formula has no variable {name}; {has}"
    near = closest(name, free or names)
    return Trouble(message, code="unknown-variable", tries=[f"--{one}=…" for one in near], name=name)


def _missing(graph: Graph, missing: list[str], given: Collection[str]) -> Trouble:
    from bpcli.mistakes import joined_function, joined_product

    start, end = graph.span(graph.inputs[missing[0]])
    tries = []
    for name in missing:
        meant = joined_function(name, given) or joined_product(name, given)
        if meant:
            begin, stop = graph.span(graph.inputs[name])
            tries.append(f"{graph.source[:begin]}{meant}{graph.source[stop:]}")
    if not tries:
        tries = [" ".join(f"--{name}=1" for name in missing[:8]) + (" …" if len(missing) > 8 else "")]
    shown = ", ".join(missing[:20]) + (f" and {len(missing) - 20} more" if len(missing) > 20 else "")
    return Trouble(f"no value for {shown}", code="missing-value", source=graph.source, start=start, end=end,
                   tries=tries, missing=missing)  # fmt: skip
