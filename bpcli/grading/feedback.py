"""The feedback files: what `bpcli.grading.told` has to say to a student, in Markdown and as a page.

First the points, then what could not be read, then problem by problem, then the rules. A student recognises his own
answers: they stand there whole, a program with the numbers of its lines, and no name or number is broken in two.
Everything a student typed is escaped.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from bpcli import escaping
from bpcli.grading import told, writing
from bpcli.grading.gradebook import Entry, Gradebook, Marked
from bpcli.grading.pages import bullets, page
from bpcli.grading.policy import Policy
from bpcli.grading.standing import MISSING, Row, Sheet
from bpcli.marking.verdicts import FOLLOWS, RIGHT, ROUNDED, UNDECIDED, WRONG

FOLDER = "feedback"
UNREAD = "What could not be read"
RULES = "How this was marked"

#: Characters of an answer that stand beside its name without a break, on a phone and in a table of Markdown.
_MOST_ON_PHONE, _MOST_IN_CELL = 14, 60

STYLE = """table{width:100%}th,td{padding-right:.6rem}th:last-child,td:last-child{padding-right:0}
ul{padding-left:1.4rem}thead th,p code,th code,td code,td.verdict{white-space:nowrap}.number{text-align:left;width:99%;padding-left:0}
tbody th,td{min-width:3.2rem}th+td{min-width:5.8rem}td.verdict{min-width:6rem}
tr.why td{padding:0 0 .5rem 1rem}tr.why p{margin:0;overflow-wrap:anywhere}
pre{background:var(--shade);padding:.5rem .7rem;margin:.2rem 0;white-space:pre-wrap;overflow-wrap:anywhere}
pre .line{display:block;padding-left:2.6em;text-indent:-2.6em}pre .line .quiet{display:inline-block;width:2em;margin-right:.6em;text-indent:0;text-align:right;user-select:none}
@media (max-width:30rem){body{font-size:15px;padding:0 .7rem}tr.why td{padding-left:.5rem}}"""


# --- Markdown ---------------------------------------------------------------------------------------------


def markdown(row: Row, entry: Entry | None, sheet: Sheet, policy: Policy) -> str:
    """The feedback as Markdown."""
    parts = [
        f"# {escaping.markdown_in_line(told.heading(sheet))}",
        f"**{escaping.markdown(row.student.shown)}**: {escaping.markdown_in_line(told.total(row, sheet))}",
    ]
    if notes := told.notes(row, entry):
        parts.append(_bullets(notes))
    if unread := told.unread(entry):
        parts += [f"## {UNREAD}", _bullets(unread)]
    for section in told.by_problem(sheet, entry):
        parts += _section(section, policy)
    parts += [f"## {RULES}", _bullets(policy.told())]
    return "\n\n".join(parts) + "\n"


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {escaping.markdown_in_line(one)}" for one in lines)


def _section(section: told.Section, policy: Policy) -> Iterator[str]:
    """A table of the answers, then those that are too long for one."""
    got, most = told.earned(section.marks)
    yield f"## {section.number}\\. {escaping.markdown_in_line(section.title)}: {got} of {most}"
    if section.unanswered:
        yield f"No answers: {', '.join(escaping.markdown_code(mark.blank) for mark in section.marks)}"
        return
    rows = ["| | answer | verdict | points |", "| --- | --- | --- | ---: |"]
    for mark in section.marks:
        text = told.answer(mark)
        shown = "(below)" if _below(mark, _MOST_IN_CELL) else escaping.markdown_code(text.replace("|", "¦"))
        said = f"{told.SIGNS[mark.verdict]} {escaping.markdown_in_line(told.verdict(mark, policy))}"
        rows.append(f"| {escaping.markdown_code(mark.blank)} | {shown} | {said} | {told.worth(mark)} |")
    yield "\n".join(rows)
    for mark in section.marks:
        if _below(mark, _MOST_IN_CELL):
            yield f"Your {escaping.markdown_code(mark.blank)}:"
            yield escaping.markdown_block(told.numbered(mark) or [told.answer(mark)])


def _below(mark: Marked, most: int) -> bool:
    """Whether an answer does not fit beside its name, in MOST characters."""
    return bool(told.program(mark)) or len(told.answer(mark)) > most


# --- HTML -------------------------------------------------------------------------------------------------


def html(row: Row, entry: Entry | None, sheet: Sheet, policy: Policy) -> str:
    """The feedback as a page."""
    body = [f"<h1>{escaping.html(told.heading(sheet))}</h1>",
            f'<p class="total"><strong>{escaping.html(row.student.shown)}</strong>: {escaping.html(told.total(row, sheet))}</p>']  # fmt: skip
    if notes := told.notes(row, entry):
        body.append(bullets(notes))
    if unread := told.unread(entry):
        body += [f"<h2>{UNREAD}</h2>", bullets(unread)]
    for section in told.by_problem(sheet, entry):
        body += _html_section(section, policy)
    body += [f"<h2>{RULES}</h2>", bullets(policy.told())]
    return page(told.heading(sheet), body, STYLE)


def _html_section(section: told.Section, policy: Policy) -> Iterator[str]:
    got, most = told.earned(section.marks)
    yield f'<h2>{section.number}. {escaping.html(section.title)} <span class="points">({got} of {most})</span></h2>'
    if section.unanswered:
        yield f"<p>No answers: {', '.join(f'<code>{escaping.html(mark.blank)}</code>' for mark in section.marks)}</p>"
        return
    yield ('<table>\n<thead><tr><th scope="col">blank</th><th scope="col">your answer</th><th scope="col">verdict</th>'
           '<th scope="col" class="number">points</th></tr></thead>\n<tbody>')  # fmt: skip
    for mark in section.marks:
        yield from _html_rows(mark, policy)
    yield "</tbody>\n</table>"


def _html_rows(mark: Marked, policy: Policy) -> Iterator[str]:
    """A row with the verdict in a word; under it what does not fit beside it: a long answer, and the reason."""
    below = _below(mark, _MOST_ON_PHONE)
    shown = '<span class="quiet">below</span>' if below else f"<code>{escaping.html(told.answer(mark))}</code>"
    kind = "no" if mark.verdict == WRONG else "yes" if mark.verdict in (RIGHT, ROUNDED, FOLLOWS) else "open"
    yield (f'<tr><th scope="row"><code>{escaping.html(mark.blank)}</code></th><td>{shown}</td>'
           f'<td class="verdict {kind}">{told.SIGNS[mark.verdict]} {told.SHORT[mark.verdict]}</td>'
           f'<td class="number">{told.worth(mark)}</td></tr>')  # fmt: skip
    more = _html_block(mark) if below else ""
    if why := told.SAID[UNDECIDED] if mark.verdict == UNDECIDED else told.reason(mark, policy):
        more += f"<p>{escaping.html(why)}</p>"
    if more:
        yield f'<tr class="why"><td colspan="4">{more}</td></tr>'


def _html_block(mark: Marked) -> str:
    if lines := told.program(mark):
        numbered = (f'<span class="line"><span class="quiet">{number}</span>{escaping.html(line)}\n</span>'
                    for number, line in lines)  # fmt: skip
        return f"<pre>{''.join(numbered)}</pre>"
    return f"<pre>{escaping.html(told.answer(mark))}</pre>"


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
