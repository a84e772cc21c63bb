"""The list of problems."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from bpcli.exercises.showing import Listing
from bpcli.trouble import columns, visible
from bpcli.views.layout import Look, fit


def render(result: Listing, look: Look) -> RenderableType:
    """A line for each problem; narrower terminals lose the tags, then get blocks."""
    rows = [
        [visible(one.id), "*" * one.difficulty, f"{one.points.normalize():f}", visible(one.title), visible(", ".join(one.tags))]
        for one in result.problems
    ]  # fmt: skip
    if not rows:
        return Text("no problem has these tags")
    headers = ["problem", "level", "points", "title", "tags"]
    widths = [max(columns(row[k]) for row in [headers, *rows]) for k in range(5)]
    shown = 5 if sum(widths) + 8 <= look.width else 4
    return fit(look, headers[:shown], [row[:shown] for row in rows], [""] * shown, words=(0, 1, 3, 4))
