"""The wheel: what it carries, and that it works from another folder."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_wheel(tmp_path: Path) -> None:
    """The wheel holds every grammar and problem, the page's files and the saved parse tables, and its table is the checkout's."""
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path), f"{ROOT}/"], check=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = [path for kind in ("grammars", "problems") for path in (ROOT / kind).rglob("*") if path.is_file()]
    assert {f"bpcli/{path.relative_to(ROOT)}" for path in shipped} <= names
    assert {"bpcli/_tables.py", "bpcli/py.typed"} <= names
    page = [path for path in (ROOT / "bpcli" / "pictures").iterdir() if path.suffix in (".css", ".html", ".js")]
    assert len(page) > 4
    assert {f"{path.relative_to(ROOT)}" for path in page} <= names
    place = tmp_path / "installed"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "-t", str(place), str(wheel)], check=True
    )
    program = (
        "import bpcli, bpcli._tables, bpcli.grammar as g;"
        "assert g._saved('formula', g.text('formula')) is not None;"
        "from bpcli.pictures.page import write; assert '</html>' in write(bpcli.draw('x*y', x=2, y=3));"
        "print(bpcli.__file__); print(bpcli.grad('(x+y)*z', x=-2, y=5, z=-4).gradients)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={"PYTHONPATH": str(place)}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    file, gradients = done.stdout.splitlines()
    assert Path(file).is_relative_to(place)
    assert gradients == "{'x': -4.0, 'y': -4.0, 'z': 3.0}"


def test_saved_tables_are_the_grammar() -> None:
    """A parser from saved tables reads a formula as one made afresh does, and stale tables are not used."""
    from lark import Lark

    from bpcli import grammar
    from bpcli.language import OWN, Reader

    texts = ["(x+y)*z", "-x^2", "2(x+1)y", "q = |x|; where(q > 1, q, max(x, 1, y))"]
    graphs = []
    fresh = Lark(grammar.text("formula"), parser="lalr", lexer=grammar.Splitter, maybe_placeholders=False,
                 transformer=(fresh_reader := Reader()))  # fmt: skip
    saved = grammar.tables("formula")
    saved["data"]["parser"]["lexer_conf"]["lexer_type"] = grammar.Splitter
    saved["data"]["options"]["lexer"] = grammar.Splitter
    loaded = Lark._load_from_dict(**saved, transformer=(loaded_reader := Reader()))
    for text in texts:
        for parser, reader in ((fresh, fresh_reader), (loaded, loaded_reader)):
            reader.begin(text, (), OWN)
            parser.parse(text)
            graph = reader.graph()
            graphs.append((graph.args, graph.kinds, graph.names, graph.constants))
        assert graphs[-1] == graphs[-2]
    assert grammar._saved("formula", "another grammar") is None
