"""One module for each command: it reads, calls, and shows; nothing else. Each has a click ``command``."""
