"""`bpcli.mark` as a table."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from bpcli.answers import shown
from bpcli.figures import show
from bpcli.marks import Marks
from bpcli.verdicts import FOLLOWS, RIGHT, ROUNDED, Mark
from bpcli.views.layout import Look, fit, note_lines, width_of

_GOOD = (RIGHT, ROUNDED, FOLLOWS)


def render(result: Marks, look: Look) -> RenderableType:
    """A row for each blank with its verdict and the reason, then the score."""
    rows = [[mark.name, shown(mark.answer or "").strip(), mark.verdict, mark.reason] for mark in result.marks]
    table = fit(look, ["", "answer", "verdict", "reason"], rows, ["", "", "", ""], words=(0, 2, 3))
    parts: list[RenderableType] = [table if width_of(table) <= look.width else _wrapped(result.marks)]
    total = f"{show(result.score)} of {show(result.max_score)}"
    parts += [Text(), Text(total, "green" if result.ok else "bold")]
    return Group(*parts, *note_lines(result.notes))


def _wrapped(marks: list[Mark]) -> Text:
    """A line for each blank, its reason under it."""
    text = Text()
    for mark in marks:
        text.append(f"{mark.name} = {shown(mark.answer or '').strip()}: ")
        text.append(mark.verdict, "green" if mark.verdict in _GOOD else "red")
        text.append(f"\n    {mark.reason}\n" if mark.reason else "\n")
    text.right_crop(1)
    return text
