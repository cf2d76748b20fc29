"""One process that composes, seen from its parent."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.composing.draft import Recipe
from engine.composing.frames import OUT_OF_MEMORY, FrameReader, frame, framed
from engine.composing.jobs import Job, Limits
from engine.errors import HabitueError

_INHERITED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""The only variables of the environment that a child gets: others may be secrets."""
_ROOT = str(Path(__file__).resolve().parents[2])
_BOOT = (
    "import sys; requests, begun, sys.path[:] = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:];"
    " from engine.composing.child import main; main(requests, begun)"
)
_MOST_SAID = 100_000
_FRAME = re.compile(r'^  File "(.*)", line (\d+) in ', re.MULTILINE)
"""A line of the traceback that the interpreter writes when a signal ends it."""


class ComposingStopped(HabitueError):
    """A process that composes cannot start, or does not answer. No message is to blame."""


class Ended(Exception):
    """A child ended while it composed the message number ``at`` of a job. ``why`` completes "it …"."""

    def __init__(
        self, at: int, made: list[Any], why: str, places: tuple[tuple[str, int], ...], *, certain: bool
    ) -> None:
        self.at = at
        self.made = made
        """What it had answered by then about the first messages of the job."""
        self.why = why
        self.places = places
        """Files and lines where it was, innermost first."""
        self.certain = certain
        """Whether only this message can be to blame."""
        super().__init__(why)


class Child:
    """One process. Not safe to share between threads."""

    def __init__(self, limits: Limits, patience: float) -> None:
        """Start it; give it up when nothing comes from it for ``patience`` seconds.

        Raises:
            ComposingStopped: the operating system does not start it.
        """
        self._limits = limits
        self._patience = patience
        self._digest = b""
        self.fresh = True
        """Whether it has not composed anything yet."""
        try:
            self._start()
        except OSError as error:
            raise ComposingStopped(f"the process that composes messages cannot start: {error.strerror}") from error

    def _start(self) -> None:
        self._socket, theirs = socket.socketpair()
        self._begun, noted = os.pipe()
        os.set_blocking(self._begun, False)
        paths = [os.path.abspath(path) for path in sys.path]  # noqa: PTH100 - "" is the working directory
        words = [str(theirs.fileno()), str(noted), *dict.fromkeys([*paths, _ROOT])]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _BOOT, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(theirs.fileno(), noted),
                env=_environment(os.environ),
                start_new_session=True,  # Ctrl-C is for the parent, which ends it
            )
        except OSError:
            self._socket.close()
            os.close(self._begun)
            raise
        finally:
            theirs.close()
            os.close(noted)
        self._frames = FrameReader(self._socket)
        self._socket.settimeout(self._patience)
        self._unsent = framed(self._limits)

    def do(self, recipe: Recipe, job: Job) -> list[Any]:
        """Return what it makes of each draft of ``job``.

        Raises:
            Ended: it ended while it composed a message.
            ComposingStopped: it ended before the first message, or does not answer.
        """
        if self._digest != recipe.digest:
            self._unsent += frame(recipe.packed)
        self._count = 0
        made: list[Any] = []
        try:
            self._socket.sendall(self._unsent + framed(job))
            self._unsent, self._digest = b"", recipe.digest
            while len(made) < len(job.drafts):
                made += self._answer()
        except (EOFError, ConnectionError):
            raise self._autopsy(made) from None
        except TimeoutError:
            raise ComposingStopped("the process that composes messages does not answer") from None
        self.fresh = False
        self._take_begun()
        return made

    def _answer(self) -> list[Any]:
        """Wait for the next answer as long as it goes on to another message now and then."""
        while True:
            try:
                answer: list[Any] = self._frames.read()
            except TimeoutError:
                if not self._take_begun():
                    raise
            else:
                return answer

    def _take_begun(self) -> int:
        """Return how many messages were begun since the last call."""
        try:
            taken = len(os.read(self._begun, 1 << 16))
        except BlockingIOError:
            taken = 0
        self._count += taken
        return taken

    def _autopsy(self, made: list[Any]) -> Exception:
        """Return why it ended."""
        assert self._process.stderr is not None
        said = self._process.stderr.read(_MOST_SAID).decode("utf-8", "replace")
        code = self._process.wait()
        self._take_begun()
        if not self._count:
            last = said.strip().rpartition("\n")[2].partition(":")[0]
            return ComposingStopped(
                f"the process that composes messages ended before the first one ({_ending(code, self._limits)[0]}"
                + (f": {last})" if last.isidentifier() else ")")
            )
        why, certain = _ending(code, self._limits)
        places = tuple((path, int(line)) for path, line in _FRAME.findall(said))
        return Ended(self._count - 1, made, why, places, certain=certain)

    def kill(self) -> None:
        """End it while another thread waits for it; that thread still has to call ``end``."""
        self._process.kill()

    def end(self) -> None:
        """End it, whatever it does, and free what it took."""
        self._process.kill()
        self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()
        self._socket.close()
        os.close(self._begun)


def _ending(code: int, limits: Limits) -> tuple[str, bool]:
    """Return what an exit code means, and whether only the message can be to blame, not what came before it."""
    if code == -signal.SIGPROF:
        return f"takes more than {limits.seconds:g} s of computing time", True
    if code == OUT_OF_MEMORY:
        return f"needs more than {limits.octets >> 20} MB of memory", False
    if code < 0:
        return f"crashes the process that composes it ({signal.Signals(-code).name})", False
    return f"ends the process that composes it (exit code {code})", False


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    return {name: ours[name] for name in _INHERITED if name in ours}
