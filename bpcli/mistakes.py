"""From a text that could not be read to a sentence about it: what is wrong, where, and what to type instead.

Loaded only when something is wrong. Every ``try`` line is a whole text that can be pasted back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

from bpcli.gates import ALIASES, CONSTANTS, FAMILIES, GATES, function_names
from bpcli.trouble import Trouble

_SMART_QUOTES = "‘’‚‛“”„‟«»`´"
#: Letters of other alphabets that look like Latin ones.
_LOOK_ALIKES = dict(
    zip("АВЕКМНОРСТХаеорсухіјѕԛԝѵɡɑΑΒΕΖΗΙΚΜΝΟΡΤΥΧοѠⅼ", "ABEKMHOPCTXaeopcyxijsqwvgaABEZHIKMNOPTYXoWl", strict=True)
)
_DASHES = "‐‑‒–—―﹣－"


def explain_syntax(text: str, error: Exception) -> Trouble:
    """The `Trouble` for an error of the parser, which is one of Lark's; any other is our own bug and is raised."""
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    if isinstance(error, UnexpectedCharacters):
        return _strange_character(text, error.pos_in_stream or 0)
    if not isinstance(error, UnexpectedToken):
        raise error
    if not re.sub(r"#[^\n]*|[\s;]", "", text):
        return Trouble("the formula is empty", code="empty", source=None,
                       tries=["bpcli grad '(x+y)*z' --x=-2 --y=5 --z=-4"])  # fmt: skip
    token = error.token
    at_end = token.type == "$END"
    start = len(text.rstrip()) if at_end else token.start_pos or 0
    end = start + 1 if at_end else token.end_pos or start + 1
    if (bracket := _unbalanced(text, start)) is not None:
        return bracket
    return _unexpected(text, "" if at_end else str(token), token.type, start, end)


def _unexpected(text: str, found: str, kind: str, start: int, end: int) -> Trouble:
    """The sentence for a readable piece of text in a place where it cannot stand."""
    before = text[:start].rstrip()
    previous = re.search(r"(?:[A-Za-z_Α-ω]\w*|[\d.]+|\S)$", before)
    last = previous[0] if previous else ""
    after_operand = bool(re.search(r"[\w).|²³]$", before))

    def trouble(message: str, code: str, *tries: str, at: tuple[int, int] = (start, end)) -> Trouble:
        return Trouble(message, code=code, source=text, start=at[0], end=at[1], tries=tries)

    def replaced(by: str, start: int = start, end: int = end) -> str:
        return text[:start] + by + text[end:]

    if kind == "EQUALS":
        if re.search(r"[<>=!]\s*$", before):
            return trouble("this sign is written the other way round", "misspelt-sign")
        tries = [replaced("==")] if "where" in text else []
        return trouble("'=' gives a value to one name on its left, once in a line", "misplaced-equals", *tries)
    if kind == "COMPARE":
        message = "a comparison stands only as the first input of where(condition, a, b), one sign at a time"
        return trouble(message, "misplaced-comparison")
    if kind == "COMMA":
        if re.search(r"\d$", before) and re.match(r"\d", text[end:]):
            return trouble("a decimal point is written as a point", "decimal-comma", replaced("."))
        return trouble("a comma stands only between the inputs of a function", "misplaced-comma")
    if kind in ("TIMES", "SLASH", "POWER") and not last:
        return trouble(f"a formula cannot start with {found!r}; in double quotes the shell removes $names",
                       "starts-with-operator", "put the formula in single quotes")  # fmt: skip
    if kind == "$END":
        return trouble("the formula ends where a name, a number or a bracket must follow", "unfinished")
    if kind in ("NAME", "NUMBER", "OPEN", "BAR") and after_operand:
        return _missing_sign(text, last, start, end, trouble)
    if kind == "_SEPARATOR":
        return trouble("this line ends where a name, a number or a bracket must follow", "unfinished",
                       at=(len(before) - len(last), len(before)))  # fmt: skip
    if kind == "CLOSE" and last == "(":
        return trouble("there is nothing between these brackets", "empty-brackets", at=(start - 1, end))
    if kind == "CLOSE":
        return trouble(f"a name, a number or a bracket must follow {last!r}", "unfinished",
                       at=(len(before) - len(last), end))  # fmt: skip
    if kind == "CHANGE":
        return trouble(f"{found!r} changes a name that an earlier line assigned; it starts a line", "misplaced-change")
    return trouble(f"{found!r} cannot stand after {last!r}" if last else f"a formula cannot start with {found!r}",
                   "misplaced-sign")  # fmt: skip


def _missing_sign(text: str, last: str, start: int, end: int, trouble: Callable[..., Trouble]) -> Trouble:
    """Two operands side by side: name what was probably meant."""
    before = text[:start].rstrip()
    if re.fullmatch(r"[\d.]+", last) and re.match(r"\.?\d", text[start:end]) and before == text[:start]:
        begin = start - len(last)
        return trouble("a number has one decimal point", "two-points", at=(begin, end))
    function = re.search(r"([A-Za-z]\w*)\s*(?:\^|\*\*)\s*(-?\d+)$", before)
    if function and function[1] in function_names() and text[start] == "(":
        close = _closing(text, start)
        fixed = f"{text[: function.start()]}{function[1]}{text[start:close]}^{function[2]}{text[close:]}"
        return trouble(f"the power of a function is written after its bracket: {function[1]}(…)^{function[2]}",
                       "power-of-function", fixed, at=(function.start(), start))  # fmt: skip
    if last in function_names():
        argument = re.match(r"\w+", text[start:])
        stop = start + (argument.end() if argument else end - start)
        fixed = f"{text[: len(before)]}({text[start:stop]}){text[stop:]}"
        return trouble(f"the input of {last} stands in brackets", "missing-brackets", fixed,
                       at=(start - len(last) - 1, stop))  # fmt: skip
    tries = [f"{before}*{text[start:]}"]
    power = re.search(r"(?:\^|\*\*)\s*([\w.]+)$", before)
    if power:
        operand = re.match(r"\w+", text[start:])
        stop = start + (operand.end() if operand else 1)
        tries.append(f"{before[: power.start(1)]}({power[1]}*{text[start:stop]}){text[stop:]}")
    return trouble("a sign is missing here: a product needs its *", "missing-sign", *tries)


def _strange_character(text: str, at: int) -> Trouble:
    """The sentence for a character that the language does not have."""
    character = text[at]
    number = f"U+{ord(character):04X}"

    def trouble(message: str, code: str, plain: str | None = None, end: int = at + 1) -> Trouble:
        tries = [] if plain is None else [text[:at] + plain + text[end:]]
        return Trouble(message, code=code, source=text, start=at, end=end, tries=tries)

    if character == "_" and at and text[at - 1].isdigit():
        stop = at + len(re.match(r"[\d_]*", text[at:])[0])  # type: ignore[index]
        return trouble("a number has no '_' in it", "underscore-in-number", text[at:stop].replace("_", ""), stop)
    if character == "$":
        return trouble("a name has no '$'", "dollar", "")
    if character in _SMART_QUOTES or character in "'\"":
        return trouble(f"a formula has no quotation marks (this one is {number})", "quotation-mark",
                       "".join(c for c in text[at:] if c not in _SMART_QUOTES + "'\""), len(text))  # fmt: skip
    if character in _DASHES:
        return trouble(f"this dash is {number}; minus is '-'", "look-alike", "-")
    if not character.isprintable():
        return trouble(f"there is a control character here, {number}", "control-character", "")
    if character in _LOOK_ALIKES:
        meant = _LOOK_ALIKES[character]
        return trouble(f"this is {number}, which only looks like the letter {meant}", "look-alike", meant)
    from unicodedata import normalize

    plain = normalize("NFKC", character)
    if plain != character and plain.isascii() and plain.isprintable():
        stop = at + len(re.match(r"[^\x00-\x7f]+", text[at:])[0])  # type: ignore[index]
        return trouble(f"this is {number}, a wide or decorated {plain!r}", "look-alike",
                       normalize("NFKC", text[at:stop]), stop)  # fmt: skip
    if character in "[]{}":
        return trouble(f"{character!r} is not used in formulas; write round brackets", "strange-character")
    if character == "\\":
        return trouble("this looks like LaTeX; write exp(x), sqrt(x), x/y without backslashes", "latex")
    if character == "%":
        return trouble("there is no remainder or percent sign", "strange-character")
    if character == "!":
        return trouble("there is no factorial; the shell may also have replaced '!' in double quotes",
                       "strange-character")  # fmt: skip
    shown = repr(character) if character.isascii() else f"{character} ({number})"
    return trouble(f"{shown} is not used in formulas", "strange-character")


def _unbalanced(text: str, stopped: int) -> Trouble | None:
    """The `Trouble` for brackets that do not match up to the place where reading STOPPED, if they do not."""
    open_brackets: list[int] = []
    for piece in re.finditer(r"#[^\n]*|[()]", text):
        if piece[0] == "(":
            open_brackets.append(piece.start())
        elif piece[0] == ")":
            if not open_brackets:
                at = piece.start()
                return Trouble("this bracket closes nothing", code="unbalanced-bracket", source=text, start=at,
                               tries=[text[:at] + text[at + 1 :]])  # fmt: skip
            open_brackets.pop()
    if open_brackets and stopped >= len(text.rstrip()):
        at = open_brackets[-1]
        missing = len(open_brackets)
        closed = text.rstrip() + ")" * missing
        if missing == 1:
            return Trouble("this bracket is never closed", code="unbalanced-bracket", source=text, start=at,
                           tries=[closed])  # fmt: skip
        message = f"{missing} brackets are never closed; the last of them is here"
        return Trouble(message, code="unbalanced-bracket", source=text, start=at, tries=[closed])
    return None


def _closing(text: str, at: int) -> int:
    """The end of the bracket that opens at AT."""
    depth = 0
    for place in range(at, len(text)):
        depth += (text[place] == "(") - (text[place] == ")")
        if depth == 0:
            return place + 1
    return len(text)


# --- mistakes that the grammar lets through so that the sentence can be better ---------------------------


def quotient_of_product(text: str, over: int, start: int, end: int) -> Trouble:
    """``1/2x``: two readings."""
    product = text[start:end]
    factors = re.match(r"-?[\d.eE]+|\([^()]*\)", product)
    first = factors.end() if factors else 1
    spelled = f"{product[:first]}*{product[first:].lstrip()}"
    head, tail = text[:start], text[end:]
    return Trouble(
        "this can be read in two ways: is the last factor under the fraction or beside it?",
        code="ambiguous-quotient", source=text, start=over, end=end,
        tries=[f"{head}({spelled}){tail}", f"{head}{spelled}{tail}"],
    )  # fmt: skip


def number_or_product(text: str, start: int, middle: int, end: int) -> Trouble:
    """``2e`` or ``0x1F``: a number in another notation, or a product."""
    word = text[start:end]
    tries = [f"{text[:middle]}*{text[middle:]}"]
    if re.fullmatch(r"[\d.]+[eE]", word):
        tries.append(f"{text[:end]}0{text[end:]}")
    return Trouble(f"{word} is no number; for a product write the *", code="number-or-product", source=text,
                   start=start, end=end, tries=tries)  # fmt: skip


def unknown_function(text: str, token: Any, end: int, variables: Collection[str], names: Collection[str]) -> Trouble:
    """A name before a bracket that is no function: a product without its sign, or a misspelling."""
    name, start, stop = str(token), token.start_pos, token.end_pos
    given = text[stop:end]
    if "." in name and (plain := name.rpartition(".")[2]) not in function_names():
        name = plain
    message = f"there is no function called {name}"
    tries = [f"{text[:start]}{near}{text[stop:]}" for near in closest(name, function_names())]
    product = f"{text[:start]}{name}*{given}{text[end:]}"
    if name in variables or name in names or len(name) == 1 or not tries:
        if name in variables or name in names or len(name) == 1:
            message = f"{name} is a variable, not a function: a product needs its *"
        tries.insert(0, product)
    return Trouble(message, code="unknown-function", source=text, start=start, end=stop, tries=tries[:2])


def misplaced_condition(text: str, wanted: bool, start: int, end: int) -> Trouble:
    """A comparison where a value must stand, or the other way round."""
    if wanted:
        return Trouble("where begins with a condition, such as x > 0", code="no-condition", source=text,
                       start=start, end=end, tries=[f"{text[:start]}{text[start:end]} > 0{text[end:]}"])  # fmt: skip
    return Trouble("a comparison stands only as the first input of where(condition, a, b)",
                   code="misplaced-comparison", source=text, start=start, end=end)  # fmt: skip


def joined_function(name: str, variables: Collection[str]) -> str | None:
    """``sinx`` as ``sin(x)``, when NAME is a function's name and a variable run together."""
    for function in sorted([*GATES, *FAMILIES, *ALIASES], key=len, reverse=True):
        rest = name[len(function) :]
        if name.startswith(function) and rest and (rest in variables or len(rest) == 1) and rest[0] != "_":
            return f"{function}({rest})"
    return None


def joined_product(name: str, variables: Collection[str]) -> str | None:
    """``xy`` as ``x*y``, when NAME is two or more VARIABLES run together."""
    known = sorted((v for v in [*variables, *CONSTANTS] if v), key=len, reverse=True)
    factors, rest = [], name
    while rest:
        first = next((v for v in known if rest.startswith(v)), None)
        if first is None:
            return None
        factors.append(first)
        rest = rest[len(first) :]
    return "*".join(factors) if len(factors) > 1 else None


def closest(word: str, candidates: Collection[str], most: int = 2) -> list[str]:
    """The CANDIDATES that WORD may be a misspelling of, nearest first."""
    from difflib import get_close_matches

    plain = {candidate.lower(): candidate for candidate in candidates}
    if word.lower() in plain:
        return [plain[word.lower()]]
    return [plain[near] for near in get_close_matches(word.lower(), plain, n=most, cutoff=0.7)]
