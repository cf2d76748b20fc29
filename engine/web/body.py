"""Reading a request's body, within limits of size and time."""

import asyncio

from starlette.requests import ClientDisconnect, Request

LARGEST = 1_000_000
"""Octets. Providers that report in batches stay far below."""
SLOWEST = 10.0
"""Seconds that a caller may take to send its body."""


class BodyRefused(Exception):
    """The body is too large, too slow or incomplete; ``status`` is the answer."""

    def __init__(self, status: int, why: str) -> None:
        self.status = status
        super().__init__(why)


async def read_body(request: Request, largest: int = LARGEST, slowest: float = SLOWEST) -> bytes:
    """Return the body of ``request``.

    Raises:
        BodyRefused: it is larger than ``largest`` octets, takes longer than ``slowest`` seconds, or does not end.
    """
    if int(request.headers.get("content-length", "0")) > largest:  # the server has checked that it is a number
        raise BodyRefused(413, f"the body may have {largest:,} bytes at most")
    read = bytearray()
    try:
        async with asyncio.timeout(slowest):
            async for part in request.stream():
                read += part
                if len(read) > largest:
                    raise BodyRefused(413, f"the body may have {largest:,} bytes at most")
    except TimeoutError:
        raise BodyRefused(408, f"the body took longer than {slowest:g} seconds") from None
    except ClientDisconnect:
        raise BodyRefused(400, "the body is incomplete") from None
    return bytes(read)
