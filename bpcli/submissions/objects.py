"""Answers as JSON, read strictly: every number stays the text that was written, and no name may stand twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from bpcli.submissions.handed_in import JSON, Found, Part, Refused
from bpcli.trouble import Trouble, visible

MOST_DEPTH = 20
MOST_VALUES = 10_000  # of one student


class Raw(str):
    """A number as it stood in the text."""

    __slots__ = ()


def parse(text: str, most: int = MOST_VALUES) -> Any:
    """The value of TEXT, numbers as `Raw`. Raises `Trouble`."""
    _check_depth(text)
    count = 0

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal count
        count += len(found)
        if count > most:
            raise Trouble(f"it has more than {most:,} values", code="too-large")
        table: dict[str, Any] = {}
        for name, value in found:
            if name in table:
                raise Trouble(f"{visible(name)[:64]} stands there twice", code="answered-twice")
            table[name] = value
        return table

    def refuse(word: str) -> NoReturn:
        raise Trouble(f"{word} is not a number", code="json")

    try:
        return json.loads(text, object_pairs_hook=pairs, parse_float=Raw, parse_int=Raw, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise Trouble(f"it is not JSON: {error.msg} (line {error.lineno}, column {error.colno})", code="json") from None
    except RecursionError:  # not reached: the depth is checked before
        raise Trouble("it is nested too deep", code="too-large") from None


def _check_depth(text: str) -> None:
    """`Trouble` when brackets outside strings are nested deeper than `MOST_DEPTH`."""
    depth = 0
    quoted = escaped = False
    for character in text:
        if quoted:
            escaped, quoted = character == "\\" and not escaped, character != '"' or escaped
        elif character == '"':
            quoted = True
        elif character in "[{":
            depth += 1
            if depth > MOST_DEPTH:
                raise Trouble(f"it is nested more than {MOST_DEPTH} deep", code="too-large")
        elif character in "]}":
            depth -= 1


def in_object(text: str, source: str) -> Iterator[Found | Refused]:
    """The hand-ins in a class's JSON: {student: {problem: {blank: answer}}}, or a list of {"student", "answers"}."""
    found = parse(text, 100 * MOST_VALUES)
    if isinstance(found, dict):
        entries = [(name, answers, f"{source}: {visible(name)[:64]}") for name, answers in found.items()]
    elif isinstance(found, list):
        entries = [
            (one.get("student"), one.get("answers"), f"{source}, entry {place}") if isinstance(one, dict) else (None, None, f"{source}, entry {place}")
            for place, one in enumerate(found, start=1)
        ]  # fmt: skip
    else:
        raise Trouble(f"cannot read {source}: it holds neither a table of students nor a list", code="json")
    for student, answers, where in entries:
        if not isinstance(student, str) or not isinstance(answers, dict):
            yield Refused(where, "json", 'this is not {"student": …, "answers": {…}}')
            continue
        data = plain_json(answers).encode("utf-8", "surrogatepass")
        yield Found((student,), where, lambda data=data: [Part("", JSON, data)])  # type: ignore[misc]


def plain_json(value: Any) -> str:
    """VALUE as JSON again, its numbers as they stood."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {plain_json(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(plain_json, value)) + "]"
    return json.dumps(value)


def answer_text(value: Any) -> str | None:
    """One answer as the text that would stand in a file; None for what is none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list) and value and all(isinstance(one, str) and not isinstance(one, Raw) for one in value):
        return "\n".join(value)
    return plain_json(value) if isinstance(value, list) else None
