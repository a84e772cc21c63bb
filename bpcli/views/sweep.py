"""The error of difference quotients against the step, as a picture."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from bpcli.figures import show
from bpcli.gradient_check import Sweep
from bpcli.plots import log_log
from bpcli.views.layout import QUIET, Look


def render(result: Sweep, look: Look) -> RenderableType:
    """A log-log picture, the best step of each scheme, and what the two slopes of the valley mean."""
    central = [(step, error) for step, error, _ in result.points if error is not None]
    forward = [(step, error) for step, _, error in result.points if error is not None]
    picture = log_log({"o": forward, "*": central}, min(look.width, 80))
    title = f"relative error of df/d{result.name} = {show(result.gradient, look.digits)} against the step h"
    best = [min(curve, key=lambda pair: (pair[1], -pair[0]), default=None) for curve in (forward, central)]
    legend = [
        f"{mark} {scheme}: best {show(pair[1], 2)} at h = {show(pair[0], 2)}"
        for mark, scheme, pair in zip("o*", ("(f(x+h) - f(x))/h", "(f(x+h) - f(x-h))/2h"), best, strict=True) if pair
    ]  # fmt: skip
    words = "right of the valley the formula is cut off too early (truncation), left of it digits cancel (rounding)"
    return Group(Text(title), Text(picture), *map(Text, legend), Text(words, QUIET))
