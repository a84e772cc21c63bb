"""A paper in Markdown (GitHub's, Pandoc's): text is escaped, so that only what bpcli writes is markup."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from bpcli.exercises import mathematics
from bpcli.exercises.markdown import Block, Piece
from bpcli.exercises.papers.content import WIDEST, Line, Paper, Section, plural
from bpcli.trouble import visible

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$&:@^\"'])")


def write(paper: Paper) -> str:
    """The paper."""
    name = f"**{escape(paper.student.name)}**" if paper.student.name else "&nbsp;" * 30
    parts = [f"# {escape(paper.heading)}", f"Name: {name}", f"Id: {code(paper.student.id)}"]
    parts.append(f"{len(paper.sections)} problem{'s' * (len(paper.sections) != 1)}, {plural(paper.points)}")
    parts += [part for section in paper.sections for part in _section(section)]
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """TEXT with everything escaped that could be markup."""
    return _SPECIAL.sub(r"\\\1", visible(text).replace("\n", " "))


def code(text: str) -> str:
    """TEXT as code, fenced by more back-ticks than it has in a row."""
    text = visible(text).replace("\n", " ")
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def block_of_code(lines: Sequence[str]) -> str:
    """LINES as a block of code."""
    text = visible("\n".join(lines))
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{fence}\n{text}\n{fence}"


def _pieces(pieces: Sequence[Piece]) -> str:
    return "".join(map(_piece, pieces))


def _piece(piece: Piece) -> str:
    if piece.maths is not None:
        return f"${mathematics.latex(piece.maths)}$"
    if piece.kind == "code":
        return code(piece.text)
    mark = {"bold": "**", "italic": "*"}.get(piece.kind, "")
    return f"{mark}{escape(piece.text)}{mark}"


def _block(block: Block) -> str:
    if block.kind == "code":
        return block_of_code(block.pieces[0].text.split("\n"))
    if block.kind == "display" and block.pieces[0].maths is not None:
        return f"$$\n{mathematics.latex(block.pieces[0].maths)}\n$$"
    mark = {"": "", "•": "- "}.get(block.mark, f"{block.mark} ")
    return mark + _pieces(block.pieces)


def _blocks(blocks: Sequence[Block]) -> list[str]:
    """BLOCKS as paragraphs; the items of a list stand together."""
    parts: list[str] = []
    for listed, group in groupby(blocks, lambda block: block.kind == "item"):
        shown = list(map(_block, group))
        parts += ["\n".join(shown)] if listed else shown
    return parts


def _section(section: Section) -> list[str]:
    parts = [f"## {section.number}\\. {_pieces(section.title)} ({plural(section.points)})"]
    parts += _blocks(section.blocks)
    if section.formula:
        parts.append(block_of_code(section.formula))
    parts.append("Given: " + ", ".join(code(f"{name} = {value}") for name, value in section.given))
    if section.picture is not None:
        parts.append(block_of_code(section.drawn(WIDEST)))
    parts.append(escape(section.rule))
    short = [line for line in section.lines if not line.tall]
    if short:
        rows = ["| name | answer | what is asked | points |", "| --- | --- | --- | --- |"]
        parts.append("\n".join(rows + [_row(line) for line in short]))
    for line in section.lines:
        if line.tall:
            parts.append(f"{code(line.name)}: {_about(line)} ({plural(line.points)})")
            parts.append(block_of_code(line.answer.split("\n") if line.answer else [""] * line.room))
    if section.worked:
        parts += ["### Step by step", *_blocks(section.worked)]
    return parts


def _row(line: Line) -> str:
    answer = code(line.answer) if line.answer else "&nbsp;" * 12
    return f"| {code(line.name)} | {answer} | {_about(line)} | {line.points} |"


def _about(line: Line) -> str:
    text = _pieces(line.text)
    return (f"{text} " if text else "") + escape(line.asks)
