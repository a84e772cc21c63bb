"""The parsers: made from a grammar file, or from the tables that were made of it when the package was built."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from lark import Lark, Token
from lark.common import LexerConf
from lark.exceptions import UnexpectedCharacters
from lark.lexer import Lexer

from bpcli.shipped import folder


class Piece(Token):
    """A token that knows its type and place and nothing else: lines and columns are counted when needed."""

    line = column = end_line = end_column = 1  # type: ignore[assignment]

    def __new__(cls, type: str, value: str, start: int, end: int) -> Piece:  # noqa: D102
        self = str.__new__(cls, value)
        self.type = type
        self.start_pos = start
        self.end_pos = end
        return self


class Splitter(Lexer):
    """Splits a text into the grammar's terminals with one regular expression.

    Lark's own lexer counts lines and columns at every token; without that a flat sum of 1 MB is read
    XX times as fast (`tests/bench/parsing.py`).
    """

    __future_interface__: ClassVar[int] = 0

    def __init__(self, conf: LexerConf) -> None:
        terminals = sorted(conf.terminals, key=lambda t: (-t.priority, -t.pattern.max_width, t.name))
        ignored = set(conf.ignore)
        self.pattern = re.compile("|".join(f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in terminals))
        self.ignored = ignored

    def lex(self, text: str) -> Iterator[Token]:  # type: ignore[override]
        ignored = self.ignored
        done = 0
        for match in self.pattern.finditer(text):
            kind = match.lastgroup
            start, end = match.span()
            if start != done:
                break
            done = end
            if kind not in ignored:
                yield Piece(kind, match[0], start, end)
        if done < len(text):
            raise UnexpectedCharacters(text, done, 1, 1)


#: LALR with the plain lexer: one regular expression to compile instead of one for each state.
OPTIONS: dict[str, Any] = {"parser": "lalr", "lexer": Splitter, "maybe_placeholders": False}


def load(name: str, transformer: object) -> Lark:
    """The parser of ``grammars/NAME.lark``, whose rules are the methods of TRANSFORMER."""
    path = folder("grammars") / f"{name}.lark"
    return Lark.open(str(path), transformer=transformer, **OPTIONS)
