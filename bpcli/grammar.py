"""The parsers: made from a grammar file, or from the tables that were made of it when the package was built."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator
from typing import Any

import lark
from lark import Lark, Token
from lark.common import LexerConf
from lark.exceptions import UnexpectedCharacters
from lark.lexer import Lexer

from bpcli.shipped import folder


class Piece(Token):
    """A token that knows its type and place. Lines and columns are counted only when an error needs them."""

    line = column = end_line = end_column = 1


class Splitter(Lexer):
    """Splits a text into the grammar's terminals with one regular expression.

    Lark's own lexer counts lines and columns at every token: without that, parsing is a fifth faster.
    """

    def __init__(self, conf: LexerConf) -> None:
        terminals = sorted(conf.terminals, key=lambda t: (-t.priority, -t.pattern.max_width, t.name))
        self.pattern = re.compile("|".join(f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in terminals))
        self.ignored = frozenset(conf.ignore)

    def lex(self, source: str) -> Iterator[Token]:  # type: ignore[override]
        """The tokens of SOURCE; raises Lark's UnexpectedCharacters where there is none."""
        ignored = self.ignored
        done = 0
        for match in self.pattern.finditer(source):
            start, end = match.span()
            if start != done:
                break
            done = end
            kind = match.lastgroup
            if kind not in ignored:
                piece = str.__new__(Piece, match[0])  # past Token's own __new__: a twentieth of the whole time
                piece.type = kind or ""
                piece.start_pos = start
                piece.end_pos = end
                yield piece
        if done < len(source):
            raise UnexpectedCharacters(source, done, 1, 1)  # type: ignore[no-untyped-call]


def text(name: str) -> str:
    """The grammar in ``grammars/NAME.lark``."""
    with open(os.path.join(folder("grammars"), f"{name}.lark"), encoding="utf-8") as file:
        return file.read()


def load(name: str, transformer: object) -> Lark:
    """The parser of ``grammars/NAME.lark``, whose rules are the methods of TRANSFORMER."""
    grammar = text(name)
    saved = _saved(name, grammar)
    if saved is None:
        return Lark(grammar, parser="lalr", lexer=Splitter, maybe_placeholders=False, transformer=transformer)
    saved["data"]["parser"]["lexer_conf"]["lexer_type"] = Splitter
    saved["data"]["options"]["lexer"] = Splitter
    loaded: Lark = Lark._load_from_dict(**saved, transformer=transformer)  # type: ignore[no-untyped-call]
    return loaded


def _saved(name: str, grammar: str) -> dict[str, Any] | None:
    """The tables made when the package was built, if they are of this very grammar and this Lark.

    A Python module of plain data and not a pickle, so reading it runs nothing. Building the tables afresh takes
    20 ms of every start, reading them 2.
    """
    try:
        from bpcli import _tables
    except ImportError:
        return None
    if lark.__version__ != _tables.LARK or _tables.GRAMMARS.get(name) != grammar:
        return None
    tables: dict[str, Any] = _tables.TABLES[name]
    return tables


def tables(name: str) -> dict[str, Any]:
    """The parse tables of ``grammars/NAME.lark`` as plain data, for `hatch_build.py` to save."""
    from lark.grammar import Rule
    from lark.lexer import TerminalDef

    parser = Lark(text(name), parser="lalr", lexer="basic", maybe_placeholders=False)
    data, memo = parser.memo_serialize([TerminalDef, Rule])
    return {"data": data, "memo": memo}
