"""Right and wrong backward run side by side."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from bpcli.figures import NUMBER
from bpcli.lecturing import number_text
from bpcli.slip_pages import Line, Rule, SlippedRun
from bpcli.trouble import visible
from bpcli.views.layout import GRADIENT, QUIET, Look, fit, note_lines, reading

MOST_LINES = 60  # gates and variables shown, unless all are asked for


def render(result: SlippedRun, look: Look) -> RenderableType:
    """The slip, the two runs in columns, and what comes out wrong."""
    parts: list[RenderableType] = [reading(result.gradients.reading, look.everything), Text(),
                                   Text(f"{result.slip.title}: the student {result.slip.sentence}.")]  # fmt: skip
    if result.places:
        parts += [*spelled_out(result, look), Text(), runs(result, look), Text()]
    parts.append(Text(visible(result.verdict)))
    if result.wrong:
        parts.append(Text(result.slip.advice))
    return Group(*parts, *note_lines(result.gradients.notes))


def spelled_out(result: SlippedRun, look: Look) -> list[RenderableType]:
    """Where the slip is made, and for which local gradient what was taken."""
    names = result.places
    shown = names if len(names) <= 12 else [*names[:12], f"{len(names) - 12:,} more"]
    lines: list[RenderableType] = [Text(f"Made at {', '.join(shown)}.")]
    for rule in result.rules:
        right, wrong = _told(rule, look)
        if right == wrong:
            continue
        line = Text(visible(f"at {rule.gate}, local gradient for {rule.input}: {wrong} instead of {right}"))
        lines.append(Padding(line, (0, 0, 0, 2)))
    return lines


def _told(rule: Rule, look: Look) -> list[str]:
    """The right and the wrong local gradient: formula and number, or the number where the formula is a case."""
    assert rule.numbers is not None
    figures = [number_text(number, look.digits, look.everything) for number in rule.numbers]
    formulas = (rule.right, rule.wrong)
    if any(" if " in one or " wins" in one or "where(" in one for one in formulas):
        return figures
    return [
        one if NUMBER.fullmatch(one) else f"{one} = {number}" for one, number in zip(formulas, figures, strict=True)
    ]


def runs(result: SlippedRun, look: Look) -> RenderableType:
    """A row for each gate, last first, then for each variable."""
    lines = result.lines
    left_out = 0
    if len(lines) > MOST_LINES and not look.everything:
        gates = [line for line in lines if not line.is_input]
        variables = [line for line in lines if line.is_input]
        lines = [*gates[:20], *gates[20:][-10:], *variables[:30]]
        left_out = len(result.lines) - len(lines)
    rows = [[_name(line), number_text(line.right, look.digits, look.everything),
             number_text(line.wrong, look.digits, look.everything), "" if line.same else "wrong"] for line in lines]  # fmt: skip
    arrays = any(" " in cell for row in rows for cell in row[1:3])
    table = fit(look, ["gradient at", "right", "with the slip", ""], rows, ["", GRADIENT, GRADIENT, ""],
                words=(0, 1, 2, 3) if arrays else (0, 3))  # fmt: skip
    if not left_out:
        return table
    return Group(table, Text(f"… {left_out:,} lines are not shown (--all shows them)", QUIET))


def _name(line: Line) -> str:
    return line.id if line.is_input or line.id == line.text else f"{line.id} = {line.text}"
