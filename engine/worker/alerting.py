"""Telling staff what needs a person: each worker looks once a minute, and one of them tells."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from engine.alerts.in_time import OutOfTime, SendingFailed, in_time
from engine.alerts.memory import AlertMemory, Claimed
from engine.alerts.targets import Target
from engine.alerts.texts import alert_text
from engine.app import App
from engine.errors import HabitueError
from engine.explain.health_models import Attention
from engine.faults import trail
from engine.loading import Content
from engine.status.files import StatusFiles
from engine.status.reading import status_of
from engine.store.secrets import InstallationSecret
from engine.worker.turns import every

LOOK = 60
"""Seconds between two looks at what needs a person."""
PATIENCE = 30.0
"""Seconds that a service has to take an alert; less than the time until the next try."""

_log = structlog.get_logger("habitue.alerts")


class Alerting:
    """Tells the services in ``alerts.urls`` what is new and what is over. Its own errors are logged, and end nothing."""

    def __init__(
        self, app: App, targets: Sequence[Target], content: Callable[[], Content | None], patience: float = PATIENCE
    ) -> None:
        """``content`` returns what the worker runs; ``patience`` is in seconds."""
        self._app = app
        self._targets = targets
        self._content = content
        self._patience = patience
        settings = app.settings.alerts
        self._wanted = frozenset(settings.when)
        self._memory = AlertMemory(app.database.dialect, settings.after, settings.again)
        self._secret = InstallationSecret(app.database, "alerts", app.clock)

    async def run(self, stop: asyncio.Event) -> None:
        """Look and tell until told to stop."""
        await every(LOOK, partial(self._guarded, stop), stop)

    async def _guarded(self, stop: asyncio.Event) -> None:
        try:
            await self.look(stop)
        except HabitueError as error:
            _log.error("alerts_not_looked", why=str(error))
        except Exception as error:  # noqa: BLE001 - the next look tries again; the text may be personal
            _log.error("alerts_not_looked", error=trail(error))

    async def look(self, stop: asyncio.Event) -> None:
        """Look once, and tell what is due.

        Raises:
            HabitueError: the store cannot be used, so nobody was told, and it will be tried again.
        """
        by_key, due = await asyncio.to_thread(self._due)
        await asyncio.gather(*(self._tell(by_key[claimed.target], claimed, stop) for claimed in due))

    def _due(self) -> tuple[dict[str, Target], list[Claimed]]:
        """Note what needs a person, and claim what has to be told."""
        secret = self._secret.value()
        by_key = {target.key(secret): target for target in self._targets}
        content = self._content()
        files = StatusFiles(content, content.version if content else None)
        found = [one for one in status_of(self._app, files, by_hand=False).attention if self._is_wanted(one)]
        now = self._app.clock.now()
        work = partial(self._memory.note, targets=list(by_key), found=found, now=now)
        return by_key, self._app.database.in_transaction(work)

    def _is_wanted(self, one: Attention) -> bool:
        return not self._wanted or one.check in self._wanted

    async def _tell(self, target: Target, claimed: Claimed, stop: asyncio.Event) -> None:
        if claimed.news and not await self._sent(target, claimed, stop):
            return
        record = partial(self._memory.told, claimed=claimed, now=self._app.clock.now())
        await asyncio.to_thread(self._app.database.in_transaction, record)

    async def _sent(self, target: Target, claimed: Claimed, stop: asyncio.Event) -> bool:
        """Send what was claimed; log how it ended, without the URL."""
        said = alert_text(self._app.settings.brand.name, claimed.news)
        try:
            sent = await in_time(partial(target.send, said), self._patience, stop)
        except OutOfTime:
            _log.warning("alert_not_sent", to=target.name, why="the service has not answered in time")
            return False
        except SendingFailed as error:
            _log.warning("alert_not_sent", to=target.name, error=str(error))
            return False
        if sent:
            _log.info("alert_sent", to=target.name, **_counts(claimed))
        else:
            _log.warning(
                "alert_not_sent", to=target.name, why="the service did not take it; `habitue alerts test` tries it"
            )
        return sent


def _counts(claimed: Claimed) -> dict[str, int]:
    return {"new": len(claimed.news.new), "still": len(claimed.news.still), "over": len(claimed.news.over)}
