"""Options that several commands have, and the two ways out: a JSON object or a page for people."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, TextIO

import click

from bpcli.gates import CONVENTIONS
from bpcli.result import Result
from bpcli.trouble import Trouble

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _all(*decorators: Any) -> Decorator:
    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def _names(_: click.Context, __: click.Parameter, value: str | None) -> list[str] | None:
    return None if value is None else [name.strip() for name in value.split(",") if name.strip()]


def _read(name: str, text: str) -> Any:
    from bpcli.point import read_value

    return read_value(name, text)


def number(flag: str, name: str, **rest: Any) -> Decorator:
    """An option that takes a number, read as strictly as a variable's value."""

    def callback(_: click.Context, __: click.Parameter, text: str | None) -> float | None:
        from bpcli.point import read_number

        return None if text is None else read_number(flag[2:], text)

    return click.option(flag, name, callback=callback, **rest)


def value(flag: str, name: str, **rest: Any) -> Decorator:
    """An option that takes a number or an array."""

    def callback(_: click.Context, __: click.Parameter, text: str | None) -> Any:
        return None if text is None else _read(flag[2:], text)

    return click.option(flag, name, callback=callback, **rest)


def named(flag: str, name: str, alone: bool = False, **rest: Any) -> Decorator:
    """An option that takes NAME=VALUE, any number of times: name -> number or array, or None.

    With ALONE a value without a name may stand there once, under the name "".
    """

    def callback(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> dict[str, Any] | None:
        found: dict[str, Any] = {}
        for text in texts:
            variable, equals, given = text.partition("=")
            if alone and not equals and len(texts) == 1:
                return {"": _read(flag[2:], text)}
            if not equals or variable.strip() in found:
                raise Trouble(
                    f"{flag} takes NAME=VALUE, each name once, not {text}", code="usage", tries=[f"{flag} x=1"]
                )
            found[variable.strip()] = _read(variable.strip(), given)
        return found or None

    return click.option(flag, name, multiple=True, metavar="NAME=VALUE", callback=callback, **rest)


#: How the result is shown.
shown = _all(
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
    click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="When to use colour."),
)
digits = click.option("--digits", type=click.IntRange(1, 17), default=4, metavar="N",
                      help="Significant digits shown (4).")  # fmt: skip
everything = click.option("--all", "--full", "everything", is_flag=True,
                          help="Show every gate of a very large graph, every entry of a large array.")  # fmt: skip
jobs = click.option("--jobs", type=click.IntRange(1, 64), default=None, metavar="N", callback=lambda _, __, n: n or cores(),
                    help="Processes to work with (as many as there are processors).")  # fmt: skip
#: Where the values come from, besides --NAME=VALUE.
values = _all(
    click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE",
                 help="Give a variable its value when its name is also an option."),
    click.option("--inputs", type=click.Path(), metavar="FILE", help="Read values from a .json, .toml or .npz table."),
)  # fmt: skip
wrt = click.option("--wrt", callback=_names, metavar="NAMES", help="Only these variables, separated by commas.")
output = click.option("--output", callback=_names, metavar="NAME", help="An assigned name as the output.")
kinks = click.option("--kinks", type=click.Choice(CONVENTIONS), default=CONVENTIONS[0],
                     help="The derivative at a kink (bpcli help kinks).")  # fmt: skip
#: Other graphs for the same function.
rewritings = _all(
    click.option("--expand", is_flag=True, help="Take gates apart: sigmoid into *-1, exp, +1, 1/x."),
    click.option("--fuse", is_flag=True, help="Put such groups together again."),
    click.option("--share", is_flag=True, help="Merge equal parts."),
)


def cores() -> int:
    """How many processors this process may use."""
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def given(variables: Mapping[str, str], assignments: tuple[str, ...], inputs: str | None) -> dict[str, Any]:
    """All values: from the file, then over them those of the command line."""
    found: dict[str, Any] = {}
    if inputs:
        from bpcli.files import read_table

        found = read_table(inputs)
    typed: dict[str, str] = dict(variables)
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name.strip():
            raise Trouble(
                f"--set takes NAME=VALUE, not {assignment}",
                code="usage",
                tries=[f"--set {assignment.strip('= ') or 'x'}=2"],
            )
        if name.strip() in typed:
            raise Trouble(f"{name.strip()} is given twice: {typed[name.strip()]} and {value}", code="two-values")
        typed[name.strip()] = value
    return found | typed


def one(output: list[str] | None) -> str | None:
    """The single name of ``--output``; `Trouble` when there are several."""
    if output and len(output) > 1:
        message = f"--output takes one name here, not {len(output)}"
        raise Trouble(message, code="usage", tries=[f"--output {output[-1]}"])
    return output[0] if output else None


def show(result: Result, formula: str, as_json: bool, color: str, digits: int = 4, everything: bool = False,
         file: TextIO | None = None) -> None:  # fmt: skip
    """RESULT on standard output, or in FILE: one strict JSON object, or its table."""
    file = file or sys.stdout
    if as_json:
        import json

        # In ASCII, so that no terminal's encoding can spoil it.
        file.write(json.dumps(result.record(formula), allow_nan=False) + "\n")
        return
    write_page(result, file, color, digits, everything)


def write_page(result: Result, file: TextIO, color: str, digits: int = 4, everything: bool = False) -> None:
    """RESULT as its table, for the terminal that standard output is, into FILE."""
    from bpcli.screen import console
    from bpcli.views.layout import Look, render

    screen = console(color)
    with screen.capture() as captured:
        screen.print(render(result, Look(digits, screen.width, everything)))
    file.write("\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n")
