"""Where problems are: the bank that comes with the program, a folder, or a file by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bpcli.exercises.problem import Problem
from bpcli.exercises.reading import MOST_BYTES, read
from bpcli.shipped import folder
from bpcli.trouble import Trouble

SUFFIX = ".toml"
MOST_FILES = 10_000


def shipped() -> Path:
    """The folder of the problems that come with the program."""
    return Path(folder("problems"))


def files(root: Path) -> dict[str, Path]:
    """Id -> file, for every problem file below ROOT, in order."""
    found = {}
    for path in sorted(root.rglob(f"*{SUFFIX}")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts):
            found[path.relative_to(root).with_suffix("").as_posix()] = path
        if len(found) > MOST_FILES:
            raise Trouble(f"{root} holds more than {MOST_FILES:,} problem files", code="too-large")
    return found


def find(words: Sequence[str]) -> dict[str, Path]:
    """The problem files that WORDS mean: ids of the bank, folders of it (``gates/``), files, or folders elsewhere.

    Raises `Trouble` for a word that means none, and for two files with one id.
    """
    bank = files(shipped())
    found: dict[str, Path] = {}
    for word in words:
        for identity, path in _meant(word, bank).items():
            if found.setdefault(identity, path) != path:
                raise Trouble(f"two problems are called {identity}: {found[identity]} and {path}", code="two-problems")
    return found


def _meant(word: str, bank: dict[str, Path]) -> dict[str, Path]:
    name = word.removesuffix(SUFFIX)
    path = Path(word)
    if name in bank and not (word.endswith(SUFFIX) and path.is_file()):
        return {name: bank[name]}
    topic = {identity: one for identity, one in bank.items() if identity.startswith(word.rstrip("/") + "/")}
    if topic:
        return topic
    if path.is_dir():
        if found := files(path):
            return found
        raise Trouble(f"the folder {word} holds no problem file (*{SUFFIX})", code="no-problem")
    if path.is_file():
        return {path.stem: path}
    from bpcli.mistakes import closest

    short = {one.rpartition("/")[2]: one for one in bank}
    near = closest(name, [*bank, *short])
    tries = [f"bpcli problems show {one}" for one in dict.fromkeys(short.get(one, one) for one in near)] or [
        "bpcli problems list"
    ]
    raise Trouble(f"there is no problem {word}", code="unknown-problem", tries=tries)


def load(path: Path, identity: str) -> Problem:
    """The problem in the file PATH."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Trouble(f"cannot read {path}: {error.strerror}", code="unreadable-file") from None
    return read(data, identity, str(path) if not path.is_relative_to(shipped()) else f"{identity}{SUFFIX}")


def problems(words: Sequence[str]) -> Iterator[Problem]:
    """The problems that WORDS mean; all of the bank, if there are none."""
    for identity, path in (find(words) if words else files(shipped())).items():
        yield load(path, identity)
