"""`bpcli.grad` on arrays: a block for each gate, with shapes, and the arrays in line or in short."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from bpcli.arrays.gates import spelled
from bpcli.arrays.passes import ArrayGradients
from bpcli.checking import OK, Comparison
from bpcli.figures import align, show
from bpcli.passes import Gradients
from bpcli.trouble import visible
from bpcli.views.gradients import witness
from bpcli.views.layout import GRADIENT, QUIET, VALUE, Look, note_lines, reading

READABLE = 8  # entries along an axis of an array that is shown in full
CORNER = 3  # rows and columns of a larger one


def render(result: ArrayGradients, look: Look) -> RenderableType:
    """The reading, a block for each gate, then the gradients beside the witness's verdict."""
    text = gate_blocks(result, look)
    text.append("\n\n")
    if result.tangents:
        block(text, "", "tangent of the output", result.pushed, GRADIENT, look)
    for name, gradient in result.gradients.items():
        block(text, "", f"gradient for {name}", gradient, GRADIENT, look)
        if result.check and (compared := result.check.comparisons.get(name)):
            text.append(f"    differences: {_witness(compared, look.digits)}\n")
    text.right_crop(1)
    parts: list[RenderableType] = [reading(result.reading, look.everything), Text(), text]
    return Group(*parts, *note_lines(result.notes))


def gate_blocks(result: Gradients, look: Look) -> Text:
    """A block for each gate: its shape, value, upstream gradient and what it sends to each input."""
    text = Text()
    for line in result.lines():
        _gate(text, line, look)
    text.right_crop(1)
    return text


def _witness(compared: Comparison, digits: int) -> str:
    """The verdict on a variable, and the entry that the witness agrees with least."""
    if not compared.entry and not compared.measured:
        return witness(compared, digits)
    at = str(list(compared.entry)) if compared.entry else "a random direction"
    if compared.verdict == OK:
        error = "exactly" if not compared.error else f"to {show(compared.error, 2)}"
        return f"agree {error} ({compared.measured})"
    return f"at {at}: {witness(compared, digits)}, gradient {show(compared.reverse, digits)} ({compared.measured})"


def _gate(text: Text, line: Any, look: Look) -> None:
    name = line.text if line.id == line.text else f"{line.id} = {line.text}"
    text.append(f"{visible(name)}  ").append(f"{spelled(line.shape)}\n", QUIET)
    block(text, "    ", "value", line.value, VALUE, look)
    if line.tangent is not None:
        block(text, "    ", "tangent", line.tangent, GRADIENT, look)
    if line.upstream is not None:
        block(text, "    ", "upstream", line.upstream, GRADIENT, look)
        for given, sent in zip(line.inputs, line.sends, strict=True):
            if sent is not None:
                block(text, "    ", f"to {given}", sent, GRADIENT, look)


def block(text: Text, margin: str, label: str, value: Any, style: str, look: Look) -> None:
    """Append a label and an array: on its line when it fits there, otherwise on the lines below."""
    lines = array_lines(value, look)
    head = f"{margin}{label} "
    if len(lines) == 1 and len(head) + len(lines[0]) <= look.width:
        text.append(head).append(f"{lines[0]}\n", style)
        return
    text.append(f"{head.rstrip()}\n")
    for line in lines:
        text.append(f"{margin}    {line}\n", style)


def array_lines(value: Any, look: Look) -> list[str]:
    """An array as lines of text: in full up to a readable size, else its shape, range, norm and corner."""
    array = np.asarray(value, dtype=float)
    if array.ndim == 0:
        return [show(float(array), look.digits)]
    if array.size == 0:
        return [f"{spelled(array.shape)}, no entries"]
    if not look.everything and (max(array.shape) > READABLE or array.ndim > 3):
        return _in_short(array, look.digits)
    if array.ndim == 1:
        return _wrapped([show(float(one), look.digits) for one in array], look.width)
    if array.ndim > 2:
        return [line for part in array for line in [*array_lines(part, look), ""]][:-1]
    return _matrix(array, look.digits)


def _matrix(array: Any, digits: int) -> list[str]:
    columns = [align([show(float(one), digits) for one in column]) for column in array.T]
    rows = ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]
    ends = [("[", "") for _ in rows]
    return [f"{'[' if k == 0 else ' '}[{row}]{']' if k == len(ends) - 1 else ''}" for k, row in enumerate(rows)]


def _wrapped(figures: list[str], width: int) -> list[str]:
    """Numbers in brackets, broken over lines no wider than WIDTH."""
    lines, line = [], "["
    for k, figure in enumerate(figures):
        piece = figure + ("]" if k == len(figures) - 1 else "")
        if len(line) + len(piece) + 2 > max(20, width - 12) and len(line) > 1:
            lines.append(line)
            line = " "
        line += piece if line in ("[", " ") else f"  {piece}"
    return [*lines, line]


def _in_short(array: Any, digits: int) -> list[str]:
    words = (f"{spelled(array.shape)}, from {show(float(array.min()), digits)} to {show(float(array.max()), digits)}, "
             f"norm {show(float(np.linalg.norm(array)), digits)}, begins")  # fmt: skip
    corner = array[tuple(slice(CORNER) for _ in array.shape)]
    if array.ndim == 1:
        return [words, f"[{'  '.join(show(float(one), digits) for one in corner)} …"]
    while corner.ndim > 2:
        corner = corner[0]
    return [words, *_matrix(corner, digits)]


def blocks_of(pairs: Iterable[tuple[str, Any]], look: Look) -> Text:
    """Labelled arrays, one after another."""
    text = Text()
    for label, value in pairs:
        block(text, "", label, value, GRADIENT, look)
    text.right_crop(1)
    return text
