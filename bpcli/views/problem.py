"""One variant of a problem, as ``bpcli problems show`` prints it."""

from __future__ import annotations

from textwrap import fill, indent

from rich.console import Group, RenderableType
from rich.text import Text

from bpcli.exercises import markdown
from bpcli.exercises.keys import Key
from bpcli.exercises.showing import Shown
from bpcli.exercises.wording import array_figure, asks_for, rounding_rule
from bpcli.rounding import Rule
from bpcli.trouble import visible
from bpcli.views.layout import GRADIENT, QUIET, VALUE, Look


def render(result: Shown, look: Look) -> RenderableType:
    """Title, statement, formula, givens, and a line for each blank."""
    problem, width = result.variant.problem, min(look.width, 80)
    title = markdown.plain(markdown.line(problem.title))
    lines: list[RenderableType] = [
        Text(visible(title), "bold"),
        Text(_wrapped(f"{problem.id} · {', '.join(problem.tags)}", width), QUIET),
    ]
    for block in markdown.read(problem.statement):
        text = markdown.plain(block.pieces)
        lead = f"{block.mark} " if block.mark else "    " if block.kind == "display" else ""
        body = indent(text, "    ") if block.kind == "code" else _wrapped(lead + text, width, " " * len(lead))
        lines += ["" if not block.mark else None, Text(visible(body))]  # type: ignore[list-item]
    if not problem.hides_formula or result.solution is not None:
        lines += ["", Text(visible(indent(problem.graph.source.strip("\n"), "    ")), VALUE)]
    lines.append("")
    given = "   ".join(f"{name} = {value}" for name, value in result.givens().items())
    lines.append(Text(_wrapped(f"given  {given}", width, " " * 7)))
    lines += ["", Text(_wrapped(rounding_rule(problem), width)), ""]
    answers = {key.blank.name: key for key in result.solution or ()}
    for blank in problem.blanks:
        points = f"{blank.points.normalize():f}"
        about = f"{blank.text} " * bool(blank.text) + f"({asks_for(problem, blank)}; {points})"
        key = answers.get(blank.name)
        shown = _answer(key, problem.rounding) if key else ""
        first = f"{blank.name} = {shown}" if "\n" not in shown else f"{blank.name}:\n{indent(shown, '    ')}"
        lines.append(Text(visible(first), GRADIENT if key else ""))
        lines.append(Text(visible(_wrapped("    " + about, width, "    ")), QUIET))
    return Group(*[line for line in lines if line is not None])


def _answer(key: Key, rounding: Rule) -> str:
    return key.text if key.number is None else array_figure(key.number, rounding)


def _wrapped(text: str, width: int, margin: str = "") -> str:
    return fill(text, max(width, 20), subsequent_indent=margin, break_on_hyphens=False, break_long_words=False)
