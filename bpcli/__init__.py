"""Backpropagation, gate by gate: a formula goes in as text, its values, gradients and derivatives come out.

>>> import bpcli
>>> bpcli.grad("(x+y)*z", x=-2, y=5, z=-4).gradients
{'x': -4.0, 'y': -4.0, 'z': 3.0}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bpcli.deriving import derive
    from bpcli.explaining import explain
    from bpcli.gradient_check import check
    from bpcli.graph import Graph
    from bpcli.handbook import page as gate
    from bpcli.marking.marks import mark
    from bpcli.matrices import hessian, jacobian
    from bpcli.passes import grad, parse
    from bpcli.pictures.picture import draw
    from bpcli.slip_pages import wrong_on_purpose as slip
    from bpcli.trouble import Trouble

__version__ = "0.1.0"

#: The public names and where they are; imported on first use, so that ``bpcli --version`` is quick.
_HOME = {
    "grad": "passes.grad", "jacobian": "matrices.jacobian", "hessian": "matrices.hessian",
    "check": "gradient_check.check", "derive": "deriving.derive", "parse": "passes.parse", "gate": "handbook.page",
    "draw": "pictures.picture.draw", "explain": "explaining.explain", "mark": "marking.marks.mark",
    "slip": "slip_pages.wrong_on_purpose",
    "Graph": "graph.Graph", "Trouble": "trouble.Trouble",
}  # fmt: skip

__all__ = ["Graph", "Trouble", "__version__", "check", "derive", "draw", "explain", "gate", "grad", "hessian",
           "jacobian", "mark", "parse", "slip"]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'bpcli' has no attribute {name!r}")
    from importlib import import_module

    module, _, attribute = _HOME[name].rpartition(".")
    return getattr(import_module(f"bpcli.{module}"), attribute)
