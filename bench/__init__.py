"""Measures of speed and memory, each a command of its own: ``python -m bench.<name> --size N`` prints one JSON line."""
