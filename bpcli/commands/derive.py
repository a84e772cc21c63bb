"""``bpcli derive``: derivatives as formulas."""

from __future__ import annotations

import re

import click

from bpcli.cli import FormulaCommand
from bpcli.commands import options
from bpcli.trouble import Trouble


def _shapes(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    shapes = {}
    for text in texts:
        name, equals, sizes = text.partition("=")
        if not equals or not re.fullmatch(r"[0-9]{1,6}([,x][0-9]{1,6})*", sizes):
            raise Trouble(f"--shape takes NAME=ROWS,COLUMNS, not {text}", code="usage", tries=["--shape W=3,2"])
        shapes[name.strip()] = tuple(map(int, re.split("[,x]", sizes)))
    return shapes


@click.command("derive", cls=FormulaCommand)
@options.wrt
@click.option("--order", type=click.IntRange(1, 2), default=1, help="First or second derivatives.")
@click.option("--latex", is_flag=True, help="As LaTeX.")
@click.option("--size", is_flag=True, help="Count the gates, shared and written out (expression swell).")
@click.option("--stable", is_flag=True, help="Write the numerically stable forms that bpcli computes with.")
@click.option(
    "--shape",
    "shapes",
    multiple=True,
    metavar="NAME=3,2",
    callback=_shapes,
    help="The shape of a variable that is an array, when no values tell.",
)
@options.output
@options.rewritings
@options.digits
@options.values
@options.shown
def command(
    formula: str, variables: dict[str, str], wrt: list[str] | None, order: int, shapes: dict[str, tuple[int, ...]], latex: bool, size: bool, stable: bool,
    output: list[str] | None, digits: int, assignments: tuple[str, ...], inputs: str | None, as_json: bool, color: str,
    **rewritings: bool,
) -> None:  # fmt: skip
    """Derive a formula: reverse mode, run on the graph itself. What is printed, bpcli can read.

    Examples:
      bpcli derive '(x+y)*z'
      bpcli derive 'sigmoid(w*x + b)' --wrt w
      bpcli derive 'x^3*y' --order 2 --x=1 --y=2
      bpcli derive 'log(x)/x' --latex
      bpcli derive 'sin(sin(sin(x)))' --order 2 --size
      bpcli derive 'sum((W @ x - t)^2)' --shape W=3,2 --shape x=2 --shape t=3
    """
    values = options.given(variables, assignments, inputs)
    from bpcli.deriving import derive

    result = derive(formula, values, wrt=wrt, order=order, shapes=shapes, blackboard=not stable, output=options.one(output),
                    **rewritings)  # fmt: skip
    if latex and not as_json:
        click.echo("\n".join(result.latex().values()))
    elif size and not as_json:
        shared, tree = result.sizes
        click.echo(f"{shared:,} gates when equal parts are shared, {tree:,} when written out")
    else:
        options.show(result, formula, as_json, color, digits)
