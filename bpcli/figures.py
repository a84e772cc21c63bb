"""Numbers as people read and write them: so many significant digits, points in line, a small number never shown as 0."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import ceil, floor, inf, isfinite, log10
from typing import Any

_SMALLEST, _LARGEST = 1e-4, 1e7  # outside this range a number is written with a power of ten


#: A number written out in plain ASCII digits, and nothing else: not nan, 1_000, or wide digits.
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)

MOST_DIGITS = 400  # characters of a number that is read


def number_or_none(text: str) -> float | None:
    """The finite number that TEXT writes out in plain digits, or None."""
    plain = text.strip().replace("−", "-")
    value = float(plain) if len(plain) <= MOST_DIGITS and NUMBER.fullmatch(plain) else inf
    return value if isfinite(value) else None


def measured(value: float, error: float, digits: int = 4) -> str:
    """VALUE to at most DIGITS significant digits, without those that an ERROR of this size leaves open.

    0.3999999998 with 1e-9 is 0.4; "0" may stand for a value that is smaller than its error.
    """
    if not error > 0 or not value:
        return show(value, digits)
    place = ceil(log10(error))
    figure = round(value, -place)
    return show(figure, max(1, min(digits, magnitude(abs(figure)) - place + 1))) if figure else "0"


def show(value: float | None, digits: int = 4) -> str:
    """VALUE to DIGITS significant digits ("" for None).

    An exact figure drops its trailing zeros (2, 0.5); a rounded one keeps them (0.2000), so they tell which is
    which. Whole numbers are written out, whatever DIGITS says.
    """
    if value is None:
        return ""
    if not isfinite(value):
        return "-"  # an entry that a `where` did not take
    if value == 0:
        return "0"
    size = abs(value)
    if value == int(value) and size < _LARGEST:
        return str(int(value))
    text = f"{value:.{digits - 1}e}"
    mantissa, _, exponent = text.partition("e")
    exact = float(text) == value
    if _SMALLEST <= size < _LARGEST:
        decimals = max(0, digits - 1 - int(exponent))
        text = f"{value:.{decimals}f}"
        return text.rstrip("0").rstrip(".") if exact and "." in text else text
    if exact and "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}"


def show_nested(array: Any, digits: int = 4) -> str:
    """An array as bpcli reads it back: [[1, 2], [3, 4]], each entry to DIGITS significant digits."""
    if not getattr(array, "shape", []):
        return show(float(array), digits)
    return f"[{', '.join(show_nested(one, digits) for one in array)}]"


def align(figures: Sequence[str]) -> list[str]:
    """The same texts, padded so that their decimal points stand under one another."""
    heads = [figure.partition("e")[0].partition(".")[0] for figure in figures]
    left = max((len(head) for head in heads), default=0)
    padded = [" " * (left - len(head)) + figure for head, figure in zip(heads, figures, strict=True)]
    width = max((len(figure) for figure in padded), default=0)
    return [figure.ljust(width) for figure in padded]


def magnitude(value: float) -> int:
    """The power of ten of a positive number: 3 for 1234.5."""
    return floor(log10(value))
