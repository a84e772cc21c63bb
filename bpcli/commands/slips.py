"""``bpcli slips``: the table of slips, for people."""

from __future__ import annotations

import click

from bpcli.cli import PlainCommand
from bpcli.commands import options


@click.command("slips", cls=PlainCommand)
@click.argument("name", required=False)
@options.digits
@options.shown
def command(name: str | None, digits: int, as_json: bool, color: str) -> None:
    """List every known mistake in backpropagation; or show one in full with a worked example.

    Examples:
      bpcli slips
      bpcli slips forgot-branch
    """
    from bpcli import slip_pages
    from bpcli.trouble import Trouble

    try:
        result = slip_pages.slip_list() if name is None else slip_pages.slip_page(name)
    except Trouble as trouble:
        trouble.tries = tuple(f"bpcli slips {one}" for one in trouble.tries) or ("bpcli slips",)
        raise
    options.show(result, "", as_json, color, digits)
