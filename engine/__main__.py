"""``python -m engine``: the console script, for when it is not on the path."""

from engine.cli import main

main()
