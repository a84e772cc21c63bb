"""Results as Rich tables: numbers in line on the point, nothing ever cut off, readable from 50 columns up.

Values are green and gradients red, as on the lectures' slides; nothing is said by colour alone.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from functools import singledispatch
from itertools import islice

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from bpcli.api import Checked, Derivative, GateLine, Gradients, Matrix, Note, Quotients, Sweep
from bpcli.checking import CANNOT_TELL, KINK, MISMATCH, Comparison
from bpcli.figures import align, show
from bpcli.handbook import Catalogue, Page
from bpcli.trouble import visible

VALUE, GRADIENT, QUIET, WRONG = "green", "red", "dim", "bold red"

MOST_ROWS = 200  # gates shown of a large graph, unless all are asked for
MOST_READING = 1500  # characters of the reading shown, unless all are asked for

_UNLIMITED = 100_000


def as_text(result: object, width: int = 80, digits: int = 4) -> str:
    """What the command prints for RESULT, without colour."""
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False)
    console.print(render(result, digits, width))
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def as_html(result: object, digits: int = 4) -> str:
    """RESULT for a notebook: preformatted text with colours in the page itself."""
    console = Console(file=io.StringIO(), record=True, width=110, force_terminal=True)
    console.print(render(result, digits, 110))
    return console.export_html(inline_styles=True, code_format="<pre>{code}</pre>")


@singledispatch
def render(result: object, digits: int = 4, width: int = _UNLIMITED, everything: bool = False) -> RenderableType:
    """What to print for RESULT on a console WIDTH columns wide, with DIGITS significant digits."""
    raise TypeError(f"no table for {type(result).__name__}")


# --- grad ------------------------------------------------------------------------------------------------


@render.register
def _(result: Gradients, digits: int = 4, width: int = _UNLIMITED, everything: bool = False) -> RenderableType:
    graph = result.graph
    total = sum(result.values[node] is not None for node in graph.gates)
    lines, left_out = _ends(result.lines(), total, everything)
    parts: list[RenderableType] = [reading(result.reading, everything), Text()]
    if lines:
        parts.append(_gates(lines, result, digits, width))
        if left_out:
            parts.append(Text(f"… {left_out:,} gates between these are not shown (--all shows them)", QUIET))
        parts.append(Text())
    parts.append(_gradients(result, digits))
    parts += _notes(result.notes)
    return Group(*parts)


def reading(text: str, everything: bool = False) -> Text:
    """The line that says how the formula was read."""
    if len(text) > MOST_READING and not everything:
        half = MOST_READING // 2
        text = f"{text[:half]} … {text[-half:]} ({len(text):,} characters; --all shows them)"
    return Text("reads as  ", QUIET).append(visible(text), "default not dim")


def _ends(lines: Iterable[GateLine], total: int, everything: bool) -> tuple[list[GateLine], int]:
    """All LINES, or the first and last of very many, and how many were left out."""
    if everything or total <= MOST_ROWS:
        return list(lines), 0
    half = MOST_ROWS // 2
    walk = iter(lines)
    first = list(islice(walk, half))
    last = list(islice(walk, total - MOST_ROWS, None))
    return [*first, *last], total - len(first) - len(last)


def _gates(lines: Sequence[GateLine], result: Gradients, digits: int, width: int) -> RenderableType:
    """The table of the gates in the widest form that fits."""
    if not result.tangents:
        table = _backward_table(lines, digits)
        return table if _width(table) <= width else _stacked(lines, [], digits)
    for with_local in (True, False):
        table = _forward_table(lines, list(result.tangents), digits, with_local)
        if _width(table) <= width:
            return table
    return _stacked(lines, list(result.tangents), digits)


def _backward_table(lines: Sequence[GateLine], digits: int) -> Table:
    rows = []
    for line in lines:
        head = [_name(line), show(line.value, digits)]
        for k, local in enumerate(line.local):
            if local is not None:
                rows.append([*head, line.inputs[k], show(line.upstream, digits), show(local, digits),
                             show(line.sends[k], digits)])  # fmt: skip
                head = ["", ""]
        if head[0]:
            rows.append([*head, "", "", "", ""])
    styles = ["", VALUE, "", GRADIENT, "", GRADIENT]
    return grid(["gate", "value", "input", "upstream", "local", "sends"], rows, styles, words=(0, 2))


def _forward_table(lines: Sequence[GateLine], seeds: Sequence[str], digits: int, with_local: bool) -> Table:
    rows = []
    for line in lines:
        tangents = [show(line.tangents[seed], digits) for seed in seeds]
        locals_ = [(line.inputs[k], show(one, digits)) for k, one in enumerate(line.local) if one is not None]
        if not with_local:
            rows.append([_name(line), show(line.value, digits), *tangents])
            continue
        head = [_name(line), show(line.value, digits)]
        for name, local in locals_ or [("", "")]:
            rows.append([*head, name, local, *tangents])
            head, tangents = ["", ""], [""] * len(seeds)
    middle = ["input", "local"] if with_local else []
    headers = ["gate", "value", *middle, *[f"d/d{seed}" for seed in seeds]]
    styles = ["", VALUE, *[""] * len(middle), *[GRADIENT] * len(seeds)]
    return grid(headers, rows, styles, words=(0, 2) if with_local else (0,))


def _name(line: GateLine) -> str:
    return line.text if line.id == line.text else f"{line.id} = {line.text}"


def _stacked(lines: Sequence[GateLine], seeds: Sequence[str], digits: int) -> RenderableType:
    """The same for a narrow terminal: a line for each gate, and under it one for each product."""
    text = Text()
    for line in lines:
        text.append(f"{visible(_name(line))} = ").append(f"{show(line.value, digits)}\n", VALUE)
        for k, slope in enumerate(line.local):
            if slope is None:
                continue
            if line.upstream is None:
                text.append(f"    {line.inputs[k]}: local {show(slope, digits)}\n")
            else:
                text.append(f"    {line.inputs[k]}: {show(line.upstream, digits)} * {show(slope, digits)} = ")
                text.append(f"{show(line.sends[k], digits)}\n", GRADIENT)
        for seed in seeds:
            text.append(f"    d/d{seed} ").append(f"{show(line.tangents[seed], digits)}\n", GRADIENT)
    return text


def _gradients(result: Gradients, digits: int) -> RenderableType:
    if not result.gradients:
        return Text(f"the value is {show(result.value, digits)}; there is no variable to differentiate with respect to")
    comparisons = result.check.comparisons if result.check else {}
    names = list(result.gradients)
    rows = []
    for name in names:
        compared = comparisons.get(name)
        row = [name, show(result.gradients[name], digits)]
        if result.check:
            row.append("" if compared is None else witness(compared, digits))
        rows.append(row)
    headers = ["", "gradient"] + (["differences"] if result.check else [])
    parts: list[RenderableType] = [grid(headers, rows, ["", GRADIENT, ""], words=(0,))]
    if result.check and result.check.sampled:
        parts.append(Text(f"the witness measured {len(comparisons)} of {len(names)} variables (check measures more)",
                          QUIET))  # fmt: skip
    return Group(*parts)


def witness(compared: Comparison, digits: int) -> str:
    """The witness's figure, or what stands in its way."""
    slope = compared.slope
    if compared.verdict == KINK and slope is not None:
        if slope.jumps or slope.left is None or slope.right is None:
            return "the value jumps here"
        left, right = (show(compared.factor * side, digits) for side in (slope.left, slope.right))
        return f"kink: {left} left, {right} right"
    if compared.verdict == CANNOT_TELL or compared.difference is None:
        return "cannot tell"
    # The witness is good to about ten digits; what is closer to the gradient than its own error is equal to it.
    close = slope is not None and abs(compared.difference - compared.reverse) <= 10 * abs(compared.factor) * slope.error
    figure = show(compared.reverse if close else compared.difference, digits)
    return f"{figure} DISAGREES" if compared.verdict == MISMATCH else figure


def _notes(notes: Sequence[Note]) -> list[RenderableType]:
    return [Text(f"note: {visible(note.message)}", "yellow") for note in notes]


# --- Jacobians and Hessians ------------------------------------------------------------------------------


@render.register
def _(result: Matrix, digits: int = 4, width: int = _UNLIMITED, everything: bool = False) -> RenderableType:
    names = list(next(iter(result.rows.values()), {}))
    headers = [result.kind, *[f"d/d{name}" for name in names]]
    prefix = "d/d" if result.kind == "hessian" else ""
    rows = [[prefix + label, *[show(row[name], digits) for name in names]] for label, row in result.rows.items()]
    table: RenderableType = grid(headers, rows, ["", *[GRADIENT] * len(names)], words=(0,))
    if _width(table) > width:
        pairs = [[f"{row[0]} {header}", figure] for row in rows for header, figure in zip(headers[1:], row[1:], strict=True)]
        table = grid([result.kind, ""], pairs, ["", GRADIENT], words=(0,))
    return Group(reading(result.reading, everything), Text(), table, *_notes(result.notes))


# --- check and derive ------------------------------------------------------------------------------------


@render.register
def _(result: Checked, digits: int = 4, width: int = _UNLIMITED, everything: bool = False) -> RenderableType:
    comparisons = list(result.check.comparisons.values())
    with_complex = any(one.complex is not None for one in comparisons)
    headers = ["", "reverse", "forward", "differences", *["complex step"] * with_complex, "error", "step", "verdict"]
    rows = []
    for one in comparisons:
        step = "" if one.slope is None else show(one.slope.step, 2)
        rows.append([
            one.name, show(one.reverse, digits), show(one.forward, digits), show(one.difference, digits),
            *[show(one.complex, digits)] * with_complex, show(one.error, 2), step, verdict(one, result, digits),
        ])  # fmt: skip
    styles = ["", GRADIENT, GRADIENT, "", *[""] * with_complex, QUIET, QUIET, ""]
    table: RenderableType = grid(headers, rows, styles, words=(0, len(headers) - 1))
    if _width(table) > width:
        table = _blocks(headers, rows)
    parts = [table]
    if result.check.sampled:
        parts.append(Text(f"measured {len(comparisons)} of {len(result.gradients)} variables, spread evenly "
                          "(--wrt chooses)", QUIET))  # fmt: skip
    return Group(*parts, *_notes(result.notes))


def verdict(one: Comparison, result: Checked, digits: int) -> str:
    """The verdict in words: at a kink, both slopes and the gate to blame."""
    if one.verdict != KINK or one.slope is None:
        return one.verdict
    gates = ", ".join(result.graph.ids[node] for node in one.slope.gates)
    at = f" at {gates}" if gates else ""
    if one.slope.jumps:
        return f"kink: the value jumps{at}"
    left, right = (show(side and one.factor * side, digits) for side in (one.slope.left, one.slope.right))
    return f"kink{at}: {left} left, {right} right"


@render.register
def _(result: Quotients, digits: int = 4, width: int = _UNLIMITED, everything: bool = False) -> RenderableType:
    below, above, numerator, denominator = {
        "forward": ("x", "x + h", "f(x + h) - f(x)", "h"),
        "backward": ("x - h", "x", "f(x) - f(x - h)", "h"),
        "central": ("x - h", "x + h", "f(x + h) - f(x - h)", "2h"),
    }[result.scheme]
    more = digits + 2  # a loss and its neighbour at h = 0.0001 differ in the fifth digit
    rows = [
        [name, *[show(figure, more) for figure in row[:4]], show(row[4], digits), show(result.gradients[name], digits)]
        for name, row in result.rows.items()
    ]
    headers = ["", below, above, f"f({below})", f"f({above})", "quotient", "gradient"]
    table: RenderableType = grid(headers, rows, ["", "", "", VALUE, VALUE, "", GRADIENT], words=(0,))
    if _width(table) > width:
        table = _blocks(headers, rows)
    title = f"f = {show(result.value, more)}, h = {show(result.step, digits)}, quotient = ({numerator})/{denominator}"
    return Group(Text(title), Text(), table)


@render.register
def _(result: Sweep, digits: int = 4, width: int = _UNLIMITED, everything: bool = False) -> RenderableType:
    from bpcli.plots import log_log

    central = [(step, error) for step, error, _ in result.points if error is not None]
    forward = [(step, error) for step, _, error in result.points if error is not None]
    picture = log_log({"o": forward, "*": central}, min(width, 80))
    title = f"relative error of df/d{result.name} = {show(result.gradient, digits)} against the step h"
    best = [min(curve, key=lambda pair: (pair[1], -pair[0]), default=None) for curve in (forward, central)]
    legend = [
        f"{mark} {scheme}: best {show(pair[1], 2)} at h = {show(pair[0], 2)}"
        for mark, scheme, pair in zip("o*", ("(f(x+h) - f(x))/h", "(f(x+h) - f(x-h))/2h"), best, strict=True) if pair
    ]  # fmt: skip
    words = "right of the valley the formula is cut off too early (truncation), left of it digits cancel (rounding)"
    return Group(Text(title), Text(picture), *map(Text, legend), Text(words, QUIET))


def _blocks(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Text:
    """A table too wide for the terminal as blocks: the first cell, then a line for each other one."""
    margin = max(map(len, headers)) + 1
    return Text("\n".join(
        "\n".join([visible(row[0]), *[f"    {h:<{margin}}{c}" for h, c in zip(headers[1:], row[1:], strict=True) if c]])
        for row in rows
    ))  # fmt: skip


@render.register
def _(result: Derivative, digits: int = 4, width: int = _UNLIMITED, everything: bool = False) -> RenderableType:
    text = Text()
    for name, formula in result.lines().items():
        text.append(f"{name} = ").append(visible(formula), "default")
        if result.numbers is not None and name in result.numbers:
            text.append(f"  # {show(result.numbers[name], digits)}", GRADIENT)
        text.append("\n")
    text.right_crop(1)
    return text


# --- gates -----------------------------------------------------------------------------------------------


@render.register
def _(result: Catalogue, digits: int = 4, width: int = _UNLIMITED, everything: bool = False) -> RenderableType:
    rows = []
    for page in result.pages:
        slopes = page.local or {"": ""}
        for number, (name, slope) in enumerate(slopes.items()):
            head = [page.call, page.pattern[0]] if number == 0 else ["", ""]
            rows.append([head[0], name, slope, head[1], page.kink_at if number == 0 else ""])
    headers = ["gate", "input", "local gradient", "pattern", "kink"]
    for columns in ((0, 1, 2, 3, 4), (0, 1, 2, 4), (0, 1, 2)):
        table = grid([headers[k] for k in columns], [[row[k] for k in columns] for row in rows],
                     [""] * len(columns), words=range(len(columns)))  # fmt: skip
        if _width(table) <= width:
            break
    return Group(table, Text("y is the gate's own output; bpcli gates NAME shows one in full", QUIET))


@render.register
def _(result: Page, digits: int = 4, width: int = _UNLIMITED, everything: bool = False) -> RenderableType:
    text = Text(f"{result.call}: {result.summary}\n\n")
    for name, slope in result.local.items():
        text.append(f"  local gradient for {name}: {slope}\n")
    text.append(f"  pattern: {result.pattern[0]}, it {result.pattern[1]}\n")
    for label, words in (("domain", result.domain), ("kink", result.kink), ("in primitive gates", result.expand),
                         ("also called", ", ".join(result.aliases))):  # fmt: skip
        if words:
            text.append(f"  {label}: {words}\n")
    text.append(f"  LaTeX: {result.latex}\n")
    if result.example is None:
        return text
    text.append(f"\nFor example, with the upstream gradient {show(result.example.upstream, digits)}:\n")
    return Group(text, _backward_table(list(result.example.lines()), digits))


# --- laying out ------------------------------------------------------------------------------------------


def grid(headers: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str], words: Sequence[int] = ()) -> Table:
    """A table whose number columns stand in line on their points; the columns WORDS hold text."""
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in headers]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for k, (header, style) in enumerate(zip(headers, styles, strict=True)):
        table.add_column(Text(header), style=style, no_wrap=True, justify="left" if k in words else "right")
        if k not in words:
            columns[k] = _align_numbers(columns[k])
    for row in zip(*columns, strict=True):
        table.add_row(*[Text(visible(cell)) for cell in row])
    return table


def _align_numbers(column: Sequence[str]) -> list[str]:
    """COLUMN with its numbers in line; a cell in words ("kink: …") does not push the numbers about."""
    numbers = iter(align([cell for cell in column if " " not in cell]))
    return [cell if " " in cell else next(numbers) for cell in column]


def _width(table: RenderableType) -> int:
    return Console(width=_UNLIMITED, file=io.StringIO()).measure(table).maximum
