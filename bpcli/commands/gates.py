"""``bpcli gates``: the table of gates, for people."""

from __future__ import annotations

import click

from bpcli.cli import PlainCommand, offering
from bpcli.commands import options


def _names() -> list[str]:
    from bpcli.gates import function_names

    return sorted(function_names())


@click.command("gates", cls=PlainCommand)
@click.argument("name", required=False, shell_complete=offering(_names))
@options.digits
@options.shown
def command(name: str | None, digits: int, as_json: bool, color: str) -> None:
    """List every gate with its local gradients, pattern and kinks; or show one in full with a worked number.

    Examples:
      bpcli gates
      bpcli gates sigmoid
    """
    from bpcli import handbook

    options.show(handbook.catalogue() if name is None else handbook.page(name), "", as_json, color, digits)
