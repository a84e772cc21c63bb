"""The Markdown of statements: paragraphs, lists, *emphasis*, **bold**, `code` and $maths$, read into data.

Nothing else is markup: no HTML, no links, no pictures. Every format of a sheet is written from the blocks here,
with its own escaping, so what an author writes is text everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from bpcli.exercises import mathematics
from bpcli.trouble import Trouble


@dataclass(frozen=True)
class Piece:
    """A piece of a line: KIND is "text", "bold", "italic", "code" or "maths"; ``maths`` is read, for the last."""

    kind: str
    text: str
    maths: mathematics.Node | None = None


@dataclass(frozen=True)
class Block:
    """A paragraph, an item of a list (``mark`` is "•" or "1."), a displayed formula or a piece of code."""

    kind: str
    pieces: tuple[Piece, ...]
    mark: str = ""


_FENCED = re.compile(r"^```[^\n]*\n(.*?)^```[ \t]*$", re.DOTALL | re.MULTILINE)
_ITEM = re.compile(r"\s{0,3}(?:[-*]|([0-9]{1,2})[.)])\s+(.*)")
_PIECE = re.compile(
    r"`([^`\n]+)`|\$([^$]+)\$|\*\*([^*\s](?:[^*]*[^*\s])?)\*\*|\*([^*\s](?:[^*]*[^*\s])?)\*|\\([\\$*`])"
)


@lru_cache(maxsize=256)
def read(text: str) -> tuple[Block, ...]:
    """The blocks of TEXT; `Trouble` for maths that cannot be shown."""
    wrong = check(text)
    if wrong:
        raise wrong[0]
    return tuple(_blocks(text))


def check(text: str) -> list[Trouble]:
    """What is wrong with the maths of TEXT."""
    found = []
    source = text
    text = _FENCED.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    for match in _PIECE.finditer(text.replace("$$", "$ ")):  # or a closing $$ would pair with the next $
        if match[2] is not None:
            try:
                mathematics.read(match[2])
            except Trouble as trouble:
                trouble.start, trouble.end = trouble.start + match.start(2), trouble.end + match.start(2)
                trouble.source = source
                found.append(trouble)
    rest = _PIECE.sub(lambda match: " " * len(match[0]), text.replace("$$", "  "))
    if "$" in rest and not found:
        place = rest.index("$")
        found.append(Trouble("a $ has no partner", code="maths", source=source, start=place, end=place + 1,
                             tries=[r"\$ for a dollar sign"]))  # fmt: skip
    return found


def _blocks(text: str) -> Iterator[Block]:
    for number, part in enumerate(_FENCED.split(text)):
        if number % 2:
            yield Block("code", (Piece("code", part.rstrip("\n")),))
            continue
        for paragraph in re.split(r"\n[ \t]*\n", part):
            if paragraph.strip():
                yield from _paragraph(paragraph.strip("\n"))


def _paragraph(text: str) -> Iterator[Block]:
    display = re.fullmatch(r"\s*\$\$([^$]+)\$\$\s*", text)
    if display:
        yield Block("display", (Piece("maths", display[1].strip(), mathematics.read(display[1])),))
        return
    lines: list[tuple[str, list[str]]] = []
    for line in text.split("\n"):
        item = _ITEM.fullmatch(line)
        if item:
            lines.append((f"{item[1]}." if item[1] else "•", [item[2]]))
        elif lines:
            lines[-1][1].append(line.strip())
        else:
            lines.append(("", [line.strip()]))
    for mark, pieces in lines:
        yield Block("item" if mark else "paragraph", tuple(_pieces(" ".join(pieces).strip())), mark)


@lru_cache(maxsize=1024)
def line(text: str) -> tuple[Piece, ...]:
    """TEXT as the pieces of one line (a title, a hint)."""
    return tuple(_pieces(" ".join(text.split())))


def _pieces(text: str) -> Iterator[Piece]:
    text = re.sub(r"\$\$([^$]+)\$\$", r"$\1$", text)
    start = 0
    for match in _PIECE.finditer(text):
        if match.start() > start:
            yield Piece("text", text[start : match.start()])
        start = match.end()
        code, maths, bold, italic, escaped = match.groups()
        if maths is not None:
            yield Piece("maths", maths.strip(), mathematics.read(maths))
        else:
            for kind, found in (("code", code), ("bold", bold), ("italic", italic), ("text", escaped)):
                if found is not None:
                    yield Piece(kind, found)
    if start < len(text):
        yield Piece("text", text[start:])


def plain(pieces: tuple[Piece, ...]) -> str:
    """PIECES as characters."""
    return "".join(mathematics.plain(piece.maths) if piece.maths else piece.text for piece in pieces)
