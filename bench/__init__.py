"""Benchmarks of speed and memory. Each is a command: ``python -m bench.<name> --size N`` prints one JSON line."""
