"""The commands. ``main`` is the console script: an error becomes one helpful sentence and exit code 2."""

from engine.cli.program import main

__all__ = ["main"]
