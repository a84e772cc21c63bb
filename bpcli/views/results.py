"""What was written for Gradescope."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from bpcli.grading.gradescope import Results
from bpcli.trouble import visible
from bpcli.views.layout import Look


def render(result: Results, look: Look) -> RenderableType:
    """One line."""
    what = (
        f"{result.results['score']:g} points"
        if result.graded
        else f"{result.entry.status}: {visible(result.entry.reason)}"
    )
    return Text(f"wrote {visible(result.path)}: {what}")
