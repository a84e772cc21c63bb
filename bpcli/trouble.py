"""The one exception for everything a user can mend: what is wrong, where, and what to type instead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

#: Exit codes of the program (a fixed contract; `bpcli help exit-codes` explains them).
UNREADABLE = 2
NO_ANSWER = 3
UNWRITABLE = 4

_WINDOW = 70  # columns of a line shown around the carets; longer lines are cut on both sides
_LONGEST = 300  # characters of a sentence; one that quotes a longer text is cut in the middle


class Trouble(Exception):
    """Something the user can mend.

    ``code`` is a stable slug for scripts, ``exit_code`` what the program returns (2 unreadable input,
    3 the mathematics has no answer there, 4 an output could not be written). ``source[start:end]`` is the span
    the carets underline, where there is one; ``tries`` are lines that can be typed instead, ``details`` go
    into the JSON form only.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        source: str | None = None,
        start: int = 0,
        end: int | None = None,
        tries: tuple[str, ...] | list[str] = (),
        exit_code: int = UNREADABLE,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.source = source
        self.start = start
        self.end = start + 1 if end is None else end
        self.tries = tuple(tries)
        self.exit_code = exit_code
        self.details = details

    def __str__(self) -> str:
        """The message, the line with carets under the span, and one ``try:`` line per suggestion."""
        lines = [shortened(visible(self.message))]
        if self.source is not None:
            lines += point_at(self.source, self.start, self.end)
        lines += [f"  try: {visible(line)}" for line in self.tries]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints on standard error."""
        error: dict[str, Any] = {"code": self.code, "message": self.message, "try": list(self.tries)}
        if self.source is not None:
            error["line"], _, error["column"] = locate(self.source, self.start)
            error["span"] = [self.start, self.end]
        return {"schema": "bpcli/error/1", "exit_code": self.exit_code, "error": error | self.details}


def visible(text: str) -> str:
    """TEXT with every character that could move a cursor or hide shown as an escape; line breaks stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def locate(source: str, position: int) -> tuple[int, int, int]:
    """Line number (from 1), offset of the line's first character, and column (from 1) of POSITION."""
    first = source.rfind("\n", 0, position) + 1
    return source.count("\n", 0, position) + 1, first, position - first + 1


def shortened(text: str) -> str:
    """TEXT, or its beginning and end when it is too long to read."""
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]} … {text[-half:]}"


def point_at(source: str, start: int, end: int) -> list[str]:
    """The line of SOURCE that holds START, and a line of carets under ``start:end``."""
    number, first, _ = locate(source, start)
    last = source.find("\n", first)
    last = max(start, first + len(source[first : None if last < 0 else last].rstrip("\r")))
    end = max(start + 1, min(end, last))
    nearby = max(first, start - _WINDOW)  # no more than this can be shown
    before = [visible(character) for character in source[nearby:start]]
    after = [visible(character) for character in source[start : min(last, start + _WINDOW)]]
    if nearby > first or columns("".join([*before, *after[: end - start]])) > _WINDOW:
        before = before[len(before) - _fitting(reversed(before), _WINDOW // 4) :]
    after = after[: _fitting(after, _WINDOW - columns("".join(before)))]
    label = f"line {number}: " if "\n" in source.strip() else ""
    margin = "  " + label + ("…" if start - len(before) > first else "")
    line = margin + "".join([*before, *after]) + ("…" if start + len(after) < last else "")
    carets = "^" * max(1, columns("".join(after[: end - start])))
    return [line, " " * columns(margin + "".join(before)) + carets]


def _fitting(pieces: Iterable[str], room: int) -> int:
    """How many of PIECES, from the first one on, ROOM columns can hold."""
    count = 0
    for piece in pieces:
        room -= columns(piece)
        if room < 0:
            break
        count += 1
    return count


def columns(text: str) -> int:
    """Columns that TEXT takes in a terminal: two for wide East Asian characters, none for combining ones."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    return sum(0 if category(c) in ("Mn", "Me") else 2 if east_asian_width(c) in "WF" else 1 for c in text)
