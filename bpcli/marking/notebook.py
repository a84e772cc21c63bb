"""A notebook's text made plain: prompts, fences, documentation, lines that go on, and small functions of one's own.

The lines keep their numbers. A function that only gives back one formula, ``def s(x): return 1/(1 + exp(-x))``, is put
in where it is called, as text, and read there by bpcli's grammar under its limits; nothing is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from bpcli.language import NAME, STUDENT
from bpcli.marking.branching import without_branches
from bpcli.marking.statements import between_commas

_PROMPT = re.compile(r"\s*(?:In ?\[[\d* ]*\]:|>>>|\.{3}:?(?=\s))[ \t]?")
_PRINTED = re.compile(r"\s*Out ?\[\d*\]:.*|[%!][A-Za-z%].*|\s*(?:```+|~~~+)\s*\{?\w*\}?\s*", re.DOTALL)
_TYPE = r"(?:float|int|Any|Number|Tensor|ndarray|[a-z]+\.[A-Za-z]\w*)(?:\[[^\[\]=]*\])?"
_HINTED = re.compile(rf"(\s*{NAME})\s*:\s*{_TYPE}\s*(=.*)", re.DOTALL)
_QUOTES = re.compile(r"\s*[rRfFuU]?(\"\"\"|''')")
_DEFINED = re.compile(rf"(\s*)def\s+({NAME})\s*\(([^()]*)\)\s*(?:->[^:]*)?:(.*)", re.DOTALL)
_LAMBDA = re.compile(rf"(\s*)({NAME})\s*=\s*lambda\s+([^:]*):(.*)", re.DOTALL)
_LOCAL = re.compile(rf"({NAME})\s*=(?!=)\s*(.+)", re.DOTALL)
_CALL = re.compile(rf"(?<![\w.])({NAME})\s*\(")
_WORD = re.compile(rf"(?<![\w.])({NAME})\b(?!\s*\()")
_MOST_LOCAL = 2  # lines of a function before its return; one with more is a pass written as a function
_MOST_CALLS = 50  # in one line
_MOST_FUNCTIONS = 50
_MOST_JOINED = 8192  # characters; twice what a formula may have


class Function(NamedTuple):
    """A function that gives back one formula of its inputs."""

    inputs: tuple[str, ...]
    formula: str
    whole: bool = False
    """Whether its lines may be the passes themselves, so that it is called to see what they come to."""


class Notebook(NamedTuple):
    """The lines that are left, numbered as they were, and the functions that they may call."""

    lines: list[str]
    functions: Mapping[str, Function]

    def put_in(self, text: str) -> str:
        """TEXT with every call of a function replaced by its formula."""
        return _put_in(text, self.functions)


def read(raw: Sequence[str]) -> Notebook:
    """The lines RAW of a hand-in, which need not be a notebook's."""
    lines = [_without_signs(line) for line in raw]
    _leave_out_texts(lines)
    _join_continued(lines)
    functions: dict[str, Function] = {}
    for at, match in _definitions(lines):
        body = _body(lines, at, match)
        found = _function(match[3], body, functions)
        calls = _calls(match[2], lines, at, len(body)) if found else []
        if found is None or not calls:
            continue
        steps = len(body) > 1 and any(_LOCAL.match(line.strip()) for line in body)
        whole = steps and all(one == found.inputs or not re.search(NAME, "".join(one)) for one in calls)
        functions[match[2]] = found._replace(whole=whole)
        if not whole:
            lines[at : at + len(body)] = [""] * len(body)
    return Notebook(without_branches(lines), functions)


def _definitions(lines: Sequence[str]) -> Iterator[tuple[int, re.Match[str]]]:
    """Where a function is defined; only the first few."""
    tried = 0
    for at, line in enumerate(lines):
        match = ("def" in line and _DEFINED.match(line)) or ("lambda" in line and _LAMBDA.match(line))
        if match and tried < _MOST_FUNCTIONS:
            tried += 1
            yield at, match


def _without_signs(line: str) -> str:
    """LINE without a prompt or the type of a name; "" for what a notebook prints."""
    line = line.rstrip("\r")
    if _PRINTED.fullmatch(line):
        return ""
    line = _PROMPT.sub("", line, count=1) if _PROMPT.match(line) else line
    if ":" in line and (match := _HINTED.fullmatch(line)):
        return f"{match[1]} {match[2]}"
    return line


def _leave_out_texts(lines: list[str]) -> None:
    """Empty the lines of a text in three quotes that stands by itself."""
    at = 0
    while at < len(lines):
        match = _QUOTES.match(lines[at])
        if match:
            rest = lines[at][match.end() :]
            last = (
                at if match[1] in rest else next((k for k in range(at + 1, len(lines)) if match[1] in lines[k]), None)
            )
            if last is None:
                return  # it is never closed
            lines[at : last + 1] = [""] * (last + 1 - at)
            at = last
        at += 1


def _join_continued(lines: list[str]) -> None:
    r"""Put what stands after a \ at the end of a line on that line."""
    for at in range(len(lines) - 2, -1, -1):  # from the last, so that each is joined once
        code = lines[at].rstrip()
        if code.endswith("\\") and "#" not in code and len(lines[at + 1]) <= _MOST_JOINED:
            lines[at : at + 2] = [f"{code[:-1].rstrip()} {lines[at + 1].strip()}", ""]


# --- functions ---------------------------------------------------------------------------------------------


def _body(lines: Sequence[str], at: int, match: re.Match[str]) -> list[str]:
    """The lines of the definition at AT, the first with what stands behind its colon."""
    found, indent = [match[4]], len(match[1])
    if match[4].partition("#")[0].strip():
        return found
    for line in lines[at + 1 :]:
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            break
        found.append(line)
    return found


def _function(inputs: str, body: Sequence[str], known: Mapping[str, Function]) -> Function | None:
    """The function of INPUTS that BODY defines; None when it is more than one formula."""
    names = tuple(re.sub(r"[:=].*", "", one).strip() for one in inputs.split(","))
    steps = [code for line in body if (code := line.partition("#")[0].strip().rstrip(";")) and code[0] not in "\"'"]
    if not steps or len(steps) > _MOST_LOCAL + 1 or not all(re.fullmatch(NAME, name) for name in names):
        return None
    *before, last = steps
    own: dict[str, str] = {}
    for step in before:
        match = _LOCAL.fullmatch(step)
        if not match:
            return None
        own[match[1]] = f"({_renamed(_put_in(match[2], known), own)})"
    formula = re.sub(r"return\b\s*", "", last, count=1)
    whole = len(body) == 1 or last.startswith("return")
    if not whole or not formula or len(between_commas(formula)) > 1 or re.match(r"\w+\s*=[^=]", formula):
        return None
    formula = _renamed(_put_in(formula, known), own)
    return Function(names, formula) if len(formula) <= (STUDENT.characters or 0) else None


def _calls(name: str, lines: Sequence[str], at: int, count: int) -> list[tuple[str, ...]]:
    """The inputs with which lines outside of the COUNT lines from AT call NAME."""
    called = re.compile(rf"(?<![\w.]){re.escape(name)}\s*\(")
    found = []
    for k, line in enumerate(lines):
        if name in line and not at <= k < at + count and (match := called.search(line)):
            end = _closes(line, match.end())
            found.append(tuple(between_commas(line[match.end() : end])))
    return found


def _put_in(text: str, functions: Mapping[str, Function]) -> str:
    """TEXT with the calls of FUNCTIONS replaced, the innermost first; as it is where that would be too long."""
    most = STUDENT.characters or 0
    if not functions or len(text) > most:
        return text
    calls = [match for match in _CALL.finditer(text) if match[1] in functions]
    if len(calls) > _MOST_CALLS:
        return text
    found = text
    for call in reversed(calls):  # what is inside of a call stands behind its name
        function, end = functions[call[1]], _closes(found, call.end())
        if end is None:
            return text
        inside = found[call.end() : end]
        values = between_commas(inside)
        if len(values) != len(function.inputs) or not all(values) or (function.whole and not re.search(NAME, inside)):
            return text
        given = {name: f"({value})" for name, value in zip(function.inputs, values, strict=True)}
        found = f"{found[: call.start()]}({_renamed(function.formula, given)}){found[end + 1 :]}"
        if len(found) > most:
            return text
    return found


def _renamed(formula: str, values: Mapping[str, str]) -> str:
    """FORMULA with the names of VALUES replaced, all at once."""
    return _WORD.sub(lambda match: values.get(match[1], match[1]), formula) if values else formula


def _closes(text: str, start: int) -> int | None:
    """Where the bracket that was opened just before START is closed."""
    depth = 1
    for at in range(start, len(text)):
        depth += (text[at] in "([{") - (text[at] in ")]}")
        if not depth:
            return at
    return None
