"""Forward and reverse over graphs of 10^2, 10^4 and 10^6 gates, against a tape loop as one writes it by hand.

A graph is a sum of random formulas, as a loss is a sum over samples. Every gate reaches the output, so that none
is left out of the reverse sweep, and an operand in ten is a number, so that some local gradients are not needed.
"""

from __future__ import annotations

import gc
import math
import random
import tracemalloc
from dataclasses import replace
from time import perf_counter

from timing import interleaved, table, verdict

from bpcli.compiled import forward_loop, reverse_loop, value_function
from bpcli.gates import GATES, find
from bpcli.graph import Builder, Graph
from bpcli.sweeps import forward, reverse

SIZES = {100: (101, 100), 10_000: (101, 1), 1_000_000: (9, 1)}  # number of gates -> repetitions, calls in each
LENGTH = 100  # gates of one formula, the last of which adds it to the sum
NAMES = "add sub mul div max exp log tanh sin".split()
WEIGHTS = [3, 2, 3, 1, 1, 1, 1, 1, 1]
ROWS = {name: find(name, 2) if name == "max" else GATES[name] for name in NAMES}
ADD, SUB, MUL, DIV, MAX, EXP, LOG, TANH, SIN = range(len(NAMES))
#: Where a gate may stand, so that its value and its slopes stay moderate.
FITS = {"div": lambda a, b: abs(b) > 0.1, "exp": lambda x: x < 3, "log": lambda x: x > 0.1}


def random_graph(size: int, seed: int = 1) -> tuple[Graph, dict[str, float]]:
    """A graph of SIZE gates, a multiple of LENGTH, and a point."""
    chance, builder = random.Random(seed), Builder()
    point = {f"x{k}": chance.uniform(-2, 2) for k in range(16)}
    numbers = [chance.uniform(-2, 2) for _ in range(4)]
    variables = [builder.input(name) for name in point]
    leaves = variables + [builder.constant(number) for number in numbers]
    values = [*point.values(), *numbers]
    functions = {name: value_function(row) for name, row in ROWS.items()}

    def step(latest: int, recent: range) -> int:
        """A gate on LATEST and, when it takes two inputs, on one of RECENT or a leaf."""
        while True:
            name = chance.choices(NAMES, WEIGHTS)[0]
            other = chance.choice(recent) if recent and chance.random() < 0.5 else chance.choice(leaves)
            args = (latest,) if len(ROWS[name].inputs) == 1 else tuple(chance.sample((latest, other), 2))
            given = [values[node] for node in args]
            if (name not in FITS or FITS[name](*given)) and abs(value := functions[name](*given)) < 20:
                values.append(value)
                return builder.gate(ROWS[name], args)

    total = variables[0]
    for _ in range(size // LENGTH):
        start, latest = len(values), chance.choice(variables)
        for _ in range(LENGTH - 1):
            latest = step(latest, range(start, len(values)))
        values.append(values[total] + values[latest])
        total = builder.gate(ROWS["add"], (total, latest))
    return builder.finish([total]), point


# --- the tape, written by hand ---------------------------------------------------------------------------

Tape = tuple[list[int], list[int], list[int]]


def tape_of(graph: Graph) -> Tape:
    """For each gate its operation and its two inputs (the same one twice, if it takes one)."""
    ops = [NAMES.index(graph.row(place).name) for place in range(len(graph.gates))]
    return ops, [args[0] for args in graph.args], [args[-1] for args in graph.args]


def forward_by_hand(tape: Tape, leaves: list[float]) -> list[float]:
    values = leaves.copy()
    append = values.append
    exp, log, tanh, sin = math.exp, math.log, math.tanh, math.sin
    for op, a, b in zip(*tape, strict=True):
        if op == ADD:
            append(values[a] + values[b])
        elif op == MUL:
            append(values[a] * values[b])
        elif op == SUB:
            append(values[a] - values[b])
        elif op == DIV:
            append(values[a] / values[b])
        elif op == MAX:
            append(max(values[a], values[b]))
        elif op == EXP:
            append(exp(values[a]))
        elif op == LOG:
            append(log(values[a]))
        elif op == TANH:
            append(tanh(values[a]))
        else:
            append(sin(values[a]))
    return values


def reverse_by_hand(tape: Tape, values: list[float]) -> list[float]:
    ops, lefts, rights = tape
    adjoints = [0.0] * len(values)
    adjoints[-1] = 1.0
    cos = math.cos
    node = len(values)
    for op, a, b in zip(reversed(ops), reversed(lefts), reversed(rights), strict=True):
        node -= 1
        g = adjoints[node]
        if op == ADD:
            adjoints[a] += g
            adjoints[b] += g
        elif op == MUL:
            adjoints[a] += g * values[b]
            adjoints[b] += g * values[a]
        elif op == SUB:
            adjoints[a] += g
            adjoints[b] -= g
        elif op == DIV:
            adjoints[a] += g / values[b]
            adjoints[b] -= g * values[node] / values[b]
        elif op == MAX:
            if values[a] >= values[b]:
                adjoints[a] += g
            else:
                adjoints[b] += g
        elif op == EXP:
            adjoints[a] += g * values[node]
        elif op == LOG:
            adjoints[a] += g / values[a]
        elif op == TANH:
            adjoints[a] += g * (1 - values[node] ** 2)
        else:
            adjoints[a] += g * cos(values[a])
    return adjoints


# --- the figures -----------------------------------------------------------------------------------------


def times(size: int) -> tuple[str, ...]:
    graph, point = random_graph(size)
    tape, leaves = tape_of(graph), [*point.values(), *graph.constants.values()]
    seeds = {graph.output: 1.0}
    forward_loop.cache_clear()
    reverse_loop.cache_clear()
    start = perf_counter()
    reverse(graph, forward(graph, point), seeds)
    first = perf_counter() - start
    values = forward(graph, point)
    agree(values, forward_by_hand(tape, leaves), range(graph.size))
    agree(reverse(graph, values, seeds), reverse_by_hand(tape, values), graph.inputs.values())
    seconds = interleaved({
        "forward": lambda: forward(graph, point),
        "reverse": lambda: reverse(graph, values, seeds),
        "forward by hand": lambda: forward_by_hand(tape, leaves),
        "reverse by hand": lambda: reverse_by_hand(tape, values),
    }, *SIZES[size])  # fmt: skip
    ahead, back, ahead_by_hand, back_by_hand = seconds.values()
    both, by_hand = ahead + back, ahead_by_hand + back_by_hand
    return (
        f"{size:,}", f"{ahead / size * 1e9:.0f}", f"{back / size * 1e9:.0f}", verdict(both / ahead, 3),
        f"{ahead / ahead_by_hand:.2f}", f"{back / back_by_hand:.2f}",
        verdict(both / by_hand, 1.5) if size == max(SIZES) else f"{both / by_hand:.2f}",
        f"{(first - both) * 1000:.1f} ms",
    )  # fmt: skip


def agree(ours: list[float], by_hand: list[float], nodes: object) -> None:
    """Stop unless both tapes compute the same: the times of two different things say nothing."""
    assert all(math.isclose(ours[k], by_hand[k], rel_tol=1e-6, abs_tol=1e-9) for k in nodes)


def memory(size: int) -> tuple[str, ...]:
    """Bytes a gate: of the graph, and at the highest of both sweeps on top of it."""
    tracemalloc.start()
    graph, point = random_graph(size)
    reverse(copy := replace(graph), forward(copy, point), {copy.output: 1.0})  # compiles the loops, no part of this
    del copy
    gc.collect()
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    reverse(graph, forward(graph, point), {graph.output: 1.0})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return f"{size:,}", f"{held / size:.0f}", f"{(peak - held) / size:.0f}"


def main() -> None:
    print("times: ns a gate, then ratios, then what the first call adds (the loops compiled, the order backward made)")
    heads = ("gates", "forward", "reverse", "(f+r)/forward", "f/by hand", "r/by hand", "(f+r)/by hand", "first adds")
    table(heads, *map(times, SIZES))
    print("memory: bytes a gate")
    table(("gates", "graph", "sweeps"), *map(memory, SIZES))


if __name__ == "__main__":
    main()
