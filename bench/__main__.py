"""All measures, one after the other, each in a process of its own: ``python -m bench``; ``--smoke`` for small sizes."""

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
"""Measure -> its size in a smoke test; the bars hold at full size."""


def main() -> int:
    """Run all measures; with ``--smoke`` only a crash is a failure, otherwise a missed bar is one too."""
    parser = argparse.ArgumentParser(description="Measure everything against its floor.")
    parser.add_argument("--smoke", action="store_true", help="small sizes, bars not held")
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
    # A measure exits 1 when its bar is missed; a small size proves only that it runs and prints its line.
    return done.returncode == 0 or (smoke_size is not None and done.returncode == 1 and '"ratio"' in done.stdout)


if __name__ == "__main__":
    raise SystemExit(main())
