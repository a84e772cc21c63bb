"""A picture as PNG or PDF: the SVG, set by typst (the extra ``bpcli[pdf]``), with the fonts that typst carries."""

from __future__ import annotations

from bpcli.pictures.layout import Drawing
from bpcli.typesetter import compiler

#: Points of the largest page that PDF readers open, and pixels of the largest PNG that is worth its bytes.
_LONGEST_PAGE, _LONGEST_PNG = 14_399, 16_384
_POINTS = 0.75  # of a pixel on paper
_SHARP = 2.0  # pixels of a PNG for one of the drawing

#: The SVG comes as data and is never read as typst's own language.
_PAGE = b"""
#set page(width: float(sys.inputs.width) * 1pt, height: float(sys.inputs.height) * 1pt, margin: 0pt)
#image(bytes(sys.inputs.svg), format: "svg", width: 100%, height: 100%)
"""


def write(svg: str, drawing: Drawing, kind: str) -> bytes:
    """SVG as a file of KIND "png" or "pdf"; the same bytes every time and everywhere.

    Raises `Trouble` (exit code 4) when typst is not installed.
    """
    width, height = page_size(drawing)
    # Two pixels for one of the drawing, unless that makes a file that nothing opens.
    wide = min(_SHARP * max(drawing.width, drawing.height), _LONGEST_PNG)
    inputs = {"svg": svg, "width": repr(width), "height": repr(height)}
    typst = compiler("--out picture.svg")
    compiled: bytes = typst.compile(_PAGE, format=kind, ppi=72 * wide / max(width, height), sys_inputs=inputs,
                                    timestamp=0)  # fmt: skip
    return compiled


def page_size(drawing: Drawing) -> tuple[float, float]:
    """The width and height of the page in points."""
    scale = min(_POINTS, _LONGEST_PAGE / max(drawing.width, drawing.height))
    return drawing.width * scale, drawing.height * scale
