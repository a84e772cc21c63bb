"""Imports point one way: what a module imports when it is itself imported stands in a line above its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

#: Modules in one line do not import each other. (What a function imports when it is called may stand anywhere.)
LAYERS = """
    __init__ arrays marking views commands exercises exercises.papers
    trouble figures plots characters gates arrays.functions screen
    result
    escaping graph marking.printed marking.statements rounding shipped typesetter written files arrays.gates slips cli commands.options
    exercises.chance exercises.fields exercises.mistakes exercises.places exercises.problem commands.problems
    exercises.givens exercises.toml exercises.roster exercises.workers exercises.draws commands.progress commands.sheet
    printing grammar language compiled javascript __main__ commands.check commands.derive commands.gates commands.help
    commands.explain commands.slips commands.mark commands.graph marking.branching
    refusal rewrite mistakes marking.notebook marking.pasted
    sweeps arrays.shapes marking.answers
    symbolic point differences marking.liberal marking.handwork marking.meter arrays.sweeps
    checking slipped marking.verdicts
    arrays.slips marking.key marking.array_answers
    passes marking.followthrough
    gradient_check matrices deriving handbook batch arrays.check arrays.passes commands.grad views.layout marking.ways
    marking.diagnosis marking.idle
    marking.telling
    explaining marking.numbers marking.equivalence marking.steps
    lecturing slip_pages marking.formulas marking.programs marking.arrays marking.array_formulas
    views.explanation views.written views.slipped_run views.every_slip views.slip_list marking.marks marking.array_programs
    marking.on_arrays
    views.slip_page views.marks
    exercises.mathematics exercises.staging exercises.starter exercises.variants exercises.wording exercises.blanks
    exercises.markdown exercises.keys exercises.numbers
    exercises.reading exercises.telling
    exercises.bank exercises.acceptance exercises.marking exercises.worked
    exercises.showing exercises.soundness exercises.sheet
    views.problem views.problem_list views.soundness
    views.gradients views.matrix views.check views.quotients views.sweep views.derivative views.catalogue views.kinks
    views.page views.arrays commands.points
    views.array_jacobian views.hessian_product pictures pictures.labels
    pictures.picture
    pictures.layers
    pictures.layout pictures.wiring
    pictures.svg pictures.channel
    pictures.page pictures.raster pictures.tikz pictures.dot pictures.mermaid pictures.terminal
    pictures.tree pictures.formats views.picture
    exercises.papers.content
    exercises.papers.plain exercises.papers.marked exercises.papers.page exercises.papers.latex
    exercises.papers.typeset
    exercises.folder
    views.sheet
    submissions submissions.handed_in submissions.catalogue submissions.identity
    submissions.folders submissions.tables submissions.objects
    submissions.archives submissions.reading
    submissions.collecting
    grading grading.policy grading.gradebook grading.writing
    grading.runs
    grading.standing grading.times grading.desk grading.diff
    grading.likeness grading.files grading.told grading.pages
    grading.feedback grading.workers grading.opened
    grading.outputs
    grading.run grading.overriding grading.explanation
    grading.gradescope grading.classview
    grading.classpage
    views.graded views.explained_marks views.results views.class_view
    views.overridden
    commands.grade commands.report
"""
DEPTH = {f"bpcli.{name}".removesuffix(".__init__"): depth
         for depth, names in enumerate(LAYERS.strip().splitlines()) for name in names.split()}  # fmt: skip

#: Library -> the only modules that import it at once; a package stands for all in it.
ONLY = {"click": ("bpcli.cli", "bpcli.commands"), "lark": ("bpcli.grammar",), "rich": ("bpcli.screen", "bpcli.views")}

PACKAGE = Path(__file__).parents[1] / "bpcli"
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py") if path.name != "_tables.py"
}  # fmt: skip


def statements(path: Path) -> Iterator[ast.Import | ast.ImportFrom]:
    """The import statements that run when the module at PATH is imported."""
    queue: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while queue:
        node = queue.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            queue += node.orelse
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            queue += ast.iter_child_nodes(node)


def imported(path: Path) -> Iterator[str]:
    """The modules that the module at PATH imports when it is imported."""
    for statement in statements(path):
        names = [alias.name for alias in statement.names]
        if isinstance(statement, ast.Import):
            yield from names
        else:
            assert not statement.level, f"{path.name}: imports are written in full here"
            for name in names:
                inner = f"{statement.module}.{name}"
                yield inner if inner in MODULES else str(statement.module)


def test_every_module_has_its_layer() -> None:
    """LAYERS has every module of the package once, and nothing else."""
    assert sorted(DEPTH) == sorted(MODULES)
    assert len(LAYERS.split()) == len(DEPTH)


@pytest.mark.parametrize("module", sorted(MODULES.keys() & DEPTH))
def test_imports_point_up(module: str) -> None:
    """A module imports only from lines above its own, so there is no cycle."""
    late = [used for used in imported(MODULES[module]) if DEPTH.get(used, -1) >= DEPTH[module]]
    assert not late, f"{module} imports {', '.join(late)}"


@pytest.mark.parametrize("library", ONLY)
def test_libraries_stay_where_they_belong(library: str) -> None:
    """Only the parser imports lark, only what shows imports rich, only the commands import click."""
    users = [name for name, path in MODULES.items() if library in {used.split(".")[0] for used in imported(path)}]
    assert users
    assert not [name for name in users if not f"{name}.".startswith(tuple(f"{place}." for place in ONLY[library]))]
