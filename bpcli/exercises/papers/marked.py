"""A paper in Markdown (GitHub's, Pandoc's): text is escaped, so that only what bpcli writes is markup."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from bpcli.escaping import markdown, markdown_block, markdown_code
from bpcli.exercises import mathematics
from bpcli.exercises.markdown import Block, Piece
from bpcli.exercises.papers.content import WIDEST, Line, Paper, Section, plural


def write(paper: Paper) -> str:
    """The paper."""
    name = f"**{markdown(paper.student.name)}**" if paper.student.name else "&nbsp;" * 30
    parts = [f"# {markdown(paper.heading)}", f"Name: {name}", f"Id: {markdown_code(paper.student.id)}"]
    parts.append(f"{len(paper.sections)} problem{'s' * (len(paper.sections) != 1)}, {plural(paper.points)}")
    parts += [part for section in paper.sections for part in _section(section)]
    return "\n\n".join(parts) + "\n"


def _pieces(pieces: Sequence[Piece]) -> str:
    return "".join(map(_piece, pieces))


def _piece(piece: Piece) -> str:
    if piece.maths is not None:
        return f"${mathematics.latex(piece.maths)}$"
    if piece.kind == "code":
        return markdown_code(piece.text)
    mark = {"bold": "**", "italic": "*"}.get(piece.kind, "")
    return f"{mark}{markdown(piece.text)}{mark}"


def _block(block: Block) -> str:
    if block.kind == "code":
        return markdown_block(block.pieces[0].text.split("\n"))
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
        parts.append(markdown_block(section.formula))
    parts.append("Given: " + ", ".join(markdown_code(f"{name} = {value}") for name, value in section.given))
    if section.picture is not None:
        parts.append(markdown_block(section.drawn(WIDEST)))
    parts.append(markdown(section.rule))
    short = [line for line in section.lines if not line.tall]
    if short:
        rows = ["| name | answer | what is asked | points |", "| --- | --- | --- | --- |"]
        parts.append("\n".join(rows + [_row(line) for line in short]))
    for line in section.lines:
        if line.tall:
            parts.append(f"{markdown_code(line.name)}: {_about(line)} ({plural(line.points)})")
            parts.append(markdown_block(line.answer.split("\n") if line.answer else [""] * line.room))
    if section.worked:
        parts += ["### Step by step", *_blocks(section.worked)]
    return parts


def _row(line: Line) -> str:
    answer = markdown_code(line.answer) if line.answer else "&nbsp;" * (24 if line.wide else 12)
    return f"| {markdown_code(line.name)} | {answer} | {_about(line)} | {line.points} |"


def _about(line: Line) -> str:
    text = _pieces(line.text)
    return (f"{text} " if text else "") + markdown(line.kind)
