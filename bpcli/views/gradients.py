"""`bpcli.grad` as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bpcli.checking import CANNOT_TELL, KINK, MISMATCH, Comparison
from bpcli.figures import measured, show
from bpcli.passes import GateLine, Gradients
from bpcli.trouble import visible
from bpcli.views.layout import GRADIENT, QUIET, VALUE, Look, fit, grid, note_lines, reading, width_of

MOST_ROWS = 200  # gates shown of a large graph, unless all are asked for


def render(result: Gradients, look: Look) -> RenderableType:
    """The reading, a row for each gate and input, then the gradients beside the witness's figures."""
    graph = result.graph
    total = sum(result.values[node] is not None for node in graph.gates)
    lines, left_out = _ends(result.lines(), total, look.everything)
    parts: list[RenderableType] = [reading(result.reading, look.everything), Text()]
    if not lines and result.gradients:
        parts += [Text(f"the value is {show(result.value, look.digits)}"), Text()]
    if lines:
        parts.append(gate_table(lines, list(result.tangents), look))
        if left_out:
            parts.append(Text(f"… {left_out:,} gates between these are not shown (--all shows them)", QUIET))
        parts.append(Text())
    parts.append(_gradients(result, look))
    parts += note_lines(result.notes)
    return Group(*parts)


def _ends(lines: Iterable[GateLine], total: int, everything: bool) -> tuple[list[GateLine], int]:
    """All LINES, or the first and last of very many, and how many were left out."""
    if everything or total <= MOST_ROWS:
        return list(lines), 0
    half = MOST_ROWS // 2
    walk = iter(lines)
    first = list(islice(walk, half))
    last = list(islice(walk, total - MOST_ROWS, None))
    return [*first, *last], total - len(first) - len(last)


def gate_table(lines: Sequence[GateLine], seeds: Sequence[str], look: Look) -> RenderableType:
    """The gates with what reverse mode sends, or with the tangents of SEEDS, in the widest form that fits."""
    if seeds:
        tables = [_forward_table(lines, seeds, look.digits, with_local) for with_local in (True, False)]
    else:
        tables = [_backward_table(lines, look.digits)]
    fitting = [table for table in tables if width_of(table) <= look.width]
    return fitting[0] if fitting else _stacked(lines, seeds, look.digits)


def _backward_table(lines: Sequence[GateLine], digits: int) -> Table:
    """A row for each gate and input: upstream times local is what it sends."""
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
    text.right_crop(1)
    return text


def _gradients(result: Gradients, look: Look) -> RenderableType:
    if not result.gradients:
        return Text(
            f"the value is {show(result.value, look.digits)}; there is no variable to differentiate with respect to"
        )
    comparisons = result.check.comparisons if result.check else {}
    names = list(result.gradients)
    rows = []
    for name in names:
        compared = comparisons.get(name)
        row = [name, show(result.gradients[name], look.digits)]
        if result.check:
            row.append("" if compared is None else witness(compared, look.digits))
        rows.append(row)
    headers = ["", "gradient"] + (["differences"] if result.check else [])
    parts: list[RenderableType] = [fit(look, headers, rows, ["", GRADIENT, ""][: len(headers)], words=(0,))]
    if result.tangents and result.upstream != 1:
        parts.append(Text(f"each gradient is the output's tangent times the upstream gradient "
                          f"{show(result.upstream, look.digits)}", QUIET))  # fmt: skip
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
    figure = _measured(compared, digits)
    return f"{figure} DISAGREES" if compared.verdict == MISMATCH else figure


def _measured(compared: Comparison, digits: int) -> str:
    """What the witness measured, without the digits that its own error leaves open."""
    assert compared.difference is not None
    assert compared.slope is not None
    error = abs(compared.factor) * compared.slope.error
    figure = measured(compared.difference, max(10 * error, 1e-12 * abs(compared.difference)), digits)
    # Not the 1.7e-17 that reverse mode finds for tanh at 20, for nothing has measured that.
    return f"0 ± {show(error, 1)}" if figure == "0" and compared.reverse else figure
