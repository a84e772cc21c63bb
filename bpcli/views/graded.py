"""The outcome of ``bpcli grade``: who has how many points, what was refused, what would change, where the files are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from bpcli.grading import runs
from bpcli.grading.files import number
from bpcli.grading.gradebook import GRADED, Entry, Override
from bpcli.grading.run import Graded
from bpcli.grading.standing import MISSING, Row, listed, stale
from bpcli.trouble import shortened, visible
from bpcli.views.layout import LEAST_REASON, QUIET, Look, fit, grid, width_of

MOST_ROWS = 40  # students shown one by one; a larger class is summed up
MOST_NAMES = 12
_MOST_UNREAD = 4
_BARS = 10  # classes of points


def render(result: Graded, look: Look) -> RenderableType:
    """The summary."""
    parts: list[RenderableType] = []
    if result.sheet.title:
        parts.append(Text(visible(result.sheet.title), "bold"))
    rows = [row for row in result.rows if row.status != MISSING]
    if result.accepted:
        parts += _class(result, rows, look)
    parts += [*[Text()] * bool(parts), _count(result)]
    parts += _hand_ins(result)
    if missing := [row.student.id for row in result.rows if row.status == MISSING]:
        parts.append(Text(f"nothing from {_names(missing)}", QUIET))
    parts += [
        Text(f"taken over from grades.csv: {visible(one.student)} has {one.points} points by hand{_bonus(one, result)}")
        for one in result.overrides
    ]
    parts += stopped(result.recovered, look) + _moves(result, look)
    parts += _stale(result)
    parts += [Text(f"rule: {line}", QUIET) for line in result.policy.lines()]
    parts += [Text(one, "yellow") for one in _unread(result.rows)]
    parts += [Text(visible(one), "yellow") for one in (*_times(result), *result.notes)]
    parts += left_alone(result.left, look)
    if result.accepted:
        parts.append(Text(f"wrote {visible(result.out)}: grades.csv, grades.json, feedback, grades.db"))
    return Group(*parts)


def _unread(rows: Sequence[Row]) -> list[str]:
    """Answers and lines that nobody's marks hold, with the first few: a person may want to look."""
    graded = [row for row in rows if row.total is not None]
    found = []
    if invalid := [f"{row.student.id} {' '.join(one)}" for row in graded for one in row.invalid]:
        who = _counted(sum(bool(row.invalid) for row in graded), "student")
        found.append(
            f"{_counted(len(invalid), 'answer')} of {who} could not be read: {visible(listed(invalid, _MOST_UNREAD))}"
        )
    unread = [f"{row.student.id}: {one}" for row in graded for one in row.unread]
    if unread:
        who = _counted(sum(bool(row.unread) for row in graded), "student")
        found.append(f"{_counted(len(unread), 'line')} of {who} left alone:")
        found += [f"  {shortened(visible(one))}" for one in unread[:_MOST_UNREAD]]
        if len(unread) > _MOST_UNREAD:
            found.append(f"  {len(unread) - _MOST_UNREAD:,} more (grades.json has all)")
    return found


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def left_alone(left: Sequence[str], look: Look) -> list[RenderableType]:
    """What a person has written into ``grades.csv`` that does not count."""
    shown = left if look.everything else left[:MOST_NAMES]
    lines: list[RenderableType] = [Text(f"left alone: {visible(one)}", "bold yellow") for one in shown]
    if len(shown) < len(left):
        lines.append(Text(f"left alone: {len(left) - len(shown):,} more like that (--all shows them)", "bold yellow"))
    return lines


def _bonus(given: Override, result: Graded) -> str:
    more = Decimal(given.points or 0) > result.sheet.points
    return f", more than the {result.sheet.points:f} that there are" if more else ""


def _times(result: Graded) -> list[str]:
    """Who was not taken for late since nobody knows when they handed in."""
    if not result.timed:
        return ["nobody was taken for late: --times says when each student handed in"]
    untimed = [row.student.id for row in result.rows if row.untimed] if result.policy.late else []
    return [f"no time is known for {_names(untimed)}: not taken for late"] if untimed else []


def _class(result: Graded, rows: Sequence[Row], look: Look) -> list[RenderableType]:
    if len(rows) <= MOST_ROWS or look.everything:
        headers = ["student", *[f"{place}" for place, _ in enumerate(result.sheet.problems, start=1)], "total", "note"]
        cells = [
            [row.student.id, *map(number, row.problems), number(row.total),
             shortened(row.note if row.status == GRADED else f"{row.status}: {row.note}")]
            for row in rows
        ]  # fmt: skip
        legend = [
            f"{place} {visible(one.id)} ({one.points:f})" for place, one in enumerate(result.sheet.problems, start=1)
        ]
        table = _students(headers, cells, look) if rows else []
        return [*table, Text(), Text(f"points: {', '.join(legend)}; total of {result.sheet.points:f}", QUIET)]
    return _histogram(result, rows, look)


def _students(headers: Sequence[str], rows: Sequence[Sequence[str]], look: Look) -> list[RenderableType]:
    """A table whose notes wrap; where they have no room, they stand below it, a student's id before each."""
    words = (0, len(headers) - 1)
    numbers = grid(headers[:-1], [row[:-1] for row in rows], [""] * (len(headers) - 1), words=(0,))
    if look.width - width_of(numbers) > LEAST_REASON:
        table = grid(headers, rows, [""] * len(headers), words)
        table.columns[-1].no_wrap = False
        return [table]
    notes = [Text(f"{visible(row[0])}: {visible(row[-1])}") for row in rows if row[-1]]
    narrow = fit(look, headers[:-1], [row[:-1] for row in rows], [""] * (len(headers) - 1), words=(0,))
    return [narrow, *[Text()] * bool(notes), *notes]


def _histogram(result: Graded, rows: Sequence[Row], look: Look) -> list[RenderableType]:
    totals = sorted(row.total for row in rows if row.total is not None)
    if not totals or not result.sheet.points:
        return []
    most = result.sheet.points
    classes = Counter(min(int(total * _BARS / most), _BARS - 1) for total in totals)
    width = min(50, look.width - 24)
    lines = []
    for place in range(_BARS):
        low, high = most * place / _BARS, most * (place + 1) / _BARS
        bar = "#" * round(classes[place] * width / max(classes.values()))
        lines.append(f"{f'{low:.4g} to {high:.4g}':>14}  {classes[place]:>6}  {bar}".rstrip())
    mean = sum(totals) / len(totals)
    lines += [
        "",
        f"{len(totals):,} students: mean {mean:.4g}, median {totals[len(totals) // 2]:.4g} of {most:f} points",
    ]
    return [Text("\n".join(lines))]


def _count(result: Graded) -> Text:
    hand_ins = f"{result.found:,} hand-in{'s' * (result.found != 1)}"
    counts = f"{result.graded:,} graded, {len(result.refused):,} refused, {len(result.not_graded):,} not graded"
    more = f"; {result.resumed:,} of them in an earlier run" if result.resumed else ""
    return Text(f"{hand_ins}: {counts}{more}", "green" if result.ok else "bold")


def _hand_ins(result: Graded) -> list[RenderableType]:
    lines: list[RenderableType] = []
    kept = {one.student: one.points for one in result.kept}
    for what, entries in (("refused", result.refused), ("not graded", result.not_graded)):
        lines += [Text(f"  {what}: {_entry(one, kept)}", "red") for one in entries[:MOST_NAMES]]
        if len(entries) > MOST_NAMES:
            lines.append(Text(f"  {what}: {len(entries) - MOST_NAMES:,} more (grades.json has all)", "red"))
    if result.aside:
        lines.append(
            Text(
                f"  set aside: {len(result.aside):,} that do not count ({_names([source for _, source in result.aside])})",
                QUIET,
            )
        )
    return lines


def _entry(entry: Entry, kept: dict[str, float]) -> str:
    stays = f"; {visible(entry.student)} keeps the {kept[entry.student]:g} of before" if entry.student in kept else ""
    return f"{visible(entry.source)}: {visible(entry.reason)}{stays}"


def _stale(result: Graded) -> list[RenderableType]:
    """Whose marks were made by something else than this run went by."""
    return [
        Text(f"still marked by {visible(' and '.join(by))}: {_names(names)}; to be graded again",
             "bold red" if runs.KEY in by else "yellow")
        for by, names in stale(result.rows if result.accepted else ()).items()
    ]  # fmt: skip


def stopped(recovered: Sequence[dict[str, Any]] | None, look: Look) -> list[RenderableType]:
    """What a run that was stopped had changed."""
    if recovered is None:
        return []
    lines: list[RenderableType] = [
        Text(
            "the run before was stopped when its marks counted and its files were not all written; now they are",
            "bold yellow",
        )
    ]
    shown = recovered if look.everything else recovered[: 2 * MOST_NAMES]
    for one in shown:
        old, new = ("no points" if one[which] is None else f"{one[which]:g}" for which in ("old", "new"))
        lines.append(Text(f"  it moved {visible(one['student'])}: {old} to {new}: {visible(one['why'])}"))
    if len(shown) < len(recovered):
        lines.append(Text(f"  and {len(recovered) - len(shown):,} more (--all shows them)"))
    return lines


def _moves(result: Graded, look: Look) -> list[RenderableType]:
    lines: list[RenderableType] = []
    if not result.accepted and result.staying:
        count = len(result.staying)
        lines.append(Text(f"nothing was changed: the key is another, and {count:,} student{'s' * (count != 1)} not among these "
                          f"hand-ins would keep marks of the earlier one (--apply accepts it): {_names(result.staying)}",
                          "bold yellow"))  # fmt: skip
    if not result.moves:
        return lines
    count = len(result.moves)
    who = f"{count:,} student{'s' * (count != 1)}"
    if result.accepted:
        lines.append(Text(f"{who} moved:", "bold"))
    else:
        lines.append(Text(f"nothing was changed: {who} would move (--apply accepts it):", "bold yellow"))
    shown = result.moves if look.everything else result.moves[: 2 * MOST_NAMES]
    for move in shown:
        old, new = (number(one) or "no points" for one in (move.old, move.new))
        lines.append(Text(f"  {visible(move.student)}: {old} to {new}: {visible(move.why)}"))
        lines += [Text(f"      {visible(blank)}", QUIET) for blank in move.blanks[: None if look.everything else 4]]
    if len(shown) < count:
        lines.append(Text(f"  and {count - len(shown):,} more (--all shows them)"))
    return lines


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(visible(one) for one in names[:MOST_NAMES])
    return shown + (f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else "")
