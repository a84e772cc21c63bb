"""Arrays against numpy as one writes it by hand: a layered net with all its gradients, and a neuron at 10^6 points.

In one thread, unless OPENBLAS_NUM_THREADS says otherwise: two threads of a matrix product wait for each other, and where
other work takes one of two processors that wait is all that is measured (38 ms a net instead of 0.5 were seen).
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy is there

import numpy as np
from timing import interleaved, table, verdict

from bpcli.arrays.shapes import resolve
from bpcli.batch import BLOCK, Batch, Block
from bpcli.graph import Graph
from bpcli.passes import parse
from bpcli.sweeps import forward, reverse

NET = "cross_entropy(tanh(X @ W1 + b1) @ W2 + b2, t)"
WEIGHTS = ["W1", "b1", "W2", "b2"]
BATCH, INPUTS, HIDDEN, CLASSES = 64, 784, 128, 10
NEURON = "sigmoid(w0*x0 + w1*x1 + w2)"
POINTS = 1_000_000
NET_TARGET, POINTS_TARGET = 1.2, 1.1


# --- a batch of 64 through 784-128-10 ----------------------------------------------------------------------


def net_point() -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    return {
        "X": random.random((BATCH, INPUTS)),
        "W1": random.normal(0, INPUTS**-0.5, (INPUTS, HIDDEN)),
        "b1": random.normal(0, 0.1, HIDDEN),
        "W2": random.normal(0, HIDDEN**-0.5, (HIDDEN, CLASSES)),
        "b2": random.normal(0, 0.1, CLASSES),
        "t": random.integers(0, CLASSES, BATCH).astype(float),
    }  # fmt: skip


def net_by_hand(point: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The gradients of W1, b1, W2, b2 as a lecture's exercise has them."""
    inputs, rows = point["X"], np.arange(BATCH)
    labels = point["t"].astype(int)
    hidden = np.tanh(inputs @ point["W1"] + point["b1"])
    scores = hidden @ point["W2"] + point["b2"]
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    -np.log(probabilities[rows, labels]).mean()
    delta = probabilities
    delta[rows, labels] -= 1
    delta /= BATCH
    back = (delta @ point["W2"].T) * (1 - hidden * hidden)
    return [inputs.T @ back, back.sum(axis=0), hidden.T @ delta, delta.sum(axis=0)]


def net_by_bpcli(graph: Graph, point: dict[str, np.ndarray]) -> list[np.ndarray]:
    values = forward(graph, point)
    adjoints = reverse(graph, values, {graph.output: 1.0})
    return [adjoints[graph.inputs[name]] for name in WEIGHTS]


def net() -> tuple[str, ...]:
    point = net_point()
    graph = resolve(parse(NET), {name: value.shape for name, value in point.items()}, WEIGHTS)
    for mine, theirs in zip(net_by_bpcli(graph, point), net_by_hand(point), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-14)
    seconds = interleaved(
        {"hand": lambda: net_by_hand(point), "bpcli": lambda: net_by_bpcli(graph, point)}, 101, calls=5
    )
    return (f"784-128-10 net, batch {BATCH}", f"{seconds['hand'] * 1e6:.0f} µs", f"{seconds['bpcli'] * 1e6:.0f} µs",
            verdict(seconds["bpcli"] / seconds["hand"], NET_TARGET))  # fmt: skip


# --- a sigmoid neuron at a million points ------------------------------------------------------------------


def neuron_by_hand(columns: np.ndarray) -> tuple[np.ndarray, ...]:
    """The value and the five gradients, block by block; each is done with before the next, as when it is written."""
    for start in range(0, columns.shape[1], BLOCK):
        w0, x0, w1, x1, w2 = columns[:, start : start + BLOCK]
        z = w0 * x0 + w1 * x1 + w2
        y = 1 / (1 + np.exp(-z))
        slope = y * (1 - y)
        found = y, slope * x0, slope * w0, slope * x1, slope * w1, slope
    return found


def neuron_by_bpcli(batch: Batch, table: np.ndarray, lines: np.ndarray) -> Block:
    for start in range(0, POINTS, BLOCK):
        found = batch.block(lines[start : start + BLOCK], table[start : start + BLOCK])
    return found


def neuron() -> list[tuple[str, ...]]:
    header = ["w0", "x0", "w1", "x1", "w2"]
    columns = np.random.default_rng(2).normal(0, 2, (len(header), POINTS))
    points = columns.T  # each column in one piece
    lines = np.arange(POINTS)
    # Before a `Batch` lets the C library keep memory (`bpcli.batch._keep_memory`), which helps numpy as much.
    alone = interleaved({"hand": lambda: neuron_by_hand(columns)}, 11)["hand"]
    batch = Batch(NEURON, header, {})
    block = batch.block(lines[:BLOCK], points[:BLOCK])
    for mine, theirs in zip([block.values, *[block.gradients[name] for name in header]],
                            neuron_by_hand(columns[:, :BLOCK]), strict=True):  # fmt: skip
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-14)  # by hand, y*(1 - y) cancels
    seconds = interleaved(
        {"hand": lambda: neuron_by_hand(columns), "bpcli": lambda: neuron_by_bpcli(batch, points, lines)}, 21
    )

    def nanoseconds(time: float) -> str:
        return f"{time / POINTS * 1e9:.1f} ns"

    mine = seconds["bpcli"]
    return [
        (f"sigmoid neuron, {POINTS:,} points", nanoseconds(alone), nanoseconds(mine),
         verdict(mine / alone, POINTS_TARGET)),
        ("  numpy with memory kept, y*(1 - y)", nanoseconds(seconds["hand"]), nanoseconds(mine),
         f"{mine / seconds['hand']:.2f}"),
    ]  # fmt: skip


if __name__ == "__main__":
    neurons = neuron()  # first, while the C library gives memory back
    table(("", "numpy by hand", "bpcli", "ratio"), net(), *neurons)
