"""What every result of the program has in common: it prints as its table, and as HTML in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, ClassVar

from bpcli.figures import show
from bpcli.trouble import visible

_BRIEF, _FEW = 60, 6  # characters of a formula, and figures, in a `repr`


class Result:
    """A result of one of the public functions. ``print(result)`` shows what the command would."""

    #: The module of `bpcli.views` whose ``render`` shows it.
    view: ClassVar[str]

    def __init_subclass__(cls, **options: Any) -> None:
        """A dataclass keeps the short `repr` below, unless it has one of its own."""
        super().__init_subclass__(**options)
        if "__repr__" not in vars(cls):
            setattr(cls, "__repr__", Result.__repr__)  # noqa: B010 (mypy lets no method be assigned)

    def about(self) -> str:
        """What it is about, in a few words, for its `repr`."""
        return ""

    def __repr__(self) -> str:
        about = self.about()
        return f"<{type(self).__name__}{about and f' of {about}'}>"

    def record(self, expression: str) -> dict[str, Any]:
        """The object that ``--json`` prints for it (`bpcli help json`)."""
        raise NotImplementedError

    def __str__(self) -> str:
        from bpcli.views.layout import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from bpcli.views.layout import as_html

        return as_html(self)


def plain(value: Any) -> Any:
    """VALUE for JSON: arrays as nested lists, numpy's numbers as floats, and null for an entry without a value."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return None if isinstance(value, float) and not isfinite(value) else value


def in_brief(formula: str, entries: Mapping[str, str] | None = None) -> str:
    """A formula as it was typed and figures by name, each cut short: ``(x + y)*z: x=-4, y=-4``."""
    lines = "; ".join(line.strip() for line in formula.splitlines() if line.strip())
    text = visible(lines if len(lines) <= _BRIEF else f"{lines[:_BRIEF]} …")
    if not entries:
        return text
    figures = [f"{name}={figure}" for name, figure in list(entries.items())[:_FEW]]
    return f"{text}: {', '.join([*figures, *['…'] * (len(entries) > _FEW)])}"


def size_or_figure(value: Any) -> str:
    """A number to four digits, or an array's shape."""
    shape = getattr(value, "shape", ())
    return f"array of {'×'.join(map(str, shape))}" if shape else show(float(value))
