"""The class view in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from bpcli.grading.classpage import histogram, percent, places, summary
from bpcli.grading.classview import HEADINGS, ClassView, counts
from bpcli.trouble import visible
from bpcli.views.layout import QUIET, Look, grid, width_of

_WIDTH = 30  # columns of a bar
_MOST = 12
#: The columns of the blanks, most needed first.
_NEEDED = ("success", "wrong", "empty", "other", "follows", "rounded", "right")


def render(result: ClassView, look: Look) -> RenderableType:
    """Points, blanks, slips, clusters and variants."""
    parts: list[RenderableType] = [
        Text(visible(result.sheet.title or "Backpropagation"), "bold"),
        Text(summary(result)),
    ]
    if result.totals:
        parts += [Text(), _bars(result, look)]
    parts += _blanks(result, look)
    most = None if look.everything else _MOST
    parts += [Text(), *(Text(f"{one.title}: {_who(one.students)}") for one in result.constants)] * bool(
        result.constants
    )
    parts += _section("", ["slip", "students", "where", "who"], [
        [one.title, str(len(one.students)), places(one.blanks, 2), _who(one.students)]
        for one in result.slips[:most]], (0, 2, 3), look)  # fmt: skip
    parts += _section("wrong numbers that nothing explains", ["blank", "answer", "students", "who"], [
        [f"{one.problem} {one.blank}", one.what, str(len(one.students)), _who(one.students)]
        for one in result.clusters[:most]], (0, 1, 3), look)  # fmt: skip
    parts += _section("answers that fit another student's numbers", ["student", "answers", "right for", "problems"], [
        [one.student, f"{one.agree} of {one.of}", one.other, ", ".join(one.problems)]
        for one in result.alike[:most]], (0, 2, 3), look)  # fmt: skip
    shared = [one for one in result.variants if one.lowest is not None and one.highest is not None]
    for one in shared:
        parts.append(
            Text(
                f"{visible(one.problem)}: {one.count} variants; the mean of one is {one.lowest:.0%} to {one.highest:.0%}",
                QUIET,
            )
        )
    hidden = max(len(result.slips), len(result.clusters), len(result.alike)) > _MOST and not look.everything
    if hidden:
        parts.append(Text("--all shows every slip, number and student", QUIET))
    return Group(*parts)


def _blanks(result: ClassView, look: Look) -> list[RenderableType]:
    """A line for each blank under the name of its problem, with the fewest columns left out that there is no room for."""
    headers = ["blank", "success", *HEADINGS]
    rows = [[f"  {one.blank}", percent(one.credit), *counts(one)] for one in result.items]
    wide = [max(len(row[k]) for row in (headers, *rows)) + 2 for k in range(len(headers))]
    chosen: list[int] = [0]
    for k in map(headers.index, _NEEDED):
        idle = sum(wide) - 2 > look.width and all(row[k] == "0" for row in rows)
        if not idle and sum(wide[one] for one in (*chosen, k)) - 2 <= look.width:
            chosen.append(k)
    chosen.sort()
    widths = [wide[k] - 2 for k in chosen]
    head = Text(_line([headers[k] for k in chosen], widths), "bold")
    lines = []
    for problem, items in groupby(zip(result.items, rows, strict=True), key=lambda one: one[0].problem):
        lines += [visible(problem), *(_line([row[k] for k in chosen], widths) for _, row in items)]
    return [Text(), head, Text("\n".join(lines))] if rows else []


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    name, *numbers = (visible(cell) for cell in cells)
    right = (cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True))
    return "  ".join([name.ljust(widths[0]), *right])


def _section(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]], words: Sequence[int],
             look: Look) -> list[RenderableType]:  # fmt: skip
    """A table, or where it has no room each row's first cell with the others under it; nothing without rows."""
    if not rows:
        return []
    parts: list[RenderableType] = [Text(), *[Text(title)] * bool(title)]
    table = grid(headers, rows, [""] * len(headers), words)
    if width_of(table) <= look.width:
        return [*parts, table]
    for first, *others in rows:
        more = "; ".join(f"{header} {cell}" for header, cell in zip(headers[1:], others, strict=True) if cell)
        parts += [Text(visible(first)), Padding(Text(visible(more), QUIET), (0, 0, 0, 4))]
    return parts


def _bars(result: ClassView, look: Look) -> Text:
    classes = histogram(result)
    most = max(count for _, _, count in classes)
    width = max(1, min(_WIDTH, look.width - 24))
    lines = [
        f"{f'{low:.4g} to {high:.4g}':>14}  {count:>5}  {'#' * round(width * count / most)}".rstrip()
        for low, high, count in classes
    ]
    return Text("\n".join(lines))


def _who(students: Sequence[str], most: int = 5) -> str:
    return ", ".join(students[:most]) + (f" and {len(students) - most} more" if len(students) > most else "")
