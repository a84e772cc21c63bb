"""A formula at every row of a table: what `grad` gives for each row, whatever else is in the table.

`test_tables.py` has the plain tables; here are odd ones, every gate, memory, and what happens when writing fails.
"""

from __future__ import annotations

import io
import json
import os
import stat
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from formulas import many

import bpcli
from bpcli import batch as batches
from bpcli.batch import BLOCK, Batch
from bpcli.batch import run as run_batch
from bpcli.cli import run
from bpcli.trouble import Trouble

Program = Callable[..., tuple[int, str, str]]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """Run bpcli in an empty folder, STDIN on its standard input: (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str, stdin: bytes | None = None) -> tuple[int, str, str]:
        if stdin is not None:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="latin-1"))
        with pytest.raises(SystemExit) as leaving:
            run(["grad", *words])
        out, err = capsys.readouterr()
        return int(leaving.value.code or 0), out, err

    return call


def cells(out: str) -> list[list[str]]:
    return [line.split(",") for line in out.splitlines()]


def row_by_row(batch: Batch, table: Any, formula: str, names: list[str], kinks: str = "torch") -> None:
    """Every row of a block is what `grad` gives, or both refuse it."""
    block = batch.block(np.arange(len(table)), table)
    bad = {row.line: row.reason for row in block.bad}
    for k, row in enumerate(table.tolist()):
        point = dict(zip(names, row, strict=True))
        try:
            single = bpcli.grad(formula, point, check=False, kinks=kinks)
        except Trouble as trouble:
            assert bad[k] == trouble.message
            assert np.isnan(block.values[k])
            continue
        assert k not in bad
        assert block.values[k] == pytest.approx(single.value, rel=1e-12, abs=1e-300)
        for name, gradient in single.gradients.items():
            assert block.gradients[name][k] == pytest.approx(gradient, rel=1e-12, abs=1e-300), (name, row)


@pytest.mark.parametrize("kinks", ["torch", "jax", "tf", "left", "right", "error"])
@pytest.mark.parametrize(
    "formula",
    [
        "max(x, y, 0)*relu(x) + abs(y)", "where(x > y, log(x), sqrt(y))", "clip(x, -1, 1) + floor(y) + sign(x)*y",
        "where(x > 0, where(y > 0, x/y, y), x^y)", "x^2 + 3", "y", "2", "hypot(x, y) + atan2(x, y)",
        "sigmoid(500*x) + tanh(300*y) + softplus(400*x)", "gelu(x) + erf(y) + elu(x) + leaky_relu(y) + min(x, y)",
        "q = x*y; exp(q) - q/(x - y)", "where(x == 1, y, x)*where(y != 1, 2, y)",
    ],
)  # fmt: skip
def test_hard_rows(formula: str, kinks: str) -> None:
    """Kinks, ties, edges and rows without an answer, in a block together."""
    numbers = [-3.0, -1, -0.5, 0, 0.5, 1, 2]
    table = np.array([(a, b) for a in numbers for b in numbers])
    names = [name for name in "xy" if name in bpcli.parse(formula).inputs]
    batch = Batch(formula, ["x", "y"], {}, kinks=kinks)
    used = table[:, ["xy".index(name) for name in names]]
    row_by_row(Batch(formula, names, {}, kinks=kinks), used, formula, names, kinks)
    for row in table:  # alone, so that no other row sends the block to the floats
        row_by_row(batch, row[None, :], formula, ["x", "y"], kinks) if names == ["x", "y"] else None


def test_random_formulas() -> None:
    """Random formulas of every scalar gate, at their own point and near it."""
    source = np.random.default_rng(4)
    for formula in many(60):
        names = list(formula.point)
        here = np.array(list(formula.point.values()))
        near = here * (1 + 1e-3 * source.normal(size=(5, len(names))))
        used = bpcli.parse(formula.text, variables=names).inputs
        columns = [names.index(name) for name in used]
        if columns:
            table = np.vstack([here, near])[:, columns]
            row_by_row(Batch(formula.text, list(used), {}), table, formula.text, list(used))


def test_blocks_of_any_length() -> None:
    """More than a block, and a last one that is short: every row once, in order."""
    rows = 2 * BLOCK + 7
    lines = (f"{k},{k % 10 - 5}\n" for k in range(rows))
    batch = Batch("x*y^2 + c", ["x", "y"], {"c": 1.5})
    found = list(run_batch(batch, lines, 2))
    assert [len(block.lines) for block in found] == [BLOCK, BLOCK, 7]
    x = np.arange(rows)
    y = x % 10 - 5
    assert np.concatenate([block.lines for block in found]).tolist() == list(range(2, rows + 2))
    np.testing.assert_array_equal(np.concatenate([block.values for block in found]), x * y**2 + 1.5)
    np.testing.assert_array_equal(np.concatenate([block.gradients["x"] for block in found]), y**2)
    np.testing.assert_array_equal(np.concatenate([block.gradients["c"] for block in found]), 1)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("x,y\n1,2\n", [["2", "2.0"]]),
        ('"x" , "y"\n"1", "2"\n', [["2", "2.0"]]),
        ("\ufeffx,y\r\n1,2\r\n", [["2", "2.0"]]),
        ("x,y\n\n1,2\n   \n3,4", [["3", "2.0"], ["5", "12.0"]]),
        ("y,unused,x\n2,9,1\n", [["2", "2.0"]]),
        ('student,y,x,\n"Ann ""A."" Lee",2,1,\n,4,1,"x, y"\n', [["2", "2.0"], ["3", "4.0"]]),
        ("α,x,y\nn/a,1,2\n", [["2", "2.0"]]),
        ("x,y\n1e0,+2.\n.5,−2\n", [["2", "2.0"], ["3", "-1.0"]]),
        ("x,y\n", []),
    ],
)
def test_tables_as_programs_write_them(program: Program, content: str, expected: list[list[str]]) -> None:
    """Quotes, spaces, byte order marks, Windows lines, blank lines, another order, no row, columns of text that the
    formula does not use."""
    Path("data.csv").write_text(content, encoding="utf-8", newline="")
    for source, stdin in (("data.csv", None), ("-", content.encode())):
        code, out, err = program("x*y", "--points", source, stdin=stdin)
        assert (code, err) == (0, "")
        assert [row[:2] for row in cells(out)[1:]] == expected


@pytest.mark.parametrize(
    ("rows", "line", "words"),
    [
        ("1,2\nx,2\n", 3, "'x'"), ("1,2,3\n", 2, "3 cells, the first line 2"), ("1\n", 2, "1 cells"),
        ("1,\n", 2, "cell 2"), ("1,nan\n", 2, "'nan'"), ("1,inf\n", 2, "'inf'"), ("1,1e999\n", 2, "1e999"),
        ("1;2\n", 2, "1 cells"), ("1_0,2\n", 2, "1_0"), ("1,2 3\n", 2, "2 3"), ("--1,2\n", 2, "--1"),
        ("0,2\n", 2, "divides by zero"), ("1,800\n", 2, "exp overflows"), ("1,e\n", 2, "'e'"), ("1,\x1b[31m\n", 2, "x1b"),
        ('"1,2\n', 2, ""), ("1e-5e,2\n", 2, ""), ("\0,2\n", 2, ""),
    ],
)  # fmt: skip
def test_a_bad_row_among_good_ones(program: Program, rows: str, line: int, words: str) -> None:
    """Its line number and the reason on standard error, exit code 1, the row before and after it written."""
    Path("data.csv").write_text(f"x,y\n{rows}4,0\n")
    last = 2 + rows.count("\n")
    code, out, err = program("exp(y)/x", "--points", "data.csv")
    assert code == 1
    assert [row for row in cells(out) if row[0] == str(last)] == [[str(last), "0.25", "0.25", "-0.0625"]]
    assert f"line {line}: " in err
    assert words in err
    assert "\x1b" not in err
    assert f"1 of {last - 1} rows" in err


def test_many_bad_rows_are_counted(program: Program) -> None:
    Path("data.csv").write_text("x\n" + "-1\n" * 500 + "4\n")
    code, out, err = program("log(x)", "--points", "data.csv", "--json")
    assert code == 1
    assert len(err.splitlines()) == 21
    assert "500 of 501 rows" in err
    assert json.loads(out.splitlines()[-1]) == {"line": 502, "value": pytest.approx(1.3862943611), "dx": 0.25}


@pytest.mark.parametrize(
    ("words", "table", "message"),
    [
        (["x*y"], b"x\n1\n", "no value for y"),
        (["x*y", "--y=1", "--x=2"], b"x\n1\n", "x has a column and a value"),
        (["x*y", "--y=1", "--q=2"], b"x\n1\n", "no variable q"),
        (["x*y", "--y=[1, 2]"], b"x\n1\n", "y is an array"),
        (["sum(x)"], b"x\n1\n", "formulas of numbers"),
        (["x", "--wrt", "z"], b"x\n1\n", "no variable z"),
        (["x*"], b"x\n1\n", ""),
        (["x"], b"", "is empty"),
        (["x"], b"\n1\n", "is blank"),
        (["x"], b"1\n2\n", "must name the columns"),
        (["x"], b"x,x\n1,2\n", "two columns called x"),
        (["x"], b"x\n1\n\xff\n", "not UTF-8"),
        (["x"], b"\xff\n", "not UTF-8"),
        (["x"], b'"x\n1\n', "a quote is not closed"),
    ],
)
def test_tables_that_cannot_be_used(program: Program, words: list[str], table: bytes, message: str) -> None:
    """Exit code 2, nothing written, and an old result left as it was; from a file and from standard input."""
    Path("data.csv").write_bytes(table)
    Path("out.csv").write_text("old")
    for source, stdin in (("data.csv", None), ("-", table)):
        code, _, err = program(*words, "--points", source, "-o", "out.csv", stdin=stdin)
        assert code == 2
        assert message in err
        assert "Traceback" not in err
        assert Path("out.csv").read_text() == "old"
        assert sorted(os.listdir()) == ["data.csv", "out.csv"]


def test_files_that_are_no_tables(program: Program) -> None:
    Path("folder").mkdir()
    for name in ("folder", "absent.csv", ""):
        code, out, err = program("x", "--points", name)
        assert (code, out) == (2, "")
        assert "cannot read" in err


def test_greek_columns(program: Program) -> None:
    """A column has the name that the formula gives the letter."""
    Path("data.csv").write_text("θ,x\n2,3\n", encoding="utf-8")
    assert cells(program("θ*x", "--points", "data.csv")[1]) == [
        ["line", "value", "dtheta", "dx"],
        ["2", "6.0", "3.0", "2.0"],
    ]


def test_fixed_variables_and_choice_of_gradients(program: Program) -> None:
    Path("data.csv").write_text("x\n3\n")
    code, out, _ = program("x*y + pi*z", "--points", "data.csv", "--y=pi/2", "--z=0", "--wrt", "y")
    assert (code, cells(out)) == (0, [["line", "value", "dy"], ["2", repr(3 * np.pi / 2), "3.0"]])
    assert cells(program("a = x*y; b = a + x", "--points", "data.csv", "--y=2", "--output", "a")[1])[1] == [
        "2",
        "6.0",
        "2.0",
        "3.0",
    ]
    assert program("sigmoid(x)", "--points", "data.csv", "--expand")[1] != ""


def test_every_format(program: Program) -> None:
    """The same numbers as CSV, JSON lines and arrays; the file is an ordinary new one."""
    Path("data.csv").write_text("x\n2\n-1\n0.1\n")
    targets = ["o.csv", "o.jsonl", "o.ndjson", "o.npz", "o.txt"]
    for target in targets:
        assert program("log(x)", "--points", "data.csv", "-o", target)[:2] == (1, "")
    wanted = [[2, np.log(2), 0.5], [3, None, None], [4, np.log(0.1), 1 / 0.1]]
    as_csv = [[float(cell) if cell else None for cell in row] for row in cells(Path("o.csv").read_text())[1:]]
    assert as_csv == wanted
    assert Path("o.txt").read_text() == Path("o.csv").read_text()
    assert [list(json.loads(line).values()) for line in Path("o.jsonl").read_text().splitlines()] == wanted
    assert Path("o.ndjson").read_text() == Path("o.jsonl").read_text()
    with np.load("o.npz") as archive:
        assert sorted(archive) == ["dx", "line", "value"]
        assert archive["line"].tolist() == [2, 3, 4]
        np.testing.assert_array_equal(archive["dx"], [0.5, np.nan, 10])
    assert stat.S_IMODE(os.stat("o.csv").st_mode) == 0o666 & ~umask()
    assert program("log(x)", "--points", "data.csv", "-o", "empty.npz", "--x=1")[0] == 2


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("target", ["absent/out.csv", "folder", "data.csv/out.csv", "x" * 300 + ".csv"])
def test_where_nothing_can_be_written(program: Program, target: str) -> None:
    """Exit code 4, and nothing is left behind."""
    Path("folder").mkdir()
    Path("data.csv").write_text("x\n1\n")
    code, out, err = program("x", "--points", "data.csv", "-o", target)
    assert (code, out) == (4, "")
    assert "cannot write" in err
    assert sorted(os.listdir()) == ["data.csv", "folder"]
    assert os.listdir("folder") == []


def test_a_full_disk(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """When writing stops half-way the old file stays, and the part is removed."""
    Path("data.csv").write_text("x\n" + "1\n" * (BLOCK + 5))
    Path("out.csv").write_text("old")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(batches.Batch, "block", full)
    code, _, err = program("x", "--points", "data.csv", "-o", "out.csv")
    assert code == 4
    assert "No space left" in err
    assert Path("out.csv").read_text() == "old"
    assert sorted(os.listdir()) == ["data.csv", "out.csv"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_device_is_written_to_not_replaced(program: Program) -> None:
    """-o /dev/null writes there; -o /dev/full cannot. Neither device is replaced by a file."""
    Path("data.csv").write_text("x\n1\n")
    Path("null").symlink_to("/dev/null")
    Path("full").symlink_to("/dev/full")
    assert program("x", "--points", "data.csv", "-o", "null")[0] == 0
    assert program("x", "--points", "data.csv", "-o", "full")[0] == 4
    assert Path("null").is_symlink()
    assert Path("full").is_symlink()


def test_a_link_keeps_pointing(program: Program) -> None:
    """Written through to the file that it points to."""
    Path("data.csv").write_text("x\n1\n")
    Path("real.csv").write_text("old")
    Path("link.csv").symlink_to("real.csv")
    assert program("x", "--points", "data.csv", "-o", "link.csv")[0] == 0
    assert Path("link.csv").is_symlink()
    assert Path("real.csv").read_text().startswith("line,value,dx\n")


def test_an_old_file_keeps_its_permissions(program: Program) -> None:
    Path("data.csv").write_text("x\n1\n")
    Path("out.csv").write_text("old")
    os.chmod("out.csv", 0o600)
    assert program("x", "--points", "data.csv", "-o", "out.csv")[0] == 0
    assert stat.S_IMODE(os.stat("out.csv").st_mode) == 0o600


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a pipe with a name is a Unix thing")
def test_a_pipe_with_a_name(program: Program) -> None:
    """Whoever reads at its other end gets the table."""
    Path("data.csv").write_text("x\n3\n")
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert program("x^2", "--points", "data.csv", "-o", "pipe")[0] == 0
        assert os.read(reader, 1000) == b"line,value,dx\n2,9.0,6.0\n"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(os.stat("pipe").st_mode)


def test_memory_of_a_long_table(tmp_path: Path) -> None:
    """200,000 rows pass through in blocks: a peak well under their size in memory."""
    batch = Batch("sigmoid(w0*x0 + w1*x1 + w2)", ["w0", "x0", "w1", "x1", "w2"], {})
    lines = (f"{k % 7},{k % 5}.5,-{k % 3},{k % 11},1\n" for k in range(200_000))
    tracemalloc.start()
    try:
        count = sum(len(block.lines) for block in run_batch(batch, lines, 5))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 200_000
    assert peak < 60e6


def test_memory_of_a_table_into_npz(program: Program) -> None:
    """An archive of arrays holds its numbers in memory once, no rows of text."""
    Path("data.csv").write_text("x\n" + "1.25\n" * 100_000)
    tracemalloc.start()
    try:
        assert program("x^2", "--points", "data.csv", "-o", "out.npz")[0] == 0
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    with np.load("out.npz") as archive:
        np.testing.assert_array_equal(archive["dx"], np.full(100_000, 2.5))
        assert archive["line"][-1] == 100_001
    assert peak < 20e6
