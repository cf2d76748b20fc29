"""A mail server of its own process that takes everything, and notes each message before it says so.

It knows nothing of the program under test. Run as ``python -m tests.faults.sink LOG``: prints its port, appends a line
``Message-ID<tab>recipient`` to LOG for each message whose end it has seen, then answers 250.
"""

import asyncio
import os
import re
import sys

_MESSAGE_ID = re.compile(rb"^Message-ID:[ \t]*(<[^>\r\n]+>)", re.MULTILINE | re.IGNORECASE)


class Sink:
    """One log for all connections; each line is one write, so a reader sees whole lines."""

    def __init__(self, path: str) -> None:
        self.log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self.converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the worker was killed: that is what this sink is for
        finally:
            writer.close()

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink.example.com\r\n")
        recipient = b""
        while line := await reader.readline():
            verb = line[:4].upper().strip()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                await writer.drain()
                self.note(await reader.readuntil(b"\r\n.\r\n"), recipient)
            elif verb == b"RCPT":
                recipient = line.split(b"<", 1)[1].split(b">", 1)[0]
            writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            await writer.drain()
            if verb == b"QUIT":
                return

    def note(self, message: bytes, recipient: bytes) -> None:
        found = _MESSAGE_ID.search(message.split(b"\r\n\r\n", 1)[0])
        os.write(self.log, (found[1] if found else b"none") + b"\t" + recipient + b"\n")


async def main(path: str) -> None:
    server = await asyncio.start_server(Sink(path).serve, "127.0.0.1", 0, limit=1 << 22)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
