"""The application: all routes, and what happens to a request that none of them has an answer for."""

from collections.abc import Awaitable, Callable, Sequence

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from engine.faults import trail
from engine.web import health, receipts, tasks
from engine.web.body import BodyRefused
from engine.web.site import Site
from engine.web.store_threads import Overloaded

Family = Callable[[Site], Sequence[Route]]
Endpoint = Callable[[Request], Awaitable[Response]]

FAMILIES: tuple[Family, ...] = (receipts.routes, tasks.routes, health.routes)
RETRY_AFTER = "30"
"""Seconds, for callers who come while too many do."""

_log = structlog.get_logger("habitue.web")


def application(site: Site, families: Sequence[Family] = FAMILIES) -> Starlette:
    """Return the application with all routes of ``families``."""
    routes = [
        Route(
            route.path, _guarded(site, route.name, route.endpoint), methods=sorted(route.methods or ()), name=route.name
        )
        for family in families
        for route in family(site)
    ]
    return Starlette(routes=routes)


def _guarded(site: Site, name: str, endpoint: Endpoint) -> Endpoint:
    """Return ``endpoint``, with an answer for everything that it raises: a bug becomes an alarm, and ends one request."""

    async def guarded(request: Request) -> Response:
        try:
            response = await endpoint(request)
        except BodyRefused as error:
            return PlainTextResponse(str(error), error.status)
        except Overloaded:
            _log.warning("web_overloaded", route=name)
            return PlainTextResponse("too many requests at once: try again later", 503, {"Retry-After": RETRY_AFTER})
        except Exception as error:  # noqa: BLE001 - one request must not end the others; the text may be personal
            site.faults[name] = trail(error)
            _log.error("code_at_fault", route=name, error=site.faults[name])
            return PlainTextResponse("this is a bug: it is in the log", 500)
        site.faults.pop(name, None)
        return response

    return guarded
