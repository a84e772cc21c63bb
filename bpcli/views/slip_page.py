"""One slip in full."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from bpcli.slip_pages import SlipPage
from bpcli.slips import Slip
from bpcli.views.layout import Look
from bpcli.views.slipped_run import runs, spelled_out

COLLECT = {"last": "of several gradients at a branch the last one is kept",
           "first": "of several gradients at a branch the first one is kept",
           "mean": "several gradients at a branch are averaged"}  # fmt: skip
ORDER = {"recursive": "a gate runs each time the recursion reaches it, with what has arrived so far",
         "once": "a gate runs once, as soon as the recursion reaches it"}  # fmt: skip


def render(result: SlipPage, look: Look) -> RenderableType:
    """What the student did, its rules beside the right ones, advice, and a worked example."""
    slip = result.slip
    rules = [f"{rule.gate}, local gradient for {rule.input}: {rule.wrong} instead of {rule.right}"
             for rule in result.rules]  # fmt: skip
    values = ", ".join(f"{name} = {value}" for name, value in slip.point.items())
    return Group(
        Text(f"{slip.id}: {slip.title}\n\nThe student {slip.sentence}.\n{slip.advice}\n"),
        *[Padding(Text(words), (0, 0, 0, 2)) for words in (*rules, *_changes(slip))],
        Text(f"\nFor example {result.example.gradients.reading} at {values}:"),
        *spelled_out(result.example, look), Text(), runs(result.example, look), Text(),
        Text(result.example.verdict),
    )  # fmt: skip


def _changes(slip: Slip) -> list[str]:
    """What else it changes, in words and rules."""
    found = [f"{gate}: sends {' and '.join(filter(None, pulls))}" if isinstance(pulls, tuple) else
             f"{gate}: by the shapes of its inputs" for gate, pulls in slip.pulls.items()]  # fmt: skip
    if slip.product != "G*d":
        found.append(f"every gate sends {slip.product} instead of G*d (G upstream, d local)")
    found += [f"{gate}: its derivative is {rule}, given those of its inputs" for gate, rule in slip.push.items()]
    return [*found, *[words for words in (COLLECT.get(slip.collect), ORDER.get(slip.order)) if words]]
