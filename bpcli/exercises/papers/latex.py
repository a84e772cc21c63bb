"""A paper in LaTeX, for XeLaTeX, LuaLaTeX or pdfLaTeX. Text goes through one escape function; nothing is input."""

from __future__ import annotations

from collections.abc import Sequence

from bpcli.escaping import Letters, tex, tex_code
from bpcli.exercises import mathematics
from bpcli.exercises.markdown import Block, Piece
from bpcli.exercises.papers.content import Line, Paper, Section, plural
from bpcli.pictures import tikz
from bpcli.pictures.picture import Picture

PAGE = 470  # points between the margins

#: T1 has the letters of Europe; another one is itself in XeLaTeX and LuaLaTeX, and its code in pdfLaTeX.
_LETTERS = Letters(0x180, r"\letter{{{letter}}}{{U+{code:04X}}}")

_HEAD = r"""\documentclass[11pt,a4paper]{article}
\usepackage[margin=22mm]{geometry}
\usepackage{iftex}
\ifPDFTeX
  \usepackage[T1]{fontenc}
  \usepackage[utf8]{inputenc}
  \usepackage{textcomp}
  \newcommand{\letter}[2]{[#2]}
\else
  \usepackage{fontspec}
  \newcommand{\letter}[2]{#1}
\fi
\usepackage{amsmath,amssymb}
\usepackage{longtable}
\usepackage{tikz}
\setlength{\parindent}{0pt}
\setlength{\parskip}{6pt}
\begin{document}
"""


def write(paper: Paper) -> str:
    """The document."""
    name = rf"\textbf{{{_text(paper.student.name)}}}" if paper.student.name else r"\rule{6cm}{0.4pt}"
    head = (
        rf"\section*{{{_text(paper.heading)}}}" + "\n\n"
        rf"Name: {name} ({_code(paper.student.id)}) \hfill {plural(paper.points)}" + "\n"
    )
    return _HEAD + head + "\n" + "\n".join(map(_section, paper.sections)) + "\\end{document}\n"


def _text(text: str) -> str:
    return tex(text, _LETTERS)


def _code(text: str) -> str:
    return rf"\texttt{{{tex_code(text, _LETTERS)}}}"


def _lines(lines: Sequence[str]) -> str:
    """Lines of code; their leading blanks stay."""
    shown = [_code(line).replace("  ", r"\ \ ") if line.strip() else r"\strut" for line in lines]
    return "\\begin{quote}\\raggedright\n" + "\\\\\n".join(shown) + "\n\\end{quote}"


def _piece(piece: Piece) -> str:
    if piece.maths is not None:
        return f"${mathematics.latex(piece.maths)}$"
    if piece.kind == "code":
        return _code(piece.text)
    command = {"bold": "textbf", "italic": "emph"}.get(piece.kind)
    return rf"\{command}{{{_text(piece.text)}}}" if command else _text(piece.text)


def _pieces(pieces: Sequence[Piece]) -> str:
    return "".join(map(_piece, pieces))


def _block(block: Block) -> str:
    if block.kind == "code":
        return _lines(block.pieces[0].text.split("\n"))
    if block.kind == "display" and block.pieces[0].maths is not None:
        return f"\\[ {mathematics.latex(block.pieces[0].maths)} \\]"
    if block.kind == "item":
        mark = r"\textbullet" if block.mark == "•" else _text(block.mark)
        return rf"\hangindent=2em {mark}\quad {_pieces(block.pieces)}"
    return _pieces(block.pieces)


def _section(section: Section) -> str:
    title = rf"\subsection*{{{section.number}. {_pieces(section.title)} \normalfont({plural(section.points)})}}"
    parts = [title, *map(_block, section.blocks)]
    if section.formula:
        parts.append(_lines(section.formula))
    parts.append("Given: " + ", ".join(_code(f"{name} = {value}") for name, value in section.given))
    if section.picture is not None:
        parts.append(_picture(section.picture))
    parts.append(_text(section.rule))
    short = [line for line in section.lines if not line.tall]
    if short:
        rows = "\n".join(map(_row, short))
        widths = "p{60mm}p{60mm}" if section.wide else "p{32mm}p{88mm}"
        parts.append(f"\\begin{{longtable}}{{@{{}}l{widths}r@{{}}}}\nname & answer & what is asked & points \\\\ \\hline\n"
                     f"{rows}\n\\end{{longtable}}")  # fmt: skip
    for line in section.lines:
        if line.tall:
            parts.append(rf"{_code(line.name)}: {_about(line)} ({plural(line.points)})")
            parts.append(_lines(line.answer.split("\n")) if line.answer else rf"\vspace{{{6 * line.room}mm}}")
    if section.worked:
        parts += [r"\subsubsection*{Step by step}", *map(_block, section.worked)]
    return "\n\n".join(parts) + "\n"


def _picture(shown: Picture) -> str:
    """The picture in TikZ, made smaller where it is wider than the page."""
    text = tikz.write(shown, shown.drawing)
    text = text[text.index(r"\begin{tikzpicture}") :].rstrip()
    if shown.drawing.width * 0.75 > PAGE:
        text = f"\\resizebox{{\\textwidth}}{{!}}{{%\n{text}}}"
    return f"\\begin{{center}}\n{text}\n\\end{{center}}"


def _row(line: Line) -> str:
    answer = _code(line.answer) if line.answer else "\\hrulefill"
    return f"{_code(line.name)} & {answer} & {_about(line)} & {line.points} \\\\[3pt]"


def _about(line: Line) -> str:
    text = _pieces(line.text)
    return (f"{text} " if text else "") + _text(line.kind)
