"""What stands on a student's paper and on its solution, before it has a format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bpcli.exercises import markdown
from bpcli.exercises.keys import Key, key, keys
from bpcli.exercises.markdown import Block, Piece
from bpcli.exercises.problem import Blank, ChoiceBlank, FormulaBlank, Problem, ProgramBlank
from bpcli.exercises.roster import Student
from bpcli.exercises.variants import Variant
from bpcli.exercises.wording import asks_for, given_text, is_array, rounding_rule
from bpcli.exercises.worked import ByHand, answer_text, by_hand, worked
from bpcli.graph import Graph
from bpcli.pictures.picture import Numbers, Picture, picture
from bpcli.pictures.terminal import page as terminal_page
from bpcli.rounding import Rule
from bpcli.trouble import columns, visible

WIDEST = 100  # columns of a picture in characters, which Markdown has room for

MOST_DRAWN = 60  # gates of a picture that still fits a page


@dataclass(frozen=True)
class Line:
    """A blank on the paper. ``answer`` is "" on the student's; ``room`` is how many lines it takes (0: a gap in a line)."""

    name: str
    asks: str
    text: tuple[Piece, ...]
    points: str
    answer: str = ""
    room: int = 0
    needs: tuple[str, ...] = ()
    """Of a program, the names that its lines must define."""
    wide: bool = False
    """Whether the gap has to hold an array."""

    @property
    def kind(self) -> str:
        """What it asks for, in brackets where a sentence stands before it."""
        return f"({self.asks})" if self.text else self.asks

    @property
    def tall(self) -> bool:
        """Whether it stands below the others, with room of its own."""
        return self.room > 0


@dataclass(frozen=True, eq=False)
class Section:
    """One problem on the paper."""

    number: int
    id: str
    title: tuple[Piece, ...]
    points: str
    blocks: tuple[Block, ...]
    formula: tuple[str, ...]
    """The lines of the formula; none when the student is to write them."""
    given: tuple[tuple[str, str], ...]
    rule: str
    picture: Picture | None
    lines: tuple[Line, ...]
    worked: tuple[Block, ...] = ()
    """Of a solution: every step in words and numbers."""

    @property
    def wide(self) -> bool:
        """Whether some gap has to hold an array."""
        return any(line.wide for line in self.lines)

    def drawn(self, width: int) -> list[str]:
        """The picture in characters, at most WIDTH wide."""
        fits = max(map(columns, self._widest), default=0) <= width
        return self._widest if fits else _in_characters(self.picture, width)

    @cached_property
    def _widest(self) -> list[str]:
        return _in_characters(self.picture, WIDEST)


@dataclass(frozen=True, eq=False)
class Paper:
    """The paper of one student, or its solution."""

    title: str
    student: Student
    sections: tuple[Section, ...]
    points: str
    solution: bool

    @property
    def heading(self) -> str:
        """What stands above everything."""
        return f"{self.title or 'Backpropagation'}{': solution' if self.solution else ''}"


def plural(points: str) -> str:
    """``1 point``, ``3 points``."""
    return f"{points} point{'s' * (points != '1')}"


def paper(title: str, student: Student, variants: Sequence[Variant], solution: bool = False) -> Paper:
    """The paper of STUDENT with these VARIANTS; with every answer, and how to get there, if it is the SOLUTION."""
    sections = tuple(_section(number, one, solution) for number, one in enumerate(variants, start=1))
    return Paper(visible(title), student, sections, _points(sum(one.problem.points for one in variants)), solution)


def _section(number: int, variant: Variant, solution: bool) -> Section:
    problem = variant.problem
    answers = {one.blank.name: one for one in keys(variant)} if solution else {}
    hand = by_hand(variant) if solution else None
    lines = tuple(_line(variant, blank, answers.get(blank.name), hand) for blank in problem.blanks)
    formula = () if problem.hides_formula and not solution else tuple(program_lines(problem.graph))
    return Section(
        number, problem.id, markdown.line(problem.title), _points(problem.points), markdown.read(problem.statement),
        formula, tuple((name, given_text(value)) for name, value in variant.numbers.items()), _rule(problem, solution, hand),
        None if problem.hides_formula and not solution else _picture(hand or variant, solution), lines,
        worked(variant, hand) if solution else (),
    )  # fmt: skip


def _rule(problem: Problem, solution: bool, hand: ByHand | None) -> str:
    if not solution or problem.rounding.kind == "exact":
        return rounding_rule(problem)
    if hand is not None:
        return (f"Worked as the sheet says: every number is rounded to {problem.rounding}, and the next line goes on "
                "with the rounded one. Where the exact answer is another, it stands beside it; both are right.")  # fmt: skip
    return ("The answers are the exact ones, rounded at the end. Who rounds at every step, as the sheet says, may be a "
            "little beside them, and is right too.")  # fmt: skip


def _line(variant: Variant, blank: Blank, answer: Key | None, hand: ByHand | None) -> Line:
    problem = variant.problem
    needs = blank.needs if isinstance(blank, ProgramBlank) else ()
    room = 2 if isinstance(blank, FormulaBlank) else key(variant, blank).text.count("\n") + 2 if needs else 0
    return Line(blank.name, asks_for(problem, blank), markdown.line(blank.text), _points(blank.points),
                _answer(answer, problem.rounding, hand), room, needs, is_array(problem, blank))  # fmt: skip


def _points(points: object) -> str:
    text = f"{points:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _answer(found: Key | None, rule: Rule, hand: ByHand | None) -> str:
    if found is None:
        return ""
    return found.text if found.number is None else answer_text(found.number, found.blank, hand, rule)


def program_lines(graph: Graph) -> list[str]:
    """The formula as it was typed, a line for each of its lines."""
    return [line.strip() for line in graph.source.replace(";", "\n").split("\n") if line.strip()]


def _picture(variant: Variant, solution: bool) -> Picture | None:
    """The graph with the given numbers and empty boxes on its wires; with every number, on a solution.

    In the box for an array stands its shape, and so it does where there is no room for its numbers.
    """
    problem = variant.problem
    graph = problem.graph
    if len(graph.gates) > MOST_DRAWN:
        return None
    if not solution:
        given = {node: variant.point[name] for name, node in graph.inputs.items()}
        return picture(graph, Numbers(given, {}, {}), "both", blanks=asks_numbers(problem), on_paper=True)
    values = {node: _rounded(value, problem) for node, value in enumerate(variant.values) if value is not None}
    nodes = [node for node in (*graph.gates, *graph.inputs.values()) if graph.active[node]]
    gradients = {node: _rounded(variant.adjoints[node], problem) for node in nodes}
    return picture(graph, Numbers(values, gradients, {}), "both", on_paper=True)


def _rounded(value: Any, problem: Problem) -> Any:
    """A number, or every entry of an array, as the rule of the PROBLEM has it."""
    if not getattr(value, "shape", ()):
        return problem.rounding.rounded(value)
    import numpy as np

    return np.vectorize(problem.rounding.rounded, otypes=[float])(value)


def _in_characters(shown: Picture | None, width: int) -> list[str]:
    lines = terminal_page(shown, width).lines if shown else []
    return ["".join(words for words, _ in line).rstrip() for line in lines]


def asks_numbers(problem: Problem) -> bool:
    """Whether empty boxes on the wires make sense: some blank is a number of the graph."""
    return not all(isinstance(blank, ChoiceBlank | FormulaBlank | ProgramBlank) for blank in problem.blanks)


def template(paper: Paper) -> str:
    """``answers.txt``: every blank, ready to be filled in."""
    lines = [
        f"# {paper.heading}: answers of {visible(paper.student.shown)}".replace("\n", " "),
        "# Write each answer behind its = sign; leave what you do not know empty.",
        "",
    ]
    for section in paper.sections:
        lines += [f"[{section.id}]", f"# {section.rule}"]
        width = max((len(line.name) for line in section.lines if not line.needs), default=1)
        for line in section.lines:
            if line.needs:
                lines += [f"# {line.asks}", *[f"{name} =" for name in line.needs]]
            else:
                lines.append(f"{line.name:<{width}} =")
        lines.append("")
    return "\n".join(lines)
