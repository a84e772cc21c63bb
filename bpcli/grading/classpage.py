"""The class view as a page that prints well, and as a table for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from itertools import groupby

from bpcli import escaping
from bpcli.grading.classview import HEADINGS, ClassView, Item, counts, median
from bpcli.grading.files import guarded, number
from bpcli.grading.pages import bullets, page
from bpcli.grading.standing import MISSING, listed, stale

_STYLE = """body{max-width:60rem;line-height:1.4}th,td{padding-top:.12rem;padding-bottom:.12rem}td.wide,th.wide{overflow-wrap:anywhere;min-width:8rem}.entry{border-top:1px solid var(--line);padding:.25rem 0}.entry p{margin:0 0 0 1rem;overflow-wrap:anywhere}.entry p:first-child{margin:0;break-after:avoid}th.group{padding-top:.8rem;font-weight:bold}
.share{display:inline-block;min-width:2.7em;text-align:right}.bar{display:inline-block;height:.75em;background:var(--bar);print-color-adjust:exact;-webkit-print-color-adjust:exact}
@media print{body{font-size:9.5pt}th,td{padding-right:.6rem}}
@media (max-width:40rem){body{font-size:14px;padding:0 .5rem}th,td{padding-right:.5rem}.some{display:none}}"""
_MOST_BAR = 6  # rem

#: How a column stands: numbers to the right, long text broken anywhere, and what a phone has no room for.
_NUMBER, _WIDE, _SOME = "number", "wide", "number some"


def html(view: ClassView) -> str:
    """The page: no script, nothing fetched."""
    title = f"{view.sheet.title or 'Backpropagation'}: the class"
    body = [f"<h1>{escaping.html(title)}</h1>", f"<p>{escaping.html(summary(view))}</p>"]
    if view.totals:
        classes = histogram(view)
        most = max(count for _, _, count in classes)
        rows = [
            [escaping.html(f"{low:.4g} to {high:.4g}"), str(count), _bar(count / most)] for low, high, count in classes
        ]
        body += _section("Points", {"points": "", "students": _NUMBER, "": ""}, rows)
    body += _blanks(view)
    body += [f"<p>{escaping.html(f'{one.title}: {_names(one.students)}')}</p>" for one in view.constants]
    body += _lists("Slips", [
        (one.title, one.students, [f"where: {places(one.blanks)}"]) for one in view.slips])  # fmt: skip
    body += _lists("Wrong numbers that nothing explains", [
        (f"{one.problem} {one.blank}: {one.what}", one.students, []) for one in view.clusters])  # fmt: skip
    body += _texts("Answers that fit another student's numbers", {"student": "", "answers": "", "right for": "", "problems": _WIDE}, [
        [one.student, f"{one.agree} of {one.of}", one.other, ", ".join(one.problems)] for one in view.alike])  # fmt: skip
    body += _texts("Variants", {"problem": "", "variants": _NUMBER, "mean": _NUMBER, "lowest": _NUMBER, "highest": _NUMBER}, [
        [one.problem, str(one.count), percent(one.mean), percent(one.lowest), percent(one.highest)]
        for one in view.variants])  # fmt: skip
    body += _texts("Students", {"student": "", "name": "", "total": _NUMBER, "note": _WIDE}, [
        [row.student.id, row.student.name, number(row.total), row.note if row.status != MISSING else "handed in nothing"]
        for row in view.rows])  # fmt: skip
    body += ["<h2>Rules</h2>", bullets(view.policy.lines())]
    return page(title, body, _STYLE)


def _blanks(view: ClassView) -> list[str]:
    """The table of all blanks; a problem's name stands over its own."""
    classes = {"blank": "", "success": "", **dict.fromkeys(HEADINGS, _SOME), "wrong": _NUMBER, "correlation": _SOME}
    groups = []
    for problem, items in groupby(view.items, key=lambda item: item.problem):
        head = f'<tr><th scope="rowgroup" class="group" colspan="{len(classes)}">{escaping.html(problem)}</th></tr>'
        groups.append("\n".join([head, *(_row(_item(item), classes) for item in items)]))
    return ["<h2>Blanks</h2>", _table(classes, groups)] if groups else []


def _item(item: Item) -> list[str]:
    success = f'<span class="share">{percent(item.credit)}</span> {_bar(item.credit or 0)}'
    correlation = "" if item.discrimination is None else f"{item.discrimination:.2f}"
    return [f"<code>{escaping.html(item.blank)}</code>", success, *counts(item), correlation]


def _texts(title: str, classes: Mapping[str, str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A section whose ROWS are text; nothing if there are none."""
    return _section(title, classes, [[escaping.html(cell) for cell in row] for row in rows])


def _lists(title: str, entries: Sequence[tuple[str, Sequence[str], Sequence[str]]]) -> list[str]:
    """A section of ENTRIES: what it is, who it is, and more lines; a class is too many names for a column."""
    parts = []
    for what, students, more in entries:
        head = f"<strong>{escaping.html(what)}</strong> ({len(students):,} student{'s' * (len(students) != 1)})"
        lines = [head, *(escaping.html(line) for line in (*more, f"who: {_names(students)}"))]
        parts.append(f'<div class="entry">{"".join(f"<p>{line}</p>" for line in lines)}</div>')
    return [f"<h2>{escaping.html(title)}</h2>", *parts] if parts else []


def _section(title: str, classes: Mapping[str, str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    lines = "\n".join(_row(row, classes) for row in rows)
    return [f"<h2>{escaping.html(title)}</h2>", _table(classes, [lines])]


def _table(classes: Mapping[str, str], groups: Sequence[str]) -> str:
    """A table with a heading for each of CLASSES (heading -> how its column stands), and a body for each of GROUPS."""
    head = "".join(f'<th scope="col"{_class(kind)}>{escaping.html(name)}</th>' for name, kind in classes.items())
    bodies = "\n".join(f"<tbody>\n{group}\n</tbody>" for group in groups)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n{bodies}\n</table>"


def _row(cells: Sequence[str], classes: Mapping[str, str]) -> str:
    """CELLS are HTML; the first names the row."""
    kinds = list(classes.values())
    first = f'<th scope="row"{_class(kinds[0])}>{cells[0]}</th>'
    return f"<tr>{first}{''.join(f'<td{_class(kind)}>{cell}</td>' for cell, kind in zip(cells[1:], kinds[1:], strict=True))}</tr>"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _bar(share: float) -> str:
    return f'<span class="bar" style="width:{_MOST_BAR * share:.2f}rem"></span>'


def _names(students: Sequence[str]) -> str:
    return ", ".join(students)


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
    for by, who in stale(view.rows).items():
        parts.append(f"still marked by {' and '.join(by)}: {listed(who, 6)}")
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
