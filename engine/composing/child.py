"""The process that composes: reads jobs from a socket until it is closed, and answers each.

The limits are kept by the operating system, not by Python, because a single operation (a power, a comparison) can run
for ever without giving Python the chance to notice. A timer of computing time ends the process; so do a lack of memory
and a crash. Before that it writes to standard error where it was. Another pipe gets one octet when a message is begun,
so that the parent knows at which message it ended.
"""

import faulthandler
import os
import resource
import signal
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Any

from engine.composing.composer import Composer, attempt
from engine.composing.draft import Draft, Recipe
from engine.composing.frames import AT_ONCE, OUT_OF_MEMORY, FrameReader, framed
from engine.composing.jobs import Job, Limits, Work


def main(requests: int, begun: int) -> None:
    """Serve the socket ``requests`` (a file descriptor); note on the pipe ``begun`` when a message is begun."""
    with socket.socket(fileno=requests) as parent:
        frames = FrameReader(parent)
        limits: Limits = frames.read()
        _limit(limits)
        try:
            _serve(parent, frames, limits.seconds, begun)
        except (EOFError, ConnectionError):  # the parent is gone, or needs no more
            return
        except MemoryError as error:
            try:
                _tell_where(error.__traceback__)
            finally:
                os._exit(OUT_OF_MEMORY)


def _tell_where(trace: TracebackType | None) -> None:
    """Write where the memory ran out, in the form in which the interpreter tells where a signal has ended it."""
    places = []
    while trace is not None:
        places.append(f'  File "{trace.tb_frame.f_code.co_filename}", line {trace.tb_lineno} in ?\n')
        trace = trace.tb_next
    os.write(2, "".join(reversed(places)).encode())


def _limit(limits: Limits) -> None:
    """Set the limits of this process, and have it write where it was when it exceeds them."""
    for number in (signal.SIGTERM, signal.SIGINT):  # systemd tells the whole group; the parent finishes, then ends this
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would contain customers' data
    resource.setrlimit(resource.RLIMIT_AS, (limits.octets, limits.octets))
    faulthandler.enable()
    faulthandler.register(signal.SIGPROF, chain=True)


def _serve(parent: socket.socket, frames: FrameReader, seconds: float, begun: int) -> None:
    composer: Composer | None = None
    while True:
        match frames.read():
            case Recipe() as recipe:
                recipe.read_all()  # before the first message, whose time is limited
                composer = Composer(recipe)
            case Job(work, drafts):
                assert composer is not None
                make: Callable[[Draft], Any] = composer.compose if work is Work.COMPOSE else composer.preview
                for start in range(0, len(drafts), AT_ONCE):
                    made = []
                    for draft in drafts[start : start + AT_ONCE]:
                        os.write(begun, b".")
                        signal.setitimer(signal.ITIMER_PROF, seconds)
                        made.append(attempt(make, draft))
                    signal.setitimer(signal.ITIMER_PROF, 0)
                    parent.sendall(framed(made))
