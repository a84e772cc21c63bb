"""What is wrong with a file of values is said with the file's name, and nothing in it is ever run.

`test_tables.py` has the good files and the plainest bad ones; here are damaged, hostile and odd ones, by way of the
command line.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpcli.cli import run
from bpcli.files import read_array, read_table
from bpcli.trouble import Trouble

Program = Callable[..., tuple[int, str, str]]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """Run bpcli in an empty folder: (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as leaving:
            run(list(words))
        out, err = capsys.readouterr()
        return int(leaving.value.code or 0), out, err

    return call


class Bomb:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, ("exploded",)


def npy(array: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def header(text: str, data: bytes = b"") -> bytes:
    """A .npy file with any header."""
    padded = text.encode() + b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded + data


def npz(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


GOOD = npy(np.arange(6.0).reshape(2, 3))
HUGE = header("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 9), }", b"\0" * 64)

#: File, content, words of the message.
ARRAYS: list[tuple[str, bytes, str]] = [
    ("cut.npy", GOOD[:-1], "cut short"),
    ("cut-header.npy", GOOD[:40], ""),
    ("magic-only.npy", GOOD[:6], ""),
    ("empty.npy", b"", ""),
    ("huge.npy", HUGE, ""),
    ("negative.npy", header("{'descr': '<f8', 'fortran_order': False, 'shape': (-3,), }"), ""),
    ("code.npy", header("{'descr': '<f8', 'fortran_order': False, 'shape': (__import__('os').mkdir('exploded'),), }"), ""),
    ("long-header.npy", header("{'descr': '<f8', 'fortran_order': False, 'shape': (" + "1," * 9000 + "), }"), ""),
    ("objects.npy", npy(np.array([Bomb(), None], dtype=object), allow_pickle=True), "pickled"),
    ("bare-pickle.npy", pickle.dumps(Bomb()), "pickled"),
    ("bare-pickle-0.npy", pickle.dumps(Bomb(), protocol=0), "pickled"),
    ("inside.npy", npz(a=GOOD), "a table of names"),
    ("text.npy", npy(np.array(["1", "2"])), "not an array of numbers"),
    ("truth.npy", npy(np.array([True, False])), "not an array of numbers"),
    ("complex.npy", npy(np.array([1j])), "not an array of numbers"),
    ("dates.npy", npy(np.array(["2020-01-01"], dtype="M8[D]")), "not an array of numbers"),
    ("fields.npy", npy(np.zeros(2, dtype=[("a", "f8")])), "not an array of numbers"),
    ("nan.npy", npy(np.array([[1, 2], [3, np.nan]])), "[1, 1]"),
    ("infinite.npy", npy(np.array([np.inf])), "[0]"),
    ("none.npy", npy(np.zeros((2, 0))), "(2, 0)"),
    ("text.csv", b"1,2\n3,4\n5,six\n", "line 3, column 2 is not a number: 'six'"),
    ("header.csv", b"a,b\n1,2\n", "line 1, column 1 is not a number: 'a'"),
    ("ragged.csv", b"1,2,3\n4,5\n", "different lengths: 2, 3"),
    ("nan.csv", b"1,nan\n", "column 2 is not a number: 'nan'"),
    ("infinite.csv", b"1\ninf\n", "line 2, column 1"),
    ("truth.csv", b"True\n", "not a number: 'True'"),
    ("gap.csv", b"1,,3\n", "line 1, column 2 is not a number: ''"),
    ("underscore.csv", b"1_000\n", "not a number"),
    ("comma.csv", b"1;5\n", "not a number"),
    ("utf-16.csv", "1,2\n".encode("utf-16"), "not UTF-8"),
    ("zero-byte.csv", b"1,\x002\n", ""),
    ("blank.csv", b"\n\n", "empty"),
    ("large.csv", b"1e999\n", "not a number"),
    ("quote.csv", b'1,"2\n', "line 1: a quote is not closed"),
    ("two-lines.csv", b'1,"2\n3"\n', "line 1: a quote is not closed"),
    ("axes.json", b"[" * 40 + b"1" + b"]" * 40, "nested more than 32 deep"),
    ("many-axes.json", b"[" * 900 + b"1" + b"]" * 900, "nested"),
    ("ragged.json", b"[[1, 2], [3, [4]]]", "different shapes"),
    ("truth.json", b"[true]", "True"),
    ("null.json", b"[1, null]", "None"),
    ("text.json", b'[1, "2"]', "'2'"),
    ("nan.json", b"[NaN]", "NaN"),
    ("table.json", b'{"a": 1}', "a table of names"),
    ("large.json", b"[1e999]", ""),
    ("digits.json", b"[" + b"9" * 5000 + b"]", ""),
    ("open.json", b"[1, 2", ""),
    ("empty.json", b"", ""),
    ("nothing.json", b"[]", ""),
    ("latin.json", b'["\xe9"]', "not UTF-8"),
    ("deep.json", b"[" * 200_000, ""),
    ("table.toml", b"x = 1", "read from .csv, .npy or .json"),
    ("archive.npz", npz(a=GOOD), "read from .csv, .npy or .json"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "words"), ARRAYS, ids=[name for name, *_ in ARRAYS])
def test_bad_arrays(program: Program, name: str, content: bytes, words: str) -> None:
    """Exit code 2, one plain sentence that names the file; as JSON too."""
    Path(name).write_bytes(content)
    code, out, err = program("grad", "sum(W)", "--W", f"@{name}", "--quiet")
    assert (code, out) == (2, "")
    assert name in err
    assert words in err
    assert "Traceback" not in err
    assert not Path("exploded").exists()
    code, out, err = program("grad", "sum(W)", "--W", f"@{name}", "--json")
    assert (code, out, json.loads(err)["exit_code"]) == (2, "", 2)


TABLES: list[tuple[str, bytes, str]] = [
    ("objects.npz", npz(W=npy(np.array([Bomb()], dtype=object), allow_pickle=True)), ""),
    ("pickle.npz", npz(W=pickle.dumps(Bomb())), ""),
    ("bare-pickle.npz", pickle.dumps(Bomb()), "pickled"),
    ("cut.npz", npz(W=GOOD)[:-30], ""),
    ("cut-member.npz", npz(W=GOOD[:-8]), ""),
    ("cut-member-header.npz", npz(W=GOOD[:30]), ""),
    ("huge.npz", npz(W=HUGE), ""),
    ("text.npz", npz(W=npy(np.array(["a"]))), "W in text.npz"),
    ("nan.npz", npz(W=npy(np.array([np.nan]))), "W in nan.npz is not finite at [0]"),
    ("array.npz", GOOD, ""),
    ("not-npy.npz", npz(W=b"1,2"), ""),
    ("list.json", b"[1]", "no table"),
    ("twice.json", b'{"W": 1, "W": 2}', "W stands in it twice"),
    ("twice.toml", b"W = 1\nW = 2\n", ""),
    ("truth.toml", b"W = [true]", "True"),
    ("nan.toml", b"W = nan", ""),
    ("infinite.toml", b"W = [inf]", ""),
    ("mixed.toml", b"W = [1, 'a']", "'a'"),
    ("date.toml", b"W = 2020-01-01", ""),
    ("nested.json", b'{"W": {"a": 1}}', ""),
    ("other.json", b'{"V": [1]}', "V"),
    ("digits.toml", b"W = " + b"9" * 5000, ""),
    ("digits.json", b'{"W": ' + b"9" * 400 + b"}", ""),
    ("table.csv", b"W\n1\n", "read from .json, .toml or .npz"),
]


@pytest.mark.parametrize(("name", "content", "words"), TABLES, ids=[name for name, *_ in TABLES])
def test_bad_tables(program: Program, name: str, content: bytes, words: str) -> None:
    Path(name).write_bytes(content)
    code, out, err = program("grad", "sum(W)", "--inputs", name, "--quiet")
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err
    assert not Path("exploded").exists()


def test_files_that_are_no_files(program: Program) -> None:
    Path("folder.csv").mkdir()
    for name in ("folder.csv", "absent.npy", "absent.npz", "absent.json", "", "x" * 5000 + ".csv"):
        for words in (("--W", f"@{name}"), ("--inputs", name)):
            code, out, err = program("grad", "sum(W)", *words)
            assert (code, out) == (2, ""), (name, words)
            assert "Traceback" not in err
    for read in (read_array, read_table):  # a name that no system can have
        for ending in (".csv", ".npy", ".json", ".npz", ".toml"):
            with pytest.raises(Trouble):
                read(f"a\0b{ending}")
    assert "cannot read absent.npy: No such file" in program("grad", "sum(W)", "--W", "@absent.npy")[2]


@pytest.mark.parametrize("kind", ["int8", "uint8", "int64", "float16", "float32", ">f8", "<f8"])
def test_every_kind_of_number_becomes_a_double(tmp_path: Path, kind: str) -> None:
    for order in ("C", "F"):
        np.save(tmp_path / "a.npy", np.array([[1, 2], [3, 4]], dtype=kind, order=order))
        found = read_array(str(tmp_path / "a.npy"))
        assert (found.dtype, found.tolist()) == (np.float64, [[1, 2], [3, 4]])


def test_odd_but_good_files(tmp_path: Path) -> None:
    """A byte order mark, Windows lines, blank lines, quotes, spaces, a true minus sign; a number alone."""
    (tmp_path / "a.csv").write_bytes('\ufeff1, "2"\r\n\r\n−3 ,4e-1'.encode())
    assert read_array(str(tmp_path / "a.csv")).tolist() == [[1, 2], [-3, 0.4]]
    (tmp_path / "row.csv").write_text("1,2,3\n")
    assert read_array(str(tmp_path / "row.csv")).tolist() == [[1, 2, 3]]
    np.save(tmp_path / "number.npy", np.float32(0.5))
    assert read_array(str(tmp_path / "number.npy")) == 0.5
    (tmp_path / "UPPER.JSON").write_text("[1, 2.5]")
    assert read_array(str(tmp_path / "UPPER.JSON")).tolist() == [1, 2.5]
    (tmp_path / "mixed.toml").write_text("x = 1\ny = [[1, 2.5]]\n")
    table = read_table(str(tmp_path / "mixed.toml"))
    assert table["x"] == 1
    assert table["y"].dtype == np.float64


def test_the_line_of_a_quoted_cell(tmp_path: Path) -> None:
    """Lines are counted as an editor does, blank ones too."""
    (tmp_path / "a.csv").write_text("1\n\n2\n\nx\n")
    with pytest.raises(Trouble, match="line 5, column 1"):
        read_array(str(tmp_path / "a.csv"))


def test_command_line_over_file(program: Program) -> None:
    """A value typed wins over the one of the table; an array from a file and one from a table go together."""
    np.savez("point.npz", W=np.eye(2), x=np.array([1, 2]))
    Path("V.json").write_text("[[0, 1], [1, 0]]")
    assert (
        program("grad", "sum(W @ x)", "--inputs", "point.npz", "--x", "[3, 4]", "-q")[1]
        == "W [[3, 4], [3, 4]]\nx [1, 1]\n"
    )
    code, out, _ = program("grad", "sum(W @ V @ x)", "--inputs", "point.npz", "--V", "@V.json", "--wrt", "x", "-q")
    assert (code, out) == (0, "x [1, 1]\n")
    assert program("grad", "W @ x", "--inputs", "point.npz", "--upstream", "@V.json")[0] == 2
    Path("u.csv").write_text("1\n-1\n")
    assert (
        program("grad", "W @ x", "--inputs", "point.npz", "--upstream", "@u.csv", "--wrt", "x", "-q")[1]
        == "x [1, -1]\n"
    )
    out = program("grad", "W @ x", "--inputs", "point.npz", "--tangent", "x=@u.csv", "-q")[1]
    assert out == "tangent [1, -1]\n"
