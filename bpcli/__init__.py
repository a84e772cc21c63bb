"""Backpropagation, gate by gate: a formula goes in as text, its values, gradients and derivatives come out.

>>> import bpcli
>>> bpcli.grad("(x+y)*z", x=-2, y=5, z=-4).gradients
{'x': -4.0, 'y': -4.0, 'z': 3.0}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bpcli.api import check, derive, grad, hessian, jacobian, parse
    from bpcli.graph import Graph
    from bpcli.handbook import page as gate
    from bpcli.trouble import Trouble

__version__ = "0.1.0"

#: The public names, and the module each comes from; imported on first use, so that ``bpcli --version`` is quick.
_HOME = {
    "grad": "api", "jacobian": "api", "hessian": "api", "check": "api", "derive": "api", "parse": "api",
    "gate": "handbook", "Graph": "graph", "Trouble": "trouble",
}  # fmt: skip

__all__ = ["Graph", "Trouble", "__version__", "check", "derive", "gate", "grad", "hessian", "jacobian", "parse"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'bpcli' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"bpcli.{_HOME[name]}"), name)
