"""Runs all benchmarks, each in its own process: ``python -m bench``; ``--smoke`` for small sizes."""

import argparse
import subprocess
import sys

MEASURES = {
    "full_placing": 20_000,
    "rule_engines": 5_000,
    "ticks": 5_000,
    "first_facts": 5_000,
    "import_events": 20_000,
    "drain": 500,
    "mime": 200,
}
"""Benchmark -> its size in a smoke test. The bars apply at full size only."""


def main() -> int:
    """Run all benchmarks; return how many failed. With ``--smoke``, missing a bar is not a failure."""
    parser = argparse.ArgumentParser(description="Run all benchmarks against their floors.")
    parser.add_argument("--smoke", action="store_true", help="small sizes, bars do not apply")
    smoke: bool = parser.parse_args().smoke
    failed = [name for name, size in MEASURES.items() if not _run(name, size if smoke else None)]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return len(failed)


def _run(name: str, smoke_size: int | None) -> bool:
    size = ["--size", str(smoke_size)] if smoke_size is not None else []
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{name}", *size], stdout=subprocess.PIPE, text=True, check=False
    )
    sys.stdout.write(done.stdout)
    sys.stdout.flush()
    # A benchmark exits with 1 if it misses its bar; a small size only shows that it runs and prints its line.
    return done.returncode == 0 or (smoke_size is not None and done.returncode == 1 and '"ratio"' in done.stdout)


if __name__ == "__main__":
    raise SystemExit(main())
