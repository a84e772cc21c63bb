"""``bpcli explain``: the lecture in words, and wrong on purpose."""

from __future__ import annotations

import sys
from typing import Any

import click

from bpcli.cli import FormulaCommand
from bpcli.commands import options
from bpcli.trouble import Trouble


@click.command("explain", cls=FormulaCommand)
@click.option("--gate", metavar="NAME", help="Explain this gate or variable alone.")
@click.option("--brief", is_flag=True, help="The products and the gradients only.")
@click.option("--slip", metavar="ID", help="Make this mistake, beside the right run (bpcli slips; all for every one).")
@click.option("--format", "form", type=click.Choice(["text", "markdown", "latex", "html"]), default="text",
              help="How it is written; html is a page of its own.")  # fmt: skip
@options.value("--upstream", "upstream", metavar="G", help="The gradient that arrives at the output (1).")
@options.output
@options.rewritings
@options.kinks
@options.digits
@options.everything
@options.values
@options.shown
def command(
    formula: str, variables: dict[str, str], gate: str | None, brief: bool, slip: str | None, form: str, upstream: Any,
    output: list[str] | None, kinks: str, digits: int, everything: bool, assignments: tuple[str, ...],
    inputs: str | None, as_json: bool, color: str, **rewritings: bool,
) -> None:  # fmt: skip
    """Explain the backward pass of a formula gate by gate, in words and with its numbers.

    Examples:
      bpcli explain '(x+y)*z' --x=-2 --y=5 --z=-4
      bpcli explain 'q = x*y; f = q + q*z' --x=2 --y=3 --z=4 --gate q
      bpcli explain 'q = x*y; f = q + q*z' --x=2 --y=3 --z=4 --slip forgot-branch
      bpcli explain 'sigmoid(w*x)' --w=2 --x=-1 --expand --format markdown
    """
    values = options.given(variables, assignments, inputs)
    common: dict[str, Any] = {"upstream": upstream, "kinks": kinks, "output": options.one(output), **rewritings}
    if slip is not None:
        for option, given in (("--gate", gate is not None), ("--brief", brief), ("--format", form != "text")):
            if given:
                raise Trouble(f"--slip compares two runs and takes no {option}", code="usage", tries=[f"--slip {slip}"])
        from bpcli.slip_pages import find, wrong_on_purpose

        try:
            slip == "all" or find(slip)
        except Trouble as trouble:
            trouble.tries = tuple(f"--slip {one}" for one in trouble.tries) or ("bpcli slips",)
            raise
        options.show(
            wrong_on_purpose(formula, values, slip=slip, **common), formula, as_json, color, digits, everything
        )
        return
    from bpcli.explaining import explain

    result = explain(formula, values, gate=gate, brief=brief, **common)
    if form == "text" or as_json:
        options.show(result, formula, as_json, color, digits, everything)
        return
    from bpcli.views import written

    sys.stdout.write(written.WRITERS[form](result, digits, everything))
