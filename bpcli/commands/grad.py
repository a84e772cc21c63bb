"""``bpcli grad``: the forward and the backward pass."""

from __future__ import annotations

from typing import Any

import click

from bpcli.cli import FormulaCommand
from bpcli.commands import options
from bpcli.passes import Gradients, grad
from bpcli.result import Result


@click.command("grad", cls=FormulaCommand)
@click.option("--mode", type=click.Choice(["reverse", "forward"]), default="reverse", help="Reverse mode or tangents.")
@options.wrt
@options.value("--upstream", "upstream", metavar="G", help="The gradient that arrives at the output (1).")
@options.named("--tangent", "tangents", help="Forward mode: the tangent of a variable; one sweep for all of them.")
@options.output
@click.option("--jacobian", is_flag=True, help="The derivative of every entry of an output that is an array.")
@click.option("--hessian", is_flag=True, help="The second derivatives instead.")
@options.named("--hvp", "times", alone=True,
               help="The Hessian times this vector, without forming it; of one variable, no NAME= is needed.")  # fmt: skip
@click.option("--points", metavar="FILE", help="Evaluate at every row of a .csv table (- for standard input).")
@click.option("-o", "--out", "target", metavar="FILE", help="With --points: write .csv, .jsonl or .npz there.")
@click.option("-q", "--quiet", is_flag=True, help="Print the gradients only.")
@click.option("--check/--no-check", default=True, help="Measure the gradients by differences too (on).")
@options.rewritings
@options.kinks
@options.digits
@options.everything
@options.values
@options.shown
@click.pass_context
def command(
    ctx: click.Context, /, formula: str, variables: dict[str, str], mode: str, wrt: list[str] | None, upstream: Any,
    tangents: dict[str, Any] | None, output: list[str] | None, jacobian: bool, hessian: bool,
    times: dict[str, Any] | None, points: str | None, target: str | None, quiet: bool, check: bool, kinks: str, digits: int, everything: bool,
    assignments: tuple[str, ...], inputs: str | None, as_json: bool, color: str, **rewritings: bool,
) -> None:  # fmt: skip
    """Run a formula forward and backward, and show every value, local gradient and product.

    Examples:
      bpcli grad '(x+y)*z' --x=-2 --y=5 --z=-4
      bpcli grad 'q = x + y; f = q*z' --x=-2 --y=5 --z=-4 --upstream 2.5
      bpcli grad 'sigmoid(w*x)' --w=2 --x=-1 --expand
      bpcli grad 'f = x*y; g = x + y' --output f,g --x=2 --y=3
      bpcli grad 'x^3*y' --x=1 --y=2 --hessian
      bpcli grad 'exp(-x^2)*y' --points data.csv -o gradients.csv
      bpcli grad 'sum(sigmoid(W @ x))' --W '[[1, 2], [3, 4]]' --x '[1, -1]'
    """
    common: dict[str, Any] = {"wrt": wrt, "kinks": kinks, **rewritings}
    values = options.given(variables, assignments, inputs)
    if points is not None:
        from bpcli.commands.points import evaluate

        ctx.exit(evaluate(formula, points, target, values, as_json, output=options.one(output), **common))
    result: Result
    if hessian or times:
        from bpcli import matrices

        result = matrices.hessian(formula, values, times=times, output=options.one(output), **common)
    elif jacobian or (output and len(output) > 1):
        from bpcli import matrices

        result = matrices.jacobian(formula, output, values, **common)
    else:
        mode = "forward" if tangents else mode
        result = grad(formula, values, mode=mode, upstream=upstream, tangents=tangents, check=check and not quiet,
                      output=options.one(output), **common)  # fmt: skip
    if quiet and isinstance(result, Gradients) and not as_json:
        _print_gradients(result, digits)
    else:
        options.show(result, formula, as_json, color, digits, everything)


def _print_gradients(result: Gradients, digits: int) -> None:
    from bpcli.figures import show, show_nested

    pushed = {"tangent": result.pushed} if result.tangents and not result.gradients else {}
    for name, gradient in (result.gradients | pushed).items():
        click.echo(f"{name} {show(gradient, digits) if isinstance(gradient, float) else show_nested(gradient, digits)}")
