"""Attempts to break Citewell, and what became of them: see `python -m tests.faults --help`."""
