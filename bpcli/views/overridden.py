"""What a student has after points were given by hand."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from bpcli.grading.files import number
from bpcli.grading.overriding import Overridden
from bpcli.trouble import visible
from bpcli.views.graded import left_alone, stopped
from bpcli.views.layout import Look


def render(result: Overridden, look: Look) -> RenderableType:
    """One line, and what a run that was stopped had changed, and what in ``grades.csv`` does not count."""
    before, after = (number(row.total) or "no points" for row in (result.before, result.row))
    note = f" ({visible(result.row.note)})" if result.row.note else ""
    line = Text(f"{visible(result.row.student.id)}: {before}, now {after}{note}")
    return Group(line, *stopped(result.recovered, look), *left_alone(result.left, look))
