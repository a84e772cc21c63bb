"""The conventions at kinks as a table."""

from __future__ import annotations

from rich.console import RenderableType

from bpcli.gates import CONVENTIONS
from bpcli.handbook import Kinks
from bpcli.views.layout import Look, fit


def render(result: Kinks, look: Look) -> RenderableType:
    """A row for each kink: the slope (of a choice, one for each input) under each convention."""
    conventions = CONVENTIONS[:-1]
    rows = [[call, at, *[slopes[one] for one in conventions]] for call, at, slopes in result.rows]
    return fit(
        look, ["gate", "at", *conventions], rows, [""] * (2 + len(conventions)), words=range(2 + len(conventions))
    )
