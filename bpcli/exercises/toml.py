"""Writing TOML: tables of texts, numbers and lists, so that Python's reader gives the same back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def text(value: str, lines: bool = False) -> str:
    """A text in double quotes; with LINES over several lines, as it stands but for what must be escaped."""
    if not lines:
        return f'"{"".join(map(_escaped, value))}"'
    if "'''" not in value and not value.endswith("'") and all(c == _escaped(c) or c in '\n\t"\\' for c in value):
        return f"'''\n{value}'''"
    quotes = "" if '"""' in value or value.endswith('"') else '"'
    body = "".join(c if c in f"\n{quotes}" else _escaped(c) for c in value)
    return f'"""\n{body}"""'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return f"\\u{ord(character):04X}" if ord(character) < 32 or ord(character) == 127 else character


def value(one: Any) -> str:
    """A text, truth value, number, list, or table in one line."""
    if isinstance(one, str):
        return text(one)
    if isinstance(one, bool):
        return "true" if one else "false"
    if isinstance(one, Mapping):
        return "{" + ", ".join(f"{name} = {value(inner)}" for name, inner in one.items()) + "}"
    if isinstance(one, Sequence):
        return f"[{', '.join(map(value, one))}]"
    return str(one)


def table(heading: str, entries: Mapping[str, Any]) -> str:
    """A table with its heading; texts of several lines stay readable."""
    lines = [heading] if heading else []
    for name, one in entries.items():
        long = isinstance(one, str) and "\n" in one
        lines.append(f"{name} = {text(one, lines=True) if long else value(one)}")
    return "\n".join(lines) + "\n"
