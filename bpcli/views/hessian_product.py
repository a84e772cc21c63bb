"""Hessian–vector products."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from bpcli.arrays.passes import HessianProduct
from bpcli.views.arrays import blocks_of
from bpcli.views.layout import Look, reading


def render(result: HessianProduct, look: Look) -> RenderableType:
    """The part of the product that belongs to each variable."""
    pairs = [(f"H v for {name}", one) for name, one in result.products.items()]
    return Group(reading(result.reading, look.everything), Text(), blocks_of(pairs, look))
