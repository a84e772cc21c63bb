"""Jacobians of arrays."""

from __future__ import annotations

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from bpcli.arrays.gates import spelled
from bpcli.arrays.passes import ArrayJacobian
from bpcli.views.arrays import blocks_of
from bpcli.views.layout import Look, note_lines, reading


def render(result: ArrayJacobian, look: Look) -> RenderableType:
    """For each variable an array: the output's axes first, then the variable's."""
    shape = np.shape(result.values[result.graph.output])
    pairs = [
        (f"jacobian for {name}, {spelled(shape)} by {spelled(np.shape(one)[len(shape) :])}", one)
        for name, one in result.jacobians.items()
    ]
    return Group(reading(result.reading, look.everything), Text(), blocks_of(pairs, look), *note_lines(result.notes))
