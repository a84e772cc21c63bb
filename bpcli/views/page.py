"""One gate of the table in full."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from bpcli.figures import show
from bpcli.handbook import Page
from bpcli.views.gradients import gate_table
from bpcli.views.layout import Look


def render(result: Page, look: Look) -> RenderableType:
    """Its local gradients, pattern, domain, kink and LaTeX, and a worked number."""
    text = Text(f"{result.call}: {result.summary}\n\n")
    for name, slope in result.local.items():
        text.append(
            f"  to {name} it {slope}\n" if slope.startswith("sends ") else f"  local gradient for {name}: {slope}\n"
        )
    text.append(f"  pattern: {result.pattern[0]}, it {result.pattern[1]}\n")
    for label, words in (("domain", result.domain), ("kink", result.kink), ("in primitive gates", result.expand),
                         ("also called", ", ".join(result.aliases))):  # fmt: skip
        if words:
            text.append(f"  {label}: {words}\n")
    text.append(f"  LaTeX: {result.latex}\n")
    if result.example.graph.shapes is not None:
        from bpcli.views.arrays import gate_blocks

        text.append("\nFor example, with an upstream gradient of 2 for every entry:\n\n")
        return Group(text, gate_blocks(result.example, look))
    text.append(f"\nFor example, with the upstream gradient {show(result.example.upstream, look.digits)}:\n")
    return Group(text, gate_table(list(result.example.lines()), [], look))
