"""Graph to text: bpcli's own language (it reads back as the same graph), fully bracketed, or LaTeX."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from math import copysign
from typing import NamedTuple

from bpcli.gates import CALLS, GATES, NEGATES, RAISES, Gate
from bpcli.graph import Graph, figure

_NEG = GATES["neg"]
_MOST_WRITTEN = 10_000  # gates of a formula that is written without names for its shared parts
_MOST_OF_STEP = 60  # characters of one step in a sentence; longer parts of it are left out

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
        row, args = graph.row(place), _shown_inputs(graph, place)
        for piece in reversed(template(row, style.latex)):
            if isinstance(piece, str):
                stack.append(piece)
            elif _needs_brackets(graph, args[piece[0]], row, piece[1], style, inline):
                stack += [closing, args[piece[0]], opening]
            else:
                stack.append(args[piece[0]])
    return "".join(out)


def program(graph: Graph, style: Style = BRACKETED) -> list[str]:
    """The lines of the program: ``name = formula`` for every named gate, then the output if it is not the last.

    A graph whose shared parts would be written too often has a line of its own for each of them.
    """
    graph = _with_shared_named(graph)
    position = graph.position
    lines = [_line(graph, node, graph.names[node], style) for node in graph.gates if node in graph.names]
    for node in graph.outputs:
        if node not in position:  # a line that gives a variable or a number another name
            name = next((name for name, other in graph.scope.items() if other == node), "")
            lines.append(_line(graph, node, name, style))
        elif node not in graph.names:
            lines.append(write(graph, node, style))
        elif len(graph.outputs) == 1 and any(other in graph.names for other in graph.gates[position[node] + 1 :]):
            lines.append(_leaf(graph, node, style))
    return lines


def reading(graph: Graph) -> str:
    """GRAPH on one line as it was typed, fully bracketed: what every result echoes."""
    return "; ".join(program(graph.typed or graph))


def _with_shared_named(graph: Graph) -> Graph:
    """GRAPH with its ids as names of the shared gates, if written out they make it more than `_MOST_WRITTEN` gates.

    tanh in tanh in tanh, taken apart, is written four times as long with each tanh: ten of them make 16 MB.
    """
    written = [0] * graph.size
    for node, args in zip(graph.gates, graph.args, strict=True):
        written[node] = 1 + sum(written[given] for given in args if given not in graph.names)
    if max(written, default=0) <= max(_MOST_WRITTEN, len(graph.gates)):
        return graph
    uses = Counter(given for args in graph.args for given in args)
    shared = {node: graph.ids[node] for node in graph.gates if uses[node] > 1}
    return replace(graph, names=graph.names | shared)


def _line(graph: Graph, node: int, name: str, style: Style) -> str:
    left = latex_name(name) if style.latex else name
    return (f"{left} = " if name else "") + write(graph, node, style)


def gate_text(graph: Graph, place: int, style: Style = FORMULA, operands: Sequence[str] | None = None) -> str:
    """One gate, written with the ids of its inputs, ``g1*z``, or with other texts for its OPERANDS, ``3*(-4)``."""
    row, args = graph.row(place), graph.args[place]
    opening, closing = (r"\left(", r"\right)") if style.latex else ("(", ")")
    out = []
    for piece in template(row, style.latex):
        if isinstance(piece, str):
            out.append(piece)
            continue
        node = args[piece[0]]
        if operands is not None:
            text = operands[piece[0]]
            number = r"\times" in text and text[0] != "\\"  # 2 \times 10^{9}, not an array
            negative = text.startswith("-") and (bool(out) or row.binds >= RAISES)
        else:
            text = _leaf(graph, node, style) if node in graph.constants else _id(graph, node, style)
            number, negative = _is_number(graph, node) and (row is _NEG or piece[1] == "."), _negative(graph, node)
        bracketed = piece[1] != "<" and (number or negative)
        out.append(f"{opening}{text}{closing}" if bracketed else text)
    return "".join(out)


def with_names(graph: Graph, nodes: Iterable[int]) -> Graph:
    """GRAPH whose gates among NODES have names too: their ids, for somebody who was asked for them by these."""
    return replace(graph, names=graph.names | {node: graph.ids[node] for node in nodes if node in graph.position})


def step_text(graph: Graph, node: int) -> str:
    """The step that gives NODE as it stands in the formula: ``q = x + y``, or ``x + y`` where it has no name there.

    Parts without a name are written out, ``s = w0*x0 + w1*x1 + w2``; where that is long, ``s = … + w2``.
    """
    if node not in graph.position:
        return graph.ids[node]
    text = _short(graph, node, _MOST_OF_STEP)
    if text is None:
        place = graph.position[node]
        parts = [graph.names.get(one) or _short(graph, one, _MOST_OF_STEP // 2) for one in graph.args[place]]
        operands = [f"({part})" if part and " " in part else part or "…" for part in parts]
        text = gate_text(graph, place, operands=operands if any(parts) else None)
    return f"{graph.names[node]} = {text}" if node in graph.names else text


def _short(graph: Graph, node: int, most: int) -> str | None:
    """The formula of NODE, unless it takes more than MOST characters; an input of a gate is its name."""
    if node not in graph.position:
        return _leaf(graph, node, FORMULA)
    parts, stack = 0, [node]
    while stack and parts <= most:
        one = stack.pop()
        parts += 1
        if one in graph.position and (one == node or one not in graph.names):
            stack += graph.args[graph.position[one]]
    text = write(graph, node) if parts <= most else ""
    return text if 0 < len(text) <= most else None


def _id(graph: Graph, node: int, style: Style) -> str:
    return latex_name(graph.ids[node]) if style.latex else graph.ids[node]


@cache
def template(row: Gate, latex: bool = False) -> list[Piece]:
    """A row as it is written: pieces of text, and the places of its inputs."""
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
            if piece.startswith((".T", "[")) and pieces and not isinstance(pieces[-1], str):
                pieces[-1] = (pieces[-1][0], ".")  # W.T and x[0]: only after a name, a call or a bracket
            pieces.append(piece)
    return pieces


def _needs_brackets(graph: Graph, node: int, row: Gate, how: str, style: Style, inline: bool) -> bool:
    if how == "<":
        return False
    place = graph.position.get(node)
    if place is None:
        if _is_number(graph, node) and (row is _NEG or how == "."):
            return True  # -3 is a number: the gate that changes its sign is -(3)
        binds = NEGATES if _negative(graph, node) else CALLS
    else:
        child = graph.row(place)
        loose = child.tex_binds if style.latex and child.tex_binds is not None else child.binds
        if how == "." and child.name == "array":
            loose = RAISES
        binds = CALLS if node in graph.names and not inline else loose
    if style.every_bracket:
        return binds < CALLS
    return binds < row.binds or (how == "[" and (binds == row.binds or binds == NEGATES))


def _shown_inputs(graph: Graph, place: int) -> tuple[int, ...]:
    """A gate's inputs, without the stretches that reading the text will put there again."""
    args, row = graph.args[place], graph.row(place)
    if graph.shapes is None or row.shape is not None or row.build is not None or len(args) < 2:
        return args
    from bpcli.arrays.gates import Misfit, broadcast

    inner = tuple(
        graph.args[graph.position[node]][0]
        if node in graph.position and graph.row(graph.position[node]).name == "stretch" else node
        for node in args
    )  # fmt: skip
    try:
        same = broadcast(tuple(graph.shapes[node] for node in inner), row.name) == graph.shapes[graph.gates[place]]
    except Misfit:
        return args
    return inner if same else args


def _negative(graph: Graph, node: int) -> bool:
    """Whether NODE is a number that is written with a minus."""
    value = graph.constants.get(node)
    return isinstance(value, float) and copysign(1, value) < 0 and node not in graph.names


def _is_number(graph: Graph, node: int) -> bool:
    return node in graph.constants and node not in graph.names


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
