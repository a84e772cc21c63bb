"""What a sheet asks for, as far as reading answers needs it: the names of its problems and blanks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bpcli.exercises.problem import Problem


#: How a sheet's own headings and a student's number a problem: "1. Title", "[2]", "Problem 3:".
_NUMBERED = re.compile(
    r"(?:(?:problem|exercise|question|task|no)\b\.?[ ]?)?([0-9]{1,3})(?![0-9])[-.:)\] –]*(.*)", re.DOTALL
)
_AROUND = " \t\r\u00a0#*_`:.[]()"
MOST_TITLE = 300  # characters


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Problem id -> names of its blanks, and which of them are programs."""

    blanks: dict[str, tuple[str, ...]]
    programs: frozenset[tuple[str, str]] = frozenset()
    titles: dict[str, str] = field(default_factory=dict)
    """Problem id -> its title."""
    others: dict[str, frozenset[str]] = field(default_factory=dict)
    """Problem id -> names of its formula and their gradients, whether they are asked for or not."""

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> Catalogue:
        """The catalogue of PROBLEMS."""
        found = list(problems)
        return cls(
            {one.id: tuple(blank.name for blank in one.blanks) for one in found},
            frozenset((one.id, blank.name) for one in found for blank in one.blanks if blank.kind == "program"),
            {one.id: one.title for one in found},
            {one.id: frozenset(name for own in one.graph.ids.values() for name in (own, f"d{own}")) for one in found},
        )

    @cached_property
    def _sections(self) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for identity in self.blanks:
            short = identity.rpartition("/")[2].casefold()
            found[short] = None if short in found else identity
        return found | {identity.casefold(): identity for identity in self.blanks}

    @cached_property
    def _titles(self) -> dict[str, str | None]:
        """The same with the problems' titles, as `_plain` writes them."""
        found: dict[str, str | None] = {}
        for identity, title in self.titles.items():
            found[_plain(title)] = None if _plain(title) in found else identity
        return found | {_plain(spelled): identity for spelled, identity in self._sections.items()}

    def section(self, title: str) -> str | None:
        """The problem that a section called TITLE answers.

        By its id or the last part of it, its title, its number on the sheet, or number and title.
        """
        if not title and len(self.blanks) == 1:
            return next(iter(self.blanks))
        if len(title) > MOST_TITLE:
            return None
        plain = _plain(title)
        if plain in self._titles:
            return self._titles[plain]
        match = _NUMBERED.fullmatch(plain)
        if match is None or not 0 < int(match[1]) <= len(self.blanks):
            return None
        identity = [*self.blanks][int(match[1]) - 1]
        rest = match[2].strip(_AROUND)
        return identity if not rest or self._titles.get(rest) == identity else None

    def heads(self, line: str) -> bool:
        """Whether LINE, which is no answer, begins a section: not a mere number, nor one behind a single #."""
        text = line.strip()
        if text.removeprefix("#").strip(" .)").isdigit() and not text.endswith((".", ")")):
            return False
        return self.section(text) is not None

    def has_program(self, title: str) -> bool:
        """Whether a program is asked for in the section called TITLE."""
        identity = self.section(title)
        return any(one == identity for one, _ in self.programs)

    def blank(self, problem: str, name: str) -> str:
        """The blank of PROBLEM that NAME means: itself, or the one blank that only differs in capital letters."""
        blanks = self.blanks[problem]
        if name in blanks or name in self.others.get(problem, ()) or self.has_program(problem):
            return name
        alike = [one for one in blanks if one.casefold() == name.casefold()]
        return alike[0] if len(alike) == 1 else name

    @cached_property
    def columns(self) -> dict[str, tuple[str, str]]:
        """How a column of a table may be headed -> (problem, blank): ``xyz.dq``, ``xyz/dq``, ``xyz dq``, or ``dq``
        where only one problem has it."""
        found: dict[str, tuple[str, str]] = {}
        names = [name for blanks in self.blanks.values() for name in blanks]
        for identity, blanks in self.blanks.items():
            titles = [identity, *[short for short, one in self._sections.items() if one == identity]]
            for name in blanks:
                for title in titles:
                    found |= {f"{title}{mark}{name}": (identity, name) for mark in "./: "}
                    found[f"[{title}] {name}"] = (identity, name)
                if names.count(name) == 1:
                    found[name] = (identity, name)
        return found


def _plain(title: str) -> str:
    return " ".join(title.split()).strip(_AROUND).casefold()
