"""`mark`: somebody's answers for one formula, each with its verdict and the reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bpcli.gates import CONVENTIONS
from bpcli.graph import Graph
from bpcli.marking.answers import (
    NOT_A_FORMULA,
    Answer,
    Submission,
    Unreadable,
    answer_name,
    read_submission,
    shown,
)
from bpcli.marking.formulas import mark_formula
from bpcli.marking.key import Asked, Key, key_of
from bpcli.marking.liberal import read_answer, worked_out
from bpcli.marking.meter import Meter, TooMuch
from bpcli.marking.numbers import blanks_named, mark_numbers
from bpcli.marking.programs import mark_program
from bpcli.marking.steps import stem_of
from bpcli.marking.verdicts import UNDECIDED, Mark, in_words, score
from bpcli.passes import Note, notes_of, one_of, parse, prepare
from bpcli.printing import gate_text
from bpcli.result import Result, plain
from bpcli.rounding import Rule, read_rule
from bpcli.sweeps import Values
from bpcli.trouble import Trouble

#: How answers may be rounded if nobody says: as `bpcli grad` shows numbers, less one digit.
ROUNDING = "3 digits in the answer"
_MOST_SHOWN = 20  # names in an error message
#: What decides the points at which formulas are compared, here where everybody marks their own work.
_SECRET = b"bpcli mark 1 "


@dataclass(frozen=True, eq=False)
class Marks(Result):
    """The marks of one formula's blanks, in the order in which they were answered."""

    view = "marks"

    graph: Graph = field(repr=False)
    point: Mapping[str, Any]
    rule: Rule
    marks: list[Mark]
    notes: list[Note]

    @property
    def score(self) -> float:
        """The points earned."""
        return score(self.marks)

    @property
    def max_score(self) -> float:
        """The points there are."""
        return float(sum(mark.points for mark in self.marks))

    @property
    def ok(self) -> bool:
        """Whether every blank has full marks."""
        return all(mark.credit == 1 for mark in self.marks)

    def record(self, expression: str) -> dict[str, Any]:
        return {
            "schema": "bpcli/mark/1",
            "expression": expression,
            "inputs": {name: plain(value) for name, value in self.point.items()},
            "rounding": str(self.rule),
            "blanks": [mark.record() for mark in self.marks],
            "score": self.score,
            "max_score": self.max_score,
            "notes": [note._asdict() for note in self.notes],
        }


def mark(formula: str, values: Mapping[str, Any] | None = None, answers: Mapping[str, Any] | None = None, *,
         rounding: Any = ROUNDING, hint: bool = False, kinks: str | None = None, upstream: Any = None,
         output: str | None = None, expand: bool = False, fuse: bool = False, program: str | None = None,
         **variables: Any) -> Marks:  # fmt: skip
    """Mark ANSWERS (name -> text or number) for FORMULA at a point, or as formulas; or a PROGRAM, line by line.

    >>> [one.verdict for one in bpcli.mark("q = x + y; f = q*z", {"x": -2, "y": 5, "z": -4}, {"q": 3, "dq": 4}).marks]
    ['right', 'wrong']
    >>> [one.verdict for one in bpcli.mark("x^2*y", answers={"dx": "2*x*y", "dy": "2*x"}).marks]
    ['right', 'wrong']

    Values and answers may be arrays, nested lists or texts such as "[[1, 2], [3, 4]]"; an output that is an array takes
    an UPSTREAM gradient of its own shape. A name of the formula (or g1, g2, … as in `grad`) asks for a value,
    ``dNAME`` for a gradient, ``dGATE_dNAME`` for a local gradient. Without values every answer is a formula; with them,
    each that is no number. ROUNDING is a rule that `bpcli.rounding.read_rule` reads; HINT keeps the slip back and says
    only where to look; KINKS names the one convention that counts at a kink. PROGRAM is the text of the passes as lines
    of code, ``q = x + y`` or ``dx += z*df``; it is read and never run. Raises `Trouble` for a formula, values or names
    that cannot be read, never for an answer.
    """
    if kinks is not None:
        one_of("kinks", kinks, [one for one in CONVENTIONS if one != "error"])
    rule, given = read_rule(rounding), {**(values or {}), **variables}
    graph = parse(formula, variables=list(given), expand=expand, fuse=fuse, output=output)
    symbolic = not given and bool(graph.inputs)
    if symbolic and graph.has_arrays:
        raise Trouble("a formula on arrays is marked at a point: its variables need values", code="missing-value",
                      tries=[" ".join(f"--{name}='[1, 2]'" for name in graph.inputs)])  # fmt: skip
    point: dict[str, Any] = {}
    numbers: Values = []
    if not symbolic:
        graph, point, numbers = prepare(graph, given, {})
    question = _Question(graph, point, numbers, symbolic, rule, hint, kinks, upstream, _SECRET + formula.encode())
    if program is not None:
        return question.program(program)
    if graph.shapes is not None:
        return question.arrays(answers or {})
    found = question.numbers(answers or {})
    return replace(found, notes=[*found.notes, *_rounding_note(rounding, found.marks)])


@dataclass(frozen=True)
class _Question:
    """What is asked: a formula, where, and how answers to it are marked."""

    graph: Graph
    point: dict[str, Any]
    values: Values
    symbolic: bool
    """Whether there is no point, so that every answer is a formula."""
    rule: Rule
    hint: bool
    kinks: str | None
    upstream: Any
    secret: bytes

    def numbers(self, answers: Mapping[str, Any]) -> Marks:
        """The marks of numbers and formulas."""
        upstream, answered = _one_number(self.upstream), _named(answers, not self.symbolic)
        graph, blanks = _asked(self.graph, {name: one.text for name, one in answered.items()})
        if self.symbolic and any(one.kind == "local" for one in blanks):
            raise Trouble("a local gradient is a number: give the formula's variables values", code="missing-value",
                          tries=[" ".join(f"--{name}=1" for name in graph.inputs)])  # fmt: skip
        formulas = {one.name: one for one in blanks
                    if one.kind != "local" and (self.symbolic or _is_formula(answered[one.name]))}  # fmt: skip
        meter = Meter()
        marks = {name: mark_formula(graph, one, answered[name].text, self.secret, self.point, upstream, self.hint, meter)
                 for name, one in formulas.items()}  # fmt: skip
        notes = [Note(code, None, message) for code, message in graph.notes]
        if not self.symbolic:
            key = key_of(graph, self.point, self.rule, upstream, self.kinks)
            rest = [one for one in blanks if one.name not in formulas]
            marks |= {one.name: one for one in mark_numbers(key, rest, answered, self.hint)}
            notes = _between(key, notes_of(graph, key.values, key.kinks or "torch"))
        return Marks(graph, self.point, self.rule, [marks[one.name] for one in blanks], notes)

    def arrays(self, answers: Mapping[str, Any]) -> Marks:
        """The marks of answers for a formula on arrays."""
        from bpcli.marking.on_arrays import array_key, marks_on_arrays, notes_on_arrays

        typed, upstream = _by_name(answers), self.upstream
        worked = {name: number for name, text in typed.items() if isinstance(text, str)
                  and _is_formula(read_answer(text)) and (number := worked_out(text))}  # fmt: skip
        texts = typed | {name: repr(number.value) for name, number in worked.items()}
        graph, blanks = _asked(self.graph, texts)
        if local := [one.name for one in blanks if one.kind == "local"]:
            raise Trouble(f"{local[0]}: local gradients are asked of formulas of numbers, not of arrays", code="arrays")
        if upstream is None and all(one.kind == "value" for one in blanks):
            upstream = 0 * self.values[graph.output]  # nobody asks what it leads to
        key, adjoints = array_key(graph, self.point, self.values, upstream=upstream, rule=self.rule, kinks=self.kinks)
        marks = marks_on_arrays(key, adjoints, blanks, texts, self.secret, self.hint)
        marks |= {name: marks[name]._replace(answer=number.text) for name, number in worked.items()}
        return Marks(graph, self.point, self.rule, [marks[one.name] for one in blanks],
                     _between(key, notes_on_arrays(key)))  # fmt: skip

    def program(self, text: str) -> Marks:
        """The marks of a program: of every name that it gives a value, and those it should."""
        graph, submission = self.graph, read_submission(text, "the program")
        lines = [line for section in submission.sections.values() for line in section]
        if submission.problems and not lines:
            raise Trouble(f"line {submission.problems[0].number}: {submission.problems[0].message}", code="program")
        names = {line.name for line in lines}
        backward = any(stem_of(name, graph) for name in names)
        forward = not backward or bool(names & {graph.ids[node] for node in graph.gates})
        needs = [graph.ids[graph.output]] * forward
        needs += [f"d{name}" for name, node in graph.inputs.items() if graph.active[node]] * backward
        try:
            if graph.shapes is not None:
                from bpcli.marking.on_arrays import marks_of_program

                marks, remarks = marks_of_program(graph, self.point, self.upstream, lines, self.secret, needs,
                                                  not forward, self.hint)  # fmt: skip
            else:
                marks, remarks = mark_program(graph, lines, self.secret, self.point, needs, not forward, self.hint)
        except TooMuch as limit:
            marks, remarks = [Mark(name, None, UNDECIDED, str(limit)) for name in needs], ()
        notes = [Note(code, None, message) for code, message in graph.notes]
        notes += [Note("left-out", None, one) for one in (*_left_out(submission), *remarks)]
        return Marks(graph, self.point, self.rule, marks, notes)


def _asked(graph: Graph, texts: Mapping[str, str | Unreadable]) -> tuple[Graph, list[Asked]]:
    """GRAPH with the names of the student's own, and the blanks that the names of TEXTS ask for."""
    graph = _with_own_names(graph, list(texts))
    blanks, unknown = blanks_named(graph, list(texts))
    if unknown:
        raise _unknown(graph, unknown[0], _text(texts[unknown[0]]).strip())
    return graph, blanks


def _left_out(submission: Submission) -> Iterator[str]:
    """What is said of the lines of a program that are left out."""
    for one in submission.problems:
        if not one.code:
            yield f"line {one.number} is left out: {one.message}"
    if code := [f"{one.number}" for one in submission.problems if one.code]:
        several = len(code) > 1
        where = in_words([f"line{'s' * several} {code[0]}", *code[1:]])
        yield f"{where} {'give' if several else 'gives'} nothing a value: left out"


def _one_number(upstream: Any) -> float:
    if getattr(upstream, "shape", ()) or isinstance(upstream, list | tuple):
        raise Trouble("the output is a number, and so is the upstream gradient", code="shapes", tries=["--upstream 1"])
    return 1.0 if upstream is None else float(upstream)


def _is_formula(answer: Answer) -> bool:
    """Whether an answer that is no number may be meant as a formula: something is named in it, or computed."""
    return isinstance(answer, Unreadable) and answer.reason == NOT_A_FORMULA


def _rounding_note(rounding: Any, marks: Iterable[Mark]) -> list[Note]:
    """The rule that answers are held to, where nobody named one and it costs something."""
    if rounding != ROUNDING or not any("too-few-digits" in mark.slips for mark in marks):
        return []
    return [Note("rounding", None, "answers are held to 3 significant digits; --rounding 2 is for work at 2 decimals")]


def _between(key: Key, notes: list[Note]) -> list[Note]:
    """NOTES; at a kink where no convention is named every slope between the sides is right."""
    if key.kinks is not None:
        return notes

    def without_convention(note: Note) -> Note:
        said = note.message.partition("; took")[0] if key.graph.shapes is None else note.message.rpartition(" (")[0]
        return note._replace(message=f"{said}; any slope between counts as right")

    return [without_convention(note) if note.code == "kink" else note for note in notes]


def _named(answers: Mapping[str, Any], numbers: bool) -> dict[str, Answer]:
    """ANSWERS with their names as the formula has them; one that is there twice is no answer.

    Where NUMBERS are asked, arithmetic without a name in it, 2*3, is the number that it comes to.
    """
    found: dict[str, Answer] = {}
    for name, answer in _by_name(answers).items():
        read = answer if isinstance(answer, Unreadable) else read_answer(answer)
        if numbers and _is_formula(read):
            read = worked_out(read.text) or read
        found[name] = read
    return found


def _by_name(answers: Mapping[str, Any]) -> dict[str, str | Unreadable]:
    """The text of each answer, by its name as the formula has it."""
    found: dict[str, str | Unreadable] = {}
    for spelled, answer in answers.items():
        name = answer_name(spelled) or spelled
        read = answer if isinstance(answer, Unreadable) else _text(answer)
        found[name] = Unreadable(_text(read), f"{name} is answered twice") if name in found else read
    return found


def _with_own_names(graph: Graph, names: Sequence[str]) -> Graph:
    """GRAPH with a name of the student's own, such as q in (x+y)*z, on the one gate that it can mean.

    That is the only gate without a name before the output, or the output itself when it is called f or L.
    """
    known = set(graph.ids.values())
    known |= {f"d{one}" for one in known}
    stems = dict.fromkeys(name.removeprefix("d") or name for name in names if name not in known and "_d" not in name)
    taken = set(names) | {name.removeprefix("d") for name in names}
    free = [node for node in graph.gates if node not in graph.names and graph.ids[node] not in taken]
    nameless = [node for node in free if node != graph.output]
    found: dict[int, str] = {}
    for stem in stems:
        if stem in ("f", "L") and graph.output in free:
            found[graph.output] = stem
        elif len(nameless) == 1 and nameless[0] not in found:
            found[nameless[0]] = stem
    if not found:
        return graph
    position = graph.position
    read = in_words([f"{stem} as {gate_text(graph, position[node])}" for node, stem in found.items()])
    return replace(graph, names=graph.names | found, notes=(*graph.notes, ("names", f"read {read}")))


def _text(answer: Any) -> str:
    """An answer as it would be typed."""
    if answer is None or isinstance(answer, str):
        return answer or ""
    if isinstance(answer, Unreadable):
        return answer.text
    if hasattr(answer, "tolist"):
        return _text(answer.tolist())
    if isinstance(answer, list | tuple):
        return f"[{', '.join(map(_text, answer))}]"
    return repr(answer)


def _unknown(graph: Graph, name: str, answer: str) -> Trouble:
    from bpcli.mistakes import closest

    ids = [graph.ids[node] for node in graph.gates]
    possible = [*ids, *[f"d{one}" for one in (*ids, *graph.inputs)]]
    said = ", ".join(possible[:_MOST_SHOWN]) + (", …" if len(possible) > _MOST_SHOWN else "")
    near = closest(name, possible)
    return Trouble(f"there is nothing called {shown(name)} to answer; there is {said}", code="unknown-blank",
                   tries=[f"{one}={shown(answer)}" for one in near], name=name)  # fmt: skip
