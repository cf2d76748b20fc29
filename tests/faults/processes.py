"""The sink, and the pool of workers that are killed, from the test's side."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.providers import SMTP, Provider
from tests.processes import DEADLINE, ROOT, surroundings, wait_until
from tests.world import World


@dataclass(frozen=True)
class SinkProcess:
    """Where messages arrive, and what arrived."""

    provider: Provider
    port: int
    log: Path

    @property
    def size(self) -> int:
        """How many messages arrived."""
        return self.log.read_bytes().count(b"\n")

    def arrived(self) -> Counter[tuple[str, str]]:
        """(what tells a message from others, recipient) -> how often it was delivered."""
        return Counter((what, recipient) for what, recipient, *again in self._lines() if not again)

    def recognised(self) -> int:
        """How many second copies the provider did not deliver."""
        return sum(bool(again) for _, _, *again in self._lines())

    def _lines(self) -> list[list[str]]:
        return [line.split("\t") for line in self.log.read_text(encoding="utf-8").splitlines()]


@contextmanager
def sink(folder: Path, provider: Provider = SMTP) -> Iterator[SinkProcess]:
    log = folder / "sink.log"
    log.touch()
    command = [sys.executable, *provider.command, str(log)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=surroundings())
    try:
        assert process.stdout is not None
        yield SinkProcess(provider, int(process.stdout.readline()), log)
    finally:
        process.kill()
        process.communicate(timeout=DEADLINE)


class WorkerPool:
    """Starts workers of one world by forking, and kills them."""

    def __init__(self, world: World, process: "subprocess.Popen[str]") -> None:
        self._world = world
        self._process = process
        self.log = world.folder / "workers.log"

    def start(self, *words: str) -> int:
        """Start ``habitue run``; return its pid."""
        wanted = {"words": ["--config", str(self._world.config), "run", *words], "log": str(self.log)}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(wanted) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def kill(self, pid: int, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal, and wait until the process is gone."""
        os.kill(pid, number)
        wait_until(lambda: not alive(pid), lambda: f"{pid} does not end: {self.said()}")

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""


@contextmanager
def worker_pool(world: World, environment: Mapping[str, str] | None = None) -> Iterator[WorkerPool]:
    """Start the process that forks workers, with these variables besides the usual ones."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.forking"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**surroundings(), **(environment or {})},
        process_group=0,
    )
    try:
        yield WorkerPool(world, process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # its own group: itself and what it started
        process.communicate(timeout=DEADLINE)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
