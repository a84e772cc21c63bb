"""A paper as PDF, set by typst (the extra bpcli[pdf]).

typst gets one fixed template and the paper as JSON: nothing that an author or a student wrote is ever source. Only
maths is evaluated, and that text is written by `bpcli.exercises.mathematics` from its own tables. The compiler sees
an empty folder, no fonts but its own, and no clock, so the same paper gives the same bytes everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from unicodedata import category, name

from bpcli.exercises import mathematics
from bpcli.exercises.markdown import Block, Piece
from bpcli.exercises.papers.content import Line, Paper, Section, plural
from bpcli.exercises.papers.page import svg
from bpcli.trouble import visible
from bpcli.typesetter import compiler

#: Scripts that typst's own fonts have letters for.
SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")

TEMPLATE = rb"""
#let D = json(bytes(sys.inputs.data))
#set document(title: D.heading, date: none)
#set page(paper: "a4", margin: (x: 20mm, top: 18mm, bottom: 20mm),
  footer: context { set text(size: 8.5pt, fill: luma(90)); D.id; h(1fr); counter(page).display("1 / 1", both: true) })
#set text(font: "Libertinus Serif", size: 11pt, lang: "en", hyphenate: false)
#set par(justify: false, leading: 0.62em)
#show raw: set text(font: "DejaVu Sans Mono", size: 9.2pt)
#let code(text) = raw(text)
#let maths(source, block) = math.equation(block: block, eval(source, mode: "math"))
#let piece(p) = { if p.kind == "maths" { maths(p.text, false) } else if p.kind == "bold" { strong(p.text) }
  else if p.kind == "italic" { emph(p.text) } else if p.kind == "code" { code(p.text) } else { text(p.text) } }
#let pieces(list) = list.map(piece).join()
#let lines(texts) = block(fill: luma(245), inset: 7pt, width: 100%, raw(texts.join("\n"), block: true))
#let paragraph(b) = { if b.kind == "code" { lines(b.lines) } else if b.kind == "display" { maths(b.pieces.at(0).text, true) }
  else if b.kind == "item" { grid(columns: (1.6em, 1fr), text(b.mark), pieces(b.pieces)) } else { par(pieces(b.pieces)) } }
#let rule-line = box(width: 100%, height: 1.1em, stroke: (bottom: 0.6pt + luma(120)))
#text(size: 16pt, weight: "bold", D.heading)
#v(-4pt)
Name: #if D.name != "" { strong(D.name) } else { box(width: 6cm, stroke: (bottom: 0.6pt), height: 0.7em) } (#code(D.id)) #h(1fr) #D.points
#line(length: 100%, stroke: 0.6pt + luma(120))
#for s in D.sections {
  block(above: 16pt, below: 8pt, sticky: true, text(size: 12.5pt, weight: "bold")[#s.number. #pieces(s.title) #text(weight: "regular", fill: luma(90))[(#s.points)]])
  for b in s.blocks { paragraph(b) }
  if s.formula.len() > 0 { lines(s.formula) }
  par[Given: #s.given.map(g => box(code(g))).join([, ])]
  if s.picture != "" { align(center, image(bytes(s.picture), format: "svg", width: s.width * 1pt)) }
  par(s.rule)
  if s.lines.len() > 0 {
    table(columns: (auto, if s.wide { 54mm } else { 32mm }, 1fr, auto), stroke: (x, y) => (bottom: 0.5pt + luma(if y == 0 { 90 } else { 200 })), inset: (x: 4pt, y: 4.5pt),
      align: (left + horizon, left + horizon, left + horizon, right + horizon),
      table.header(strong("name"), strong("answer"), strong("what is asked"), strong("points")),
      ..s.lines.map(l => (code(l.name), if l.answer == "" { rule-line } else { code(l.answer) }, pieces(l.text), l.points)).flatten())
  }
  for l in s.tall {
    par[#code(l.name): #pieces(l.text) (#l.points)]
    if l.answer.len() > 0 { lines(l.answer) } else { rect(width: 100%, height: l.room * 6.5mm, stroke: 0.6pt + luma(140)) }
  }
  if s.worked.len() > 0 { block(above: 12pt, sticky: true, strong("Step by step")); for b in s.worked { paragraph(b) } }
}
"""

#: Widths in points: the page without its margins, and what one unit of an SVG may be at most.
PAGE, SCALE = 480.0, 0.75


def write(paper: Paper) -> bytes:
    """The PDF; `Trouble` without the extra, with the line that installs it."""
    data = json.dumps(record(paper), ensure_ascii=True)
    pdf: bytes = compiler().compile(TEMPLATE, sys_inputs={"data": data}, timestamp=0)
    return pdf


def installed() -> None:
    """Raise `Trouble` unless PDFs can be made."""
    compiler()


def unshown(text: str) -> str:
    """The characters of TEXT that would be printed as empty boxes."""
    return "".join(c for c in dict.fromkeys(visible(text)) if not _has_glyph(c))


def shown(text: str) -> str:
    """TEXT with a code point instead of each character that would be an empty box."""
    lacking = unshown(text)
    return "".join(f"U+{ord(c):04X}" if c in lacking else c for c in visible(text))


def _has_glyph(character: str) -> bool:
    if character.isascii() or category(character) in ("Mn", "Zs", "Pd", "Po", "Pi", "Pf"):
        return True
    known = ord(character) < 0x2000 and name(character, "").split(" ")[0] in SCRIPTS
    return known or character in "№™…·−×÷±≤≥≠→←∂∇∑∏√∞σ²³∈"


def record(paper: Paper) -> dict[str, Any]:
    """PAPER as the template's data."""
    return {
        "heading": shown(paper.heading), "name": "" if unshown(paper.student.name) else visible(paper.student.name),
        "id": shown(paper.student.id), "points": plural(paper.points),
        "sections": list(map(_section, paper.sections)),
    }  # fmt: skip


def _piece(piece: Piece) -> dict[str, str]:
    if piece.maths is not None:
        return {"kind": "maths", "text": mathematics.typst(piece.maths)}
    return {"kind": piece.kind, "text": shown(piece.text)}


def _pieces(pieces: Sequence[Piece]) -> list[dict[str, str]]:
    return [_piece(piece) for piece in pieces]


def _block(block: Block) -> dict[str, Any]:
    code = [visible(line) for line in block.pieces[0].text.split("\n")] if block.kind == "code" else []
    return {"kind": block.kind, "mark": block.mark, "pieces": _pieces(block.pieces), "lines": code}


def _section(section: Section) -> dict[str, Any]:
    picture, width = "", 0.0
    if section.picture is not None:
        picture = svg(section.picture)
        width = min(PAGE, SCALE * _width(picture))
    return {
        "number": str(section.number), "title": _pieces(section.title), "points": plural(section.points),
        "blocks": list(map(_block, section.blocks)), "formula": [visible(line) for line in section.formula],
        "given": [visible(f"{name} = {value}") for name, value in section.given], "picture": picture, "width": width,
        "rule": section.rule, "wide": section.wide, "lines": [_line(line) for line in section.lines if not line.tall],
        "tall": [_tall(line) for line in section.lines if line.tall], "worked": list(map(_block, section.worked)),
    }  # fmt: skip


def _width(picture: str) -> float:
    """The width of an SVG, from its own first tag."""
    from re import search

    found = search(r'viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ', picture[:400]) or search(r'width="([\d.]+)', picture[:400])
    return float(found[1]) if found else PAGE


def _line(line: Line) -> dict[str, Any]:
    text = [
        *_pieces(line.text),
        *([{"kind": "text", "text": " "}] if line.text else []),
        {"kind": "text", "text": shown(line.kind)},
    ]
    return {"name": visible(line.name), "answer": visible(line.answer), "text": text, "points": line.points}


def _tall(line: Line) -> dict[str, Any]:
    return _line(line) | {"answer": line.answer.split("\n") if line.answer else [], "points": plural(line.points),
                           "room": line.room}  # fmt: skip
