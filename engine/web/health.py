"""``GET /healthz``: for load balancers and monitors."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from engine.errors import HabitueError
from engine.web.site import Site


def routes(site: Site) -> tuple[Route, ...]:
    """Return the routes of this family."""

    async def healthz(_: Request) -> Response:
        try:
            await site.store.run(site.app.last_tick)
        except HabitueError:
            return PlainTextResponse("the store cannot be used", 503)
        return PlainTextResponse("ok")

    return (Route("/healthz", healthz, methods=["GET"], name="healthz"),)
