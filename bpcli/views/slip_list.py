"""The table of slips."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from bpcli.slip_pages import SlipList
from bpcli.views.layout import QUIET, Look, fit


def render(result: SlipList, look: Look) -> RenderableType:
    """A row for each slip."""
    rows = [[slip.id, slip.title] for slip in result.slips]
    legend = Text("bpcli slips ID shows one in full; bpcli explain FORMULA --slip ID makes it on a formula", QUIET)
    return Group(fit(look, ["slip", "title"], rows, ["", ""], words=(0, 1)), legend)
