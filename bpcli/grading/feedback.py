"""What a student gets back: each answer with its verdict and the reason, in Markdown and in HTML.

It is made from the student's own marks and nothing else. A right answer stands in it only if the sheet's rules say
so (``feedback = "full"``). Everything a student typed is escaped, in code of its own; the page has no script and
may fetch nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby

from bpcli import escaping
from bpcli.escaping import markdown_code
from bpcli.grading import writing
from bpcli.grading.gradebook import Entry, Gradebook, Marked
from bpcli.grading.policy import Policy, points
from bpcli.grading.standing import MISSING, Row, Sheet
from bpcli.marking.answers import shown
from bpcli.marking.verdicts import BLANK, FOLLOWS, INVALID, RIGHT, ROUNDED, UNDECIDED, WRONG
from bpcli.trouble import visible

FOLDER = "feedback"
TITLE = "Backpropagation"

#: Verdict -> what a student reads.
SAID = {
    RIGHT: "right", ROUNDED: "right, rounded", FOLLOWS: "right, given your earlier answers", WRONG: "not right",
    BLANK: "no answer", INVALID: "could not be read", UNDECIDED: "a person looks at it",
}  # fmt: skip
_MARKS = {RIGHT: "✓", ROUNDED: "✓", FOLLOWS: "✓", WRONG: "✗", BLANK: "–", INVALID: "?", UNDECIDED: "…"}

STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111;background:#fff}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #ccc}
td.points,th.points{text-align:right;white-space:nowrap}code{font-family:ui-monospace,monospace;overflow-wrap:anywhere}
.yes{color:#0a6b2d}.no{color:#a3140f}.open{color:#7a5200}h2{margin-top:2rem}p.total{font-size:1.2rem}
@media print{body{margin:0;max-width:none}tr{break-inside:avoid}}"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def reason(mark: Marked, policy: Policy) -> str:
    """What a student is told of MARK beside the verdict."""
    told = policy.feedback
    if mark.verdict == UNDECIDED:
        return ""
    if told == "verdict" and mark.verdict != INVALID:
        return ""
    text = mark.hint if told == "where" else mark.reason
    if told == "full" and mark.expected and mark.verdict not in (RIGHT, ROUNDED):
        text = f"{text}; the answer is {mark.expected}" if text else f"the answer is {mark.expected}"
    return text


def verdict(mark: Marked, policy: Policy) -> str:
    """The verdict in words, with the reason."""
    told = shown(reason(mark, policy))
    if mark.verdict == FOLLOWS and told:
        return told
    return SAID[mark.verdict] + (f": {told}" if told else "")


def by_problem(sheet: Sheet, entry: Entry | None) -> Iterator[tuple[int, str, str, list[Marked]]]:
    """Number, id, title and marks of each problem."""
    titles = {one.id: one.title for one in sheet.problems}
    for number, (problem, marks) in enumerate(
        groupby(entry.marks if entry else (), key=lambda mark: mark.problem), start=1
    ):
        yield number, problem, titles.get(problem, problem), list(marks)


def heading(sheet: Sheet) -> str:
    """What stands above everything."""
    return visible(f"{sheet.title or TITLE}: your marks")


def total(row: Row, sheet: Sheet) -> str:
    """The points in words."""
    if row.total is None:
        said = {MISSING: "Nothing was handed in."}.get(row.status, f"There are no points yet: {visible(row.reason)}")
        return said if said.endswith(".") else f"{said}."
    late = f", after {(row.penalty * 100).normalize():f} % for lateness" if row.penalty else ""
    return f"{row.total:f} of {sheet.points:f} points{late}"


def unread(entry: Entry | None) -> list[str]:
    """What was left alone in the hand-in, and why. It stands above the marks: it may be why there are none."""
    return [f"Not read: {visible(one)}" for one in (entry.remarks if entry else ())]


def notes(row: Row, entry: Entry | None) -> list[str]:
    """What else the student is told: what was given by hand, and who handed in."""
    found = []
    for one in row.given:
        where = f"for {visible(one.problem)}" if one.problem else "in all"
        found.append(f"By hand: {one.points} points {where}{f' ({visible(one.reason)})' if one.reason else ''}")
    if row.since:
        found.append(f"What was handed in since has no points, so these still count: {visible(row.since)}")
    if entry is not None and entry.student != row.student.id:
        found.append(f"Handed in by {visible(entry.student)} for the group")
    return found


def earned(marks: Iterable[Marked]) -> tuple[str, str]:
    """The points of MARKS, and what there were."""
    every = list(marks)
    got = points(sum((one.earned for one in every), Decimal(0)))
    return f"{got:f}", f"{points(sum((Decimal(one.points) for one in every), Decimal(0))):f}"


# --- Markdown ---------------------------------------------------------------------------------------------


def _cell(text: str) -> str:
    """TEXT as code in a cell of a table."""
    return markdown_code(text.replace("\n", "\\n").replace("|", "¦"))


def markdown(row: Row, entry: Entry | None, sheet: Sheet, policy: Policy) -> str:
    """The feedback as Markdown."""
    parts = [
        f"# {escaping.markdown(sheet.title or TITLE)}: your marks",
        f"**{escaping.markdown(row.student.shown)}**: {escaping.markdown(total(row, sheet))}",
    ]
    if left := unread(entry):
        parts.append("\n".join(f"- {escaping.markdown(one)}" for one in left))
    for number, _, title, marks in by_problem(sheet, entry):
        got, most = earned(marks)
        lines = [
            f"## {number}\\. {escaping.markdown(title)}: {got} of {most}\n",
            "| | answer | verdict | points |",
            "| --- | --- | --- | ---: |",
        ]
        for mark in marks:
            said = escaping.markdown(verdict(mark, policy))
            worth = "" if mark.verdict == UNDECIDED else f"{points(mark.earned):f}"
            lines.append(
                f"| {_cell(mark.blank)} | {_cell(shown(mark.answer or ''))} | {_MARKS[mark.verdict]} {said} | {worth} |"
            )
        parts.append("\n".join(lines))
    parts.append(
        "\n".join(
            [*(f"- {escaping.markdown(one)}" for one in notes(row, entry)), *(f"- {one}" for one in _rules(policy))]
        )
    )
    return "\n\n".join(parts) + "\n"


def _rules(policy: Policy) -> list[str]:
    return [f"Rule: {line}" for line in policy.lines()]


# --- HTML -------------------------------------------------------------------------------------------------


def page(title: str, body: Sequence[str], style: str = STYLE) -> str:
    """A page by itself: no script, nothing fetched. BODY is HTML."""
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{escaping.html(title)}</title>\n<style>\n{style}\n</style>\n</head>\n<body>\n'
        + "\n".join(body) + "\n</body>\n</html>\n"
    )  # fmt: skip


def html(row: Row, entry: Entry | None, sheet: Sheet, policy: Policy) -> str:
    """The feedback as a page."""
    body = [f"<h1>{escaping.html(heading(sheet))}</h1>",
            f'<p class="total"><strong>{escaping.html(row.student.shown)}</strong>: {escaping.html(total(row, sheet))}</p>']  # fmt: skip
    if left := unread(entry):
        body.append("<ul>\n" + "\n".join(f"<li>{escaping.html(one)}</li>" for one in left) + "\n</ul>")
    for number, _, title, marks in by_problem(sheet, entry):
        got, most = earned(marks)
        body.append(f"<h2>{number}. {escaping.html(title)}: {got} of {most}</h2>")
        body.append('<table>\n<tr><th>blank</th><th>answer</th><th>verdict</th><th class="points">points</th></tr>')
        body += [_table_row(mark, policy) for mark in marks]
        body.append("</table>")
    body.append(
        "<ul>\n"
        + "\n".join(f"<li>{escaping.html(one)}</li>" for one in (*notes(row, entry), *_rules(policy)))
        + "\n</ul>"
    )
    return page(heading(sheet), body)


def _table_row(mark: Marked, policy: Policy) -> str:
    kind = "open" if mark.verdict in (UNDECIDED, INVALID, BLANK) else "no" if mark.verdict == WRONG else "yes"
    said = verdict(mark, policy)
    worth = "" if mark.verdict == UNDECIDED else f"{points(mark.earned):f}"
    return (f"<tr><td><code>{escaping.html(mark.blank)}</code></td><td><code>{escaping.html(shown(mark.answer or ''))}</code></td>"
            f'<td><span class="{kind}">{_MARKS[mark.verdict]} {escaping.html(said)}</span></td>'
            f'<td class="points">{worth}</td></tr>')  # fmt: skip


# --- files ------------------------------------------------------------------------------------------------


def write_all(folder: str, rows: Iterable[Row], book: Gradebook, sheet: Sheet, policy: Policy,
              staged: writing.Staged) -> None:  # fmt: skip
    """Two files for each student that handed something in, in the folder ``feedback``."""
    place = os.path.join(folder, FOLDER)
    writing.folder(place)
    writing.clean(place)
    for row in rows:
        name = os.path.join(place, row.student.file_name)
        if row.status == MISSING and not row.given:
            staged.remove(f"{name}.md", f"{name}.html")  # of points by hand that were taken back
            continue
        entry = book.entry(row.entry) if row.entry else None
        staged.write_if_other(f"{name}.md", markdown(row, entry, sheet, policy))
        staged.write_if_other(f"{name}.html", html(row, entry, sheet, policy))
