"""From a text that could not be read to a sentence about it: what is wrong, where, and what to type instead.

Loaded only when something is wrong. Every ``try`` line is a whole text that can be pasted back and read:
`mended` sees to that, so what is written here need only mend the one mistake it is about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import Any, NamedTuple

from bpcli.gates import ALIASES, CONSTANTS, FAMILIES, GATES, function_names
from bpcli.language import NAME, SUPERSCRIPTS, join_bracketed_lines, names_in, plain_name
from bpcli.trouble import Trouble

_CONDITION = "a comparison stands only as the first input of where(condition, a, b), one sign at a time"
_COMMENT = re.compile(r"#[^\n]*")
LONGEST_TRY = 400  # characters; nobody pastes back what is longer
_MOST_REPAIRS = 50  # other mistakes mended in one ``try`` line
_NEARBY = 200  # characters looked back over to see what stands before a mistake


def explain_syntax(text: str, error: Exception, given: Collection[str] = ()) -> Trouble:
    """The `Trouble` for an error of the parser, which is one of Lark's; any other is our own bug and is raised.

    GIVEN are the names that have values.
    """
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    if isinstance(error, UnexpectedCharacters):
        return _strange_character(text, error.pos_in_stream or 0)
    if not isinstance(error, UnexpectedToken):
        raise error
    code = without_comments(text)
    if not code.strip(" \t\r\n\f;"):
        return Trouble("the formula is empty", code="empty",
                       tries=["bpcli grad '(x+y)*z' --x=-2 --y=5 --z=-4"])  # fmt: skip
    token = error.token
    start = len(code.rstrip()) if token.type == "$END" else token.start_pos or 0
    end = start + 1 if token.type in ("$END", "_SEPARATOR") else token.end_pos or start + 1
    fault = Fault(text, code, code[start:end], token.type, start, end, given)
    return _unbalanced(fault) or _equality(fault) or _EXPLANATIONS.get(token.type, _misplaced_sign)(fault)


def without_comments(text: str) -> str:
    """TEXT with its comments blanked, so that every place in it stays where it is."""
    return _COMMENT.sub(lambda comment: " " * len(comment[0]), text)


def mended(tries: Iterable[str], read: Callable[[str], object]) -> tuple[str, ...]:
    """TRIES as single lines that READ can read: further mistakes in one are mended too, or it is left out."""
    done = [_mended(text, choice, read) for choice, text in enumerate(tries)]
    return tuple(dict.fromkeys([text for text in done if text]))


def _mended(text: str, choice: int, read: Callable[[str], object]) -> str:
    if text.startswith("bpcli "):
        return text
    text = one_line(text)
    for _ in range(_MOST_REPAIRS):
        if len(text) > LONGEST_TRY or text.startswith("bpcli "):
            break
        try:
            read(text)
        except Trouble as trouble:
            if not trouble.tries:
                break
            text = one_line(trouble.tries[min(choice, len(trouble.tries) - 1)])
        else:
            return text
    return ""


def one_line(text: str) -> str:
    """TEXT without comments, its lines separated by ``; ``."""
    if "\n" not in text and "#" not in text:
        return text.strip()
    code = join_bracketed_lines(without_comments(text))
    lines = [re.sub(r"\s+", " ", line).strip() for line in re.split(r"[;\n]", code)]
    return "; ".join([line for line in lines if line])


class Fault(NamedTuple):
    """A readable piece of a text in a place where it cannot stand; ``text`` is the text without comments."""

    source: str
    text: str
    found: str
    kind: str
    start: int
    end: int
    given: Collection[str] = ()

    @property
    def before(self) -> str:
        """What precedes it, without the space between."""
        return self.text[: self.start].rstrip()

    @property
    def last(self) -> str:
        """The name, number or sign before it ("" at the beginning)."""
        piece = self.preceded_by(rf"{NAME}|[\d.]+|\*\*|\S")
        return piece[0] if piece else ""

    def preceded_by(self, pattern: str) -> re.Match[str] | None:
        """The match of PATTERN just before it."""
        before = self.before
        return re.compile(f"(?:{pattern})$").search(before, max(0, len(before) - _NEARBY))

    def replaced(self, by: str, start: int | None = None, end: int | None = None) -> str:
        """The text with BY instead of it, or instead of START to END."""
        start, end = self.start if start is None else start, self.end if end is None else end
        return self.text[:start] + by + self.text[end:]

    def trouble(
        self, message: str, code: str, *tries: str, start: int | None = None, end: int | None = None
    ) -> Trouble:
        """The `Trouble` for it, or for the span from START to END."""
        return Trouble(message, code=code, source=self.source, start=self.start if start is None else start,
                       end=self.end if end is None else end, tries=tries)  # fmt: skip


# --- one function for each kind of piece that may stand wrong --------------------------------------------


def _equals(fault: Fault) -> Trouble:
    if misspelt := _misspelt_comparison(fault):
        return misspelt
    text, start = fault.text, fault.start
    line_start = max(text.rfind(";", 0, start), text.rfind("\n", 0, start)) + 1
    line_end = min((place for sign in ";\n" if (place := text.find(sign, start)) > 0), default=len(text))
    meant = _equation(text[line_start:start].strip(), text[fault.end : line_end].strip())
    tries = [fault.replaced(line, line_start, line_end) for line in meant]
    return fault.trouble("a line is NAME = FORMULA: '=' stands once, after one name", "misplaced-equals", *tries)


def _equality(fault: Fault) -> Trouble | None:
    """``where(x = 0, …)``: the error is at the sign or after it."""
    before = fault.text[max(0, fault.start - _NEARBY) : fault.end]
    sign = re.search(r"\bwhere\s*\([^,;\n<>=!]*(=)(?!=)[^,;\n<>=!]*$", before)
    if sign is None or _misspelt_comparison(fault):
        return None
    start = fault.end - len(before) + sign.start(1)
    return fault.trouble("a condition asks for equality with ==", "misplaced-equals",
                         fault.replaced("==", start, start + 1), start=start, end=start + 1)  # fmt: skip


def _equation(left: str, right: str) -> list[str]:
    """The lines that may be meant by LEFT = RIGHT, where LEFT is no name."""
    if function := re.fullmatch(rf"({NAME})\s*\([^()]*\)", left):
        return [f"{function[1]} = {right}"]
    if again := re.fullmatch(rf"({NAME})\s*=\s*({NAME})", left):
        return [f"{again[2]} = {right}; {again[1]} = {again[2]}"]
    if not left or not right:
        return [left or right]
    if re.fullmatch(NAME, right):
        return [f"{right} = {left}"]
    return [f"{left} - {right}" if re.fullmatch(r"[\w.]+", right) else f"{left} - ({right})"]


def _misspelt_comparison(fault: Fault) -> Trouble | None:
    """``=>``, ``=<``, ``<>``, ``===``, ``> =``."""
    signs = re.compile(r"[<>=!](?:\s*[<>=!])+").search(fault.text, max(0, fault.start - 3))
    if signs is None or not signs.start() <= fault.start < signs.end() or signs[0] in (">=", "<=", "==", "!="):
        return None
    sign = re.sub(r"\s", "", signs[0])
    meant = {"=>": ">=", "=<": "<=", "<>": "!=", "><": "!=", "=!": "!=", "===": "==", "!==": "!="}.get(sign, sign)
    tries = [fault.replaced(meant, *signs.span())]
    return fault.trouble(f"this sign is written {meant}", "misspelt-sign", *tries, start=signs.start(), end=signs.end())


def _comparison(fault: Fault) -> Trouble:
    if misspelt := _misspelt_comparison(fault):
        return misspelt
    text = fault.text
    start, end = _enclosing(text, fault.start)
    parts = re.split(r"([<>=!]=|[<>≤≥≠])", text[start:end].strip())
    if re.search(r"(?<!\w)\($", text[:start]) and text[end : end + 1] == ")":
        start, end = start - 1, end + 1
    taken, other, inside = "1", "0", re.search(r"where\s*\(\s*$", text[:start])
    if inside and text[end : end + 1] == ",":  # the other inputs of the where it stands in
        first, stop = _enclosing(text, end + 1)
        second, end = _enclosing(text, stop + 1)
        taken, other = text[first:stop].strip(), text[second:end].strip()
    if len(parts) == 5:
        below, left, middle, right, above = parts
        inputs = f"{below}{left}{middle.rstrip()}, where({middle.lstrip()}{right}{above}, {taken}, {other}), {other}"
    else:
        inputs = f"{''.join(parts)}, {taken}, {other}"
    tries = [as_where(text), fault.replaced(inputs if inside else f"where({inputs})", start, end)]
    return fault.trouble(_CONDITION, "misplaced-comparison", *[line for line in tries if line != text][:1])


def as_where(text: str) -> str:
    """TEXT with the choices of other languages (``c ? a : b``, ``a if c else b``) as where(c, a, b)."""
    if len(text) > LONGEST_TRY:
        return text
    line = rf"(^|[;\n])(\s*(?:{NAME}\s*=(?!=)\s*)?)"
    text = re.sub(rf"{line}([^;\n?]+?)\s*\?\s*([^;\n:]+?)\s*:\s*([^;\n]+)", r"\1\2where(\3, \4, \5)", text)
    return re.sub(rf"{line}([^;\n]+?)\s+if\s+([^;\n]+?)\s+else\s+([^;\n]+)", r"\1\2where(\4, \3, \5)", text)


def _enclosing(text: str, at: int) -> tuple[int, int]:
    """Where the bracket, input or line around AT begins and ends; brackets and commas left out."""

    def edge(places: range, opening: str, closing: str) -> int | None:
        depth = 0
        for place in places:
            if depth == 0 and text[place] in closing + ",;\n":
                return place
            depth += (text[place] == opening) - (text[place] == closing)
        return None

    start, end = edge(range(at - 1, -1, -1), ")", "("), edge(range(at, len(text)), "(", ")")
    start = 0 if start is None else start + 1
    assigned = re.compile(rf"\s*{NAME}\s*=(?!=)").match(text, start)
    return assigned.end() if assigned else start, len(text) if end is None else end


def _comma(fault: Fault) -> Trouble:
    if tries := decimal_commas(fault.text, fault.start):
        return fault.trouble("a decimal point is written as a point", "decimal-comma", *tries)
    superfluous = fault.last in ("(", ",") or not fault.text[fault.end :].strip()
    tries = [fault.replaced("")] if superfluous else []
    return fault.trouble("a comma stands only between the inputs of a function", "misplaced-comma", *tries)


def decimal_commas(text: str, at: int) -> list[str]:
    """TEXT with a point for the comma at AT between digits; without it if it may separate thousands."""
    if not (re.match(r",\d", text[at:]) and text[:at][-1:].isdigit()):
        return []
    thousands = re.match(r",\d{3}(?!\d)", text[at:])
    return [text[:at] + "." + text[at + 1 :], *[text[:at] + text[at + 1 :]] * bool(thousands)]


def _end(fault: Fault) -> Trouble:
    return fault.trouble("the formula ends where a name, a number or a bracket must follow", "unfinished",
                         *_put_back(fault), fault.before[: len(fault.before) - len(fault.last)])  # fmt: skip


def _line_end(fault: Fault) -> Trouble:
    start = len(fault.before) - len(fault.last)
    return fault.trouble("this line ends where a name, a number or a bracket must follow", "unfinished",
                         fault.replaced("", start, fault.start), start=start, end=len(fault.before))  # fmt: skip


def _closing_bracket(fault: Fault) -> Trouble:
    if fault.last in _CLOSES:
        start = len(fault.before) - 1
        if fault.last == "[":
            return fault.trouble("there is nothing between these brackets", "empty-brackets", start=start)
        names = names_in(fault.text) - set(function_names()) or {"x"}
        tries = [fault.replaced(f"({names.pop()})", start)] if len(names) == 1 else []
        return fault.trouble("there is nothing between these brackets", "empty-brackets", *tries, start=start)
    start = len(fault.before) - len(fault.last)
    return fault.trouble(f"a name, a number or a bracket must follow {fault.last!r}", "unfinished",
                         fault.replaced("", start, fault.start), start=start)  # fmt: skip


def _change(fault: Fault) -> Trouble:
    return fault.trouble(f"{fault.found!r} changes a name that an earlier line assigned; it begins a line after that "
                         "name", "misplaced-change", fault.replaced(fault.found[0]))  # fmt: skip


def _misplaced_sign(fault: Fault) -> Trouble:
    if fault.last:
        message = f"{fault.found!r} cannot stand after {fault.last!r}"
    else:
        message = f"a formula cannot begin with {fault.found!r}"
    filled = _put_back(fault)
    if filled or (not fault.last and fault.kind in ("TIMES", "SLASH", "POWER")):
        return fault.trouble(f"{message}; in double quotes the shell takes $names away", "misplaced-sign", *filled)
    tries = [_without(fault.text, fault.start, fault.end)]
    if fault.kind != "SUPERSCRIPT":
        tries.insert(0, _without(fault.text, len(fault.before) - len(fault.last), fault.start))
    return fault.trouble(message, "misplaced-sign", *tries)


def _without(text: str, start: int, end: int) -> str:
    """TEXT without the piece from START to END, and without the space after it unless names would run together."""
    rest = text[end:].lstrip()
    return text[:start] + " " * bool(re.match(r"\w", rest) and re.search(r"\w$", text[:start])) + rest


def _put_back(fault: Fault) -> list[str]:
    """The text with names that the shell took away (``$w0*x0`` in double quotes leaves ``*x0``) in its gaps again.

    Only when there is a gap for every name that was given a value and is not in the text.
    """
    present = names_in(fault.text)
    lost = [name for name in fault.given if name not in present]
    for sign in (r"[*/^),]", r"[-+*/^),]"):
        pieces = re.split(rf"((?:^|[-+*/^(,=;])\s*)(?=\s*(?:{sign}|$))(?<!\*(?=\*))", fault.text.rstrip())
        if lost and len(pieces) // 2 == len(lost):
            names = iter(lost)
            return ["".join(piece + next(names) if k % 2 else piece for k, piece in enumerate(pieces))]
    return []


_CHOICE = "a choice is written where(condition, a, b)"
_WORDS = {
    "return": "a formula has no 'return': the value of its last line is the output",
    "if": _CHOICE, "else": _CHOICE,
    "and": "a condition is one comparison; for 'and' put a second where into the first",
    "or": "a condition is one comparison; for 'or' put a second where into the first",
}  # fmt: skip


def _operand(fault: Fault) -> Trouble:
    """A name, number, bracket or bar where a sign must stand: name what was probably meant."""
    if not fault.preceded_by(r"[\w).|\]²³⁰¹⁴-⁹]"):
        return _wanted_number(fault) or _misplaced_sign(fault)
    if word := next((word for word in (fault.found, fault.last) if word in _WORDS), ""):
        start = fault.start if word == fault.found else len(fault.before) - len(word)
        tries = [fault.replaced("", start, fault.start)] if word == "return" else [as_where(fault.text)]
        return fault.trouble(_WORDS[word], "python", *tries, start=start, end=start + len(word))
    number = fault.preceded_by(r"(?<!\w)[\d.]+")
    if number and number.end() == fault.start and re.match(r"\.?\d", fault.found):
        digits = number[0].rstrip(".") + "." * number[0].endswith(".") + fault.found.lstrip(".")
        return fault.trouble("a number has one decimal point", "two-points",
                             fault.replaced(digits, number.start()), start=number.start())  # fmt: skip
    return _power_of_function(fault) or _function_without_brackets(fault) or _missing_sign(fault)


def _wanted_number(fault: Fault) -> Trouble | None:
    """``x[k]``, ``sum(x, axis=k)``, ``exp(x=y)``."""
    if fault.preceded_by(r"[\w)\]]\s*\[[-\d,\s]*"):
        return fault.trouble("a place in an array is a whole number, written out: x[0]", "not-whole",
                             fault.replaced("0"))  # fmt: skip
    if fault.preceded_by(r"\baxis\s*=\s*-?"):
        return fault.trouble("an axis is a whole number, written out", "not-whole", fault.replaced("0"))
    if name := fault.preceded_by(rf"(?<=[(,])\s*({NAME})\s*="):
        return named_input(fault.source, name[1], name.start(1), name.end() - 1)
    return None


def _power_of_function(fault: Fault) -> Trouble | None:
    """``sin^2(x)``, ``sin²x``."""
    power = fault.preceded_by(rf"(?P<name>{NAME})\s*(?:(?:\^|\*\*)\s*(?P<plain>-?\d+)|(?P<raised>⁻?[⁰¹²³⁴-⁹]+))")
    if power is None or power["name"] not in function_names():
        return None
    exponent = power["plain"] or power["raised"].translate(SUPERSCRIPTS)
    name, (argument, stop) = power["name"], _argument(fault)
    tries = [fault.replaced(f"{name}({argument})^{exponent}", power.start(), stop)]
    if exponent == "-1" and f"a{name}" in GATES:
        tries.insert(0, fault.replaced(f"a{name}({argument})", power.start(), stop))
    message = f"the power of a function is written after its bracket: {name}(…)^{exponent}"
    return fault.trouble(message, "power-of-function", *tries, start=power.start(), end=len(fault.before))


def _function_without_brackets(fault: Fault) -> Trouble | None:
    """``sin x``."""
    name = fault.last
    if name not in function_names():
        return None
    start = len(fault.before) - len(name)
    argument, stop = _argument(fault)
    tries = [fault.replaced(f"{name}({argument})", start, stop)]
    if power := re.match(r"\s*(?:\^|\*\*)\s*[\w.]+", fault.text[stop:]):
        tries.append(fault.replaced(f"{name}({argument}{power[0]})", start, stop + power.end()))
    return fault.trouble(f"the input of {name} stands in brackets", "missing-brackets", *tries, start=start, end=stop)


def _argument(fault: Fault) -> tuple[str, int]:
    """The text that a function without brackets was probably meant to take, and where it ends."""
    if fault.kind == "OPEN":
        stop = _closing(fault.text, fault.start)
        return fault.text[fault.start + 1 : stop - 1], stop
    if fault.kind == "BAR":
        stop = fault.text.find("|", fault.end) + 1 or len(fault.text)
        return fault.text[fault.start : stop], stop
    operand = re.match(r"[\d.]*\w*", fault.text[fault.start :])
    stop = fault.start + max(operand.end() if operand else 0, len(fault.found))
    return fault.text[fault.start : stop], stop


def _missing_sign(fault: Fault) -> Trouble:
    tries = [f"{fault.before}*{fault.text[fault.start :]}"]
    if power := fault.preceded_by(r"(?:\^|\*\*)\s*([\w.]+)"):
        _, stop = _argument(fault)
        tries.append(fault.replaced(f"({power[1]}*{fault.text[fault.start : stop]})", power.start(1), stop))
    return fault.trouble("a sign is missing here: a product needs its *", "missing-sign", *tries)


_EXPLANATIONS: dict[str, Callable[[Fault], Trouble]] = {
    "$END": _end, "EQUALS": _equals, "COMPARE": _comparison, "COMMA": _comma, "_SEPARATOR": _line_end,
    "CLOSE": _closing_bracket, "SQUARE_CLOSE": _closing_bracket, "CHANGE": _change, "NAME": _operand,
    "NUMBER": _operand, "OPEN": _operand, "SQUARE_OPEN": _operand, "BAR": _operand,
}  # fmt: skip


def _strange_character(text: str, at: int) -> Trouble:
    """The sentence for a character that the language does not have."""
    from bpcli.characters import meaning

    long = len(text) > LONGEST_TRY
    nearby = max(0, at - _NEARBY) if long else 0
    found = meaning(text[nearby : at + _NEARBY] if long else text, at - nearby)
    tries = [] if long or found.instead is None else [found.instead]
    return Trouble(found.message, code=found.code, source=text, start=at, end=at + found.length, tries=tries)


# --- brackets --------------------------------------------------------------------------------------------

_CLOSES = {"(": ")", "[": "]"}


def _unbalanced(fault: Fault) -> Trouble | None:
    """The `Trouble` for brackets or bars that do not match, if that is what stopped the reading."""
    still_open: list[int] = []
    for bracket in re.finditer(r"[()\[\]]", fault.text[: fault.end]):
        if bracket[0] in _CLOSES:
            still_open.append(bracket.start())
            continue
        message, meant = "this bracket closes nothing", ""
        if still_open:
            opening = fault.text[still_open.pop()]
            if bracket[0] == _CLOSES[opening]:
                continue
            message, meant = f"this bracket closes {opening}, but is of the other kind", _CLOSES[opening]
        return fault.trouble(message, "unbalanced-bracket", fault.replaced(meant, *bracket.span()),
                             start=bracket.start(), end=bracket.end())  # fmt: skip
    if re.search(r"[-+*/^@(\[,<>=]$", fault.before):
        return None  # an operand is missing first
    return _still_open(fault, still_open) or _lone_bar(fault)


def _still_open(fault: Fault, brackets: list[int]) -> Trouble | None:
    text = fault.text
    if not brackets:
        return None
    line_break = text.find("\n", brackets[-1], fault.start)
    at_line_end = fault.kind in ("$END", "_SEPARATOR")
    if not at_line_end and line_break < 0:
        return None
    closing = "".join(_CLOSES[text[place]] for place in reversed(brackets))
    if at_line_end and all(text.count(opening) == text.count(_CLOSES[opening]) for opening in _CLOSES):
        return fault.trouble("';' ends a line, and a bracket is still open", "unbalanced-bracket", fault.replaced(","))
    stop = len(text[: fault.start if line_break < 0 else line_break].rstrip())
    message = "this bracket is never closed"
    if len(brackets) > 1:
        message = f"{len(brackets):,} brackets are never closed; the last of them is here"
    return fault.trouble(message, "unbalanced-bracket", fault.replaced(closing, stop, stop),
                         start=brackets[-1], end=brackets[-1] + 1)  # fmt: skip


def _lone_bar(fault: Fault) -> Trouble | None:
    bar = fault.text.rfind("|", 0, fault.start)
    if bar < 0 or fault.text.count("|") % 2 == 0 or fault.kind not in ("$END", "_SEPARATOR", "CLOSE"):
        return None
    stop = len(fault.before)
    return fault.trouble("this bar has no partner: |x| needs two", "unbalanced-bar", fault.replaced("|", stop, stop),
                         fault.replaced("", bar, bar + 1), start=bar, end=bar + 1)  # fmt: skip


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
    factors = re.match(r"-?[\d.]+(?:[eE][+-]?\d+)?|\([^()]*\)", product)
    first = factors.end() if factors else 1
    spelled = f"{product[:first]}*{product[first:].lstrip()}"
    head, tail = text[:start], text[end:]
    return Trouble(
        "this can be read in two ways: is the last factor under the fraction or beside it?",
        code="ambiguous-quotient", source=text, start=over, end=end,
        tries=[f"{head}({spelled}){tail}", f"{head}{spelled}{tail}"],
    )  # fmt: skip


def number_too_large(text: str, start: int, end: int) -> Trouble:
    """``1e400``."""
    return Trouble("this number is too large: the largest is about 1.8e308", code="number-too-large", source=text,
                   start=start, end=end, tries=[f"{text[:start]}1e308{text[end:]}"])  # fmt: skip


def number_or_product(text: str, start: int, middle: int, end: int) -> Trouble:
    """``2e`` or ``0x1F``: a number in another notation, or a product."""
    word = text[start:end]
    if re.fullmatch(r"0[xX][0-9A-Fa-f]+|0[bB][01]+|0[oO][0-7]+", word):
        return Trouble("numbers are written in decimal", code="not-decimal", source=text, start=start, end=end,
                       tries=[f"{text[:start]}{int(word, 0)}{text[end:]}"])  # fmt: skip
    return Trouble(f"{word} is no number; for a product write the *", code="number-or-product", source=text,
                   start=start, end=end, tries=[f"{text[:middle]}*{text[middle:]}"])  # fmt: skip


#: Functions that are written with others.
_FROM_OTHERS = {"cot": "(1/tan{})", "sec": "(1/cos{})", "csc": "(1/sin{})", "cbrt": "({}^(1/3))", "tg": "tan{}",
                "ctg": "(1/tan{})", "cosec": "(1/sin{})"}  # fmt: skip


def unknown_function(text: str, token: Any, end: int, known: Collection[str]) -> Trouble:
    """A name before a bracket that is no function: a product without its sign, or a misspelling."""
    name, start, stop = str(token), token.start_pos, token.end_pos
    given = text[stop:end]
    if "." in name and (plain := name.rpartition(".")[2]) not in function_names():
        name = plain
    message = f"there is no function called {name}"
    tries = [f"{text[:start]}{near}{text[stop:]}" for near in closest(name, function_names())]
    product = f"{text[:start]}{name}*{given.lstrip()}{text[end:]}"
    if name in _FROM_OTHERS:
        tries.insert(0, f"{text[:start]}{_FROM_OTHERS[name].format(given)}{text[end:]}")
    elif name in CONSTANTS and name not in known:
        message = f"{name} is a number, not a function: a product needs its *"
        tries = [product, *[f"{text[:start]}exp{text[stop:]}"] * (name == "e")]
    elif name in known or len(name) == 1:
        message = f"{name} is a variable, not a function: a product needs its *"
        tries.insert(0, product)
    return Trouble(message, code="unknown-function", source=text, start=start, end=stop, tries=tries[:2] or [product])


def wrong_number_of_inputs(text: str, message: str, start: int, end: int) -> Trouble:
    """``exp(1,5)`` may be a decimal comma; ``max(x)`` lacks its second input."""
    comma = text.find(",", start, end)
    tries = decimal_commas(text, comma) if comma >= 0 else []
    if "at least 2" in message or message == "where takes 3 inputs, not 2":
        tries = [f"{text[: end - 1]}, 0{text[end - 1 :]}"]
    return Trouble(message, code="wrong-number-of-inputs", source=text, start=start, end=end, tries=tries)


def named_input(text: str, name: str, start: int, equals: int) -> Trouble:
    """``exp(x=2)``; in a condition the sign is meant for equality."""
    if re.search(r"\bwhere\s*\(\s*$", text[:start]):
        return Trouble("a condition asks for equality with ==", code="misplaced-equals", source=text, start=equals,
                       tries=[f"{text[:equals]}=={text[equals + 1 :]}"])  # fmt: skip
    meant = "axis=" if name in ("dim", "dims", "axes") else ""
    return Trouble(f"{name} is not something that a function takes by name; axis is", code="keyword", source=text,
                   start=start, end=start + len(name),
                   tries=[text[:start] + meant + text[equals + 1 :].lstrip()])  # fmt: skip


def misplaced_condition(text: str, wanted: bool, start: int, end: int) -> Trouble:
    """A comparison where a value must stand, or the other way round."""
    given = text[start:end]
    if wanted:
        return Trouble("where begins with a condition, such as x > 0", code="no-condition", source=text,
                       start=start, end=end, tries=[f"{text[:start]}{given} > 0{text[end:]}"])  # fmt: skip
    return Trouble("a comparison stands only as the first input of where(condition, a, b)",
                   code="misplaced-comparison", source=text, start=start, end=end,
                   tries=[f"{text[:start]}where({given}, 1, 0){text[end:]}"])  # fmt: skip


def unnamed_line(text: str, start: int, end: int) -> Trouble:
    """A line without a name that is not the last."""
    taken = names_in(text)
    name = next(name for name in [*"qrstuv", f"q{len(text)}"] if name not in taken)
    return Trouble("this value has no name, so nothing after it can use it; only the last line may do without",
                   code="unnamed-line", source=text, start=start, end=end,
                   tries=[f"{text[:start]}{name} = {text[start:]}"])  # fmt: skip


def assigned_late(text: str, name: str, start: int, end: int) -> Trouble:
    """A variable that a later line gives a value: from there on it needs another name."""
    other = _free_name(text, name)
    line_end = min((place for sign in ";\n" if (place := text.find(sign, end)) > 0), default=len(text))
    mended_text = text[:start] + other + text[end:line_end] + with_name(text[line_end:], name, other)
    return Trouble(f"{name} is used as a variable before this line gives it a value", code="assigned-late",
                   source=text, start=start, end=end, tries=[mended_text])  # fmt: skip


def constant_assigned(text: str, name: str, start: int, end: int) -> Trouble:
    """``pi = 3``."""
    return Trouble(f"{name} is a number and cannot be given another value", code="constant-assigned", source=text,
                   start=start, end=end, tries=[with_name(text, name, _free_name(text, name))])  # fmt: skip


def with_name(text: str, name: str, other: str) -> str:
    """TEXT with OTHER for every use of the variable NAME."""
    pieces = rf"[\d.]+(?:[eE][+-]?\d+)?|({NAME})"
    return re.sub(pieces, lambda piece: other if piece[1] and plain_name(piece[1]) == name else piece[0], text)


def _free_name(text: str, name: str) -> str:
    taken = names_in(text)
    return next(other for k in range(2, len(text) + 3) if (other := f"{name}{k}") not in taken)


# --- names that are no variables -------------------------------------------------------------------------


def joined_name(name: str, variables: Collection[str]) -> str | None:
    """What NAME may be when it is several names run together: ``sinx`` is sin(x), ``xy`` is x*y."""
    for function in sorted([*GATES, *FAMILIES, *ALIASES], key=len, reverse=True):
        rest = name[len(function) :]
        if name.startswith(function) and (rest in variables or rest in ("x", "y", "z")):  # but "cost" is a good name
            return f"{function}({rest})"
    known = sorted((variable for variable in [*variables, *CONSTANTS] if variable), key=len, reverse=True)
    factors, rest = [], name
    while rest:
        first = next((variable for variable in known if rest.startswith(variable)), None)
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
