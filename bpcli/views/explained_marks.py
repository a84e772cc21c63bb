"""Everything that led to one student's marks."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from bpcli.grading.explanation import Explanation
from bpcli.grading.feedback import by_problem, earned
from bpcli.grading.files import number
from bpcli.grading.policy import points
from bpcli.marking.answers import shown
from bpcli.trouble import visible
from bpcli.views.layout import QUIET, Look, fit


def render(result: Explanation, look: Look) -> RenderableType:
    """The marks of each problem, then where they come from, then what counted before."""
    row, entry = result.row, result.entry
    parts: list[RenderableType] = [
        Text(f"{visible(row.student.shown)} ({visible(row.student.id)}): {row.status}", "bold")
    ]
    for place, problem, title, marks in by_problem(result.sheet, entry):
        got, most = earned(marks)
        parts += [Text(), Text(f"{place}. {visible(title)} ({visible(problem)}, key {marks[0].key}): {got} of {most}")]
        cells = [
            [mark.blank, shown(mark.answer or "").strip(), mark.verdict, f"{points(mark.earned):f}", mark.reason]
            for mark in marks
        ]
        parts.append(fit(look, ["", "answer", "verdict", "points", "reason"], cells, [""] * 5, words=(0, 1, 2, 4)))
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
