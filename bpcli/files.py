"""Arrays and tables of values from files: .csv, .npy, .npz, .json and .toml.

What is read is data and nothing else: pickles are refused, and so is everything that is not a finite number.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterator
from typing import Any, NoReturn

from bpcli.figures import number_or_none
from bpcli.trouble import Trouble

#: The largest array read, in entries (1 GiB of doubles).
MOST_ENTRIES = 2**27
#: The most axes of an array that is read (numpy has had at most 32).
MOST_AXES = 32


def read_array(path: str) -> Any:
    """The array in a .csv, .npy or .json file as doubles.

    Raises `Trouble` (exit code 2) for a file that cannot be read, and for what is not an array of finite numbers.
    """
    import numpy as np

    kind = _kind(path)
    if kind == ".csv":
        rows = list(_csv_rows(path))
        if not rows:
            _refuse(path, "it is empty")
        if len({len(row) for row in rows}) > 1:
            widths = sorted({len(row) for row in rows})
            _refuse(path, f"its rows have different lengths: {', '.join(map(str, widths))}")
        table = np.array(rows)
        return table[:, 0] if table.shape[1] == 1 else table
    if kind in (".npy", ".json"):
        found = _load(path) if kind == ".npy" else _parse(path)
        if isinstance(found, dict):
            _refuse(path, "it holds a table of names, not one array; --inputs reads tables")
        return checked_array(found, path)
    return _refuse(path, "arrays are read from .csv, .npy or .json files")


def read_table(path: str) -> dict[str, Any]:
    """The table in a .json, .toml or .npz file: name -> number or array."""
    kind = _kind(path)
    if kind in (".csv", ".npy"):
        _refuse(path, "tables of values are read from .json, .toml or .npz files")
    table = _load(path) if kind == ".npz" else _parse(path)
    if not isinstance(table, dict):
        _refuse(path, 'it holds no table of names and numbers, such as {"x": -2, "y": 5}')
    return {name: checked_value(value, f"{name} in {path}") for name, value in table.items()}


def checked_value(value: Any, where: str) -> Any:
    """A number as a float, a list or array as an array of doubles; `Trouble` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        if isinstance(value, list) or hasattr(value, "dtype"):
            return checked_array(value, where)
        raise Trouble(f"the value of {where} is not a number: {value!r:.60}", code="not-a-number")
    return value


def checked_array(value: Any, where: str) -> Any:
    """VALUE as an array of doubles; `Trouble` names the first entry that is no finite number."""
    import numpy as np

    if isinstance(value, list):
        _check_rows(value, where)
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise Trouble(f"{where} is not an array of numbers (its type is {array.dtype})", code="not-a-number")
    if array.size > MOST_ENTRIES:
        raise Trouble(f"{where} has {array.size:,} entries; the limit is {MOST_ENTRIES:,}", code="too-large")
    if not array.size:
        raise Trouble(f"{where} has no entries: its shape is {array.shape}", code="empty")
    array = array.astype(np.float64)
    finite = np.isfinite(array)
    if not finite.all():
        at = [int(k) for k in np.argwhere(~finite)[0]]
        raise Trouble(f"{where} is not finite at {at}: {array[tuple(at)]}", code="not-a-number")
    return array if array.shape else float(array)


def _check_rows(rows: list[Any], where: str, depth: int = 1) -> tuple[int, ...]:
    """The shape of a nested list; `Trouble` for rows of different shapes, and for what is no number."""
    if depth > MOST_AXES:
        raise Trouble(f"the lists of {where} are nested more than {MOST_AXES} deep", code="too-large")
    shapes: list[tuple[int, ...]] = []
    for row in rows:
        if isinstance(row, list):
            shapes.append(_check_rows(row, where, depth + 1))
        elif isinstance(row, bool) or not isinstance(row, int | float):
            raise Trouble(f"{where} has an entry that is not a number: {row!r:.60}", code="not-a-number")
        else:
            shapes.append(())
        if shapes[-1] != shapes[0]:
            message = f"the rows of {where} have different shapes: {shapes[0]} and {shapes[-1]}"
            raise Trouble(message, code="ragged", shapes=[list(shapes[0]), list(shapes[-1])])
    return (len(rows), *(shapes[0] if shapes else ()))


def _kind(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _refuse(path: str, reason: str) -> NoReturn:
    raise Trouble(f"cannot read {path}: {reason}", code="unreadable-file")


def _load(path: str) -> Any:
    """The array of a .npy file, or the table of a .npz archive, with pickling off."""
    import numpy as np

    try:
        with open(path, "rb") as file:
            found = np.load(file, allow_pickle=False)
            return found if isinstance(found, np.ndarray) else _unpacked(path, found)
    except Trouble:
        raise
    except OSError as error:
        _refuse(path, error.strerror or _reason(error))
    except (ValueError, EOFError, SyntaxError) as error:
        _refuse(path, _reason(error))
    except Exception as error:  # zipfile has errors of its own, and a damaged archive may raise any of them
        _refuse(path, str(error))


def _reason(error: Exception) -> str:
    """What numpy says of a file that it does not load, in the user's words."""
    text = str(error)
    if "pickled" in text or "Object arrays" in text:
        return "it holds pickled objects, which bpcli does not load"
    if not text or any(words in text for words in ("Failed to read all", "EOF", "No data left")):
        return "the file is cut short"
    return "its header cannot be read" if " object at 0x" in text or "header" in text.lower() else text


def _unpacked(path: str, archive: Any) -> dict[str, Any]:
    """The arrays of an .npz archive; one that unpacks to more than the largest array is left packed."""
    with archive:
        entries = sum(member.file_size for member in archive.zip.infolist()) // 8
        if entries > MOST_ENTRIES:
            raise Trouble(f"{path} has about {entries:,} entries; the limit is {MOST_ENTRIES:,}", code="too-large")
        return {name: archive[name] for name in archive.files}


def read_text(path: str) -> str:
    """The text of a UTF-8 file."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            return file.read()
    except UnicodeDecodeError:
        _refuse(path, "it is not UTF-8")
    except (OSError, ValueError) as error:  # a name with a character 0 is a ValueError
        _refuse(path, getattr(error, "strerror", "") or str(error))


def _parse(path: str) -> Any:
    """The contents of a .json or .toml file."""
    text = read_text(path)
    try:
        if _kind(path) == ".toml":
            import tomllib

            return tomllib.loads(text)
        import json

        return json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except RecursionError:
        _refuse(path, "it is nested too deeply")
    except ValueError as error:
        many_digits = "set_int_max_str_digits" in str(error)  # Python's own limit, 4300 digits
        _refuse(path, "a number in it has too many digits" if many_digits else str(error))


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)} stands in it twice")
    return table


def _no_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")


def cells_of(line: str) -> list[str]:
    """The cells of one line of a .csv table; ValueError when a quote in it is not closed."""
    import csv

    if line.count('"') % 2:
        raise ValueError("a quote is not closed on this line")
    try:
        return next(csv.reader([line], skipinitialspace=True), [])
    except csv.Error as error:  # a cell of more than 131,072 characters
        raise ValueError(str(error)) from None


def _csv_rows(path: str) -> Iterator[list[float]]:
    """The rows of numbers of a .csv file."""
    for line, text in enumerate(read_text(path).splitlines(), start=1):
        try:
            row = cells_of(text)
        except ValueError as error:
            _refuse(path, f"line {line}: {error}")
        numbers = [number_or_none(cell) for cell in row]
        if None in numbers:
            column = numbers.index(None)
            _refuse(path, f"line {line}, column {column + 1} is not a number: {row[column]!r:.40}")
        if row:
            yield [number for number in numbers if number is not None]
