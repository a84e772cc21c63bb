"""A line of code as students paste it, taken apart: several statements, one value for several names, a masked place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_SIGN = re.compile(r"[-+*/]=|(?<![<>=!])=(?!=)")
_MASKED = re.compile(r"([^\W\d]\w*)\s*\[(.*(?:[<>]|[=!]=).*)\]")
#: What makes the indented lines after it no plain steps of the passes.
BLOCK = re.compile(r"(?:if|elif|else|for|while)\b.*:")


class Assignment(NamedTuple):
    """``left sign right``, or no sign where the line has none."""

    left: str
    sign: str
    right: str


def statements(line: str) -> Iterator[str]:
    """The parts of LINE between semicolons outside brackets."""
    start = 0
    for place in _outside(line):
        if line[place] == ";":
            yield line[start:place].strip()
            start = place + 1
    yield line[start:].strip()


def assignments(statement: str) -> list[Assignment]:
    """What STATEMENT assigns: one name, several the same value (``dx = dy = dq``), or what a mask leaves.

    ``dh[h <= 0] = 0`` is ``dh = where(h <= 0, 0, dh)``. Without a sign there is one, with the text on its left.
    """
    first = _first_sign(statement)
    if first is None:
        return [Assignment(statement, "", "")]
    left, sign, right = (part.strip() for part in first)
    if sign == "=" and (masked := _MASKED.fullmatch(left)):
        return [Assignment(masked[1], sign, f"where({masked[2].strip()}, {right}, {masked[1]})")]
    found = [left]
    while sign == "=" and (again := _first_sign(right)) is not None and again[1] == "=":
        found.append(again[0].strip())
        right = again[2].strip()
    return [Assignment(one, sign, right) for one in reversed(found)]


def _first_sign(text: str) -> tuple[str, str, str] | None:
    """TEXT before its first sign of assignment outside brackets, the sign, and the rest."""
    outside = set(_outside(text))
    for match in _SIGN.finditer(text):
        if match.start() in outside:
            return text[: match.start()], match[0], text[match.end() :]
    return None


def _outside(text: str) -> Iterator[int]:
    """The places in TEXT that no bracket encloses."""
    depth = 0
    for place, character in enumerate(text):
        if character in ")]}":
            depth = max(0, depth - 1)
        if not depth:
            yield place
        if character in "([{":
            depth += 1
