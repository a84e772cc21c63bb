"""Arrays as a student writes them, read as strictly as single numbers, and when one counts as another."""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

import numpy as np

from bpcli.marking.answers import Missing, Number, Unreadable, bare, read_number, shown
from bpcli.marking.liberal import read_answer
from bpcli.marking.printed import unwrapped
from bpcli.marking.verdicts import RELATIVE

MOST_ENTRIES = 10_000
MOST_AXES = 4
_MOST_TEXT = 65_536
_TOKEN = re.compile(r"\s*(?:([\[\]])|[,;]?\s*([^\s,;\[\]]+)|[,;])")


class Array(NamedTuple):
    """An array, or a number, as a student wrote it."""

    text: str
    value: Any
    exact: bool
    """Whether every entry is written without decimals."""


def read_array(text: str, shape: tuple[int, ...]) -> Array | Unreadable | Missing:
    """The array that TEXT writes: a number for the SHAPE (), rows such as [[1, 2], [3, 4]] for others.

    Entries are read as strictly as single numbers. Numpy's ways of printing, without commas or as ``array([1., 2.])``, are read too; a vector
    may stand for a single row or column.
    """
    if not shape or "[" not in text:
        one = read_answer(text)
        if not isinstance(one, Number):
            return one
        if math.prod(shape) == 1:
            return Array(text, np.full(shape, one.value), not one.decimals)
        return Unreadable(text, "an array is asked: [1, 2]")
    found = in_any_shape(bare(text))._replace(text=text)
    return found if isinstance(found, Unreadable) else fitted(found, shape)


def fitted(array: Array, shape: tuple[int, ...]) -> Array | Unreadable:
    """ARRAY in the SHAPE that is asked, from which it may differ by sizes of 1."""
    there = array.value.shape
    if [n for n in there if n > 1] == [n for n in shape if n > 1]:
        return array._replace(value=array.value.reshape(shape))
    return Unreadable(array.text, f"its shape is {there}, and {shape} is asked")


def in_any_shape(text: str) -> Array | Unreadable:
    """The array that TEXT writes in rows, whatever its shape."""
    if len(text) > _MOST_TEXT:
        return Unreadable(text, f"it has {len(text):,} characters; the limit is {_MOST_TEXT:,}")
    try:
        nested, exact = _nested(unwrapped(text))
        return Array(text, np.array(nested, dtype=np.float64), exact)
    except _NotRead as error:
        return Unreadable(text, str(error))
    except ValueError:
        return Unreadable(text, "its rows have different lengths")


class _NotRead(Exception):
    """Why a text is no array."""


def _nested(text: str) -> tuple[list[Any], bool]:
    """The nested list that TEXT writes, and whether no entry has decimals."""
    top: list[Any] = []
    stack = [top]
    exact, count, position = True, 0, 0
    plain = text.strip()
    while position < len(plain):
        match = _TOKEN.match(plain, position)
        if match is None:
            break
        position = match.end()
        if match[1] == "[":
            if len(stack) > MOST_AXES:
                raise _NotRead(f"its brackets are nested more than {MOST_AXES} deep")
            stack[-1].append([])
            stack.append(stack[-1][-1])
        elif match[1] == "]":
            if len(stack) == 1:
                raise _NotRead("a bracket is closed that was not opened")
            stack.pop()
        elif match[2]:
            one = read_number(match[2])
            if not isinstance(one, Number):
                raise _NotRead(f"{shown(match[2])} in it is not a number")
            count += 1
            if count > MOST_ENTRIES:
                raise _NotRead(f"it has more than {MOST_ENTRIES:,} entries")
            exact = exact and not one.decimals
            stack[-1].append(one.value)
    if len(stack) > 1:
        raise _NotRead("a bracket is never closed")
    if len(top) != 1 or not isinstance(top[0], list):
        raise _NotRead("write one array: [1, 2]")
    return top[0], exact


def agree(answer: Any, key: Any, reach: Any = 0.0) -> bool:
    """Whether every entry of ANSWER is no farther than REACH from that of KEY, give or take full precision.

    REACH is a number, or an array with one for each entry.
    """
    answer, key = np.asarray(answer, dtype=float), np.asarray(key, dtype=float)
    if answer.shape != key.shape or not np.isfinite(answer).all() or not np.isfinite(key).all():
        return False
    return bool(np.all(same(answer, key, reach)))


def same(answer: Any, key: Any, reach: Any) -> Any:
    """The same entry by entry, for arrays of one shape."""
    largest = float(np.max(np.abs(key), initial=0.0))
    bound = reach + RELATIVE * np.maximum(np.abs(key), 1e-3 * largest if largest else 1.0)
    return np.abs(answer - key) <= bound
