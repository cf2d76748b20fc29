"""``habitue run``: the worker."""

from enum import StrEnum
from typing import Annotated

import structlog
import typer

from engine.cli.context import open_app
from engine.clock import SteadyClock
from engine.logs import set_up_logs
from engine.worker.scheduler import WorkerParts, run_worker

_log = structlog.get_logger("habitue.worker")


class Only(StrEnum):
    """The parts of a worker that can run on their own."""

    TICKS = "ticks"
    DELIVERY = "delivery"


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command(epilog="Example: habitue run --only delivery")(run)


def run(
    context: typer.Context,
    only: Annotated[Only | None, typer.Option(help="Run only this part of the worker.")] = None,
) -> None:
    """Run the worker until stopped (SIGTERM, Ctrl-C): ticks, calibration, retention and delivery."""
    with open_app(context, clock=SteadyClock()) as app:
        set_up_logs(app.settings.log)
        for sentence in app.settings.outdated():
            _log.warning("outdated_setting", setting=sentence)
        run_worker(app, WorkerParts(ticks=only is not Only.DELIVERY, delivery=only is not Only.TICKS))
