"""Arrays from files, and formulas at every row of a table."""

from __future__ import annotations

import json
import os
import pickle
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpcli
from bpcli.batch import BLOCK, Batch, run
from bpcli.cli import run as run_program
from bpcli.files import read_array, read_table
from bpcli.trouble import Trouble


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run bpcli in an empty folder: (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as leaving:
            run_program(list(words))
        out, err = capsys.readouterr()
        return int(leaving.value.code or 0), out, err

    return call


class Bomb:
    """What a pickle must never run."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, ("exploded",)


def test_arrays_from_files(tmp_path: Path) -> None:
    """CSV, .npy and JSON give the same doubles; integers become doubles."""
    table = np.array([[1, 2], [3, 4]])
    (tmp_path / "a.csv").write_text("1,2\n3,4\n")
    (tmp_path / "a.json").write_text("[[1, 2], [3, 4]]")
    np.save(tmp_path / "a.npy", table)
    for name in ("a.csv", "a.json", "a.npy"):
        found = read_array(str(tmp_path / name))
        assert found.dtype == np.float64
        assert found.tolist() == table.tolist()
    (tmp_path / "column.csv").write_text("\ufeff1\n-2.5e1\n", encoding="utf-8")
    assert read_array(str(tmp_path / "column.csv")).tolist() == [1, -25]


def test_tables_from_files(tmp_path: Path) -> None:
    """.json, .toml and .npz tables hold numbers and arrays."""
    (tmp_path / "t.json").write_text('{"x": 2, "W": [[1, 2]]}')
    (tmp_path / "t.toml").write_text("x = 2\nW = [[1, 2]]\n")
    np.savez(tmp_path / "t.npz", x=np.array(2), W=np.array([[1, 2]]))
    for name in ("t.json", "t.toml", "t.npz"):
        table = read_table(str(tmp_path / name))
        assert table["x"] == 2
        assert table["W"].tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("text.csv", b"1,2\n3,x\n", "line 2, column 2 is not a number: 'x'"),
        ("ragged.csv", b"1,2\n3\n", "different lengths: 1, 2"),
        ("empty.csv", b"", "it is empty"),
        ("latin.csv", b"1,\xe9\n", "not UTF-8"),
        ("nan.json", b"[1, NaN]", "NaN is not a number"),
        ("true.json", b"[1, true]", "not a number: True"),
        ("ragged.json", b"[[1, 2], [3]]", "different shapes: (2,) and (1,)"),
        ("deep.json", b"[" * 100_000, "cannot read"),
        (
            "short.npy",
            b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (9,), }\n",
            "cannot read",
        ),
        ("broken.npy", b"nonsense", "cannot read"),
        ("kind.txt", b"1", "read from .csv, .npy or .json"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    """What is wrong, and where; exit code 2."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Trouble) as raised:
        read_array(str(tmp_path / name))
    assert words in raised.value.message
    assert raised.value.exit_code == 2


def test_a_missing_file() -> None:
    """The system's own reason."""
    with pytest.raises(Trouble, match="No such file"):
        read_array("nowhere.csv")


def test_pickles_are_never_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A .npy of objects, and a bare pickle under that name, are refused unread."""
    monkeypatch.chdir(tmp_path)
    np.save("objects.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    Path("bare.npy").write_bytes(pickle.dumps(Bomb()))
    for name in ("objects.npy", "bare.npy"):
        with pytest.raises(Trouble, match="cannot read"):
            read_array(name)
    assert not Path("exploded").exists()


@pytest.mark.parametrize("array", [np.array([np.inf]), np.array([1j]), np.array([True]), np.array(["1"]), np.zeros(0)])
def test_arrays_that_are_no_numbers(tmp_path: Path, array: Any) -> None:
    """Infinity, complex numbers, truth values, texts and nothing at all."""
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(Trouble):
        read_array(str(tmp_path / "a.npy"))


def test_files_on_the_command_line(program: Callable[..., Any]) -> None:
    """--W @file, --inputs file.npz, and an array typed out."""
    Path("W.csv").write_text("1,2\n3,4\n")
    np.savez("point.npz", W=np.array([[1, 2], [3, 4]]), x=np.array([1, -1]))
    code, out, _ = program("grad", "sum(W @ x)", "--W", "@W.csv", "--x", "[1, -1]", "--quiet")
    assert (code, out) == (0, "W [[1, -1], [1, -1]]\nx [4, 6]\n")
    assert program("grad", "sum(W @ x)", "--inputs", "point.npz", "--quiet")[1] == out
    record = json.loads(program("grad", "sum(W @ x)", "--inputs", "point.npz", "--json")[1])
    assert record["gradients"] == {"W": [[1, -1], [1, -1]], "x": [4, 6]}
    assert record["gates"][0]["shape"] == [2]


# --- points ----------------------------------------------------------------------------------------------


def test_every_row_as_on_its_own(program: Callable[..., Any]) -> None:
    """A thousand rows of a formula with a kink and a where: exactly what grad gives for each."""
    random = np.random.default_rng(3)
    table = np.round(random.normal(size=(1000, 2)), 3)
    Path("data.csv").write_text("x,y\n" + "\n".join(f"{a},{b}" for a, b in table) + "\n")
    text = "where(x > 0, log(x), x^2)*sigmoid(y) + relu(y) + c"
    code, out, err = program("grad", text, "--points", "data.csv", "--c=2", "--wrt", "x,y")
    assert (code, err) == (0, "")
    header, *rows = out.splitlines()
    assert header == "line,value,dx,dy"
    assert len(rows) == 1000
    for row, (a, b) in zip(rows[:200], table, strict=False):
        single = bpcli.grad(text, x=float(a), y=float(b), c=2, check=False)
        expected = [single.value, single.gradients["x"], single.gradients["y"]]
        assert [float(cell) for cell in row.split(",")[1:]] == pytest.approx(expected, rel=1e-12)


def test_bad_rows_stop_nothing(program: Callable[..., Any]) -> None:
    """An unreadable cell, a missing one and a value outside the domain: named by line, exit code 1, the rest done."""
    Path("data.csv").write_text('x,y\n1,2\n0,3\n-1,abc\n\n"2",1\n3\n4,nan\n')
    code, out, err = program("grad", "log(x)*y", "--points", "data.csv")
    assert code == 1
    assert out.splitlines() == [
        "line,value,dx,dy",
        "2,0.0,2.0,0.0",
        "3,,,",
        "6,0.6931471805599453,0.5,0.6931471805599453",
    ]
    assert [line.partition(":")[0] for line in err.splitlines()[:-1]] == ["line 3", "line 4", "line 7", "line 8"]
    assert "abc" in err


def test_json_lines_and_archives(program: Callable[..., Any]) -> None:
    """.jsonl has null, .npz has NaN, where there is no answer."""
    Path("data.csv").write_text("x\n4\n-1\n")
    assert program("grad", "sqrt(x)", "--points", "data.csv", "-o", "out.jsonl")[0] == 1
    records = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert records == [{"line": 2, "value": 2.0, "dx": 0.25}, {"line": 3, "value": None, "dx": None}]
    assert program("grad", "sqrt(x)", "--points", "data.csv", "-o", "out.npz")[0] == 1
    with np.load("out.npz") as archive:
        assert archive["dx"][0] == 0.25
        assert np.isnan(archive["value"][1])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("1,2\n3,4\n", "must name the columns"),
        ("x,x\n1,2\n", "two columns called x"),
        ("y\n1\n", "no value for x"),
    ],
)
def test_bad_tables(program: Callable[..., Any], content: str, words: str) -> None:
    """No header, two columns of one name, a variable without a column."""
    Path("data.csv").write_text(content)
    code, out, err = program("grad", "x*2", "--points", "data.csv")
    assert (code, out) == (2, "")
    assert words in err


def test_nothing_is_half_written(program: Callable[..., Any]) -> None:
    """A folder that is not there is exit code 4; a failing run leaves the old file as it was."""
    Path("data.csv").write_text("x\n1\n")
    assert program("grad", "x*2", "--points", "data.csv", "-o", "nowhere/out.csv")[0] == 4
    Path("out.csv").write_text("old")
    assert program("grad", "x*2 + q", "--points", "data.csv", "-o", "out.csv")[0] == 2
    assert Path("out.csv").read_text() == "old"
    assert sorted(path.name for path in Path().iterdir()) == ["data.csv", "out.csv"]


@pytest.mark.parametrize(
    ("content", "words"), [("[" * 100_000, "nested too deeply"), ('{"x": 1' + "0" * 5000 + "}", "too many digits")]
)
def test_python_has_no_say(program: Callable[..., Any], content: str, words: str) -> None:
    """What stops the reader of JSON is said in the user's words."""
    Path("data.json").write_text(content)
    code, out, err = program("grad", "x^2", "--inputs", "data.json")
    assert (code, out) == (2, "")
    assert words in err


@pytest.mark.slow
def test_memory_is_bounded() -> None:
    """Four times the rows take no more memory: blocks of 16,384 pass through."""
    batch = Batch("sigmoid(w*x + b)", ["w", "x", "b"], {})

    def peak(rows: int) -> int:
        lines = (f"{k % 7},{k % 5},{k % 3}" for k in range(rows))
        tracemalloc.start()
        for block in run(batch, lines, 3):
            assert not block.bad
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    assert peak(16 * BLOCK) < 1.3 * peak(4 * BLOCK)
