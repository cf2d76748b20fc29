"""The console script, run in this process: what it prints, and how it ends. It saves Python's second to begin."""

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import structlog

from engine.cli import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def habitue(config: Path, *words: str) -> Ended:
    """Run a command to its end, in the folder of its ``config.toml``; an exception that ``main`` lets pass is raised."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    argv = ["habitue", "--config", str(config), *words]
    streams = redirect_stdout(out), redirect_stderr(err)
    with chdir(config.parent), mock.patch.object(sys, "argv", argv), _own_log(), streams[0], streams[1]:
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Ended(code, out.getvalue(), err.getvalue())


@contextmanager
def _own_log() -> Iterator[None]:
    """Leave the logs of this process as they are: a worker sets up those of its own."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        structlog.reset_defaults()
        root.handlers[:] = handlers
        root.setLevel(level)
