"""A line of code as students paste it, taken apart: several statements, several names, a masked place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise, takewhile
from typing import NamedTuple

_SIGN = re.compile(r"[-+*/]=|(?<![<>=!])=(?!=)")
_BRACKET = re.compile(r"[(\[{)\]}]")
_NAME = re.compile(r"\s*[^\W\d]\w*\s*")
_MASKED = re.compile(r"([^\W\d]\w*)\s*\[(.*(?:[<>]|[=!]=).*)\]")
_MOST_NAMES = 20  # on the left of one sign
#: What makes the indented lines after it no plain steps of the passes.
BLOCK = re.compile(r"(?:if(?!\s+__name__\b)|elif|else|for|while)\b.*:")


class Assignment(NamedTuple):
    """``left sign right``, or no sign where the line has none."""

    left: str
    sign: str
    right: str


def statements(line: str) -> Iterator[str]:
    """The parts of LINE between semicolons outside brackets."""
    if ";" not in line:
        yield line.strip()
        return
    start = 0
    for place in _outside(line):
        if line[place] == ";":
            yield line[start:place].strip()
            start = place + 1
    yield line[start:].strip()


def assignments(statement: str) -> list[Assignment]:
    """What STATEMENT assigns: one name, several the same value (``dx = dy = dq``) or each its own, or what a mask leaves.

    ``dh[h <= 0] = 0`` is ``dh = where(h <= 0, 0, dh)``. ``a, b = b, a`` stays one, as does what is no pair for each
    name: one after the other they would be something else. Without a sign there is one, with the text on its left.
    """
    signs = _signs(statement)
    first = next(signs, None)
    if first is None:
        return [Assignment(statement, "", "")]
    sign, left, right = first[0], statement[: first.start()].strip(), statement[first.end() :].strip()
    if sign == "=" and (masked := _MASKED.fullmatch(left)):
        return [Assignment(masked[1], sign, f"where({masked[2].strip()}, {right}, {masked[1]})")]
    found, end = [left], first.end()
    if sign == "=":
        for again in takewhile(lambda one: one[0] == "=", signs):
            name = statement[end : again.start()]
            if not _NAME.fullmatch(name):
                break
            found.append(name.strip())
            end = again.end()
    right = statement[end:].strip()
    return [one for left in reversed(found) for one in _each(left, sign, right)]


def _each(left: str, sign: str, right: str) -> list[Assignment]:
    """Each name of LEFT with its own value."""
    whole = [Assignment(left, sign, right)]
    if sign != "=" or "," not in left:
        return whole
    names, values = between_commas(_unbracketed(left)), between_commas(_unbracketed(right))
    if not len(names) == len(values) <= _MOST_NAMES or not all(names) or not all(values):
        return whole
    for place, name in enumerate(names):
        word = re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w)")
        if any(word.search(value) for value in values[place + 1 :]):
            return whole
    return [Assignment(name, sign, value) for name, value in zip(names, values, strict=True)]


def between_commas(text: str) -> list[str]:
    """The parts of TEXT between commas outside brackets."""
    places = [place for place in _outside(text) if text[place] == ","] if "," in text else []
    return [text[a + 1 : b].strip() for a, b in pairwise([-1, *places, len(text)])]


def _unbracketed(text: str) -> str:
    """TEXT without one pair of brackets around several values."""
    inside = text[1:-1]
    if text[:1] + text[-1:] != "()" or len(between_commas(inside)) < 2:
        return text
    depth = lowest = 0
    for character in inside:
        depth += (character in "([{") - (character in ")]}")
        lowest = min(lowest, depth)
    return text if lowest < 0 else inside


def _signs(text: str) -> Iterator[re.Match[str]]:
    """The signs of assignment in TEXT outside brackets."""
    outside = set(_outside(text)) if _BRACKET.search(text) else range(len(text))
    yield from (match for match in _SIGN.finditer(text) if match.start() in outside)


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
