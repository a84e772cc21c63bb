"""Reading text: characters a second, whether twice the text takes twice the time, what the saved tables save."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from unittest.mock import patch

from timing import interleaved, table, verdict

from bpcli import grammar
from bpcli.language import Reader, parse

LENGTHS = {10_000: 21, 100_000: 9, 500_000: 3}  # characters -> repetitions; each beside a text twice as long
SPEED, DOUBLING = 0.3, 2.3  # million characters a second, at least; time(2n)/time(n), at most
PIECES = ["{a}*{b}", "{n}*{a}^2", "sin({a}*{b} + {n})", "exp(-{a}^2/{n})", "({a} - {b})*({a} + {n})", "{a}/(1 + {b})",
          "sqrt({a}*{a} + {b}*{b})", "max({a}, {b}, {n})", "{n}{a}"]  # fmt: skip


def flat(length: int) -> str:
    """x + x + x + …: nothing but gates, a character for each token."""
    return "x" + "+x" * ((length - 1) // 2)


def mixed(length: int) -> str:
    """A sum of what formulas are made of: numbers, products, powers, functions, a few brackets."""
    chance = random.Random(1)
    pieces: list[str] = []
    while length > 0:
        a, b = (f"x{chance.randrange(100)}" for _ in "ab")
        pieces.append(chance.choice(PIECES).format(a=a, b=b, n=f"{chance.uniform(1, 9):.3g}"))
        length -= len(pieces[-1]) + 3
    return " + ".join(pieces)


def nested(length: int) -> str:
    """(x + 2*(x + 2*( … ))): brackets as deep as the text is long."""
    depth = length // 8
    return "(x + 2*" * depth + "x" + ")" * depth


def brackets(length: int) -> str:
    """(((x))): nothing but brackets."""
    return "(" * (length // 2) + "x" + ")" * (length // 2)


def speeds(shape: Callable[[int], str]) -> list[tuple[str, ...]]:
    rows = []
    for length, repetitions in LENGTHS.items():
        text, twice = shape(length), shape(2 * length)
        seconds = interleaved({"n": partial(parse, text), "2n": partial(parse, twice)}, repetitions)
        speed = len(twice) / seconds["2n"] / 1e6
        rows.append((
            shape.__name__, f"{len(twice):,}", f"{speed:.2f} ({'≥' if speed >= SPEED else 'MISSED:'} {SPEED})",
            verdict(seconds["2n"] / seconds["n"], DOUBLING),
        ))  # fmt: skip
    return rows


def saving() -> list[tuple[str, str, str]]:
    """A parser made from the tables saved when the package was built, and one made from the grammar."""

    def load() -> None:
        grammar.load("formula", Reader())

    def build() -> None:
        with patch.object(grammar, "_saved", return_value=None):
            load()

    seconds = interleaved({"from the saved tables": load, "from the grammar": build}, 21)
    unit = seconds["from the grammar"]
    return [(name, f"{spent * 1000:.1f}", f"{spent / unit:.2f}") for name, spent in seconds.items()]


def main() -> None:
    if grammar._saved("formula", grammar.text("formula")) is None:
        print("no tables of this grammar and this Lark are saved; installing bpcli again makes them\n")
    table(("parser made", "ms", "ratio"), *saving())
    rows = [row for shape in (flat, mixed, nested, brackets) for row in speeds(shape)]
    table(("text", "characters", "million/s", "time(2n)/time(n)"), *rows)


if __name__ == "__main__":
    main()
