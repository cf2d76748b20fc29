"""Commands. ``main`` is the console script: errors become one helpful sentence and exit code 2."""

from engine.cli.program import main

__all__ = ["main"]
