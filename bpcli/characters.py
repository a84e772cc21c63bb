"""What a character that the language does not have may mean: look-alikes, other scripts' digits, LaTeX.

Loaded only when a text holds such a character.
"""

from __future__ import annotations

import re
from itertools import takewhile
from typing import NamedTuple
from unicodedata import category, decimal, decomposition, normalize

#: Letters of other alphabets that look like Latin ones.
_LETTERS = dict(zip("АВЕКМНОРСТХаеорсухіјѕԛԝѵɡɑѠⅼ", "ABEKMHOPCTXaeopcyxijsqwvgaWl", strict=True))
#: Signs that look like one of the language.
_SIGNS = dict(zip("‐‑‒–—―﹣－➖➕∗•‧⋆✕✖⨯⨉⁄➗∣ǀˆ", "--------" + "-+********//||^", strict=True)) | {"∆": "Δ"}
_QUOTES = "'\"‘’‚‛“”„‟«»`´′″"

_BRACES = str.maketrans("{}", "()")
_LATEX = (
    (r"\\(?:left|right|displaystyle|,|;|!)(?![A-Za-z])|\$", ""),
    (r"\\(?:cdot|times)(?![A-Za-z])", "*"),
    (r"\\(?:mathrm|mathit|text|operatorname)\{(\w+)\}", r"\1"),
    (r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}", r"((\1)/(\2))"),
    (r"\\sqrt\s*\{([^{}]*)\}", r"sqrt(\1)"),
    (r"_\{(\w+)\}", r"_\1"),
    (r"\^\s*\{([^{}]*)\}", r"^(\1)"),
    (r"(?<![\w}])\{([^{}]*)\}", r"(\1)"),
)


class Meaning(NamedTuple):
    """What is wrong with a character: a code for scripts, a sentence, the text to write instead, its length."""

    code: str
    message: str
    instead: str | None = None
    length: int = 1


def look_alikes() -> dict[int, str]:
    """Letters of other alphabets -> the Latin letters that they look like, for ``str.translate``."""
    return str.maketrans(_LETTERS)


def meaning(text: str, at: int) -> Meaning:
    """What the character of TEXT at AT, which the language does not have, may mean.

    ``instead`` is the whole text with that mended; None where nothing can be guessed.
    """
    character = text[at]
    if character.isascii() and character.isprintable():
        return _ascii(text, at)
    number = f"U+{ord(character):04X}"
    if not character.isprintable():
        return _unseen(text, at, number)
    if character in _QUOTES:
        return _quote(text, number)
    for table, kind in ((_LETTERS, "the letter "), (_SIGNS, "")):
        if character in table:
            plain = table[character]
            shown = plain if kind else repr(plain)
            return Meaning("look-alike", f"this is {number}, which only looks like {kind}{shown}",
                           text.replace(character, plain))  # fmt: skip
    return _decorated(text, at, number) or _other(character, number)


def _ascii(text: str, at: int) -> Meaning:
    """The meaning of a plain character that has no place in a formula."""
    character = text[at]
    if character == "_" and at and text[at - 1].isdigit():
        length = len(re.match(r"[\d_]*", text[at:])[0])  # type: ignore[index]
        mended = text[:at] + text[at : at + length].replace("_", "") + text[at + length :]
        return Meaning("underscore-in-number", "a number has no '_' in it", mended, length)
    if character == "_":
        return Meaning("underscore-first", "a name begins with a letter", re.sub(r"(?<!\w)_(?=[A-Za-z])", "", text))
    if character in "[]{}":
        return Meaning("strange-character", f"{character!r} is not used in formulas; write round brackets",
                       text.translate(_BRACES) if character in "{}" else None)  # fmt: skip
    if character == "." and (prefix := re.search(r"[A-Za-z_]\w*$", text[max(0, at - 100) : at])):
        return _attribute(text, at, prefix[0])
    if character == "\\":
        command = re.match(r"\\[A-Za-z]*", text[at:])
        return Meaning("latex", "this is LaTeX, which bpcli writes (derive --latex) but does not read",
                       from_latex(text), len(command[0]) if command else 1)  # fmt: skip
    if text.startswith(":=", at):
        return Meaning("strange-character", "a name gets its value with '='", text.replace(":=", "="), 2)
    if character in _QUOTES:
        return _quote(text, f"U+{ord(character):04X}")
    if character == "$":
        return Meaning("dollar", "a name has no '$'", text.replace("$", ""))
    if character == "?":
        from bpcli.mistakes import as_where

        return Meaning("strange-character", "a choice is written where(condition, a, b)", as_where(text))
    sentence = {
        "%": "there is no remainder and no percent sign",
        "!": "there is no factorial; in double quotes the shell may also have replaced the '!'",
    }.get(character, f"{character!r} is not used in formulas")
    return Meaning("strange-character", sentence)


def _attribute(text: str, at: int, prefix: str) -> Meaning:
    """The meaning of a point after a name: of Python's attributes only .T is read, of its modules only three."""
    attribute = re.match(r"\.(\w*)\s*(\(?)", text[at:])
    word = attribute[1] if attribute else ""
    if word in ("t", "transpose"):
        mended = text[: at + 1] + "T" + re.sub(r"^\(\)", "", text[at + 1 + len(word) :])
        return Meaning("attribute", "the transpose of an array is written .T", mended, len(word) + 1)
    if attribute and not attribute[2]:
        return Meaning("attribute", "after a name no point is read, except in W.T", None, len(word) + 1)
    mended = re.sub(r"\b([A-Za-z_]\w*)\.([A-Za-z_]\w*)\(\)", r"\2(\1)", text)  # x.exp()
    return Meaning("prefix", f"the prefixes np., numpy. and math. are read, {prefix}. is not",
                   re.sub(r"\b[A-Za-z_][\w.]*\.(?=[A-Za-z_]\w*\()", "", mended))  # fmt: skip


def _quote(text: str, number: str) -> Meaning:
    return Meaning("quotation-mark", f"a formula has no quotation marks (this one is {number})",
                   "".join(character for character in text if character not in _QUOTES))  # fmt: skip


def _unseen(text: str, at: int, number: str) -> Meaning:
    """The meaning of a character that a terminal does not show."""
    kind = category(text[at])
    if kind == "Cs":
        return Meaning("not-utf-8", "there is a byte here that is not UTF-8 text", text.replace(text[at], ""))
    if kind[0] == "Z":
        return Meaning("strange-space", f"this is {number}, a space of another kind", text.replace(text[at], " "))
    sequence = re.match(r"\x1b\[[0-9;?]*[A-Za-z]", text[at:])
    mended = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    mended = "".join(character for character in mended if category(character) not in ("Cc", "Cf") or character == "\n")
    what = "an invisible character" if kind == "Cf" else "a control character"
    return Meaning("control-character", f"there is {what} here, {number}", mended, len(sequence[0]) if sequence else 1)


def _decorated(text: str, at: int, number: str) -> Meaning | None:
    """The meaning of a letter, digit or sign in another dress: wide, bold, raised, or of another script."""
    piece = "".join(takewhile(lambda character: normalize("NFKC", character) != character, text[at:]))
    if decimal(text[at], None) is not None and not normalize("NFKC", text[at]).isascii():
        digits = "".join(takewhile(str.isdecimal, text[at:]))
        plain = "".join(str(decimal(digit)) for digit in digits)
        return Meaning("look-alike", f"this is {number}, the digit {plain[0]} of another script",
                       text[:at] + plain + text[at + len(digits) :], len(digits))  # fmt: skip
    raised = {"<super>": "^", "<sub>": "_"}.get(decomposition(text[at]).partition(" ")[0], "")
    if raised:
        piece = text[at]
    plain = normalize("NFKC", piece)
    if plain == piece or not re.fullmatch(r"[!-~Α-Ωα-ω]+", plain):
        return None
    mended = text[:at] + raised + plain + text[at + len(piece) :]
    dress = {"^": "a raised", "_": "a lowered"}.get(raised, "a wide or decorated")
    return Meaning("look-alike", f"this is {number}, {dress} {plain[0]!r}", mended, len(piece))


def _other(character: str, number: str) -> Meaning:
    if character.isalpha():
        return Meaning("strange-letter", f"a name has the letters A to Z, Greek letters, digits and _, not {character} "
                       f"({number})")  # fmt: skip
    return Meaning("strange-character", f"{character} ({number}) is not used in formulas")


def from_latex(text: str) -> str:
    """TEXT with the LaTeX that lectures use written in bpcli's language; what is left over stays as it is."""
    before = None
    while before != text:  # from the inside out
        before = text
        for pattern, plain in _LATEX:
            text = re.sub(pattern, plain, text)
    text = re.sub(r"\\([A-Za-z]+)", r"\1", text.translate(_BRACES))
    return re.sub(r"(?<![\w)])\((\w+)\)(?![\w(])", r"\1", text)
