"""Runs all benchmarks, each in its own process: ``python -m bench``; ``--smoke`` for small sizes.

``contention`` is not among them: it takes minutes, and shows that nothing fails rather than how fast it is.
"""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from bench.common import DATABASES

BOTH = {
    "sweep": 10_000,
    "first_placing": 10_000,
    "ticks": 5_000,
    "first_facts": 5_000,
    "during_sweep": 20_000,
    "brownout": 100,
    "pause": None,
    "status": None,
}
"""Benchmark that runs on each database -> its size in a smoke test. The bars apply at full size only.

None: it is left out of smoke tests, because tests do the same at a small size.
"""
ONE = {"sharing": 20_000, "rule_engines": 5_000, "import_events": 20_000, "drain": 500, "syncing": None, "mime": 200}
"""Benchmark that has one database, or none -> its size in a smoke test."""


def main() -> int:
    """Run all benchmarks; return how many failed. With ``--smoke``, missing a bar is not a failure."""
    parser = argparse.ArgumentParser(description="Run all benchmarks against their floors.")
    parser.add_argument("--smoke", action="store_true", help="small sizes, bars do not apply")
    smoke: bool = parser.parse_args().smoke
    runs = [(name, size, ["--database", database]) for name, size in BOTH.items() for database in DATABASES]
    runs += [(name, size, []) for name, size in ONE.items()]
    if smoke:
        runs = [run for run in runs if run[1] is not None]
    # Nothing is measured at small sizes, so as many run at once as there are processors.
    with ThreadPoolExecutor((os.cpu_count() or 1) if smoke else 1) as pool:
        fine = list(pool.map(lambda run: _run(run[0], run[2], run[1] if smoke else None), runs))
    failed = [" ".join((name, *words)) for (name, _, words), well in zip(runs, fine, strict=True) if not well]
    if failed:
        print(f"failed: {'; '.join(failed)}", file=sys.stderr)
    return len(failed)


def _run(name: str, words: list[str], smoke_size: int | None) -> bool:
    size = ["--size", str(smoke_size)] if smoke_size is not None else []
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{name}", *words, *size], stdout=subprocess.PIPE, text=True, check=False
    )
    sys.stdout.write(done.stdout)
    sys.stdout.flush()
    # A benchmark exits with 1 if it misses its bar; a small size only shows that it runs, and that end states are equal.
    return done.returncode == 0 or (smoke_size is not None and done.returncode == 1 and _is_sound(done.stdout))


def _is_sound(printed: str) -> bool:
    lines = [json.loads(line) for line in printed.splitlines()]
    return bool(lines) and not any(line.get("differing_rows") for line in lines)


if __name__ == "__main__":
    raise SystemExit(main())
