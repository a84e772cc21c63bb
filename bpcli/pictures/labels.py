"""What stands in a gate's circle, and how numbers and arrays are written beside a wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bpcli.figures import show, show_nested
from bpcli.gates import Gate
from bpcli.graph import figure
from bpcli.printing import template

#: Characters of an array whose numbers are shown; of a larger one the shape and the norm.
WIDEST_ARRAY = 24
#: The same where the numbers have to fit on a sheet of paper, beside others.
WIDEST_ON_PAPER = 12
#: Characters of a label with folded numbers; a longer one has the numbers as nodes of their own.
WIDEST_LABEL = 20

_COMMUTES = ("+", "*")


def gate_label(row: Gate, folded: Mapping[int, str]) -> str:
    """What the circle of ROW says: its sign or name, with the numbers FOLDED into it by place: ``+``, ``*-1``, ``1/x``.

    The one input that is left is called x.
    """
    pieces = template(row)
    inner = [piece for piece in pieces if isinstance(piece, str)]
    infix = len(row.inputs) == 2 and len(pieces) == 3 and len(inner) == 1
    if infix and isinstance(pieces[1], str):
        sign = pieces[1].strip()
        if not folded:
            return sign
        (place, number), *rest = folded.items()
        if not rest:
            second = place == 1 or sign in _COMMUTES
            # The slides write *-1; x - -3 and -1^x are misread.
            if number.startswith("-") and (sign not in ("*", "^") if second else sign == "^"):
                number = f"({number})"
            return f"{sign}{number}" if second else f"{number}{sign}x"
    names = row.inputs if len(row.inputs) - len(folded) != 1 else ("x",) * len(row.inputs)
    if not folded and (not row.text or row.text == f"{row.name}({', '.join(f'<{name}>' for name in row.inputs)})"):
        return row.name
    if not folded and len(row.inputs) > 3 and row.name == "array":
        return "[…]"
    return "".join(piece if isinstance(piece, str) else folded.get(piece[0], names[piece[0]]) for piece in pieces)


def number_text(value: Any, digits: int, on_paper: bool = False) -> str:
    """VALUE to DIGITS significant digits ("" for None); of an array that is not small its shape and norm.

    ON PAPER there is room for less: small is smaller, and the shape stands alone.
    """
    if value is None:
        return ""
    if not getattr(value, "shape", ()):
        return show(float(value), digits)
    if value.size <= WIDEST_ARRAY:
        text = show_nested(value, digits)
        if len(text) <= (WIDEST_ON_PAPER if on_paper else WIDEST_ARRAY):
            return text
    if on_paper:
        return shape_text(value.shape)
    norm = float((value.astype(float) ** 2).sum()) ** 0.5
    return f"{shape_text(value.shape)} norm {show(norm, digits)}"


def constant_text(value: Any) -> str:
    """A number of the formula as it is typed; a large array as its shape."""
    if getattr(value, "size", 1) <= WIDEST_ARRAY:
        text = figure(value)
        if len(text) <= WIDEST_ARRAY:
            return text
    return shape_text(value.shape)


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as Python writes it: (3,)."""
    return str(tuple(int(size) for size in shape))
