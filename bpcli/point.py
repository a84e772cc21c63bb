"""What the user gives for the variables: strict numbers, checked against the formula's own names."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from typing import Any

from bpcli.figures import NUMBER
from bpcli.gates import CONSTANTS, function_names
from bpcli.graph import Graph
from bpcli.language import STUDENT, parse, plain_name
from bpcli.sweeps import forward
from bpcli.trouble import NO_ANSWER, UNREADABLE, Trouble


def read_value(name: str, text: str) -> Any:
    """The number or array that TEXT writes for the variable NAME: 2, pi/4, [[1, 2], [3, 4]], or @file.csv.

    Raises `Trouble` for anything else.
    """
    if text.startswith("@"):
        from bpcli.files import read_array

        return read_array(text[1:])
    if not text.lstrip().startswith("["):
        return read_number(name, text)
    try:
        graph = parse(text)
        if not graph.inputs and not graph.scope:
            from bpcli.arrays.shapes import resolve

            return forward(shaped := resolve(graph, {}), {})[shaped.output]
    except Trouble as trouble:
        raise _unreadable(name, text, f"the value of {name}: {trouble.message}", trouble.code,
                          exit_code=trouble.exit_code) from None  # fmt: skip
    raise _unreadable(name, text, f"the value of {name} is not an array of numbers: {text}", "not-a-number", ["[1, 2]"])


def read_number(name: str, text: str) -> float:
    """The number that TEXT writes for the variable NAME; arithmetic on numbers (``pi/4``) is one too.

    Raises `Trouble` for anything else: nan, inf, 1_000, wide digits, a decimal comma, numbers beyond doubles.
    """
    plain = text.strip().replace("−", "-")
    if len(plain) <= STUDENT.digits and NUMBER.fullmatch(plain):
        value = float(plain)
        if math.isinf(value):
            raise _unreadable(name, text, f"the value of {name} is too large: the largest number is about 1.8e308",
                              "number-too-large", [f"{'-' * (value < 0)}1e308"])  # fmt: skip
        return value
    tries: Collection[str] = ()
    try:
        graph = parse(text, limits=STUDENT)
        if not graph.inputs and not graph.scope:
            return float(forward(graph, {})[graph.output])
    except Trouble as trouble:
        if trouble.exit_code == NO_ANSWER or trouble.code == "too-large":
            raise _unreadable(name, text, f"the value of {name}: {trouble.message}", trouble.code,
                              exit_code=trouble.exit_code) from None  # fmt: skip
        tries = [line for line in trouble.tries if NUMBER.fullmatch(line)]
    message = f"the value of {name} is not a number: {text}" if text.strip() else f"{name} has no value"
    raise _unreadable(name, text, message, "not-a-number", tries or ["2"])


def _unreadable(name: str, text: str, message: str, code: str, tries: Collection[str] = (),
                exit_code: int = UNREADABLE) -> Trouble:  # fmt: skip
    source, start = f"--{name}={text}", len(name) + 3
    return Trouble(message, code=code, source=source, start=start, end=max(len(source), start + 1),
                   tries=[f"--{name}={line}" for line in tries], exit_code=exit_code)  # fmt: skip


def bind(graph: Graph, given: Mapping[str, Any]) -> dict[str, Any]:
    """A finite float, or an array of them, for every variable of GRAPH, from numbers, arrays or texts.

    Raises `Trouble` that names every missing variable at once, or a value for a name that is not there.
    """
    point: dict[str, Any] = {}
    for spelled, value in given.items():
        name = plain_name(spelled)
        if name not in graph.inputs:
            raise _unknown(graph, spelled, given)
        if name in point:
            raise Trouble(f"{name} has two values", code="two-values")
        point[name] = read_value(name, value) if isinstance(value, str) else _checked(name, value)
    missing = [name for name in graph.inputs if name not in point]
    if missing:
        raise _missing(graph, missing, point)
    return {name: point[name] for name in graph.inputs}


def _checked(name: str, value: Any) -> Any:
    if isinstance(value, list | tuple) or len(getattr(value, "shape", [])):
        from bpcli.files import checked_array

        return checked_array(list(value) if isinstance(value, tuple) else value, name)
    return _finite(name, value)


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


def _unknown(graph: Graph, name: str, given: Mapping[str, Any]) -> Trouble:
    """The `Trouble` for a value whose NAME the formula does not have."""
    from bpcli.mistakes import closest

    free = [variable for variable in graph.inputs if variable not in given]
    if joined := _joined(graph, free, given):
        return joined
    names = list(graph.inputs)
    if name in graph.scope:
        message = f"{name} is assigned in the formula, so it cannot be given a value"
    elif name in CONSTANTS and name != "e":
        message = f"{name} is a number and cannot be given another value"
    else:
        message = f"the formula has no variable {name}; it has {', '.join(names)}" if names else (
            f"the formula has no variable {name}; it has no variables")  # fmt: skip
    near = free if len(free) == 1 else closest(name, free)
    tries = [f"--{one}={given[name]}" for one in near]
    if not free and names:
        tries = [" ".join(f"--{one}={given[one]}" for one in names if one in given)]
    return Trouble(message, code="unknown-variable", tries=tries, name=name)


def _missing(graph: Graph, missing: list[str], given: Collection[str]) -> Trouble:
    """The `Trouble` for variables without a value."""
    from bpcli.mistakes import mended

    if joined := _joined(graph, missing, given):
        return joined
    function = next((name for name in missing if name in function_names()), "")
    start, end = graph.span(graph.inputs[function or missing[0]])
    shown = ", ".join(missing[:20]) + (f" and {len(missing) - 20:,} more" if len(missing) > 20 else "")
    tries = [" ".join(f"--{name}=1" for name in missing)] if len(missing) <= 20 else []
    if function:  # sin*x, log-x
        shown += f" ({function} is also a function: its input stands in brackets)"
        meant = re.sub(rf"\b{function}\s*[*^]*\s*(-?\s*[\w.]+)", rf"{function}(\1)", graph.source)
        tries = [*mended([meant] if meant != graph.source else [], parse), *tries]
    return Trouble(f"no value for {shown}", code="missing-value", source=graph.source, start=start, end=end,
                   tries=tries, missing=missing)  # fmt: skip


def _joined(graph: Graph, free: Collection[str], given: Collection[str]) -> Trouble | None:
    """The `Trouble` for names without a value that are several names run together, such as ``sinx`` or ``xy``."""
    from bpcli.mistakes import joined_name, mended, with_name

    known = {*given, *graph.inputs}
    meant = {name: what for name in free if (what := joined_name(name, known - {name}))}
    if not meant:
        return None
    text = graph.source
    for name, what in meant.items():
        text = with_name(text, name, what)
    name = next(iter(meant))
    start, end = graph.span(graph.inputs[name])
    return Trouble(f"{name} is read as one name, and it has no value", code="joined-names", source=graph.source,
                   start=start, end=end, tries=mended([text], parse), missing=list(free))  # fmt: skip
