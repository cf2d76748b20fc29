"""``habitue run``: the worker."""

from enum import StrEnum
from typing import Annotated

import structlog
import typer

from engine.app import App
from engine.cli.context import open_app
from engine.clock import SteadyClock
from engine.errors import InputError
from engine.logs import set_up_logs
from engine.worker.scheduler import Companion, WorkerParts, run_worker

_log = structlog.get_logger("habitue.worker")


class Only(StrEnum):
    """The parts of a worker that can run on their own."""

    TICKS = "ticks"
    DELIVERY = "delivery"
    WEB = "web"


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command(epilog="Example: habitue run --only delivery")(run)


def run(
    context: typer.Context,
    only: Annotated[Only | None, typer.Option(help="Run only this part of the worker.")] = None,
) -> None:
    """Run the worker until stopped (SIGTERM, Ctrl-C): ticks, calibration, retention, delivery, and the web door if `web.listen` is set."""
    with open_app(context, clock=SteadyClock()) as app:
        set_up_logs(app.settings.log)
        for sentence in app.settings.outdated():
            _log.warning("outdated_setting", setting=sentence)
        parts = WorkerParts(ticks=only in (None, Only.TICKS), delivery=only in (None, Only.DELIVERY))
        run_worker(app, parts, [*_web(app, only)])


def _web(app: App, only: Only | None) -> list[Companion]:
    """Return the web door if this process has it.

    Raises:
        InputError: it is asked for, and the settings have none.
    """
    if only in (Only.TICKS, Only.DELIVERY):
        return []
    if not app.settings.web.listen:
        if only is Only.WEB:
            raise InputError('there is no web door: write `[web] listen = "127.0.0.1:8080"` into config.toml')
        return []
    from engine.web.server import WebServer
    from engine.web.site import Site

    return [WebServer(Site.of(app), app.settings.web)]
