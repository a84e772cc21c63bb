"""Work that a student's text may cost, counted in gate evaluations: a slow machine must not change a mark.

What is counted follows from the text and the key alone, so a hand-in that costs too much does so on every machine and
with any number of workers. A blank whose limit is reached is undecided, and the others are marked.
"""

from __future__ import annotations

from bpcli.graph import Graph
from bpcli.language import STUDENT

#: Gate evaluations for one blank, and for all of a hand-in.
MOST_FOR_A_BLANK, MOST = 2_000_000, 5_000_000
#: What reading a character takes the time of.
READING = 20
#: What a gate that is evaluated by itself takes the time of: 2 µs, where a sweep over many takes 0.2 µs for each.
ONE_BY_ONE = 10


class TooMuch(Exception):
    """The limit is reached; the message says which."""


class Meter:
    """What a hand-in has cost so far; `blank` gives the part of it that one blank may spend."""

    def __init__(self, limit: int = MOST, what: str = "the whole hand-in", whole: Meter | None = None) -> None:
        self.limit, self.what, self.whole = limit, what, whole
        self.spent = 0

    def blank(self) -> Meter:
        """The work of one blank, which counts for the hand-in too."""
        return Meter(MOST_FOR_A_BLANK, "it", self)

    def spend(self, evaluations: int) -> None:
        """Count EVALUATIONS of gates; `TooMuch` when they are too many."""
        self.spent += evaluations
        if self.spent > self.limit:
            raise TooMuch(f"marking {self.what} takes more than {self.limit:,} gate evaluations; a person has to look")
        if self.whole is not None:
            self.whole.spend(evaluations)

    def read(self, text: str) -> None:
        """Count the reading of a formula; one that is refused for its length costs no more than the longest."""
        self.spend(READING * min(len(text), STUDENT.characters or 0))


def evaluations(graph: Graph) -> int:
    """What one sweep over GRAPH counts for: each gate once, one of many inputs as the gates of two that it stands for."""
    return sum([max(1, len(inputs) - 1) for inputs in graph.args])
