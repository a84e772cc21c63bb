"""`bpcli.mark` as a table."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from bpcli.figures import show
from bpcli.marking.answers import shown
from bpcli.marking.marks import Marks
from bpcli.marking.verdicts import CREDIT, Mark
from bpcli.trouble import visible
from bpcli.views.layout import LEAST_REASON, Look, grid, note_lines, width_of


def render(result: Marks, look: Look) -> RenderableType:
    """A row for each blank with its verdict and the reason, then the score."""
    rows = [[mark.name, _answer(mark), mark.verdict] for mark in result.marks]
    headers = ["", "answer", "verdict"]
    # Numbers stand in line on their points; formulas and arrays begin in line.
    words = (0, 1, 2) if any(" " in row[1] or "[" in row[1] for row in rows) else (0, 2)
    room = look.width - width_of(grid(headers, rows, [""] * 3, words))
    parts: list[RenderableType] = []
    if room > LEAST_REASON:
        reasons = [[*row, mark.reason] for row, mark in zip(rows, result.marks, strict=True)]
        table = grid([*headers, "reason"], reasons, [""] * 4, words=(*words, 3))
        table.columns[3].no_wrap = False
        parts.append(table)
    else:
        for mark in result.marks:
            parts += _stacked(mark)
    total = f"{show(result.score)} of {show(result.max_score)}"
    parts += [Text(), Text(total, "green" if result.ok else "bold")]
    return Group(*parts, *note_lines(result.notes))


def _answer(mark: Mark) -> str:
    return shown((mark.answer or "").strip())


def _stacked(mark: Mark) -> list[RenderableType]:
    """A line for a blank, its reason under it."""
    line = Text(f"{mark.name} = {_answer(mark)}: ")
    line.append(mark.verdict, "green" if CREDIT[mark.verdict] else "red")
    return [line, *[Padding(Text(visible(mark.reason)), (0, 0, 0, 4))] * bool(mark.reason)]
