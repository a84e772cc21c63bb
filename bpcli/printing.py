"""Graph to text: bpcli's own language (it reads back as the same graph), fully bracketed, or LaTeX."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from bpcli.gates import CALLS, NEGATES, Gate
from bpcli.graph import Graph, figure

#: A piece of a row's template: text as it is, or (which input, how it is bracketed).
Piece = str | tuple[int, str]

GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
    "omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split()
)


class Style(NamedTuple):
    """How a graph is written."""

    every_bracket: bool = False
    latex: bool = False


FORMULA = Style()
BRACKETED = Style(every_bracket=True)
LATEX = Style(latex=True)


def write(graph: Graph, node: int | None = None, style: Style = FORMULA, inline: bool = False) -> str:
    """The formula of NODE (the output if none is given) as text.

    A node with an assigned name is written as its name, unless INLINE; the work is linear in the text.
    """
    out: list[str] = []
    root = graph.output if node is None else node
    stack: list[str | int] = [root]
    opening, closing = (r"\left(", r"\right)") if style.latex else ("(", ")")
    position, names = graph.position, graph.names
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            out.append(item)
            continue
        place = position.get(item)
        if place is None or (item in names and item != root and not inline):
            out.append(_leaf(graph, item, style))
            continue
        row, args = graph.row(place), graph.args[place]
        for piece in reversed(_template(row, style.latex)):
            if isinstance(piece, str):
                stack.append(piece)
            elif _needs_brackets(graph, args[piece[0]], row, piece[1], style, inline):
                stack += [closing, args[piece[0]], opening]
            else:
                stack.append(args[piece[0]])
    return "".join(out)


def program(graph: Graph, style: Style = BRACKETED) -> list[str]:
    """The lines of the program: ``name = formula`` for every named gate, then the output if it has no name."""
    equals = " = "
    lines = [
        _leaf(graph, node, style) + equals + write(graph, node, style)
        for node in graph.gates
        if node in graph.names and node not in graph.outputs
    ]
    for node in graph.outputs:
        named = node in graph.names and node in graph.position
        lines.append((_leaf(graph, node, style) + equals if named else "") + write(graph, node, style))
    return lines


def gate_text(graph: Graph, place: int, style: Style = FORMULA) -> str:
    """One gate, written with the ids of its inputs: ``g1*z``."""
    row, args = graph.row(place), graph.args[place]
    out = []
    for piece in _template(row, style.latex):
        if isinstance(piece, str):
            out.append(piece)
        else:
            negative = graph.constants.get(args[piece[0]], 0) < 0 and piece[1] != "<"
            text = graph.ids[args[piece[0]]]
            out.append(f"({text})" if negative else text)
    return "".join(out)


@cache
def _template(row: Gate, latex: bool) -> list[Piece]:
    operands = ", ".join(f"<{name}>" for name in row.inputs)
    text = row.text or f"{row.name}({operands})"
    if latex:
        escaped = row.name.replace("_", r"\_")
        text = row.tex or rf"\operatorname{{{escaped}}}\left({operands}\right)"
    pieces: list[Piece] = []
    for piece in re.split(r"(<[(\[]?\w+[)\]]?>)", text):
        if match := re.fullmatch(r"<([(\[]?)(\w+)[)\]]?>", piece):
            pieces.append((row.inputs.index(match[2]), match[1] or "<"))
        elif piece:
            pieces.append(piece)
    return pieces


def _needs_brackets(graph: Graph, node: int, row: Gate, how: str, style: Style, inline: bool) -> bool:
    if how == "<":
        return False
    place = graph.position.get(node)
    if place is None:
        binds = NEGATES if graph.constants.get(node, 0) < 0 and node not in graph.names else CALLS
    else:
        child = graph.row(place)
        loose = child.tex_binds if style.latex and child.tex_binds is not None else child.binds
        binds = CALLS if node in graph.names and not inline else loose
    if style.every_bracket:
        return binds < CALLS
    return binds < row.binds or (how == "[" and (binds == row.binds or binds == NEGATES))


def _leaf(graph: Graph, node: int, style: Style) -> str:
    if node in graph.names:
        text = graph.names[node]
    elif node in graph.constants:
        return figure(graph.constants[node]) if not style.latex else latex_number(graph.constants[node])
    else:
        text = graph.ids[node]
    return latex_name(text) if style.latex else text


def latex_number(value: float) -> str:
    """A number in LaTeX, with a power of ten instead of the letter e."""
    mantissa, _, exponent = figure(value).partition("e")
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else mantissa


def latex_name(name: str) -> str:
    """A name in LaTeX: Greek letters by name, digits and what follows ``_`` as an index."""
    match = re.fullmatch(r"([A-Za-z]+?)_?([0-9]+|_\w+|(?<=_)\w+)?[_.]?([0-9]*)", name)
    stem, index = (match[1], (match[2] or "").lstrip("_") + match[3]) if match else (name, "")
    if name in ("pi", "e"):
        return r"\pi" if name == "pi" else "e"
    letter = rf"\{stem}" if stem in GREEK else stem if len(stem) == 1 else rf"\mathit{{{stem}}}"
    letter = letter.replace("_", r"\_")
    if not index:
        return letter
    if index.isdigit() or len(index) == 1:
        return f"{letter}_{{{index}}}"
    return rf"{letter}_{{\mathrm{{{index.replace('_', ',')}}}}}"
