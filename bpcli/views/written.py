"""The lecture in Markdown, LaTeX and HTML. Whatever comes from the user's formula is escaped or set as mathematics."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from bpcli import escaping
from bpcli.explaining import Explanation
from bpcli.figures import show
from bpcli.lecturing import Atom, Gate, Name, Number, Piece, Pieces, Text, atom_text, number_text, sections
from bpcli.printing import LATEX, gate_text, latex_name, program, write
from bpcli.trouble import Trouble, visible

FORMATS = ("text", "markdown", "latex", "html")


def markdown(result: Explanation, digits: int = 4, everything: bool = False) -> str:
    """The lecture in Markdown: mathematics as code."""

    def set_(pieces: Pieces) -> str:
        return "".join(escaping.markdown_sentence(one) if isinstance(one, str) else f"`{_plain(result, one, digits, everything)}`"
                       for one in pieces)  # fmt: skip

    blocks = [] if result.only else [f"reads as `{visible(result.gradients.reading)}`"]
    for section in sections(result, everything):
        blocks += [f"## {section.heading}"] * bool(section.heading)
        if section.heading == "Forward":
            blocks.append("\n".join(f"- {set_(one.lead)}" for one in section.paragraphs))
            continue
        blocks += ["\n".join([set_(one.lead), *([""] if one.items else []), *[f"- {set_(item)}" for item in one.items]])
                   for one in section.paragraphs]  # fmt: skip
    return "\n\n".join(blocks) + "\n"


def _plain(result: Explanation, piece: Piece, digits: int, everything: bool) -> str:
    assert not isinstance(piece, str)
    atoms = [atom_text(result.graph, result.values, atom, digits, everything) for atom in piece.atoms]
    return visible(" ".join(atoms))


# --- HTML ------------------------------------------------------------------------------------------------

STYLE = """\
:root { color-scheme: light dark; }
body { font: 1.05rem/1.55 Georgia, serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
h2 { font-size: 1.2rem; margin: 1.8em 0 .4em; }
code { font: .95em ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
p, ul { margin: .5em 0; } ul { padding-left: 1.4em; } .forward { list-style: none; padding: 0; }
.value { color: #1a7f37; } .gradient { color: #c4231c; } .note, .reading { opacity: .75; }
@media (prefers-color-scheme: dark) { .value { color: #57c26d; } .gradient { color: #ff7b72; } }
"""


def html(result: Explanation, digits: int = 4, everything: bool = False) -> str:
    """The lecture as a page of its own: no script, no request."""
    title = escaping.html(result.gradients.reading[:80])
    return (f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n'
            f"<style>\n{STYLE}</style>\n{fragment(result, digits, everything)}</html>\n")  # fmt: skip


def fragment(result: Explanation, digits: int = 4, everything: bool = False) -> str:
    """The same to put into another page, or into a notebook."""

    def set_(pieces: Pieces) -> str:
        return "".join(escaping.html(one) if isinstance(one, str) else
                       f"<code>{' '.join(map(atom, one.atoms))}</code>" for one in pieces)  # fmt: skip

    def atom(one: Atom) -> str:
        text = escaping.html(atom_text(result.graph, result.values, one, digits, everything))
        return f'<span class="{one.kind}">{text}</span>' if isinstance(one, Number) and one.kind else text

    lines = [] if result.only else [
        f'<p class="reading">reads as <code>{escaping.html(result.gradients.reading)}</code></p>']  # fmt: skip
    for section in sections(result, everything):
        lines += [f"<h2>{section.heading}</h2>"] * bool(section.heading)
        if section.heading == "Forward":
            lines += ['<ul class="forward">', *[f"<li>{set_(one.lead)}</li>" for one in section.paragraphs], "</ul>"]
            continue
        for paragraph in section.paragraphs:
            lines.append(f"<p>{set_(paragraph.lead)}</p>")
            if paragraph.items:
                lines += ["<ul>", *[f"<li>{set_(item)}</li>" for item in paragraph.items], "</ul>"]
    return "\n".join(lines) + "\n"


# --- LaTeX -----------------------------------------------------------------------------------------------

_SIGNS = {"×": r"\times", "...": r"\dots", "<=": r"\le", ">=": r"\ge"}


def latex(result: Explanation, digits: int = 4, everything: bool = False) -> str:
    """The lecture as LaTeX for an article with amsmath."""

    def set_(pieces: Pieces) -> str:
        return "".join(escaping.tex(one) if isinstance(one, str) else
                       f"${' '.join(latex_atom(result, atom, digits, everything) for atom in one.atoms)}$" for one in pieces)  # fmt: skip

    blocks = [r"% needs \usepackage{amsmath}"]
    if result.only is None:
        graph = result.graph.typed or result.graph
        blocks.append(",\\quad ".join(f"${line}$" for line in program(graph, LATEX)))
    for section in sections(result, everything):
        blocks += [rf"\subsection*{{{section.heading}}}"] * bool(section.heading)
        if section.heading == "Forward":
            blocks.append(_items([set_(one.lead) for one in section.paragraphs]))
            continue
        for paragraph in section.paragraphs:
            items = _items([set_(item) for item in paragraph.items])
            blocks.append(set_(paragraph.lead) + (f"\n{items}" if items else ""))
    return "\n\n".join(blocks) + "\n"


def _items(lines: list[str]) -> str:
    return "\n".join([r"\begin{itemize}", *[rf"  \item {line}" for line in lines], r"\end{itemize}"]) if lines else ""


def latex_atom(result: Explanation, atom: Atom, digits: int, everything: bool = False) -> str:
    """One name, number or formula in LaTeX."""
    match atom:
        case Number():
            return _latex_value(atom.value, digits, everything)
        case Name():
            return _latex_operand(atom.id)
        case Text():
            return latex_text(atom.text)
        case Gate():
            graph, values = result.graph, result.values
            operands = None
            if atom.with_values:
                operands = [_latex_operand(graph.ids[node]) if values[node] is None else
                            _latex_value(values[node], digits, everything) for node in graph.args[atom.place]]  # fmt: skip
            return gate_text(graph, atom.place, LATEX, operands)
        case _:
            return _SIGNS.get(atom, atom)


def _latex_operand(text: str) -> str:
    return latex_name(text) if text.isidentifier() else text


def _latex_value(value: Any, digits: int, everything: bool) -> str:
    shape = getattr(value, "shape", ())
    if not shape:
        return _power_of_ten(show(float(value), digits))
    text = number_text(value, digits, everything)
    if text.startswith("(") or len(shape) > 2:
        return rf"\text{{{escaping.tex(text)}}}"
    if len(shape) == 1:
        return rf"\left({', '.join(_power_of_ten(show(float(one), digits)) for one in value)}\right)"
    lines = r" \\ ".join(" & ".join(_power_of_ten(show(float(one), digits)) for one in row) for row in value)
    return rf"\begin{{bmatrix}} {lines} \end{{bmatrix}}"


def _power_of_ten(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else mantissa


@cache
def latex_text(text: str) -> str:
    """A formula in bpcli's language as LaTeX; a rule in words as words."""
    from bpcli.passes import parse

    if " if " in text or text.endswith(" wins"):
        return "".join(_latex_case(piece) for piece in re.split(r"( if |, else |, | [<>]=? | wins)", text) if piece)
    if entry := re.fullmatch(r"(\w+)\[([-0-9, ]+)\]", text):
        return rf"{{{latex_name(entry[1])}}}_{{{entry[2]}}}"
    try:
        graph = parse(text, variables=re.findall(r"[A-Za-z]\w*", text))
        return re.sub(r"\\left\(([\w\\{}]*)\\right\)\}\^\{\\top\}", r"\1}^{\\top}", write(graph, style=LATEX))
    except Trouble:
        return rf"\text{{{escaping.tex(text)}}}"


def _latex_case(piece: str) -> str:
    """One piece of "1 if x > 0, else 0": a sign, words, or a formula."""
    sign = piece.strip()
    if re.fullmatch("[<>]=?", sign):
        return f" {_SIGNS.get(sign, sign)} "
    return rf"\text{{{piece}}}" if re.search("[a-z] |, | [a-z]", piece) else latex_text(piece)


WRITERS: dict[str, Callable[[Explanation, int, bool], str]] = {"markdown": markdown, "latex": latex, "html": html}
