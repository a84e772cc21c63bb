"""The gate table."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from bpcli.handbook import Catalogue, Page
from bpcli.views.layout import QUIET, Look, grid, width_of

HEADERS = ("gate", "input", "local gradient", "pattern", "kink")


def render(result: Catalogue, look: Look) -> RenderableType:
    """A row for each gate and input; with fewer columns on a narrow terminal, then line by line."""
    rows = [row for page in result.pages for row in _rows(page)]
    legend = Text("y is the gate's own output; bpcli gates NAME shows one in full", QUIET)
    for kept in (range(5), (0, 1, 2, 4), (0, 1, 2)):
        cells = [[row[k] for k in kept] for row in rows]
        table = grid([HEADERS[k] for k in kept], cells, [""] * len(kept), words=range(len(kept)))
        if width_of(table) <= look.width:
            return Group(table, legend)
    text = Text()
    for call, name, slope, *_ in rows:
        text.append(f"{call}\n" if call else "").append(f"    {name}: {slope}\n" if name else "")
    return Group(text, legend)


def _rows(page: Page) -> Iterator[list[str]]:
    head, tail = [page.call], [page.pattern[0], page.kink_at]
    for name, slope in page.local.items() or [("", "")]:
        yield [*head, name, slope, *tail]
        head, tail = [""], ["", ""]
