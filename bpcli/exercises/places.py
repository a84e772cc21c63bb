"""Where in a TOML text each key stands, since the TOML reader does not tell; and what may not be read at all."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: A path such as ("ask", 1, "gradient").
Path = tuple[str | int, ...]

#: More parts in one dotted key than any file needs; Python's TOML reader takes memory by their square.
MOST_PARTS = 16

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]#]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*([A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')\s*(?:\.\s*([A-Za-z0-9_-]+)\s*)?=""")
_SKIPPED = re.compile(r"""\"{3}(?:\\.|[^\\])*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|#[^\n]*""", re.DOTALL)
_TOKEN = re.compile(r'"""|\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#.*|[\[\]{}]')


def line_numbers(text: str) -> dict[Path, int]:
    """Path -> line, for every table, array of tables and key at the start of a line."""
    found: dict[Path, int] = {}
    prefix: Path = ()
    counts: dict[str, int] = {}
    state = "", 0
    for number, line in enumerate(text.split("\n"), start=1):
        header = _HEADER.match(line) if state == ("", 0) else None
        if header:
            name = header[2].strip("\"'")
            prefix = (name,)
            if header[1] == "[[":
                prefix = (name, counts.setdefault(name, 0))
                counts[name] += 1
                found.setdefault((name,), number)
            found.setdefault(prefix, number)
            continue
        key = _KEY.match(line) if state == ("", 0) else None
        if key:
            parts = [part.strip("\"'") for part in key.groups() if part is not None]
            for length in range(1, len(parts) + 1):
                found.setdefault((*prefix, *parts[:length]), number)
        state = _after(line, *state)
    return found


def _after(line: str, closing: str, depth: int) -> tuple[str, int]:
    """What is open after LINE: the end of a text over several lines ("" for none), and levels of brackets."""
    start = 0
    while True:
        if closing:
            end = re.compile(r'(?:\\.|[^\\])*?"""' if closing == '"""' else "(?:.*?)'''").match(line, start)
            if end is None:
                return closing, depth
            start, closing = end.end(), ""
        token = _TOKEN.search(line, start)
        if token is None:
            return "", depth
        start = token.end()
        if token[0] in ('"""', "'''"):
            closing = token[0]
        elif token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth = max(0, depth - 1)


def line_of(path: Path, lines: Mapping[Path, int]) -> int:
    """The line of PATH, or of what it is in."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def too_many_parts(text: str) -> int | None:
    """The first line that has a key of more than `MOST_PARTS` dotted parts, or None."""
    bare = _SKIPPED.sub(lambda match: "s" * (match[0][0] != "#") + "\n" * match[0].count("\n"), text)
    for number, line in enumerate(bare.split("\n"), start=1):
        run = 0
        for part in line.split("."):
            run = run + 1 if re.fullmatch(r"[\s\w-]*", part) else 0
            if run >= MOST_PARTS:
                return number
    return None
