"""The web door of an app in this process, on a port of loopback, with a client that calls it."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import httpx2

from engine.web.server import WebServer
from engine.web.site import Site
from engine.web.store_threads import StoreThreads
from tests.world import World

PUBLIC = "https://hooks.example.com/in"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass(frozen=True)
class Door:
    """A running web door."""

    server: WebServer
    client: httpx2.Client
    stop: Callable[[], None]
    """Tells the server to end, as a worker does."""

    def post(self, path: str, body: bytes, **headers: str) -> httpx2.Response:
        return self.client.post(
            path, content=body, headers={name.replace("_", "-"): one for name, one in headers.items()}
        )


@contextmanager
def door(world: World, moment: float = 0, store: StoreThreads | None = None) -> Iterator[Door]:
    """Serve the app of ``world`` until the end; its answers are those of ``habitue run``, whose ``moment`` is longer."""
    port = free_port()
    world.configure(web={"listen": f"127.0.0.1:{port}", "public_url": PUBLIC})
    server = WebServer(
        replace(Site.of(world.app), moment=moment, store=store or StoreThreads()), world.app.settings.web
    )
    with (
        serving(server) as stop,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client,
    ):
        yield Door(server, client, stop)


@contextmanager
def serving(server: WebServer) -> Iterator[Callable[[], None]]:
    """Run ``server`` in a thread, as a worker runs it in its loop; yield what stops it."""
    loop, begun = asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()

    async def work() -> None:
        task = asyncio.create_task(server.run(stop))
        await asyncio.sleep(0)  # it listens, or has failed to
        begun.set()
        await task

    def tell() -> None:
        if not loop.is_closed() and thread.is_alive():
            loop.call_soon_threadsafe(stop.set)

    thread = threading.Thread(target=loop.run_until_complete, args=[work()])
    thread.start()
    try:
        assert begun.wait(60)
        yield tell
    finally:
        tell()
        thread.join(60)
        assert not thread.is_alive()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
