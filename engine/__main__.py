"""``python -m engine``: the console script, where it is not on the path."""

from engine.cli import main

main()
