"""Plain difference quotients as the lectures' own table."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from bpcli.figures import show
from bpcli.gradient_check import Quotients
from bpcli.views.layout import GRADIENT, VALUE, Look, fit


def render(result: Quotients, look: Look) -> RenderableType:
    """A row for each variable: both points, f at both, the quotient and the gradient."""
    below, above, numerator, denominator = {
        "forward": ("x", "x + h", "f(x + h) - f(x)", "h"),
        "backward": ("x - h", "x", "f(x) - f(x - h)", "h"),
        "central": ("x - h", "x + h", "f(x + h) - f(x - h)", "2h"),
    }[result.scheme]
    more = look.digits + 2  # a loss and its neighbour at h = 0.0001 differ in the fifth digit
    rows = [
        [
            name,
            *[show(figure, more) for figure in row[:4]],
            show(row[4], look.digits),
            show(result.gradients[name], look.digits),
        ]
        for name, row in result.rows.items()
    ]
    headers = ["", below, above, f"f({below})", f"f({above})", "quotient", "gradient"]
    table = fit(look, headers, rows, ["", "", "", VALUE, VALUE, "", GRADIENT], words=(0,))
    title = (
        f"f = {show(result.value, more)}, h = {show(result.step, look.digits)}, quotient = ({numerator})/{denominator}"
    )
    return Group(Text(title), Text(), table)
