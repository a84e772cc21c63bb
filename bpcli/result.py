"""What every result of the program has in common: it prints as its table, and as HTML in a notebook."""

from __future__ import annotations

from math import isfinite
from typing import Any, ClassVar


class Result:
    """A result of one of the public functions. ``print(result)`` shows what the command would."""

    #: The module of `bpcli.views` whose ``render`` shows it.
    view: ClassVar[str]

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
