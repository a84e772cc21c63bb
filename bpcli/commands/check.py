"""``bpcli check``: the gradients against the witness."""

from __future__ import annotations

from typing import Any

import click

from bpcli.cli import FormulaCommand
from bpcli.commands import options
from bpcli.result import Result


@click.command("check", cls=FormulaCommand)
@options.wrt
@click.option("--sweep", is_flag=True, help="Draw the error against the step from 1e-1 to 1e-15.")
@options.number("--h", "step", metavar="H", help="A plain difference quotient with this step.")
@click.option(
    "--scheme",
    type=click.Choice(["forward", "backward", "central"]),
    default=None,
    help="Its kind: (f(x+h) - f(x))/h, (f(x) - f(x-h))/h or (f(x+h) - f(x-h))/2h.",
)
@options.output
@options.rewritings
@options.kinks
@options.digits
@options.values
@options.shown
@click.pass_context
def command(
    ctx: click.Context, /, formula: str, variables: dict[str, str], wrt: list[str] | None, sweep: bool,
    step: float | None, scheme: str | None, output: list[str] | None, kinks: str, digits: int,
    assignments: tuple[str, ...], inputs: str | None, as_json: bool, color: str, **rewritings: bool,
) -> None:  # fmt: skip
    """Hold reverse mode against forward mode, differences and the complex step.

    The verdict is ok, mismatch, cannot tell, or kink with the slopes on both sides and the gate to blame. The
    exit code is 1 when something disagrees.

    Examples:
      bpcli check 'sigmoid(w*x + b)' --w=2 --x=-1 --b=-3
      bpcli check 'relu(x)' --x=0
      bpcli check 'exp(x)' --x=1 --sweep
      bpcli check '(x+y)*z' --x=-2 --y=5 --z=-4 --h 0.0001 --scheme forward
    """
    values = options.given(variables, assignments, inputs)
    from bpcli import gradient_check

    common: dict[str, Any] = {"wrt": wrt, "kinks": kinks, "output": options.one(output), **rewritings}
    result: Result
    if sweep:
        result = gradient_check.sweep(formula, values, **common)
    elif step is not None or scheme is not None:
        step = 1e-4 if step is None else step
        result = gradient_check.quotients(formula, values, step=step, scheme=scheme or "forward", **common)
    else:
        result = gradient_check.check(formula, values, **common)
    options.show(result, formula, as_json, color, digits)
    if isinstance(result, gradient_check.Checked) and not result.ok:
        ctx.exit(1)
