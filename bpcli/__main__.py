"""``python -m bpcli``, and the entry point of the installed ``bpcli``."""

from bpcli.cli import run

if __name__ == "__main__":
    run()
