"""Numbers drawn by chance that are the same on every machine and in every version: a hash, not a library's stream.

A draw is a function of its label alone: SHA-256 over a tag with a version and the parts of the label, each led by
its length, so that no two labels run together. Whole numbers come from 64 bits by rejection, so that all are
equally likely.
"""

from __future__ import annotations

from hashlib import sha256

#: Changes when the numbers drawn for a label would change; a sheet records it.
VERSION = "bpcli/draw/1"

_BITS = 64


def below(limit: int, *label: str) -> int:
    """A whole number from 0 to LIMIT - 1 that LABEL alone decides."""
    if not 0 < limit <= 1 << 32:
        raise ValueError(f"cannot draw a number below {limit}")
    highest = (1 << _BITS) // limit * limit
    count = 0
    while True:
        number = int.from_bytes(digest(*label, str(count))[: _BITS // 8], "big")
        if number < highest:
            return number % limit
        count += 1


def digest(*label: str) -> bytes:
    """32 bytes that LABEL alone decides."""
    parts = [part.encode() for part in (VERSION, *label)]
    return sha256(b"".join([len(part).to_bytes(8, "big") + part for part in parts])).digest()
