"""Where the shipped folders are: inside the installed package, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

from bpcli.trouble import Trouble


def folder(kind: str) -> Path:
    """The shipped folder KIND ("grammars" or "problems"); `Trouble` when the installation lacks it."""
    here = Path(__file__).parent
    for place in (here / kind, here.parent / kind):
        if place.is_dir():
            return place
    raise Trouble(
        f"bpcli was installed without its {kind} folder",
        code="broken-installation",
        tries=["pip install --force-reinstall bpcli"],
    )
