"""``bpcli graph``: the blackboard picture of a formula, in the terminal or as a file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from bpcli.cli import FormulaCommand
from bpcli.commands import options
from bpcli.trouble import Trouble, visible

if TYPE_CHECKING:
    from bpcli.pictures.picture import Picture

#: As `bpcli.pictures.formats.FORMATS` and `bpcli.pictures.picture.SHOWS` (a test holds them equal).
FORMATS = ("text", "svg", "png", "pdf", "tikz", "dot", "mermaid", "html", "json")
SHOWS = ("both", "values", "gradients", "local", "nothing")


@click.command("graph", cls=FormulaCommand)
@click.option("-o", "--out", "target", metavar="FILE", help="Write there, in the format of its ending.")
@click.option(
    "--format", "name", type=click.Choice(FORMATS), help="The format; of a file without -o to standard output."
)
@click.option("--show", type=click.Choice(SHOWS), default=SHOWS[0],
              help="What stands at the wires (both); local: values and every local gradient.")  # fmt: skip
@click.option("--blanks", is_flag=True, help="An empty box for every number left out; the inputs are given.")
@click.option("--ascii", "ascii_only", is_flag=True, help="In text, without box-drawing characters.")
@options.value("--upstream", "upstream", metavar="G", help="The gradient that arrives at the output (1).")
@options.output
@options.rewritings
@options.kinks
@options.digits
@options.everything
@options.values
@options.shown
def command(
    formula: str, variables: dict[str, str], target: str | None, name: str | None, show: str, blanks: bool,
    ascii_only: bool, upstream: Any, output: list[str] | None, kinks: str, digits: int, everything: bool,
    assignments: tuple[str, ...], inputs: str | None, as_json: bool, color: str, **rewritings: bool,
) -> None:  # fmt: skip
    """Draw the graph: values above the wires, gradients below, as on the blackboard.

    Examples:
      bpcli graph '(x+y)*z' --x=-2 --y=5 --z=-4
      bpcli graph 'sigmoid(w*x + b)' --w=2 --x=-1 --b=-3 --expand -o neuron.svg
      bpcli graph '(x+y)*z' --x=-2 --y=5 --z=-4 --show nothing --blanks -o a.pdf
      bpcli graph 'x*sigmoid(x)' --x=1 --show local
      bpcli graph 'relu(w*x + b)'
      bpcli graph '(x+y)*z' --x=-2 --y=5 --z=-4 -o lesson.html
    """
    name = "json" if as_json else name or _format(target)
    given = options.given(variables, assignments, inputs)
    hide = name == "html" and show == "nothing"
    if name == "html" and (show not in ("both", "nothing") or blanks):
        raise Trouble("the page goes through values and gradients, shown or hidden", code="usage",
                      tries=["--show both", "--show nothing"][blanks:])  # fmt: skip
    from bpcli.pictures.picture import draw

    picture = draw(formula, given, show="both" if hide else show, blanks=blanks, digits=digits, upstream=upstream,
                   kinks=kinks, output=options.one(output), **rewritings)  # fmt: skip
    if name == "text" and not target:
        _show(picture, color, digits, everything, ascii_only)
        return
    from bpcli.pictures.formats import contents

    data = contents(picture, name, expression=formula, digits=digits, ascii_only=ascii_only, kinks=kinks,
                    upstream=upstream, hide=hide)  # fmt: skip
    _write(data, name, target)
    if name != "json":
        for note in picture.result.notes if picture.result else ():
            click.echo(f"note: {visible(note.message)}", err=True)


def _format(target: str | None) -> str:
    if target is None or target == "-":
        return "text"
    from bpcli.pictures.formats import format_of

    return format_of(target)


def _show(picture: Picture, color: str, digits: int, everything: bool, ascii_only: bool) -> None:
    from bpcli.screen import can_draw, console
    from bpcli.views.layout import Look
    from bpcli.views.picture import render

    screen = console(color)
    look = Look(digits, screen.width, everything)
    with screen.capture() as captured:
        screen.print(render(picture, look, ascii_only or not can_draw()))
    sys.stdout.write("\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n")


def _write(data: bytes, name: str, target: str | None) -> None:
    """DATA into the file TARGET, whole or not at all, or to standard output."""
    from bpcli.pictures.formats import BINARY
    from bpcli.written import written

    if target is not None and target != "-":
        with written(target) as place, open(place, "wb") as file:
            file.write(data)
    elif name in BINARY:
        if sys.stdout.isatty():
            raise Trouble(f"a terminal cannot show {name}", code="usage", tries=[f"--out picture.{name}"])
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
    else:
        sys.stdout.write(data.decode())
