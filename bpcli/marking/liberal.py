"""Answers as a person marks them: what stands around a number, or before the last = of a line, is read past.

The strict reader comes first. This one goes on only where nobody would have to think: ``8;``, ``**-1**``, ``~4``,
``x + y = -8``, ``4*1``, a choice in a sentence that names one of the options. Every such reading leaves a note. What
could mean two things (``1,000``, ``3 = 4``, ``not a router``) is not read. Formulas go through bpcli's own grammar,
under the limits of what students send; nothing is evaluated that this grammar does not know.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from bpcli.figures import MOST_DIGITS
from bpcli.language import STUDENT, parse
from bpcli.marking.answers import MINUSES, Answer, Number, Unreadable, bare, read_number
from bpcli.trouble import Trouble

_ABOUT = "~≈≃≅∼"
_EQUALS = re.compile(rf"[={_ABOUT}]")
_ARITHMETIC = re.compile(r"(?:[0-9.]++(?:[eE][+-]?[0-9]++)?|[+\-*/()·× \t])++")
_SUM = re.compile(r"[0-9.)][ \t]*[+\-*/·×]")  # a sign between two numbers
_WORD = re.compile(r"[^\s,;:!?\"'`*_()\[\]]+")
_MINUSES = str.maketrans(dict.fromkeys(MINUSES, "-"))
#: Words that turn a sentence round, or leave it open.
_TURNING = frozenset("not no non never neither nor isn't isnt except but or unless instead than either maybe".split())
_MOST_SENTENCE = 200  # characters


def read_answer(text: str) -> Answer:
    """The number that TEXT answers. A note says how it was read, where the strict reader would not."""
    strict = read_number(text)
    if not isinstance(strict, Unreadable) or len(text) > MOST_DIGITS:
        return strict
    inside = bare(text).lstrip(f"{_ABOUT} \t")
    found = _plainly(inside)
    if isinstance(found, Unreadable):
        found = _last_of(inside) or found
    return found._replace(text=text)


def _plainly(text: str) -> Answer:
    """TEXT as a number, or as arithmetic with plain numbers, which comes to one. Powers are none: -2**2 may be 4."""
    found = read_number(text)
    if isinstance(found, Number):
        return found._replace(notes=(*found.notes, f"read as {text}"))
    plain = text.translate(_MINUSES)
    if isinstance(found, Unreadable) and _SUM.search(plain) and "**" not in plain and _ARITHMETIC.fullmatch(plain):
        number = worked_out(plain)
        return found if number is None else number._replace(notes=(f"read as {number.value:.6g}",))
    return found


def _last_of(text: str) -> Answer | None:
    """The number after the last = of TEXT: of ``2*x = -4``. None where that is not how it is meant."""
    *before, last = [bare(piece) for piece in _EQUALS.split(text)]
    if not before:
        return None
    found = _plainly(last)
    if not isinstance(found, Number):
        return None
    for piece in before:
        earlier = read_number(piece)
        if isinstance(earlier, Number):
            if abs(earlier.value - found.value) > 0.5 * 10.0**-found.decimals:
                return Unreadable(text, "there are several numbers; write one")
        elif not _is_formula(piece):
            return None
    return found


def _is_formula(text: str) -> bool:
    try:
        return not parse(text, limits=STUDENT).has_arrays
    except Trouble:
        return False


def worked_out(text: str) -> Number | None:
    """The number that a formula without names comes to; None for any other text."""
    from bpcli.sweeps import forward

    try:
        graph = parse(text, limits=STUDENT)
        if graph.inputs or graph.has_arrays or graph.scope:
            return None
        value = forward(graph, {})[graph.output]
    except Trouble:
        return None
    return Number(text, float(value)) if value is not None and math.isfinite(value) else None


# --- choices ----------------------------------------------------------------------------------------------


def option_in(text: str, options: Sequence[str]) -> str | None:
    """The one of OPTIONS that TEXT names as a word: ``a router``. None for several, and where a word turns it round."""
    if len(text) > _MOST_SENTENCE:
        return None
    words = _words(text)
    named = {option: spelled for option in options if (spelled := _words(option)) and _holds(words, spelled)}
    longest = [
        option for option, spelled in named.items()
        if not any(other is not spelled and len(other) > len(spelled) and _holds(other, spelled) for other in named.values())
    ]  # fmt: skip
    if len(longest) != 1 or _TURNING & (set(words) - set(named[longest[0]])):
        return None
    return longest[0]


def _words(text: str) -> list[str]:
    return [word.casefold().rstrip(".") for word in _WORD.findall(text)]


def _holds(words: Sequence[str], part: Sequence[str]) -> bool:
    return any(words[at : at + len(part)] == part for at in range(len(words) - len(part) + 1))
