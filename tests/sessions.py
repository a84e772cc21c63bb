"""Golden files: the first line is a command as it is typed, the rest exactly what it prints."""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

from bpcli.cli import run

HERE = Path(__file__).parent
#: Files that commands in goldens read: the working folder is a copy of this one.
FILES = HERE / "show" / "files"
#: Environment variables that change what is printed; a golden sets those that it is about.
_LOOKS = ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "TERM", "PYTHONIOENCODING")


class Printed(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


class Command(NamedTuple):
    """A line such as ``COLUMNS=60 bpcli grad 'x*y' --x=1 --y=2 <<< 'stdin'``."""

    settings: dict[str, str]
    words: list[str]
    stdin: str

    @classmethod
    def read(cls, line: str) -> Command:
        """The command in a shell's LINE, which may use quotes, $'…' and <<<."""
        assert line.startswith("$ "), f"a golden file begins with '$ bpcli …', not {line!r}"
        words = shlex.split(re.sub(r"\$'((?:[^'\\]|\\.)*)'", _escaped, line[2:]))
        settings = {}
        while (match := re.fullmatch(r"([A-Z_]+)=(.*)", words[0])) is not None:
            settings[match[1]] = match[2]
            del words[0]
        stdin = ""
        if "<<<" in words:
            *words, _, text = words
            stdin = text + "\n"
        assert words[0] == "bpcli"
        return cls(settings, words[1:], stdin)

    def in_process(self) -> Printed:
        """Run it in this very process."""
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in "12")
        with _environment(self.settings), _standard_input(self.stdin), redirect_stdout(out), redirect_stderr(err):
            try:
                run(self.words)
            except SystemExit as leaving:
                code = leaving.code
        assert isinstance(code, int)
        return Printed(code, *(stream.buffer.getvalue().decode("utf-8") for stream in (out, err)))  # type: ignore[attr-defined]

    def in_a_process(self) -> Printed:
        """Run it as ``python -m bpcli``."""
        environment = {name: value for name, value in os.environ.items() if name not in _LOOKS} | self.settings
        done = subprocess.run(
            [sys.executable, "-m", "bpcli", *self.words], input=self.stdin.encode(), capture_output=True,
            env=environment | {"PYTHONUTF8": "1"}, check=False,
        )  # fmt: skip
        return Printed(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))


def _escaped(match: re.Match[str]) -> str:
    return shlex.quote(match[1].encode("latin-1", "backslashreplace").decode("unicode_escape"))


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    for name in _LOOKS:
        os.environ.pop(name, None)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _standard_input(text: str) -> Iterator[None]:
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8")
    try:
        yield
    finally:
        sys.stdin = before
