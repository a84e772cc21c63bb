"""A picture in the terminal: drawn if it fits, otherwise as a tree, and a line that says so."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from bpcli.pictures import terminal
from bpcli.pictures.picture import Picture
from bpcli.views.layout import GRADIENT, QUIET, VALUE, Look, note_lines, reading

_LOOKS = {terminal.VALUE: VALUE, terminal.GRADIENT: GRADIENT, terminal.QUIET: QUIET}


def render(result: Picture, look: Look, ascii_only: bool = False) -> RenderableType:
    """The reading, then the picture in the columns there are."""
    parts: list[RenderableType] = [reading(result.reading, look.everything), Text()] if result.reading else []
    page = terminal.page(result, look.width, ascii_only)
    if page.is_tree:
        why = f"the picture is {page.wide} columns wide" if page.wide else "the picture would be too large to read"
        parts += [Text(f"{why}; here it is as a tree, each gate above its inputs", QUIET), Text()]
    for line in page.lines:
        text = Text(no_wrap=not page.is_tree)
        for words, kind in line:
            text.append(words, _LOOKS.get(kind, ""))
        parts.append(text)
    return Group(*parts, *note_lines(result.result.notes if result.result else []))
