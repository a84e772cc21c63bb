"""Numbers and arrays as Python prints them: ``array([3., 2.])``, ``np.float64(0.5)``, ``tensor(2., grad_fn=…)``."""

from __future__ import annotations

import re

_MODULE = r"(?:(?:np|numpy|jnp|torch|cupy)\s*\.\s*)?"
_ARRAY = rf"{_MODULE}(?:array|asarray|matrix|Array|[Tt]ensor)"
#: What stands behind the numbers and says nothing about them.
_BEHIND = r"(?:\s*,\s*(?:dtype|device|grad_fn|requires_grad|shape)\s*=[^\[\]=]*)*\s*,?\s*"
_WHOLE = re.compile(rf"{_ARRAY}\(\s*(\[.*\]|[^\s\[\](),]+){_BEHIND}\)", re.DOTALL)
_SCALAR = re.compile(rf"(?<![\w.])(?:{_MODULE}float(?:16|32|64|128)?|{_ARRAY})\(\s*([^\s\[\](),]+){_BEHIND}\)")


def unwrapped(text: str) -> str:
    """TEXT without what Python prints around numbers; any other text as it is."""
    if "(" not in text:
        return text
    whole = _WHOLE.fullmatch(text.strip())
    return _SCALAR.sub(r"\1", whole[1] if whole else text)
