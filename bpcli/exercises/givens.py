"""The table [given] of a problem file: fixed numbers and arrays, and the numbers that variants draw from."""

from __future__ import annotations

from decimal import Decimal
from math import prod
from typing import Any

from bpcli.exercises.fields import GIVEN
from bpcli.exercises.problem import Given

MOST_NUMBERS = 10_001  # to draw one given from
MOST_ENTRIES = 256  # of an array that a hand computes with
MOST_DIGITS = 15  # of a number in a problem file, so that its double prints as it was written


class Wrong(ValueError):
    """What is wrong with a given, and what to write instead."""

    def __init__(self, message: str, *tries: str) -> None:
        super().__init__(message)
        self.tries = tries


def described(value: Any) -> str:
    """What VALUE is, in plain words."""
    if isinstance(value, bool):
        return f"{str(value).lower()}, which is neither a number nor a text"
    if isinstance(value, str):
        return f"the text {value[:40]!r}" if value else "an empty text"
    if isinstance(value, int | Decimal):
        return f"the number {value}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "a table"
    return "a date or time"


def number(value: Any, what: str) -> Decimal:
    """The exact number VALUE of a TOML file."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        tries = (value,) if isinstance(value, str) and value.replace(".", "").replace("-", "").isdigit() else ()
        raise Wrong(f"{what} is {described(value)}, not a number", *tries)
    exact = Decimal(value)
    if not exact.is_finite():
        raise Wrong(f"{what} is {value}, which is not a number")
    exact = exact.normalize()
    if exact and (len(exact.as_tuple().digits) > MOST_DIGITS or abs(exact.adjusted()) > MOST_DIGITS):
        raise Wrong(f"{what} has more than {MOST_DIGITS} digits")
    return exact + 0  # never -0


def read(name: str, value: Any) -> Given:
    """The given NAME with the VALUE that the file has for it; raises `Wrong`."""
    if isinstance(value, list):
        array = _array(value, name)
        return Given(name, _shape(array), array=array)
    if not isinstance(value, dict):
        return Given(name, pool=(number(value, name),))
    for key in value:
        if key not in GIVEN:
            from bpcli.mistakes import closest

            near = closest(key, list(GIVEN))
            raise Wrong(f"{name} has a field {key}, which a given has not", *[f"{one} = …" for one in near])
    shape = _read_shape(name, value.get("shape", []))
    pool = _chosen(name, value) if "choose" in value else _grid(name, value)
    left_out = {number(one, f"except of {name}") for one in _list(name, "except", value.get("except", []))}
    pool = tuple(one for one in pool if one not in left_out)
    if not pool:
        raise Wrong(f"{name} has no number left to draw")
    return Given(name, shape, pool)


def _list(name: str, field: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Wrong(f"{field} of {name} is {described(value)}, not a list", f"{field} = [0]")
    return value


def _read_shape(name: str, value: Any) -> tuple[int, ...]:
    sizes = _list(name, "shape", value)
    if not all(isinstance(size, int) and not isinstance(size, bool) and 1 <= size <= 64 for size in sizes):
        raise Wrong(f"shape of {name} is not a list of sizes from 1 to 64", "shape = [2, 3]")
    if len(sizes) > 3 or prod(sizes) > MOST_ENTRIES:
        raise Wrong(f"{name} has {prod(sizes):,} entries in {len(sizes)} dimensions; the limit is {MOST_ENTRIES} in 3")
    return tuple(sizes)


def _chosen(name: str, value: dict[str, Any]) -> tuple[Decimal, ...]:
    if others := [key for key in ("from", "to", "step") if key in value]:
        raise Wrong(f"{name} has choose and {others[0]}; one of them says what to draw from", "choose = [1, 2]")
    pool = tuple(number(one, f"a number to choose for {name}") for one in _list(name, "choose", value["choose"]))
    if len(set(pool)) < len(pool):
        raise Wrong(f"{name} has the same number twice to choose from")
    return pool


def _grid(name: str, value: dict[str, Any]) -> tuple[Decimal, ...]:
    if missing := [key for key in ("from", "to") if key not in value]:
        raise Wrong(f"{name} has no {missing[0]}", f"{name} = {{from = -5, to = 5, step = 1}}")
    first, last = (number(value[key], f"{key} of {name}") for key in ("from", "to"))
    step = number(value.get("step", 1), f"step of {name}")
    if step <= 0 or last < first:
        raise Wrong(f"{name} goes from {first:f} to {last:f} in steps of {step:f}: to must not be below from, "
                    "and the step is above 0")  # fmt: skip
    count, rest = divmod(last - first, step)
    if rest:
        raise Wrong(f"{name} never reaches {last:f} from {first:f} in steps of {step:f}",
                    f"to = {first + count * step:f}", f"to = {first + (count + 1) * step:f}")  # fmt: skip
    if count >= MOST_NUMBERS:
        raise Wrong(f"{name} is drawn from {count + 1:,f} numbers; the limit is {MOST_NUMBERS:,}")
    return tuple((first + k * step).normalize() + 0 for k in range(int(count) + 1))


def _array(value: Any, what: str) -> Any:
    if not isinstance(value, list):
        return number(value, f"an entry of {what}")
    if not value:
        raise Wrong(f"{what} has no entries")
    rows = tuple(_array(one, what) for one in value)
    if len({_shape(row) for row in rows}) > 1:
        raise Wrong(f"the rows of {what} have different lengths")
    if prod(_shape(rows)) > MOST_ENTRIES or len(_shape(rows)) > 3:
        raise Wrong(f"{what} has more than {MOST_ENTRIES} entries or 3 dimensions")
    return rows


def _shape(array: Any) -> tuple[int, ...]:
    return (len(array), *_shape(array[0])) if isinstance(array, tuple) else ()
