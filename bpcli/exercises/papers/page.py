"""A paper as one HTML file: no script, nothing fetched, maths as MathML, the graph as SVG; it prints well."""

from __future__ import annotations

from collections.abc import Sequence

from bpcli.escaping import html
from bpcli.exercises import mathematics
from bpcli.exercises.markdown import Block, Piece
from bpcli.exercises.papers.content import Line, Paper, Section, plural
from bpcli.pictures.picture import Picture

#: Nothing may be fetched or run, whatever the page holds.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_STYLE = """
body { font: 11pt/1.45 Georgia, 'Times New Roman', serif; max-width: 46em; margin: 2em auto; padding: 0 1em; color: #111;
  background: #fff; }
h1 { font-size: 1.5em; margin: 0 0 .3em; } h3 { font-size: 1em; margin: 1.2em 0 .3em; } h2 { font-size: 1.15em; margin: 1.6em 0 .4em; break-after: avoid; }
header { border-bottom: 1px solid #999; margin-bottom: 1em; padding-bottom: .5em; }
.points { font-weight: normal; color: #555; } code, pre { font-family: 'DejaVu Sans Mono', Consolas, monospace; font-size: .92em; }
pre { background: #f5f5f5; padding: .5em .8em; white-space: pre-wrap; overflow-wrap: anywhere; break-inside: avoid; }
table { border-collapse: collapse; width: 100%; margin: .6em 0; } th { text-align: left; font-weight: 600; }
td, th { border-bottom: 1px solid #ddd; padding: .3em .5em .3em 0; vertical-align: top; } tr { break-inside: avoid; }
td.answer { width: 9em; border-bottom: 1px solid #333; } td.wide { width: 15em; } td.worth, th.worth { text-align: right; width: 4em; }
.room { border: 1px solid #999; } .gap { display: inline-block; width: 15em; border-bottom: 1px solid #333; } .answer { color: #0a5c1e; } figure { margin: .8em 0; break-inside: avoid; }
figure svg { max-width: 100%; height: auto; } math[display=block] { margin: .6em 0; } .rule { color: #333; }
section { break-inside: auto; } @media print { body { margin: 0; max-width: none; } }
"""


def write(paper: Paper) -> str:
    """The page."""
    title = html(f"{paper.heading} – {paper.student.shown}")
    head = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
    )
    name = f"<strong>{html(paper.student.name)}</strong>" if paper.student.name else '<span class="gap"></span>'
    header = (
        f"<header>\n<h1>{html(paper.heading)}</h1>\n<div>Name: {name} (<code>{html(paper.student.id)}</code>)"
        f" · {plural(paper.points)}</div>\n</header>\n"
    )
    return head + header + "\n".join(map(_section, paper.sections)) + "\n</body>\n</html>\n"


def _piece(piece: Piece) -> str:
    if piece.maths is not None:
        return f"<math>{mathematics.mathml(piece.maths)}</math>"
    tag = {"bold": "strong", "italic": "em", "code": "code"}.get(piece.kind)
    return f"<{tag}>{html(piece.text)}</{tag}>" if tag else html(piece.text)


def _pieces(pieces: Sequence[Piece]) -> str:
    return "".join(map(_piece, pieces))


def _blocks(blocks: Sequence[Block]) -> str:
    parts: list[str] = []
    open_list = ""
    for block in blocks:
        wanted = "" if block.kind != "item" else "ul" if block.mark == "•" else "ol"
        if wanted != open_list:
            parts += [f"</{open_list}>"] * bool(open_list) + [f"<{wanted}>"] * bool(wanted)
            open_list = wanted
        parts.append(_block(block))
    return "\n".join(parts + [f"</{open_list}>"] * bool(open_list))


def _block(block: Block) -> str:
    if block.kind == "code":
        return f"<pre>{html(block.pieces[0].text)}</pre>"
    if block.kind == "display" and block.pieces[0].maths is not None:
        return f'<math display="block">{mathematics.mathml(block.pieces[0].maths)}</math>'
    if block.kind == "item":
        number = f' value="{block.mark[:-1]}"' if block.mark != "•" else ""
        return f"<li{number}>{_pieces(block.pieces)}</li>"
    return f"<p>{_pieces(block.pieces)}</p>"


def _section(section: Section) -> str:
    parts = [
        f'<section>\n<h2>{section.number}. {_pieces(section.title)} <span class="points">'
        f"({plural(section.points)})</span></h2>",
        _blocks(section.blocks),
    ]
    if section.formula:
        parts.append(f"<pre>{html(chr(10).join(section.formula))}</pre>")
    given = ", ".join(f"<code>{html(name)} = {html(value)}</code>" for name, value in section.given)
    parts.append(f"<p>Given: {given}</p>")
    if section.picture is not None:
        parts.append(f"<figure>{svg(section.picture)}</figure>")
    parts.append(f'<p class="rule">{html(section.rule)}</p>')
    short = [line for line in section.lines if not line.tall]
    if short:
        rows = "\n".join(map(_row, short))
        parts.append('<table>\n<tr><th>name</th><th>answer</th><th>what is asked</th><th class="worth">points</th></tr>'
                     f"\n{rows}\n</table>")  # fmt: skip
    for line in section.lines:
        if line.tall:
            parts.append(f"<p><code>{html(line.name)}</code>: {_about(line)} ({plural(line.points)})</p>")
            parts.append(f'<pre class="answer">{html(line.answer)}</pre>' if line.answer else
                         f'<div class="room" style="height: {1.6 * line.room:.1f}em"></div>')  # fmt: skip
    if section.worked:
        parts.append(f'<h3>Step by step</h3>\n<div class="worked">\n{_blocks(section.worked)}\n</div>')
    return "\n".join([*parts, "</section>"])


def svg(picture: Picture) -> str:
    """The picture as an element of a page."""
    text = picture.svg()
    return text[text.index("<svg") :]


def _row(line: Line) -> str:
    gap = "answer wide" if line.wide else "answer"
    return (f'<tr><td><code>{html(line.name)}</code></td><td class="{gap}">{html(line.answer)}</td>'
            f'<td>{_about(line)}</td><td class="worth">{html(line.points)}</td></tr>')  # fmt: skip


def _about(line: Line) -> str:
    text = _pieces(line.text)
    return (f"{text} " if text else "") + html(line.kind)
