"""``/receipts/{adapter}``: providers tell what became of messages, most of them by POST, some gateways by GET."""

import asyncio
from collections.abc import Callable
from functools import partial

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from adapters.base import CallbackError, NotAuthentic
from adapters.kinds import ReceiptReply, find_kind
from engine.actions.receipts import Received
from engine.errors import HabitueError, NoReceipts
from engine.web.body import read_body
from engine.web.site import Site

_log = structlog.get_logger("habitue.web")


def routes(site: Site) -> tuple[Route, ...]:
    """Return the routes of this family."""

    async def receipts(request: Request) -> Response:
        if request.method == "HEAD":  # which comes with GET; whoever only looks changes nothing
            return Response(status_code=405, headers={"Allow": "GET, POST"})
        return await _receive(site, request)

    return (Route("/receipts/{adapter}", receipts, methods=["GET", "POST"], name="receipts"),)


async def _receive(site: Site, request: Request) -> Response:
    """Store the receipts of one call. The answer says whether the provider should repeat it."""
    adapter = str(request.path_params["adapter"])
    body = await read_body(request)
    receive = partial(site.app.receive, adapter, dict(request.headers), body, called_url(site, request))
    try:
        await _stored(site, receive)
    except NoReceipts as error:
        return PlainTextResponse(str(error), 404)
    except NotAuthentic as error:
        _log.warning("receipts_refused", adapter=adapter, why=str(error))
        return PlainTextResponse(str(error), 403)
    except CallbackError as error:
        _log.warning("receipts_refused", adapter=adapter, why=str(error))
        return PlainTextResponse(str(error), 400)
    except HabitueError as error:
        # The store or the settings are at fault, and somebody mends them: until then the provider keeps its receipts.
        _log.error("receipts_not_stored", adapter=adapter, why=str(error))
        return PlainTextResponse("not stored: try again later", 503)
    return _reply(find_kind(adapter, site.app.kinds.adapters).receipt_reply)


async def _stored(site: Site, receive: Callable[[], Received]) -> None:
    """Store receipts. Of a quick provider, some come before its own answer is recorded: they are stored a moment later."""
    received = await site.store.run(receive)
    if received.unmatched and await site.store.run(site.app.in_flight):
        await asyncio.sleep(site.moment)
        await site.store.run(receive)


def called_url(site: Site, request: Request) -> str:
    """Return the URL that the caller used, by the public address in the settings: signatures are over it."""
    path, query = request.scope["raw_path"].decode("ascii"), request.scope["query_string"].decode("ascii")
    return f"{site.public_url}{path}?{query}" if query else f"{site.public_url}{path}"


def _reply(expected: ReceiptReply | None) -> Response:
    if expected is None:
        return Response()
    return Response(expected.body, media_type=expected.content_type)
