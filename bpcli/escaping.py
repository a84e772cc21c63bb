"""Text as text in HTML, Markdown and TeX: whoever wrote it, nothing in it is markup, a command or hidden."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from bpcli.trouble import visible


def html(text: str) -> str:
    """TEXT as the content of an element or of a quoted attribute, in HTML and XML."""
    return escape(visible(text))


# --- Markdown --------------------------------------------------------------------------------------------

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$&:@^\"'])")
#: What is markup in the middle of a line; a full stop, a minus sign or a bracket is none there.
_MARKUP_IN_A_LINE = re.compile(r"([\\`*_{}\[\]#|<>~$&^@]|:(?!\s|$)|(?<=[.\-\"'])[.\-]|(?<=www)\.|(?<=WWW)\.)")
_MARKUP_IN_A_SENTENCE = re.compile(r"([\\`*_{}\[\]<>#|])")


def markdown(text: str) -> str:
    """TEXT on one line, with everything escaped that is markup in CommonMark, GitHub's or Pandoc's Markdown."""
    return _MARKUP.sub(r"\\\1", visible(text).replace("\n", " "))


def markdown_in_line(text: str) -> str:
    """The same in the middle of a line, behind a bullet or in a cell: numbers and sentences stand as they are."""
    return _MARKUP_IN_A_LINE.sub(r"\\\1", visible(text).replace("\n", " "))


def markdown_sentence(text: str) -> str:
    """A sentence of our own, whose full stops and dashes are no markup; names in it are escaped."""
    return _MARKUP_IN_A_SENTENCE.sub(r"\\\1", visible(text))


def markdown_code(text: str) -> str:
    """TEXT as code on one line, fenced by more back-ticks than it has in a row."""
    text = visible(text).replace("\n", " ")
    fence = _fence(text, 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}" if text else ""


def markdown_block(lines: Sequence[str]) -> str:
    """LINES as a block of code."""
    text = visible("\n".join(lines))
    fence = _fence(text, 3)
    return f"{fence}\n{text}\n{fence}"


def _fence(text: str, shortest: int) -> str:
    return "`" * max(shortest, max(map(len, re.findall("`+", text)), default=0) + 1)


# --- TeX -------------------------------------------------------------------------------------------------

_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\char34{}", "[": "{[}", "]": "{]}", "\n": " ", "…": r"\ldots{}", "×": r"$\times$",
    "·": r"\textperiodcentered{}", "²": r"\textsuperscript{2}", "–": "--", "—": "---", "’": "'", "‘": "`",
    "“": "``", "”": "''", "€": r"\texteuro{}", "•": r"\textbullet{}",
}  # fmt: skip
#: What TeX's fonts join or bend in a sentence, and must not in code; code stands in braces, where [ is no option.
_TEX_CODE = {"-": "{-}", "`": r"\textasciigrave{}", "'": r"\textquotesingle{}", "[": "[", "]": "]"}


class Letters(NamedTuple):
    """Which letters a document's fonts have."""

    below: int
    """Letters with a smaller code stand as they are."""
    other: str
    """What another LETTER with its CODE becomes, where it is not Greek."""


#: A document without packages: Computer Modern has no letters beyond ASCII, only some accents.
BARE = Letters(0x80, "U+{code:04X}")

#: Greek letters are in TeX's own mathematics; capitals that look like a Latin one are that.
_GREEK = {chr(code): rf"\{word.lower()}" for code, word in
          ((code, unicodedata.name(chr(code)).removeprefix("GREEK SMALL LETTER ")) for code in range(0x3B1, 0x3CA))
          if " " not in word and word != "OMICRON"}  # fmt: skip
_GREEK |= {"λ": r"\lambda", "ο": "o", "ς": r"\varsigma"}
_GREEK |= dict(zip("ΓΔΘΛΞΠΣΥΦΨΩ", (r"\Gamma", r"\Delta", r"\Theta", r"\Lambda", r"\Xi", r"\Pi", r"\Sigma", r"\Upsilon",
                                   r"\Phi", r"\Psi", r"\Omega"), strict=True))  # fmt: skip
_GREEK |= dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧ", "ABEZHIKMNOPTX", strict=True))
_ACCENTS = {"\u0301": r"\'", "\u0308": r"\""}


def tex(text: str, letters: Letters = BARE) -> str:
    """TEXT in a LaTeX sentence; LETTERS are those that need no other way."""
    return "".join(_tex(character, letters) for character in visible(text))


def tex_code(text: str, letters: Letters = BARE) -> str:
    """TEXT in a LaTeX typewriter font, character by character."""
    return "".join(_TEX_CODE.get(character) or _tex(character, letters) for character in visible(text))


def _tex(character: str, letters: Letters) -> str:
    if character in _TEX:
        return _TEX[character]
    if ord(character) < letters.below:
        return character
    base, *accents = list(unicodedata.normalize("NFD", character))
    if base not in _GREEK or not _ACCENTS.keys() >= set(accents):
        return letters.other.format(letter=character, code=ord(character))
    letter = rf"\ensuremath{{{_GREEK[base]}}}" if _GREEK[base].startswith("\\") else _GREEK[base]
    for accent in accents:
        letter = f"{_ACCENTS[accent]}{{{letter}}}"
    return letter
