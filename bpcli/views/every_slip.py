"""A formula with every slip in turn."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from bpcli.slip_pages import EverySlip, SlippedRun
from bpcli.views.layout import QUIET, Look, fit, reading


def render(result: EverySlip, look: Look) -> RenderableType:
    """A row for each slip that can be made here, then the names of the others."""
    made = [run for run in result.runs if run.places]
    others = [run.slip.id for run in result.runs if not run.places]
    rows = [[run.slip.id, _short(run.places), _short(run.wrong) or "nothing: no evidence against it"] for run in made]
    parts: list[RenderableType] = [reading(result.gradients.reading, look.everything), Text()]
    if rows:
        parts += [fit(look, ["slip", "made at", "comes out wrong"], rows, ["", "", ""], words=(0, 1, 2)), Text()]
    if others:
        parts.append(Text(f"no opportunity here for {', '.join(others)}", QUIET))
    hidden = [run for run in made if not run.wrong]
    parts.append(Text(_summary(made, hidden)))
    return Group(*parts)


def _summary(made: list[SlippedRun], hidden: list[SlippedRun]) -> str:
    if not made:
        return "No slip can be made here."
    if not hidden:
        return f"Each of the {len(made)} slips that can be made here shows in a gradient."
    verb = "does" if len(hidden) == 1 else "do"
    return f"{len(hidden)} of the {len(made)} slips that can be made here {verb} not show: other numbers may tell."


def _short(names: list[str]) -> str:
    return ", ".join(names if len(names) <= 6 else [*names[:5], f"{len(names) - 5:,} more"])
