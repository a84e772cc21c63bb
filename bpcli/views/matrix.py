"""Jacobians and Hessians as tables."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from bpcli.figures import show
from bpcli.matrices import Matrix
from bpcli.views.layout import GRADIENT, Look, grid, note_lines, reading, width_of


def render(result: Matrix, look: Look) -> RenderableType:
    """The reading and the matrix; pair by pair when the terminal is too narrow."""
    names = list(next(iter(result.rows.values()), {}))
    headers = [result.kind, *[f"d/d{name}" for name in names]]
    prefix = "d/d" if result.kind == "hessian" else ""
    rows = [[prefix + label, *[show(row[name], look.digits) for name in names]] for label, row in result.rows.items()]
    table: RenderableType = grid(headers, rows, ["", *[GRADIENT] * len(names)], words=(0,))
    if width_of(table) > look.width:
        pairs = [[f"{row[0]} {header}", figure]
                 for row in rows for header, figure in zip(headers[1:], row[1:], strict=True)]  # fmt: skip
        table = grid([result.kind, ""], pairs, ["", GRADIENT], words=(0,))
    return Group(reading(result.reading, look.everything), Text(), table, *note_lines(result.notes))
