"""What a sheet asks for, as far as reading answers needs it: the names of its problems and blanks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bpcli.exercises.problem import Problem


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Problem id -> names of its blanks, and which of them are programs."""

    blanks: dict[str, tuple[str, ...]]
    programs: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> Catalogue:
        """The catalogue of PROBLEMS."""
        found = list(problems)
        return cls(
            {one.id: tuple(blank.name for blank in one.blanks) for one in found},
            frozenset((one.id, blank.name) for one in found for blank in one.blanks if blank.kind == "program"),
        )

    @cached_property
    def _sections(self) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for identity in self.blanks:
            short = identity.rpartition("/")[2].casefold()
            found[short] = None if short in found else identity
        return found | {identity.casefold(): identity for identity in self.blanks}

    def section(self, title: str) -> str | None:
        """The problem that a section called TITLE answers: by its id, or the last part of it if only one has that."""
        if not title and len(self.blanks) == 1:
            return next(iter(self.blanks))
        return self._sections.get(title.strip().casefold())

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
