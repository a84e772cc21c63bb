"""The class view as a page that prints well, and as a table for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from bpcli import escaping
from bpcli.grading.classview import HEADINGS, ClassView, counts, median
from bpcli.grading.feedback import STYLE, page
from bpcli.grading.files import guarded, number
from bpcli.grading.standing import MISSING, stale

_BARS = """body{max-width:75rem}.bar{display:inline-block;height:.8em;background:#3a6ea5}td.number,th.number{text-align:right}"""


def html(view: ClassView) -> str:
    """The page: no script, nothing fetched."""
    title = f"{view.sheet.title or 'Backpropagation'}: the class"
    totals = [float(one) for one in view.totals]
    body = [f"<h1>{escaping.html(title)}</h1>", f"<p>{escaping.html(summary(view))}</p>"]
    if totals:
        body += ["<h2>Points</h2>", _table(["points", "students", ""], [
            [f"{low:.4g} to {high:.4g}", str(count), _bar(count, max(one for _, _, one in histogram(view)))]
            for low, high, count in histogram(view)], raw=(2,))]  # fmt: skip
    body += ["<h2>Blanks</h2>", _table(["problem", "blank", "success", "", *HEADINGS, "correlation"], [
        [one.problem, one.blank, percent(one.credit), _bar(one.credit or 0, 1), *counts(one), "" if one.discrimination is None else f"{one.discrimination:.2f}"]
        for one in view.items], raw=(3,))]  # fmt: skip
    if view.slips:
        body += ["<h2>Slips</h2>", _table(["slip", "students", "where", "who"], [
            [one.title, str(len(one.students)), places(one.blanks), ", ".join(one.students)] for one in view.slips])]  # fmt: skip
    if view.clusters:
        body += ["<h2>Wrong numbers that nothing explains</h2>", _table(["problem", "blank", "answer", "students", "who"], [
            [one.problem, one.blank, one.what, str(len(one.students)), ", ".join(one.students)] for one in view.clusters])]  # fmt: skip
    if view.alike:
        body += ["<h2>Answers that fit another student's numbers</h2>", _table(["student", "answers", "right for", "problems"], [
            [one.student, f"{one.agree} of {one.of}", one.other, ", ".join(one.problems)] for one in view.alike])]  # fmt: skip
    body += ["<h2>Variants</h2>", _table(["problem", "variants", "mean", "lowest", "highest"], [
        [one.problem, str(one.count), f"{one.mean:.0%}", *("" if share is None else f"{share:.0%}" for share in (one.lowest, one.highest))]
        for one in view.variants])]  # fmt: skip
    body += ["<h2>Students</h2>", _table(["student", "name", "total", "note"], [
        [row.student.id, row.student.name, number(row.total), row.note if row.status != MISSING else "handed in nothing"] for row in view.rows])]  # fmt: skip
    body.append("<ul>\n" + "\n".join(f"<li>{escaping.html(line)}</li>" for line in view.policy.lines()) + "\n</ul>")
    return page(title, body, STYLE + _BARS)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], raw: Sequence[int] = ()) -> str:
    """A table; the columns RAW hold HTML."""
    head = "".join(f"<th>{escaping.html(one)}</th>" for one in headings)
    lines = [
        "<tr>"
        + "".join(f"<td>{cell if place in raw else escaping.html(cell)}</td>" for place, cell in enumerate(row))
        + "</tr>"
        for row in rows
    ]
    return "\n".join(["<table>", f"<tr>{head}</tr>", *lines, "</table>"])


def _bar(value: float, most: float) -> str:
    return f'<span class="bar" style="width:{6 * value / most if most else 0:.2f}rem"></span>'


def summary(view: ClassView) -> str:
    """The class in a sentence."""
    totals = [float(one) for one in view.totals]
    missing = sum(row.status == MISSING for row in view.rows)
    parts = [f"{len(view.rows):,} students, {len(totals):,} graded, {missing:,} handed in nothing"]
    if totals:
        parts.append(
            f"mean {sum(totals) / len(totals):.4g}, median {median(totals):.4g} of {view.sheet.points:f} points"
        )
    if view.times:
        parts.append(
            f"handed in from {view.times[0]} to {view.times[-1]}, half of them by {view.times[len(view.times) // 2]}, {view.late} late"
        )
    parts += [
        f"still marked by {' and '.join(by)}: {', '.join(who[:6])}"
        + (f" and {len(who) - 6:,} more" if len(who) > 6 else "")
        for by, who in stale(view.rows).items()
    ]
    return "; ".join(parts)


def percent(share: float | None) -> str:
    """``85%``; nothing where there is none."""
    return "" if share is None else f"{share:.0%}"


def histogram(view: ClassView, classes: int = 10) -> list[tuple[float, float, int]]:
    """(from, to, how many) of the points."""
    most = float(view.sheet.points) or 1.0
    found = [0] * classes
    for total in view.totals:
        found[min(int(float(total) * classes / most), classes - 1)] += 1
    return [(most * k / classes, most * (k + 1) / classes, count) for k, count in enumerate(found)]


def places(blanks: Sequence[tuple[str, int]], most: int = 4) -> str:
    """``xyz dq (3), xyz dx``."""
    shown = [f"{blank} ({count})" if count > 1 else blank for blank, count in blanks[:most]]
    return ", ".join(shown) + (f" and {len(blanks) - most} more" if len(blanks) > most else "")


def table(view: ClassView) -> str:
    """A row for each blank, as CSV; in the last columns the slips that were made there, most frequent first."""
    slips: dict[str, list[str]] = {}
    for one in view.slips:
        for blank, count in one.blanks:
            slips.setdefault(blank, []).append(f"{one.slip} ({count})")
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["problem", "blank", "points", "marked", *HEADINGS, "success", "discrimination", "slips"])
    for item in view.items:
        writer.writerow([guarded(item.problem), guarded(item.blank), item.points, item.marked, *counts(item), "" if item.credit is None else f"{item.credit:.4f}",
                         "" if item.discrimination is None else f"{item.discrimination:.4f}",
                         guarded("; ".join(slips.get(f"{item.problem} {item.blank}", [])))])  # fmt: skip
    return file.getvalue()
