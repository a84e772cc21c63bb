"""The lecture in words: an explanation as paragraphs of words, names, numbers and formulas, for any medium to set.

A paragraph is a lead and some items under it; each is a list of pieces. Words are this program's own; everything
that comes from the user's formula is a `Math` piece, which each medium writes (and escapes) in its own way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from bpcli.explaining import MOST_MOVED, Arrival, Explanation, Moved, Sent, Step, Variable
from bpcli.figures import NUMBER, show, show_nested
from bpcli.gates import COMPARES
from bpcli.graph import Graph
from bpcli.printing import gate_text

MOST_STEPS = 40  # gates explained of a large formula, unless all are asked for
MOST_ENTRIES = 12  # of an array that is written out
ONE_MORE_DIGIT = 1e-12  # relative: below this a promised and a true change are one number


class Number(NamedTuple):
    """A number or an array; KIND tells the colour: "value", "gradient" or neither."""

    value: Any
    kind: str = ""


class Name(NamedTuple):
    """A variable, or the id of a gate."""

    id: str


class Text(NamedTuple):
    """A formula, as bpcli would read it; or, in the table's words, "1 if x > 0, else 0"."""

    text: str


class Gate(NamedTuple):
    """A gate with the names of its inputs, or with their values."""

    place: int
    with_values: bool = False


Atom = Number | Name | Text | Gate | str  # a string is a sign: = × +


class Math(NamedTuple):
    """A stretch of mathematics within a sentence."""

    atoms: tuple[Atom, ...]


Piece = str | Math
Pieces = list[Piece]


class Paragraph(NamedTuple):
    """A lead sentence or two, and what stands under it line by line."""

    lead: Pieces
    items: list[Pieces]


class Section(NamedTuple):
    """A heading and its paragraphs."""

    heading: str
    paragraphs: list[Paragraph]


def math(*atoms: Atom) -> Math:
    """A piece of mathematics."""
    return Math(atoms)


def sections(explanation: Explanation, everything: bool = False) -> list[Section]:
    """The whole lecture, or of a large formula its beginning and end; or what was asked for alone."""
    only, brief = explanation.only, explanation.brief
    steps = [step for step in explanation.steps if only in (None, step.id)]
    live = [step for step in reversed(steps) if step.upstream is not None or only is not None]
    variables = [one for one in explanation.variables if only in (None, one.name)]
    found = [Section("", _about_none(explanation))]
    if steps and not brief:
        found.append(Section("Forward", _ends([say_value(explanation, step) for step in steps], everything)))
    if live:
        legend = [] if explanation.graph.shapes is None or brief or only else [
            Paragraph(["G stands for the upstream gradient of the gate at hand."], [])]  # fmt: skip
        found.append(Section("Backward", legend + _ends([say_step(explanation, step) for step in live], everything)))
    if variables:
        said = [say_variable(explanation, one, everything or number < MOST_MOVED)
                for number, one in enumerate(variables[: None if everything else 2 * MOST_STEPS])]  # fmt: skip
        found.append(Section("Gradients", said + _left_out(len(variables) - len(said), "variables")))
    shown = {step.id for step in live}
    notes = [Paragraph([f"Note: {note.message}."], []) for note in explanation.notes
             if note.gate not in shown and only is None]  # fmt: skip
    found.append(Section("", notes))
    return [section for section in found if section.paragraphs]


def _about_none(explanation: Explanation) -> list[Paragraph]:
    """What to say when there is little to explain."""
    if explanation.only is not None:
        return []
    result = explanation.gradients
    if not explanation.variables:
        return [Paragraph(["There is no variable, so there is no gradient: the value is ",
                           math(Number(result.value, "value")), " whatever happens."], [])]  # fmt: skip
    if not explanation.steps:
        return [Paragraph(["There is no gate between the input and the output: the gradient arrives as it is."], [])]
    return []


def _ends(paragraphs: list[Paragraph], everything: bool) -> list[Paragraph]:
    if everything or len(paragraphs) <= MOST_STEPS:
        return paragraphs
    half = MOST_STEPS // 2
    between = _left_out(len(paragraphs) - MOST_STEPS, "gates between these")
    return [*paragraphs[:half], *between, *paragraphs[-half:]]


def _left_out(count: int, what: str) -> list[Paragraph]:
    return [Paragraph([f"… {count:,} {what} are not shown (--all shows them)."], [])] if count > 0 else []


# --- forward ---------------------------------------------------------------------------------------------


def say_value(explanation: Explanation, step: Step) -> Paragraph:
    """A gate, its inputs' values in place of their names, and its value."""
    head: list[Atom] = [Gate(step.place)] if step.id == step.text else [Name(step.id), "=", Gate(step.place)]
    graph, values = explanation.graph, explanation.values
    if graph.row(step.place).binds == COMPARES and not getattr(step.value, "shape", ()):
        verdict = "holds" if step.value else "does not hold"
        return Paragraph([math(*head), ": ", math(Gate(step.place, with_values=True)), f" {verdict} (",
                          math(Number(step.value, "value")), ")"], [])  # fmt: skip
    worked = gate_text(graph, step.place, operands=with_values(graph, values, step.place, 17))
    told = worked in (step.text, number_text(step.value, 17))  # nothing new: 3*4 of two numbers, -2 of -x
    middle: list[Atom] = [] if told else ["=", Gate(step.place, with_values=True)]
    return Paragraph([math(*head, *middle, "=", Number(step.value, "value"))], [])


# --- backward --------------------------------------------------------------------------------------------


def say_step(explanation: Explanation, step: Step) -> Paragraph:
    """What arrives at a gate, how such a gate treats it, and the product for each input."""
    lead: Pieces = [math(Name(step.id), "=", Gate(step.place))]
    if step.upstream is None:
        node = explanation.graph.gates[step.place]
        why = "the output does not depend on it" if explanation.graph.active[node] else "there is no variable in it"
        return Paragraph([*lead, f". No gradient comes here: {why}."], [])
    brief = explanation.brief
    if brief:
        lead += [": upstream ", math(Number(step.upstream, "gradient")), "."]
    else:
        lead += _upstream(step.id, step.arrivals, step.upstream)
        if sentence := pattern(explanation, step):
            lead += [" ", *sentence]
    if step.note:  # in brief too: a convention is never used in silence
        message = step.note.removeprefix(f"{step.id}: ")
        lead.append(f" A kink: {message}.")
    return Paragraph(lead, [_product(step, sent, brief) for sent in step.sends])


def _upstream(name: str, arrivals: Sequence[Arrival], total: Any) -> Pieces:
    """Where the gradient comes from; at a branch the sum is written out."""
    first = arrivals[0]
    if len(arrivals) == 1:
        if first.source == "":
            return [", the output. The upstream gradient is ", math(Number(total, "gradient")), "."]
        return [". From ", math(Name(first.source)), " comes ", math(Number(total, "gradient")), "."]
    return [". ", *_branch(name, arrivals, total)]


def _branch(name: str, arrivals: Sequence[Arrival], total: Any) -> Pieces:
    sources = list(dict.fromkeys(arrival.source for arrival in arrivals if arrival.source))
    if len(sources) == 1 and len(arrivals) > 1 and arrivals[0].source:
        times = "twice" if len(arrivals) == 2 else f"{len(arrivals)} times"
        pieces: Pieces = [math(Name(name)), f" goes {times} into ", math(Name(sources[0]))]
    else:
        pieces = [math(Name(name)), " feeds ", *listed([[math(Name(one))] for one in sources])]
        if not arrivals[0].source:
            pieces.append(" and is the output too")
    return [*pieces, ", and what comes back adds up: ",
            math(*added_up([arrival.gradient for arrival in arrivals]), "=", Number(total, "gradient")), "."]  # fmt: skip


def added_up(terms: Sequence[Any]) -> list[Atom]:
    """A sum written out: 4 - 8 + 36; of very many terms the first ones."""
    atoms: list[Atom] = []
    for term in terms[:MOST_ENTRIES]:
        minus = bool(atoms) and not getattr(term, "shape", ()) and term < 0
        atoms += ["-" if minus else "+", Number(-term if minus else term, "gradient")]
    return [*atoms[1:], "+", "..."] if len(terms) > MOST_ENTRIES else atoms[1:]


def listed(items: Sequence[Pieces], last: str = "and") -> Pieces:
    """``a, b and c``; of very many the first ones and how many more."""
    if len(items) > MOST_ENTRIES:
        more = len(items) - 3
        items = [*items[:3], [f"{more} more"]]
    pieces: Pieces = []
    for number, item in enumerate(items):
        if number:
            pieces.append(f" {last} " if number == len(items) - 1 else ", ")
        pieces += item
    return pieces


def _product(step: Step, sent: Sent, brief: bool = False) -> Pieces:
    """To one input: the local gradient and its number, then upstream times local."""
    pieces: Pieces = ["to ", math(Name(sent.input)), ": "]
    if brief:
        product: list[Atom] = (
            [] if sent.local is None else [Number(step.upstream, "gradient"), "×", Number(sent.local), "="]
        )
        return [*pieces, math(*product, Number(sent.gradient, "gradient"))]
    if sent.local is None:
        pieces.append(math(Text(sent.formula), "=", Number(sent.gradient, "gradient")))
        return [*pieces, *_shape(sent.gradient), *_row_by_row(sent.formula)]
    if step.gate == "where":
        pass  # said by its pattern
    elif " if " in sent.formula or " wins" in sent.formula:
        pieces += ["local ", math(Number(sent.local)), " (", math(Text(sent.formula)), "); "]
    elif not NUMBER.fullmatch(sent.formula):
        pieces += ["local ", math(Text(sent.formula), "=", Number(sent.local)), "; "]
    return [
        *pieces, "upstream ", math(Number(step.upstream, "gradient")), " × local ",
        math(Number(sent.local), "=", Number(sent.gradient, "gradient")), *_shape(sent.gradient),
    ]  # fmt: skip


def _shape(gradient: Any) -> Pieces:
    shape = getattr(gradient, "shape", ())
    return [f", shape {'×'.join(map(str, shape))}"] if len(shape) > 1 else []


def _row_by_row(formula: str) -> Pieces:
    """What a product of matrices does, in words."""
    if formula.startswith("G @ ") and formula.endswith(".T"):
        return [": row by row, the upstream gradient meets the rows of the other factor"]
    if formula.endswith(".T @ G"):
        return [": the columns of the other factor meet the upstream gradient"]
    if formula.startswith("outer("):
        return [": each entry of one times each entry of the other"]
    return []


# --- the patterns, with their numbers --------------------------------------------------------------------


def pattern(explanation: Explanation, step: Step) -> Pieces:
    """What the lectures call such a gate, said with its numbers; nothing for a gate that only scales."""
    graph = explanation.graph
    if graph.shapes is not None:
        name, sentence = graph.row(step.place).pattern
        return [f"{step.gate} {sentence}."] if name != "scaler" else []
    if len(step.sends) > 1 and step.gate == "add":
        if step.sends[0].input == step.sends[1].input:
            return ["add distributes: ", math(Name(step.sends[0].input)), " gets all of ", _up(step), " twice."]
        return [
            "add distributes: ",
            *listed([[math(Name(one.input))] for one in step.sends]),
            " each get all of ",
            _up(step),
            ".",
        ]
    if len(step.sends) > 1 and step.gate == "sub":
        first, second = step.sends
        return ["sub distributes, the second time with the sign changed: ", math(Name(first.input)), " gets ",
                math(Number(first.gradient, "gradient")), " and ", math(Name(second.input)), " gets ",
                math(Number(second.gradient, "gradient")), "."]  # fmt: skip
    if len(step.sends) > 1 and step.gate == "mul":
        a, b = step.sends
        if a.input == b.input:
            return ["mul switches: each factor gets the ", math(Number(b.local)), " of the other."]
        return ["mul switches: ", math(Name(a.input)), " gets the ", math(Number(a.local)), " of ", math(Name(b.input)),
                ", ", math(Name(b.input)), " the ", math(Number(b.local)), " of ", math(Name(a.input)), "."]  # fmt: skip
    if step.gate in ("max", "min"):
        return _routes(explanation, step)
    if step.gate == "where":
        return _chosen(explanation, step)
    if step.gate in ("relu", "clip") and step.sends:
        closed = step.sends[0].local == 0
        return [f"{step.gate} is closed: nothing of ", _up(step), " gets through."] if closed else [
            f"{step.gate} is open: ", _up(step), " goes through."]  # fmt: skip
    if step.gate == "neg":
        return ["neg changes the sign."]
    if step.gate in ("exp", "sigmoid", "tanh"):
        return [f"{step.gate} finds its slope in its own output, ",
                math(Name(step.id), "=", Number(step.value, "value")), "."]  # fmt: skip
    if graph.row(step.place).pattern[0] == "stopper":
        return [f"{step.gate} is flat here, so nothing gets through."]
    return []


def _up(step: Step) -> Math:
    return math(Number(step.upstream, "gradient"))


def _routes(explanation: Explanation, step: Step) -> Pieces:
    graph = explanation.graph
    args = graph.args[step.place]
    off = {node: abs(explanation.values[node] - step.value) for node in args}  # not 0 where the gate's value is rounded
    winners = [node for node in off if off[node] == min(off.values())]
    losers = [node for node in off if node not in winners]
    if len(winners) > 1:
        return [*listed([[_known(explanation, node)] for node in winners]), f" tie for the {step.gate}."]
    name = [math(Name(graph.ids[winners[0]]))]
    beats: Pieces = [" over ", *listed([[_known(explanation, node)] for node in losers])] if losers else []
    pieces: Pieces = [f"{step.gate} routes: ", _known(explanation, winners[0]), " wins", *beats]
    if not graph.active[winners[0]]:
        return [*pieces, ", and no variable is behind it: the rest gets 0."]
    return [*pieces, ", so ", *name, " gets all of ", _up(step), "."]


def _chosen(explanation: Explanation, step: Step) -> Pieces:
    graph = explanation.graph
    condition, first, second = graph.args[step.place]
    holds = bool(explanation.values[condition])
    taken = first if holds else second
    verdict = "holds" if holds else "does not hold"
    place = graph.position.get(condition)
    what = math(Gate(place)) if place is not None and graph.row(place).binds == COMPARES else math(
        Name(graph.ids[condition]))  # fmt: skip
    name = math(Name(graph.ids[taken]))
    where: Pieces = [name, " gets all of ", _up(step)] if step.sends else ["it is ", name, ", and no gradient goes on"]
    return ["where routes: ", what, f" {verdict}, so ", *where, "; the other branch was never run."]


def _known(explanation: Explanation, node: int) -> Math:
    """``x = 3``; a number by itself."""
    name, value = explanation.graph.ids[node], explanation.values[node]
    if node in explanation.graph.constants:
        return math(Number(value, "value"))
    return math(Name(name), "=", Number(value, "value"))


# --- variables -------------------------------------------------------------------------------------------


def say_variable(explanation: Explanation, variable: Variable, with_meaning: bool) -> Paragraph:
    """A variable's gradient, the sum where it branches, and what the gradient means."""
    lead: Pieces = [math(Name(variable.name)), ": gradient ", math(Number(variable.gradient, "gradient")),
                    *_shape(variable.gradient), "."]  # fmt: skip
    if explanation.brief:
        return Paragraph(lead, [])
    if not variable.arrivals:
        lead.append(" Nothing leads from it to the output.")
        return Paragraph(lead, [])
    if len(variable.arrivals) > 1:
        lead += [" ", *_branch(variable.name, variable.arrivals, variable.gradient)]
    if with_meaning:
        lead += [" ", *_meaning(explanation, variable, explanation.moved(variable.name))]
    return Paragraph(lead, [])


def _meaning(explanation: Explanation, variable: Variable, moved: Moved) -> Pieces:
    entry = f"[{', '.join(map(str, moved.entry))}]" if moved.entry else ""
    one: Piece = math(Text(f"{variable.name}{entry}"))
    verb = "Raise " if moved.by > 0 else "Lower "
    if moved.true is None:
        return ["It cannot be moved by ", math(Number(abs(moved.by))), ": the formula has no value there."]
    pieces: Pieces = [verb, one, " by ", math(Number(abs(moved.by))), " and ", *_what_moves(explanation)]
    if moved.about == 0:
        pieces.append(" stays as it is, to first order")
    else:
        pieces += [" rises" if moved.about > 0 else " falls", " by about ", math(Number(abs(moved.about)))]
    return [*pieces, " (true change ", math(Number(_without_noise(explanation, moved))), ")."]


def _what_moves(explanation: Explanation) -> Pieces:
    upstream = explanation.gradients.upstream
    if getattr(upstream, "shape", ()):
        return ["the output, weighted with the upstream gradient,"]
    if upstream != 1:
        return ["the loss behind the output"]
    node = explanation.graph.output
    return [math(Name(explanation.output))] if node in explanation.graph.names else ["the output"]


def _without_noise(explanation: Explanation, moved: Moved) -> float:
    """The true change, without the last digits that the subtraction of two values has made up."""
    assert moved.true is not None
    value = explanation.gradients.value
    size = float(abs(value).max()) if getattr(value, "shape", ()) else abs(value)
    noise = 1e-15 * size * (abs(explanation.gradients.upstream) if not getattr(value, "shape", ()) else 1.0)
    if abs(moved.true - moved.about) <= max(4 * noise, ONE_MORE_DIGIT * abs(moved.about)):
        return moved.about
    return 0.0 if abs(moved.true) <= noise else moved.true


# --- plain text ------------------------------------------------------------------------------------------


def plain_words(explanation: Explanation, paragraph: Paragraph, digits: int = 4) -> str:
    """A paragraph as one line of plain text; its items follow each other with semicolons."""
    lines = [plain_text(explanation.graph, explanation.values, pieces, digits) for pieces in
             (paragraph.lead, *paragraph.items)]  # fmt: skip
    return " ".join([lines[0], *[f"{line};" for line in lines[1:-1]], *[f"{line}." for line in lines[1:][-1:]]])


def plain_text(graph: Graph, values: Sequence[Any], pieces: Pieces, digits: int) -> str:
    """PIECES as plain text."""
    return "".join(
        piece if isinstance(piece, str) else " ".join(atom_text(graph, values, atom, digits) for atom in piece.atoms)
        for piece in pieces
    )


def atom_text(graph: Graph, values: Sequence[Any], atom: Atom, digits: int, everything: bool = False) -> str:
    """One name, number or formula as plain text; large arrays in full if EVERYTHING is to be shown."""
    match atom:
        case Number():
            return number_text(atom.value, digits, everything)
        case Name() | Text():
            return atom[0]
        case Gate():
            operands = with_values(graph, values, atom.place, digits, everything) if atom.with_values else None
            return gate_text(graph, atom.place, operands=operands)
        case _:
            return atom


def with_values(graph: Graph, values: Sequence[Any], place: int, digits: int, everything: bool = False) -> list[str]:
    """The values of a gate's inputs; the name of one that was not evaluated."""
    return [graph.ids[node] if values[node] is None else number_text(values[node], digits, everything)
            for node in graph.args[place]]  # fmt: skip


def number_text(value: Any, digits: int, everything: bool = False) -> str:
    """A number; a small array in full, a larger one by its shape unless EVERYTHING is to be shown."""
    shape = getattr(value, "shape", ())
    if not shape:
        return show(float(value), digits)
    if everything or value.size <= MOST_ENTRIES:
        return show_nested(value, digits)
    return f"(array of {shape[0]})" if len(shape) == 1 else f"({'×'.join(map(str, shape))} array)"
