"""`bpcli.explain` for the terminal: paragraphs, with values in green and gradients in red."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.text import Text

from bpcli.explaining import Explanation
from bpcli.lecturing import Number, Pieces, atom_text, sections
from bpcli.trouble import visible
from bpcli.views.layout import GRADIENT, UNLIMITED, VALUE, Look, reading

STYLES = {"value": VALUE, "gradient": GRADIENT, "": ""}
READABLE = 100  # columns of a line of prose


def render(result: Explanation, look: Look) -> RenderableType:
    """The reading, then the sections: forward, backward, gradients."""
    parts: list[RenderableType] = []
    if result.only is None:
        parts.append(reading(result.gradients.reading, look.everything))
    for section in sections(result, look.everything):
        if parts:
            parts.append(Text())
        if section.heading:
            parts.append(Text(section.heading, "bold"))
        margin, apart = 2 if section.heading else 0, any(one.items for one in section.paragraphs) and not result.brief
        for number, paragraph in enumerate(section.paragraphs):
            if number and apart:
                parts.append(Text())
            parts.append(_set(result, paragraph.lead, margin, look))
            parts += [_set(result, item, margin + 2, look) for item in paragraph.items]
    return Group(*parts)


def _set(result: Explanation, pieces: Pieces, margin: int, look: Look) -> RenderableType:
    """A line of the lecture; on a wide terminal no wider than it can be read, in a pipe as it is."""
    padded = Padding(as_rich(result, pieces, look), (0, 0, 0, margin))
    return padded if look.width == UNLIMITED else Constrain(padded, READABLE)


def as_rich(result: Explanation, pieces: Pieces, look: Look) -> Text:
    """PIECES as a line of the terminal."""
    text = Text()
    for piece in pieces:
        if isinstance(piece, str):
            text.append(piece)
            continue
        for number, atom in enumerate(piece.atoms):
            style = STYLES[atom.kind] if isinstance(atom, Number) else ""
            words = atom_text(result.graph, result.values, atom, look.digits, look.everything)
            text.append(" " * (number > 0)).append(visible(words), style)
    return text
