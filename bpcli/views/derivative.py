"""`bpcli.derive` as a program that bpcli reads back."""

from __future__ import annotations

from typing import Any

from rich.console import RenderableType
from rich.text import Text

from bpcli.deriving import Derivative
from bpcli.figures import show_nested
from bpcli.trouble import visible
from bpcli.views.layout import GRADIENT, Look


def render(result: Derivative, look: Look) -> RenderableType:
    """A line for each derivative, its value (if there is one) in a comment."""
    text = Text()
    for name, formula in result.lines().items():
        text.append(f"{name} = ").append(visible(formula), "default")
        if result.numbers is not None and name in result.numbers:
            text.append(f"  # {_number(result.numbers[name], look.digits)}", GRADIENT)
        text.append("\n")
    text.right_crop(1)
    return text


def _number(value: Any, digits: int) -> str:
    """A number, or a small array; of a large one the shape."""
    if not len(getattr(value, "shape", [])) or value.size <= 16:
        return show_nested(value, digits)
    return f"an array of shape {value.shape}"
