"""``bpcli grad``: the forward and the backward pass."""

from __future__ import annotations

import click

from bpcli.cli import FormulaCommand
from bpcli.commands import options
from bpcli.passes import Gradients, grad
from bpcli.result import Result


@click.command("grad", cls=FormulaCommand)
@click.option("--mode", type=click.Choice(["reverse", "forward"]), default="reverse", help="Reverse mode or tangents.")
@options.wrt
@options.number("--upstream", "upstream", default="1", metavar="G", help="The gradient that arrives at the output (1).")
@options.output
@click.option("--hessian", is_flag=True, help="The second derivatives instead.")
@click.option("-q", "--quiet", is_flag=True, help="Print the gradients only.")
@click.option("--check/--no-check", default=True, help="Measure the gradients by differences too (on).")
@options.rewritings
@options.kinks
@options.digits
@options.everything
@options.values
@options.shown
def command(
    formula: str, variables: dict[str, str], mode: str, wrt: list[str] | None, upstream: float,
    output: list[str] | None, hessian: bool, quiet: bool, check: bool, kinks: str, digits: int, everything: bool,
    assignments: tuple[str, ...], inputs: str | None, as_json: bool, color: str, **rewritings: bool,
) -> None:  # fmt: skip
    """Run a formula forward and backward, and show every value, local gradient and product.

    Examples:
      bpcli grad '(x+y)*z' --x=-2 --y=5 --z=-4
      bpcli grad 'q = x + y; f = q*z' --x=-2 --y=5 --z=-4 --upstream 2.5
      bpcli grad 'sigmoid(w*x)' --w=2 --x=-1 --expand
      bpcli grad 'f = x*y; g = x + y' --output f,g --x=2 --y=3
      bpcli grad 'x^3*y' --x=1 --y=2 --hessian
    """
    values = options.given(variables, assignments, inputs)
    result: Result
    if hessian or (output and len(output) > 1):
        from bpcli import matrices

        if not hessian:
            result = matrices.jacobian(formula, output or [], values, wrt=wrt, kinks=kinks, **rewritings)
        else:
            result = matrices.hessian(formula, values, wrt=wrt, kinks=kinks, output=options.one(output), **rewritings)
    else:
        result = grad(formula, values, mode=mode, wrt=wrt, upstream=upstream, check=check and not quiet, kinks=kinks,
                      output=options.one(output), **rewritings)  # fmt: skip
    if quiet and isinstance(result, Gradients) and not as_json:
        _print_gradients(result, digits)
    else:
        options.show(result, formula, as_json, color, digits, everything)


def _print_gradients(result: Gradients, digits: int) -> None:
    from bpcli.figures import show

    for name, gradient in result.gradients.items():
        click.echo(f"{name} {show(gradient, digits)}")
