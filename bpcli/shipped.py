"""Where the shipped folders are: inside the installed package, or beside it in a checkout."""

from __future__ import annotations

import os.path

from bpcli.trouble import Trouble


def folder(kind: str) -> str:
    """The shipped folder KIND ("grammars" or "problems"); `Trouble` when the installation lacks it."""
    here = os.path.dirname(os.path.abspath(__file__))  # pathlib would add 3 ms to every start
    for place in (os.path.join(here, kind), os.path.join(os.path.dirname(here), kind)):
        if os.path.isdir(place):
            return place
    raise Trouble(
        f"bpcli was installed without its {kind} folder",
        code="broken-installation",
        tries=["pip install --force-reinstall bpcli"],
    )
