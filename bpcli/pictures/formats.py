"""The formats that a picture can be written in, and the endings of their files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from bpcli.pictures import dot, mermaid, raster, terminal, tikz
from bpcli.pictures.picture import Picture
from bpcli.trouble import Trouble

#: Format -> the endings of its files.
ENDINGS = {
    "text": (".txt",), "svg": (".svg",), "png": (".png",), "pdf": (".pdf",), "tikz": (".tex", ".tikz"),
    "dot": (".dot", ".gv"), "mermaid": (".mmd", ".mermaid"), "html": (".html", ".htm"), "json": (".json",),
}  # fmt: skip
FORMATS = tuple(ENDINGS)
BINARY = ("png", "pdf")

_WRITERS: dict[str, Callable[[Picture], str]] = {
    "svg": Picture.svg,
    "tikz": lambda picture: tikz.write(picture, picture.drawing),
    "dot": dot.write,
    "mermaid": mermaid.write,
}


def format_of(target: str) -> str:
    """The format of a file by its ending. Raises `Trouble` for an ending that none has."""
    ending = PurePath(target).suffix.lower()
    for name, endings in ENDINGS.items():
        if ending in endings:
            return name
    known = ", ".join(one for endings in ENDINGS.values() for one in endings)
    message = f"{ending} is no ending of a picture" if ending else f"{target} has no ending that names a format"
    raise Trouble(f"{message}; there are {known}", code="unknown-format", tries=[f"--out {PurePath(target).stem}.svg"])


def contents(picture: Picture, name: str, *, expression: str = "", digits: int = 4, ascii_only: bool = False,
             **of_page: Any) -> bytes:  # fmt: skip
    """PICTURE as a file of the format NAME (one of FORMATS), in UTF-8 where that is text.

    EXPRESSION goes into the JSON; the further options are those of `bpcli.pictures.page.write`.
    """
    if name in BINARY:
        return raster.write(picture.svg(), picture.drawing, name)
    if name == "html":
        from bpcli.pictures import page

        return page.write(picture, digits, **of_page).encode()
    return _text(picture, name, expression, ascii_only).encode()


def _text(picture: Picture, name: str, expression: str, ascii_only: bool) -> str:
    if name == "json":
        return json.dumps(picture.record(expression), allow_nan=False) + "\n"
    if name == "text":
        lines = terminal.page(picture, terminal.UNLIMITED, ascii_only).lines
        return "".join("".join(words for words, _ in line).rstrip() + "\n" for line in lines)
    return _WRITERS[name](picture)
