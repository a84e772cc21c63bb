"""Sheets for a class: 300 students and 5 problems, in every text format, then as PDF; the memory it takes.

Run by hand: ``python tests/bench/sheets.py`` (two minutes).
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROBLEMS = [
    "gates/add-then-multiply",
    "neuron/sigmoid",
    "training/staged",
    "softmax/cross-entropy",
    "regression/logistic",
]
STUDENTS = 300
#: (formats, students, seconds)
RUNS = [("txt,md,html,tex", STUDENTS, 10), ("pdf", STUDENTS, 60)]


def run(formats: str, count: int, folder: Path) -> float:
    """Seconds for the whole command."""
    words = ["-m", "bpcli", "sheet", *PROBLEMS, "--count", str(count), "--seed", "1", "--format", formats]
    start = time.perf_counter()
    subprocess.run([sys.executable, *words, "-o", str(folder)], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Time both runs, and hold the memory of 300 students against that of 30."""
    with tempfile.TemporaryDirectory() as place:
        print(f"{'formats':<18}students  seconds")
        for formats, count, limit in RUNS:
            seconds = run(formats, count, Path(place, formats))
            missed = "" if seconds <= limit else "  MISSED"
            print(f"{formats:<18}{count:>8}  {seconds:7.1f} (≤ {limit}){missed}")
        memory = []
        for count in (30, STUDENTS):
            words = [sys.executable, __file__, "measure", str(count), str(Path(place, f"m{count}"))]
            memory.append(int(subprocess.run(words, check=True, capture_output=True, text=True).stdout))
        print(
            f"most memory of one process, 30 and {STUDENTS} students: {memory[0] / 1024:.0f} and {memory[1] / 1024:.0f} MB"
        )


def measure(count: int, folder: str) -> None:
    """Run in a process of its own, and print the most memory that it or a child had, in KB."""
    run("txt,md,html,tex,pdf", count, Path(folder))
    print(max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        measure(int(sys.argv[2]), sys.argv[3])
    else:
        main()
