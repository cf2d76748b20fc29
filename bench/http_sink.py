"""A provider's HTTP API that accepts everything, 20 ms after it was asked. ``python -m bench.http_sink PORT [MANNER]``.

``MANNER`` is ``answers``, or ``refuses`` (503, after as long), or ``silent``. It reads no more of a request than where it ends, so that it takes little of the machine.
"""

import asyncio
import json
import sys
from itertools import count

ANSWERS_AFTER = 0.020
"""Seconds."""
_NUMBERS = count(1)


MANNERS = ("answers", "refuses", "silent")


class _Provider(asyncio.Protocol):
    def __init__(self, manner: str) -> None:
        self._status = {"answers": "200 OK", "refuses": "503 Service Unavailable"}.get(manner)
        self._rest = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while (end := self._rest.find(b"\r\n\r\n")) >= 0:
            head = self._rest[:end].lower()
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0]) if b"content-length:" in head else 0
            if len(self._rest) < end + 4 + length:
                return
            self._rest = self._rest[end + 4 + length :]
            if self._status is not None:
                asyncio.get_running_loop().call_later(ANSWERS_AFTER, self._answer, self._status)

    def _answer(self, status: str) -> None:
        number = next(_NUMBERS)
        # What Twilio and FCM say of a message that they took, and what a token for FCM comes in.
        said = {"sid": f"SM{number:032x}", "status": "queued", "name": f"projects/bench/messages/{number}"}
        body = json.dumps({**said, "access_token": "token", "expires_in": 3600, "token_type": "Bearer"})
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        assert self._transport is not None
        if not self._transport.is_closing():
            self._transport.write(f"{head}{body}".encode())


async def main(port: int, manner: str) -> None:
    """Serve until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Provider(manner), "127.0.0.1", port, backlog=200)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "answers"))
