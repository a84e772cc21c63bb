"""A paper as plain text for 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill, indent

from bpcli.exercises import markdown
from bpcli.exercises.markdown import Block
from bpcli.exercises.papers.content import Line, Paper, Section, plural
from bpcli.trouble import columns, visible

WIDTH = 78
BLANK = "_" * 12


def write(paper: Paper) -> str:
    """The paper."""
    name = visible(paper.student.shown)
    head = [visible(paper.heading), "=" * min(WIDTH, columns(visible(paper.heading))), ""]
    head += [f"Name: {name if paper.student.name else '_' * 30}", f"Id:   {visible(paper.student.id)}"]
    head += [f"{len(paper.sections)} problem{'s' * (len(paper.sections) != 1)}, {plural(paper.points)}", ""]
    return "\n".join(line.rstrip() for line in "\n".join([*head, *map(_section, paper.sections)]).split("\n")) + "\n"


def _section(section: Section) -> str:
    title = f"{section.number}. {visible(markdown.plain(section.title))} ({plural(section.points)})"
    parts = [_filled(title), "-" * min(WIDTH, columns(title)), ""]
    parts += _blocks(section.blocks)
    if section.formula:
        parts += [*[f"    {line}" for line in section.formula], ""]
    parts.append(_filled("Given: " + ", ".join(f"{name} = {value}" for name, value in section.given), " " * 7))
    if section.picture is not None:
        parts += ["", *section.drawn(WIDTH), ""]
    parts += [_filled(section.rule), ""]
    parts += [text for line in section.lines for text in _line(line)]
    if section.worked:
        parts += ["", "Step by step", "", *_blocks(section.worked)]
    return "\n".join([*parts, ""])


def _blocks(blocks: Sequence[Block]) -> list[str]:
    parts = [""]
    for block in blocks:
        if block.kind != "item" and parts[-1]:
            parts.append("")
        text = visible(markdown.plain(block.pieces))
        if block.kind == "code":
            parts += [indent(text, "    "), ""]
        elif block.kind == "display":
            parts += [_filled(f"    {text}", "    "), ""]
        elif block.kind == "item":
            parts.append(_filled(f"{block.mark} {text}", " " * (len(block.mark) + 1)))
        else:
            parts += [_filled(text), ""]
    return parts[1:] + [""] * bool(parts[-1])


def _line(line: Line) -> list[str]:
    text = visible(markdown.plain(line.text))
    about = f"{text + ' ' if text else ''}({line.asks}; {plural(line.points)})"
    if "\n" in line.answer or (line.tall and not line.answer):
        room = indent(line.answer, "    ") if line.answer else "\n" * line.room
        return [_filled(f"{line.name}: {about}", "    "), room]
    first = f"  {line.name} = {line.answer or BLANK * (1 + line.wide)}"
    if columns(first) + columns(about) + 3 <= WIDTH:
        return [
            f"{first:<34} {about}" if columns(first) < 34 and 35 + columns(about) <= WIDTH else f"{first}   {about}"
        ]
    return [first, _filled(f"      {about}", "      ")]


def _filled(text: str, margin: str = "") -> str:
    return fill(text, WIDTH, subsequent_indent=margin, break_on_hyphens=False, break_long_words=False,
                replace_whitespace=False, drop_whitespace=True)  # fmt: skip
