"""`bpcli.check` as a table."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from bpcli.checking import KINK, Comparison
from bpcli.figures import show
from bpcli.gradient_check import Checked
from bpcli.printing import write
from bpcli.views.layout import GRADIENT, QUIET, Look, fit, note_lines


def render(result: Checked, look: Look) -> RenderableType:
    """A row for each variable: every way to its gradient, and the verdict."""
    comparisons = list(result.check.comparisons.values())
    if not comparisons:
        return Text("there is no variable to check")
    with_complex = any(one.complex is not None for one in comparisons)
    with_forward = any(one.forward is not None for one in comparisons)
    headers = ["", "reverse", *["forward"] * with_forward, "differences", *["complex step"] * with_complex, "error", "step",
               "verdict"]  # fmt: skip
    rows = []
    for one in comparisons:
        name = f"{one.name}{list(one.entry)}" if one.entry else one.name
        step = "" if one.slope is None or one.slope.jumps else show(one.slope.step, 2)
        difference = "" if one.verdict == KINK else show(one.difference, look.digits)
        rows.append([
            name, show(one.reverse, look.digits), *[show(one.forward, look.digits)] * with_forward, difference,
            *[show(one.complex, look.digits)] * with_complex, show(one.error, 2), step, verdict(one, result, look.digits),
        ])  # fmt: skip
    styles = ["", GRADIENT, *[GRADIENT] * with_forward, "", *[""] * with_complex, QUIET, QUIET, ""]
    arrays = [one for one in comparisons if one.measured]
    parts = [fit(look, headers, rows, styles, words=(0, len(headers) - 1))]
    parts += [Text(f"{one.name}: measured {one.measured}; shown is the worst", QUIET) for one in arrays]
    if result.check.sampled and not arrays:
        parts.append(Text(f"measured {len(comparisons)} of {len(result.gradients)} variables, spread evenly "
                          "(--wrt chooses)", QUIET))  # fmt: skip
    return Group(*parts, *note_lines(result.notes))


def verdict(one: Comparison, result: Checked, digits: int) -> str:
    """The verdict in words: at a kink, both slopes and the gate to blame."""
    if one.verdict != KINK or one.slope is None:
        return one.verdict
    gates = ", ".join(write(result.graph, node) for node in one.slope.gates)
    at = f" at {gates}" if gates else ""
    if one.slope.jumps:
        return f"kink: the value jumps{at}"
    left, right = (show(side and one.factor * side, digits) for side in (one.slope.left, one.slope.right))
    return f"kink{at}: {left} left, {right} right"
