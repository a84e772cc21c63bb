"""A class graded: 1,000 students and 5 problems from files, to CSV, gradebook and feedback; marks a second on one core.

Run by hand: ``python tests/bench/grading.py`` (two minutes). The students are simulated: most blanks are right, one
in ten is some other number, so follow-through and the search for slips have work to do.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROBLEMS = ["gates/add-then-multiply", "gates/local-first", "gates/maximum", "neuron/sigmoid", "gates/upstream"]
STUDENTS = 1000
MOST_SECONDS, FEWEST_A_SECOND = 20, 150
WRONG = 0.1  # of the blanks


def make(folder: Path, count: int) -> int:
    """A sheet, everybody's hand-in as a file, and all of them as a table; how many blanks each has."""
    from bpcli.exercises.keys import keys
    from bpcli.exercises.sheet import read
    from bpcli.figures import show_nested

    words = ["sheet", *PROBLEMS, "--count", str(count), "--seed", "1", "--format", "txt", "-o", str(folder / "hw")]
    subprocess.run([sys.executable, "-m", "bpcli", *words], check=True, stdout=subprocess.DEVNULL)
    sheet = read(folder / "hw")
    (folder / "in").mkdir()
    chance = random.Random(1)
    rows = ["student,problem,blank,answer"]
    for student in sheet.students:
        lines = []
        for variant in sheet.variants(student):
            lines.append(f"[{variant.problem.id}]")
            for key in keys(variant):
                text = key.text if key.number is None else show_nested(key.number, 6)
                text = str(chance.randint(-9, 9)) if chance.random() < WRONG else text
                lines.append(f"{key.blank.name} = {text}")
                rows.append(f'{student.id},{variant.problem.id},{key.blank.name},"{text}"')
        (folder / "in" / f"{student.id}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "all.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return sum(len(problem.blanks) for problem in sheet.problems)


def command(folder: Path, source: str, out: str) -> float:
    """Seconds for the whole command on two cores."""
    start = time.perf_counter()
    words = [sys.executable, "-m", "bpcli", "grade", "hw", source, "--jobs", "2", "-o", out]
    subprocess.run(words, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def a_second(folder: Path) -> float:
    """Hand-ins read and marked in a second of one core, without feedback, after the first hundred."""
    from bpcli.grading.desk import Desk
    from bpcli.grading.run import order
    from bpcli.submissions.handed_in import HandIn, Part

    desk = Desk.of(order(str(folder / "hw"), [], "").setting)
    every = [
        HandIn(path.stem, path.name, (Part(path.name, "text", path.read_bytes()),))
        for path in sorted((folder / "in").iterdir())
    ]
    for one in every[:100]:
        desk.mark(one)
    start = time.process_time()
    for one in every[100:400]:
        desk.mark(one)
    return len(every[100:400]) / (time.process_time() - start)


def memory(count: int, folder: Path) -> int:
    """The most memory of one process while COUNT students are graded, in KB."""
    folder.mkdir()
    make(folder, count)
    words = [sys.executable, __file__, "measure", str(folder)]
    return int(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Everything, with what it is held to."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "class")
        folder.mkdir()
        blanks = make(folder, STUDENTS)
        print(f"{STUDENTS:,} students, {len(PROBLEMS)} problems, {blanks} blanks each")
        for source, what in (("in", "from files"), ("all.csv", f"from a table of {STUDENTS * blanks:,} rows")):
            seconds = command(folder, source, f"grades-{source}")
            print(f"  {what:<32}{seconds:7.1f} s (≤ {MOST_SECONDS}){'' if seconds <= MOST_SECONDS else '  MISSED'}")
        rate = a_second(folder)
        print(
            f"  {'one core':<32}{rate:7.0f} a second (≥ {FEWEST_A_SECOND}){'' if rate >= FEWEST_A_SECOND else '  MISSED'}"
        )
        small = memory(STUDENTS // 10, Path(place, "small"))
        words = [sys.executable, __file__, "measure", str(folder)]
        large = int(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
        print(
            f"  most memory of one process: {small / 1024:.0f} MB for {STUDENTS // 10}, {large / 1024:.0f} MB for {STUDENTS:,}"
        )


def measure(folder: str) -> None:
    """Grade in a process of its own, and print the most memory that it or a child had, in KB."""
    command(Path(folder), "in", "measured")
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        measure(sys.argv[2])
    else:
        main()
