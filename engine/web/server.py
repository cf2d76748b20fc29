"""Serving the web door beside a worker: in a thread with an event loop of its own, so that neither holds up the other."""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
import uvicorn

from engine.errors import HabitueError
from engine.explain.notices import Notice, NoticeKind
from engine.faults import trail
from engine.service_settings import WebSettings
from engine.web.application import application
from engine.web.site import Site

CONNECTIONS = 200
"""How many callers may be connected at once; others get 503."""
IDLE = 15
"""Seconds until a connection without a request is closed."""
LAST_ANSWERS = 10
"""Seconds that requests have for their answer when the worker stops."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds until it is tried again after a failure; doubled after each."""

_log = structlog.get_logger("habitue.web")


class PortTaken(HabitueError):
    """The web door cannot listen where ``web.listen`` says."""


class WebServer:
    """The web door of a worker. Whatever happens to it, the worker goes on."""

    def __init__(self, site: Site, listen: WebSettings) -> None:
        self._site = site
        self._listen = listen
        self._failure = ""

    def notices(self) -> Sequence[Notice]:
        """Return what an admin should know: that it cannot listen, and bugs."""
        faults = dict(self._site.faults)
        bugs = {
            f"requests to `{route}`": f"requests to `{route}` fail because of a bug: {said}"
            for route, said in faults.items()
        }
        closed = {"the web door": self._failure} if self._failure else {}
        return [Notice(NoticeKind.WEB, said, about) for about, said in {**closed, **bugs}.items()]

    async def run(self, stop: asyncio.Event) -> None:
        """Answer requests until told to stop; begin again after a failure."""
        pause = FIRST_PAUSE
        try:
            while not stop.is_set():
                try:
                    await self._serve(stop)
                    pause = FIRST_PAUSE
                except Exception as error:  # noqa: BLE001 - the worker goes on without it
                    self._failure = (
                        str(error) if isinstance(error, HabitueError) else f"the web door failed: {trail(error)}"
                    )
                    _log.error("web_closed", why=self._failure, next_try=pause)
                    await _wait(stop, pause)
                    pause = min(pause * 2, LONGEST_PAUSE)
        finally:
            await asyncio.to_thread(self._site.store.close)

    async def _serve(self, stop: asyncio.Event) -> None:
        """Answer requests until told to stop.

        Raises:
            PortTaken: it cannot listen.
        """
        with listening(self._listen.host, self._listen.port) as door, ThreadPoolExecutor(1, "web") as thread:
            server = uvicorn.Server(_config(self._site))
            serving = asyncio.get_running_loop().run_in_executor(thread, server.run, [door])
            self._failure = ""
            _log.info("web_open", listen=self._listen.listen)
            stopping = asyncio.create_task(stop.wait())
            ends: set[asyncio.Future[Any]] = {serving, stopping}
            try:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopping.cancel()
                server.should_exit = True
            await serving
        if not stop.is_set():
            raise RuntimeError("the web server ended")


def _config(site: Site) -> uvicorn.Config:
    return uvicorn.Config(
        application(site),
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=LAST_ANSWERS,
    )


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens there.

    Raises:
        PortTaken: that is not possible; the error says why.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind((host, port))
        door.listen()
    except OSError as error:
        door.close()
        raise PortTaken(
            f"the web door cannot listen at {host}:{port}: {error.strerror or error}: change `web.listen`"
        ) from error
    return door


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
