"""``if x > y:`` and ``else:`` around plain assignments, as `where`: what a maximum or a ReLU is written with by hand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from bpcli.language import NAME

_IF = re.compile(r"(\s*)if\b([^:]*):(.*)", re.DOTALL)
_COMPARED = re.compile(r"[<>]|[=!]=")
_ELSE = re.compile(r"(\s*)else\s*:(.*)", re.DOTALL)
_STEP = re.compile(rf"({NAME})\s*([-+]?=)(?!=)\s*(\S.*)", re.DOTALL)
_SEVERAL = re.compile(r"\b(?:and|or|not|if|in)\b|[&|~]")
_MOST_LINES = 20  # of a branch
_MOST_BLOCKS = 100


class _Step(NamedTuple):
    """An assignment of a branch, and the line where it stands."""

    sign: str
    right: str
    at: int


def without_branches(lines: Sequence[str]) -> list[str]:
    """LINES with each `if` of one comparison, and its `else`, as lines with `where`; any other is left as it is.

    A name that only one branch sets keeps its value in the other, or has nothing added.
    """
    found = list(lines)
    tried = 0
    for at, line in enumerate(lines):
        match = _IF.fullmatch(line.partition("#")[0]) if "if" in line else None
        if match is None or not _COMPARED.search(match[2]) or tried >= _MOST_BLOCKS:
            continue
        tried += 1
        then, end = _branch(lines, at, match[3], len(match[1]))
        last = _ELSE.fullmatch(lines[end].partition("#")[0]) if end < len(lines) else None
        otherwise: dict[str, _Step] | None = {}
        if last is not None and len(last[1]) == len(match[1]):
            otherwise, end = _branch(lines, end, last[2], len(last[1]))
        steps = None if then is None or otherwise is None else _chosen(match[2].strip(), then, otherwise)
        if steps:
            found[at:end] = [match[1] + steps[k] if k in steps else "" for k in range(at, end)]
    return found


def _branch(lines: Sequence[str], at: int, rest: str, indent: int) -> tuple[dict[str, _Step] | None, int]:
    """What the branch at the line AT sets, and where it ends; None for a branch of anything but assignments."""
    inline = bool(rest.strip())
    places = [(at, rest.strip())] * inline
    end = at + 1
    while not inline and end < len(lines):
        code = lines[end].partition("#")[0]
        if code.strip() and len(code) - len(code.lstrip()) <= indent:
            break
        places += [(end, code.strip())] * bool(code.strip())
        end += 1
    found: dict[str, _Step] = {}
    for place, code in places[: _MOST_LINES + 1]:
        step = _STEP.fullmatch(code.rstrip("; "))
        if code != "pass" and (step is None or step[1] in found or ";" in step[3]):
            return None, end
        if step is not None:
            found[step[1]] = _Step(step[2], step[3], place)
    return (found if len(places) <= _MOST_LINES else None), end


def _chosen(condition: str, then: dict[str, _Step], otherwise: dict[str, _Step]) -> dict[int, str]:
    """The lines that set the same, by their places; none where a branch goes on from what it has set itself."""
    own = {*then, *otherwise}
    used = {word for one in (*then.values(), *otherwise.values()) for word in re.findall(NAME, one.right)}
    if own & {*used, *re.findall(NAME, condition)} or _SEVERAL.search(condition):
        return {}
    found = {}
    for name in dict.fromkeys([*then, *otherwise]):
        one, other = then.get(name), otherwise.get(name)
        if one is not None and other is not None and one.sign != other.sign:
            return {}
        step = one or other
        assert step is not None
        idle = name if step.sign == "=" else "0"
        yes, no = one.right if one else idle, other.right if other else idle
        found[step.at] = f"{name} {step.sign} where({condition}, {yes}, {no})"
    return found
