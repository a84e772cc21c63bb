"""The outcome of ``bpcli problems check``."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from bpcli.exercises.soundness import Sound, Soundness
from bpcli.trouble import visible
from bpcli.views.layout import GRADIENT, QUIET, VALUE, Look, fit


def render(result: Soundness, look: Look) -> RenderableType:
    """A row for each problem; what is wrong, and why draws were rejected, below."""
    headers = ["problem", "verdict", "variants", "draws", "keys agree", "slips", "told", "apart", "negatives", "zeros", "decimals"]  # fmt: skip
    parts: list[RenderableType] = []
    rows = [_row(one) for one in result.checked]
    parts.append(fit(look, headers, rows, [""] * len(headers), words=range(len(headers))))
    for one in result.checked:
        parts += [Text(visible(f"{one.id}: {fault}"), GRADIENT) for fault in one.faults]
    if len(result.checked) == 1:
        parts += _details(result.checked[0])
    count, bad = len(result.checked), sum(not one.ok for one in result.checked)
    if count > 1:
        said = f"{bad} of {count} problems are not sound" if bad else f"all {count} problems are sound"
        parts.append(Text(said, GRADIENT if bad else VALUE))
    return Group(*parts)


def _row(one: Sound) -> list[str]:
    spread = [
        f"{low}" if low == high else f"{low}-{high}"
        for low, high in zip(one.lightest or (), one.heaviest or (), strict=True)
    ]
    negatives, zeros, decimals = (spread or ["", "", "", ""])[:3]
    agree = f"{one.agreed} of {one.variants}" if one.variants else ""
    return [one.id, "sound" if one.ok else "not sound", f"{one.different} of {one.variants}", str(one.draws), agree,
            str(one.slips), _share(one.told), _share(one.apart), negatives, zeros, decimals]  # fmt: skip


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _details(one: Sound) -> list[RenderableType]:
    lines = [f"rejected: {reason} ({count})" for reason, count in list(one.rejected.items())[:6]]
    lines += [f"coincide in {count}: {a} and {b}" for a, b, count in one.confused]
    lines += [f"the same here: {a} and {b}" for a, b in one.same]
    return [Text(visible(line), QUIET) for line in lines]
