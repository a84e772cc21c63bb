"""Pictures: the layout of two graphs, and `bpcli graph` as a whole process against `bpcli grad --no-check`."""

from __future__ import annotations

import random
import sys
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, run

from timing import interleaved, table

from bpcli.gates import GATES
from bpcli.graph import Builder, Graph
from bpcli.pictures.layers import Order, arrange
from bpcli.pictures.layout import layout
from bpcli.pictures.picture import Picture, draw

NEURON = "sigmoid(w0*x0 + w1*x1 + w2)"
POINT = {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3}
BPCLI = str(Path(sys.executable).with_name("bpcli"))
PROCESSES = 41


def random_graph(gates: int, reach: int) -> Graph:
    """GATES random gates, each on some of the REACH nodes before it."""
    choices, builder = random.Random(1), Builder()
    nodes = [builder.input(f"x{k}") for k in range(10)]
    for _ in range(gates):
        row = GATES[choices.choice(("add", "mul", "sub", "exp", "sin", "tanh"))]
        nodes.append(builder.gate(row, tuple(choices.choice(nodes[-reach:]) for _ in row.inputs)))
    return builder.finish([nodes[-1]])


def main() -> None:
    pictures: dict[str, tuple[Picture, float]] = {
        "the expanded neuron": (draw(NEURON, POINT, expand=True), 0.005),
        "the same with local gradients": (draw(NEURON, POINT, expand=True, show="local"), 0.005),
        **{f"200 random gates on the last {reach} nodes": (draw(random_graph(200, reach)), 0.3)
           for reach in (4, 12, 50, 210)},
    }  # fmt: skip
    seconds = interleaved({name: partial(layout, picture) for name, (picture, _) in pictures.items()}, 7)
    rows = [("layout", "items", "crossings", "ms")]
    for name, (picture, target) in pictures.items():
        arranged = arrange(picture)
        met = "≤" if seconds[name] <= target else "MISSED:"
        rows.append((name, str(len(arranged.column)), str(Order(arranged, arranged.columns).crossings()),
                     f"{seconds[name] * 1000:.2f} ({met} {target * 1000:g})"))  # fmt: skip
    table(*rows)

    values = [f"--{name}={value}" for name, value in POINT.items()]
    start = partial(run, stdout=DEVNULL, check=True)
    commands = {"grad --no-check": ["grad", NEURON, *values, "--expand", "--no-check"],
                "graph": ["graph", NEURON, *values, "--expand"],
                "graph --format svg": ["graph", NEURON, *values, "--expand", "--format", "svg"]}  # fmt: skip
    spent = interleaved({name: partial(start, [BPCLI, *words]) for name, words in commands.items()}, PROCESSES)
    unit, *_ = spent.values()
    targets = dict(zip(commands, (1.0, 1.3, 1.3), strict=True))
    table(("process", "ms", "ratio"), *[
        (name, f"{one * 1000:.1f}", f"{one / unit:.2f} ({'≤' if one <= targets[name] * unit else 'MISSED:'} {targets[name]:g})")
        for name, one in spent.items()
    ])  # fmt: skip


if __name__ == "__main__":
    main()
