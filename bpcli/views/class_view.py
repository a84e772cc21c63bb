"""The class view in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from bpcli.grading.classpage import histogram, percent, places, summary
from bpcli.grading.classview import HEADINGS, ClassView, counts
from bpcli.trouble import visible
from bpcli.views.layout import QUIET, Look, fit

_WIDTH = 30  # columns of a bar
_MOST = 12


def render(result: ClassView, look: Look) -> RenderableType:
    """Points, blanks, slips, clusters and variants."""
    parts: list[RenderableType] = [
        Text(visible(result.sheet.title or "Backpropagation"), "bold"),
        Text(summary(result)),
    ]
    if result.totals:
        parts += [Text(), _bars(result)]
    headers = ["problem", "blank", "success", *HEADINGS]
    rows = [[one.problem, one.blank, percent(one.credit), *counts(one)] for one in result.items]
    if rows:
        parts += [Text(), fit(look, headers, rows, [""] * len(headers), words=(0, 1))]
    most = None if look.everything else _MOST
    if result.slips:
        rows = [
            [one.title, str(len(one.students)), places(one.blanks, 2), _who(one.students)]
            for one in result.slips[:most]
        ]
        parts += [Text(), fit(look, ["slip", "students", "where", "who"], rows, [""] * 4, words=(0, 2, 3))]
    if result.clusters:
        rows = [
            [f"{one.problem} {one.blank}", one.what, str(len(one.students)), _who(one.students)]
            for one in result.clusters[:most]
        ]
        parts += [
            Text(),
            Text("wrong numbers that nothing explains"),
            fit(look, ["blank", "answer", "students", "who"], rows, [""] * 4, words=(0, 1, 3)),
        ]
    if result.alike:
        rows = [
            [one.student, f"{one.agree} of {one.of}", one.other, ", ".join(one.problems)] for one in result.alike[:most]
        ]
        parts += [
            Text(),
            Text("answers that fit another student's numbers"),
            fit(look, ["student", "answers", "right for", "problems"], rows, [""] * 4, words=(0, 2, 3)),
        ]
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


def _bars(result: ClassView) -> Text:
    classes = histogram(result)
    most = max(count for _, _, count in classes)
    lines = [
        f"{f'{low:.4g} to {high:.4g}':>14}  {count:>5}  {'#' * round(_WIDTH * count / most)}".rstrip()
        for low, high, count in classes
    ]
    return Text("\n".join(lines))


def _who(students: Sequence[str], most: int = 5) -> str:
    return ", ".join(students[:most]) + (f" and {len(students) - most} more" if len(students) > most else "")
