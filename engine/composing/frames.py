"""Frames between a process that composes and its parent: a length, then that many octets."""

import pickle
import socket
import struct
from typing import Any

_LENGTH = struct.Struct(">Q")


AT_ONCE = 16
"""How many messages are in one answer: all of them together could exceed the limit of memory."""
OUT_OF_MEMORY = 70
"""The exit code of a process that needed more memory than it may have."""


def frame(packed: bytes) -> bytes:
    """Return the frame of an object that is already pickled."""
    return _LENGTH.pack(len(packed)) + packed


def framed(value: object) -> bytes:
    """Return the frame of ``value``."""
    return frame(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))


class FrameReader:
    """Reads frames from a socket, and keeps what a time-out has cut short."""

    def __init__(self, source: socket.socket) -> None:
        self._source = source
        self._buffer = bytearray()

    def read(self) -> Any:  # noqa: ANN401 - what the other side sent
        """Return the next object.

        Raises:
            EOFError: the other side has closed the socket.
            TimeoutError: nothing came; call it again to go on waiting.
        """
        self._fill(_LENGTH.size)
        (length,) = _LENGTH.unpack_from(self._buffer)
        self._fill(end := _LENGTH.size + length)
        value = pickle.loads(memoryview(self._buffer)[_LENGTH.size : end])  # noqa: S301 - between our own processes
        self._buffer.clear()
        return value

    def _fill(self, size: int) -> None:
        while (missing := size - len(self._buffer)) > 0:
            octets = self._source.recv(min(missing, 1 << 20))
            if not octets:
                raise EOFError
            self._buffer += octets
