"""Numbers as a hand carries them: how many decimals, how many digits, negative or zero."""

from __future__ import annotations

from typing import Any, NamedTuple


def flat(value: Any) -> list[float]:
    """A number, or the entries of an array, as a list."""
    return [float(one) for one in value.ravel()] if hasattr(value, "ravel") else [float(value)]


def decimals(value: float, most: int = 12) -> int:
    """How many decimals VALUE has; MOST + 1 when more than that."""
    for places in range(most + 1):
        if abs(round(value, places) - value) <= 1e-12 * max(1.0, abs(value)):
            return places
    return most + 1


def digits(value: float) -> int:
    """How many significant digits VALUE has, up to 12."""
    return len(f"{abs(value):.11e}".partition("e")[0].replace(".", "").strip("0")) or 1


class Load(NamedTuple):
    """How much a variant asks of a hand."""

    negatives: int
    zeros: int
    decimals: int
    digits: int

    @classmethod
    def of(cls, numbers: list[float]) -> Load:
        """The load of the NUMBERS that are given and asked."""
        return cls(
            sum(one < 0 for one in numbers), sum(one == 0 for one in numbers),
            max((decimals(one, 6) for one in numbers), default=0), sum(map(digits, numbers)),
        )  # fmt: skip
