"""Diagnosis: which known slip gives the student's number, where the error was made.

For a wrong gradient the backward pass is run from the student's own nearest numbers up to this one, with a slip at one
gate, or at every gate on the way that it can be made at. So with every gate asked the slip is found at the gate
itself, and with the ends alone it is found in the whole run. Of all explanations of a student's wrong numbers the
smallest set counts: fewest slips, then fewest places. What is still tied is named together.

Source of the method: J. S. Brown and R. R. Burton, Cognitive Science 2 (1978).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from bpcli.compiled import value_function
from bpcli.gates import GATES, Gate
from bpcli.marking.answers import Number
from bpcli.marking.followthrough import Trail
from bpcli.marking.handwork import Figure
from bpcli.marking.key import Asked
from bpcli.marking.verdicts import equal, within
from bpcli.marking.ways import way_to
from bpcli.slips import SLIPS

MOST_SETS = 3  # slips in one explanation
MOST_WAYS = 4  # slips named together; more are no explanation
_MOST_GATES = 30  # gates between two values that a mistake is searched in
_NEAR = 0.1  # the share by which a number worked out with a small mistake is off
_OPERATIONS = ("add", "sub", "mul", "div")

#: What is seen in a number itself, where no slip of the table explains it: id -> what a teacher says of it.
SEEN = {
    "sign-changed": "the sign is the other one",
    "decimal-point": "the decimal point is in another place",
    "other-operation": "this is another operation on the same numbers",
    "operands-swapped": "the operands are the other way round",
    "other-blank": "this is the number of another blank",
    "too-few-digits": "right as far as it goes",
    "cut-off": "cut off and not rounded",
    "other-beginning": "the backward pass begins with another number",
    "transposed": "rows and columns are exchanged",
}


class Explanation(NamedTuple):
    """One way to come to a wrong number: a slip, and the gates where it is made."""

    slip: str
    at: frozenset[int]


# --- one wrong number -------------------------------------------------------------------------------------


def explanations(trail: Trail, asked: Asked, answer: float) -> list[Explanation]:
    """Every slip that gives ANSWER for the blank ASKED, with the gate where it is made, or every such gate.

    One that rounding may lead anywhere from explains nothing by itself, and yet cannot be left out beside others.
    """
    if asked.kind == "value":
        return []
    way, found, anywhere = way_to(trail, asked), [], []
    for slip in SLIPS.values():
        for at in way.choices(slip):
            number = way.number(slip, at)
            if number is None:
                continue
            if way.reaches(number, answer):
                found.append(Explanation(slip.id, at))
            elif way.unbounded(number):
                anywhere.append(Explanation(slip.id, at))
    return found and found + anywhere


def contradicted(way: Explanation, trail: Trail, other: Asked, answer: float) -> bool:
    """Whether WAY makes a number wrong that nobody asked for, and the ANSWER to OTHER comes from the right one."""
    seen_from = way_to(trail, other)
    slip = SLIPS[way.slip]
    at = frozenset(way.at & {node for choice in seen_from.choices(slip) for node in choice})
    number = seen_from.number(slip, at)
    return number is not None and not seen_from.unbounded(number) and not seen_from.reaches(number, answer)


# --- what is seen in the number itself --------------------------------------------------------------------


def seen(trail: Trail, asked: Asked, number: Number, expected: Figure | None, others: Iterable[Figure]) -> list[str]:
    """The rows of `SEEN` that hold of NUMBER; OTHERS are the numbers of the sheet's other blanks."""
    answer = number.value
    if expected is None or not answer:
        return []
    found = ["cut-off"] if _cut_off(number, expected.value) else []
    swapped, other = _other_operations(trail, asked) if asked.kind == "value" else ([], [])
    if within(-answer, expected):
        found.append("sign-changed")
    if any(equal(answer, value) for value in swapped):
        found.append("operands-swapped")
    elif any(equal(answer, value) for value in other):
        found.append("other-operation")
    if any(_near(answer * factor, expected) for factor in (10.0, 0.1, 100.0, 0.01)):
        found.append("decimal-point")
    if not found and any(one.value and abs(one.value) != 1 and _near(answer, one) for one in others):
        found.append("other-blank")
    return found


def _cut_off(number: Number, right: float) -> bool:
    """Whether NUMBER has the first digits of the RIGHT one, and the next would have rounded it up."""
    unit = 10.0**-number.decimals
    beyond = (abs(right) - abs(number.value)) / unit
    return number.decimals > 0 and number.value * right > 0 and 0.5 <= beyond < 1 and abs(number.value) >= 10 * unit


def _near(answer: float, expected: Figure) -> bool:
    return within(answer, expected._replace(reach=min(expected.reach, 0.02 * abs(expected.value))))


def _other_operations(trail: Trail, asked: Asked) -> tuple[list[float], list[float]]:
    """What a two-input gate gives with its operands swapped, and what the other three operations give."""
    graph = trail.key.graph
    place = graph.position.get(asked.node)
    if place is None or graph.row(place).name not in ("add", "sub", "mul", "div", "pow"):
        return [], []
    row = graph.row(place)
    inputs = [trail.numbers[k] for k in graph.args[place]]
    swapped = [_evaluated(row, inputs[::-1])]
    others = [_evaluated(GATES[name], inputs) for name in _OPERATIONS if name != row.name]
    return [one for one in swapped if one is not None], [one for one in others if one is not None]


def _evaluated(row: Any, inputs: Sequence[Any]) -> float | None:
    try:
        value = float(value_function(row)(*inputs))
    except (ArithmeticError, ValueError, TypeError):
        return None
    return value if math.isfinite(value) else None


def beginnings(upstream: float, output: float | None) -> list[tuple[float, str]]:
    """Wrong numbers that a backward pass is begun with, in place of UPSTREAM, and what they are in words.

    To begin with 1 where another gradient arrives is the slip "upstream-dropped" at the output's gate.
    """
    found = [(-upstream, "the sign is the other one"), (output, "the output's own value"),
             (2 * upstream, "twice the right one")]  # fmt: skip
    return [(start, words) for start, words in found if start and math.isfinite(start) and start != upstream]


def plausible(trail: Trail, asked: Asked, number: Number, ways: Sequence[Explanation]) -> bool:
    """Whether the wrong NUMBER comes of work: WAYS lead to it, or the sign, an operation, a term or a digit is wrong."""
    expected = trail.expected(asked)
    if ways or expected is None:
        return bool(ways)
    if number.value and (within(-number.value, expected) or near_miss(number, expected.value)):
        return True
    return asked.kind == "value" and any(
        within(number.value, expected._replace(value=one, reach=expected.reach + trail.key.rule.unit(abs(one))))
        for one in _miscalculated(trail, asked.node)
    )


def near_miss(number: Number, right: float) -> bool:
    """Whether NUMBER is the RIGHT one off by a tenth, or with one digit wrong or two of them exchanged.

    A 1 is near to any probability, and no work: 0, 1 and -1 miss nothing by little.
    """
    value = number.value
    if value in (0.0, 1.0, -1.0) or value * right <= 0:
        return False
    if abs(value - right) <= _NEAR * abs(right):
        return True
    own, exact = (f"{abs(one):.{number.decimals}f}".replace(".", "").lstrip("0") for one in (value, right))
    off = [k for k, (a, b) in enumerate(zip(own, exact, strict=False)) if a != b]
    if len(own) != len(exact) or len(own) < 2 or len(off) > 2:
        return False
    return len(off) == 1 or own[off[0]] + own[off[1]] == exact[off[1]] + exact[off[0]]


def _miscalculated(trail: Trail, node: int) -> Iterator[float]:
    """The values of NODE with one mistake in its gate, or in one on the way from the student's own values."""
    graph, values = trail.key.graph, trail.numbers
    region, queue = {node}, [node]
    while queue and len(region) < _MOST_GATES:
        for k in graph.args[graph.position[queue.pop()]]:
            if k in graph.position and ("value", k, 0) not in trail.own and k not in region:
                region.add(k)
                queue.append(k)
    order = sorted(region)
    trail.key.spend(len(order) ** 2)
    for wrong in order:
        for one in _one_mistake(
            graph.row(graph.position[wrong]), [values[k] for k in graph.args[graph.position[wrong]]]
        ):
            found = list(values)
            found[wrong] = one
            for gate in order:
                if gate > wrong:
                    place = graph.position[gate]
                    found[gate] = _evaluated(graph.row(place), [found[k] for k in graph.args[place]])
            last = found[node]
            if last is not None:
                yield last


def _one_mistake(row: Gate, inputs: Sequence[float | None]) -> Iterator[float]:
    """What ROW gives with a sign lost, its operands the other way round, one of them left out, or another operation."""
    known = [one for one in inputs if one is not None]
    if len(known) < len(inputs):
        return
    signs = [[-one if k == flipped else one for k, one in enumerate(known)] for flipped in range(len(known))]
    tries = [(row, one) for one in signs]
    if len(known) == 2:
        others = [GATES[name] for name in _OPERATIONS if row.name in _OPERATIONS and name != row.name]
        tries += [(row, known[::-1]), *[(other, known) for other in others]]
        if row.name in ("add", "sub"):
            yield from known
    for gate, given in tries:
        value = _evaluated(gate, given)
        if value is not None:
            yield value
    right = _evaluated(row, known)
    if right is not None:
        yield -right


# --- all wrong numbers of a student -----------------------------------------------------------------------


def smallest(wrong: Mapping[str, Sequence[Explanation]]) -> dict[str, list[Explanation]]:
    """Blank -> its explanations, one for each slip, in a smallest set that explains all blanks; all such sets together.

    The smallest is that with the fewest slips, then the fewest places. A blank that nothing explains has none.
    """
    ways = {name: list(found) for name, found in wrong.items() if found}
    count = Counter(way for found in ways.values() for way in found)
    ids = sorted({way.slip for way in count}, key=list(SLIPS).index)
    kept = {*ids}
    for size in range(1, min(MOST_SETS, len(ids)) + 1):
        sets = [chosen for chosen in combinations(ids, size)
                if all(any(way.slip in chosen for way in found) for found in ways.values())]  # fmt: skip
        if sets:
            places_of = [_places(ways, chosen) for chosen in sets]
            fewest = min(places_of)
            kept = {slip for chosen, number in zip(sets, places_of, strict=True) if number == fewest for slip in chosen}
            break
    return {name: _one_for_each_slip(ways.get(name, ()), kept, count) for name in wrong}


def _one_for_each_slip(
    found: Sequence[Explanation], kept: Collection[str], count: Counter[Explanation]
) -> list[Explanation]:
    """Of each slip in KEPT, the way that explains most blanks."""
    best: dict[str, Explanation] = {}
    for way in found:
        if way.slip in kept and (way.slip not in best or count[way] > count[best[way.slip]]):
            best[way.slip] = way
    return list(best.values())


def _places(ways: Mapping[str, Sequence[Explanation]], chosen: Sequence[str]) -> int:
    """How many different (slip, places) the slips CHOSEN need, nearly at least, to explain every blank."""
    left = {name: {way for way in found if way.slip in chosen} for name, found in ways.items()}
    number = 0
    while left:
        count = Counter(way for found in left.values() for way in found)
        best = max(count, key=lambda way: (count[way], way.slip, sorted(way.at)))
        left = {name: found for name, found in left.items() if best not in found}
        number += 1
    return number
