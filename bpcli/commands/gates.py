"""``bpcli gates``: the table of gates, for people."""

from __future__ import annotations

import click

from bpcli.cli import write_help
from bpcli.commands import options


class _Command(click.Command):
    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_help(self, ctx, formatter)


@click.command("gates", cls=_Command)
@click.argument("name", required=False)
@options.digits
@options.shown
def command(name: str | None, digits: int, as_json: bool, color: str) -> None:
    """List every gate with its local gradients, pattern and kinks; or show one in full with a worked number.

    Examples:
      bpcli gates
      bpcli gates sigmoid
    """
    from dataclasses import asdict

    from bpcli import handbook

    pages = handbook.pages() if name is None else [handbook.page(name)]
    if as_json:
        keep = ("name", "call", "summary", "local", "pattern", "domain", "kink", "expand", "aliases", "latex")
        records = [{key: asdict(one, dict_factory=dict)[key] for key in keep} for one in pages]
        options.print_json({"schema": "bpcli/gates/1", "gates": records})
    else:
        options.print_page(pages[0] if name is not None else handbook.Catalogue(pages), color, digits)
