"""The gate table."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from bpcli.handbook import Catalogue
from bpcli.views.layout import QUIET, Look, grid, width_of


def render(result: Catalogue, look: Look) -> RenderableType:
    """A row for each gate and input, with fewer columns on a narrow terminal."""
    rows = []
    for page in result.pages:
        slopes = page.local or {"": ""}
        for number, (name, slope) in enumerate(slopes.items()):
            head = [page.call, page.pattern[0]] if number == 0 else ["", ""]
            rows.append([head[0], name, slope, head[1], page.kink_at if number == 0 else ""])
    headers = ["gate", "input", "local gradient", "pattern", "kink"]
    for columns in ((0, 1, 2, 3, 4), (0, 1, 2, 4), (0, 1, 2)):
        table = grid([headers[k] for k in columns], [[row[k] for k in columns] for row in rows],
                     [""] * len(columns), words=range(len(columns)))  # fmt: skip
        if width_of(table) <= look.width:
            break
    return Group(table, Text("y is the gate's own output; bpcli gates NAME shows one in full", QUIET))
