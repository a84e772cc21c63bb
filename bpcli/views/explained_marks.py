"""Everything that led to one student's marks."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from bpcli.grading.explanation import Explanation
from bpcli.grading.files import number
from bpcli.grading.gradebook import Marked
from bpcli.grading.policy import points
from bpcli.grading.told import by_problem, earned, numbered
from bpcli.marking.answers import shown
from bpcli.trouble import visible
from bpcli.views.layout import LEAST_REASON, QUIET, Look, grid, width_of


def render(result: Explanation, look: Look) -> RenderableType:
    """The marks of each problem, then where they come from, then what counted before."""
    row, entry = result.row, result.entry
    parts: list[RenderableType] = [
        Text(f"{visible(row.student.shown)} ({visible(row.student.id)}): {row.status}", "bold")
    ]
    for place, problem, title, marks in by_problem(result.sheet, entry):
        got, most = earned(marks)
        parts += [Text(), Text(f"{place}. {visible(title)} ({visible(problem)}, key {marks[0].key}): {got} of {most}")]
        parts += _marks(marks, look)
    parts += [
        Text(),
        Text(
            f"total: {number(row.total) or 'none yet'} of {result.sheet.points:f}{f'; {visible(row.note)}' if row.note else ''}",
            "bold",
        ),
    ]
    if entry is not None:
        parts.append(
            Text(f"from {visible(entry.source)} (sha256 {entry.digest[:16]}), marked by bpcli {result.version}", QUIET)
        )
        if entry.time:
            parts.append(Text(f"handed in {visible(entry.time)}", QUIET))
        parts += [Text(f"not read: {visible(one)}", QUIET) for one in entry.remarks]
    parts += [Text(f"rule: {line}", QUIET) for line in result.policy.lines()]
    for at, run, one in result.history if len(result.history) > 1 else ():
        parts.append(
            Text(
                f"{at}, run {run}: {number(None if one.total is None else points(one.total)) or one.status} ({visible(one.source)})",
                QUIET,
            )
        )
    for given in result.given:
        what = "taken back" if given.points is None else f"{given.points} points"
        parts.append(
            Text(
                f"{given.at} by hand: {what}{f' for {visible(given.problem)}' if given.problem else ''} {visible(given.reason)}".rstrip(),
                QUIET,
            )
        )
    return Group(*parts)


def _marks(marks: Sequence[Marked], look: Look) -> list[RenderableType]:
    """A table with the reasons, or where it has no room a line for each blank and its reason under it; then programs."""
    rows = [[mark.blank, _answer(mark), mark.verdict, f"{points(mark.earned):f}"] for mark in marks]
    headers = ["", "answer", "verdict", "points"]
    parts: list[RenderableType] = []
    if look.width - width_of(grid(headers, rows, [""] * 4, (0, 1, 2))) > LEAST_REASON:
        reasons = [[*row, mark.reason] for row, mark in zip(rows, marks, strict=True)]
        table = grid([*headers, "reason"], reasons, [""] * 5, words=(0, 1, 2, 4))
        table.columns[4].no_wrap = False
        parts.append(table)
    else:
        for (blank, answer, verdict, got), mark in zip(rows, marks, strict=True):
            line = f"{visible(blank)} = {answer}: {verdict}, {got}" if answer else f"{visible(blank)}: {verdict}"
            parts += [Text(line), *[Padding(Text(visible(mark.reason), QUIET), (0, 0, 0, 4))] * bool(mark.reason)]
    for mark in marks:
        if lines := numbered(mark):
            parts += [Text(), Text(f"{visible(mark.blank)}:"), Padding(Text("\n".join(lines)), (0, 0, 0, 4))]
    return parts


def _answer(mark: Marked) -> str:
    lines = numbered(mark)
    return f"{len(lines)} lines" if lines else shown(mark.answer or "").strip()
