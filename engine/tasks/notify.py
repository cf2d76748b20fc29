"""Telling owners of their tasks, by the adapters that are configured for mail and webhooks.

Notices are sent at least once, and tried again until the task is closed. They are about customers, not for them, so no
gate is asked; but what is paused does not leave.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from adapters.base import Adapter, Answer, EmailPayload, Message, Outcome, WebhookPayload
from engine.brand_values import own_address
from engine.clock import MINUTE, SECOND, Instant
from engine.delivery.outcomes import retry_wait
from engine.faults import trail
from engine.settings import Brand
from engine.store.database import Database
from engine.store.paused import read_paused
from engine.task_settings import BY_WEBHOOK, TaskSettings
from engine.tasks.changes import any_to_escalate, escalate
from engine.tasks.mail import event_of, mail_of
from engine.tasks.notices import LEASE, DueNotice, NoticeResult, any_due, claim, record

AT_A_TIME = 50
"""How many notices are claimed, and tasks escalated, in one transaction."""
FIRST_WAIT = MINUTE
"""How long to wait after the first failure, in milliseconds; doubled after each, up to six hours."""

_log = structlog.get_logger("habitue.tasks")


@dataclass(frozen=True, slots=True)
class Telling:
    """What notices are sent with. ``adapters`` makes those that are configured, by channel; they are opened when needed.

    ``link`` returns where the owner who is told can act on the task; empty if there is no such page.
    """

    database: Database
    settings: TaskSettings
    brand: Brand
    adapters: Callable[[], Mapping[str, Adapter]]
    link: Callable[[DueNotice], str] = lambda _: ""


@dataclass(frozen=True, slots=True)
class OwnersTold:
    """How many tasks have become overdue, and how many notices were sent, or failed for now."""

    overdue: int = 0
    sent: int = 0
    failed: int = 0

    def __add__(self, other: "OwnersTold") -> "OwnersTold":
        return OwnersTold(self.overdue + other.overdue, self.sent + other.sent, self.failed + other.failed)

    def __bool__(self) -> bool:
        return bool(self.overdue or self.sent or self.failed)


def tell_owners(telling: Telling, now: Instant) -> OwnersTold:
    """Escalate what is overdue, and send the notices that are due; return what was done. Not inside an event loop.

    Raises:
        StoreError: the database cannot be used.
        HabitueError: an adapter's options are invalid.
    """
    done = OwnersTold(overdue=_escalate(telling, now))
    if _nothing(telling.database, now):
        return done
    adapters = telling.adapters()
    while notices := telling.database.in_transaction(partial(claim, now=now, limit=AT_A_TIME)):
        results = asyncio.run(_send_all(telling, adapters, notices, now))
        telling.database.in_transaction(partial(record, results=results, now=now))
        sent = sum(1 for one in results if not one.problem)
        done += OwnersTold(sent=sent, failed=len(results) - sent)
    return done


def _escalate(telling: Telling, now: Instant) -> int:
    total, database = 0, telling.database
    with database.read() as connection:
        waiting = any_to_escalate(connection, now)
    while waiting:
        more = database.in_transaction(partial(escalate, settings=telling.settings, now=now, limit=AT_A_TIME))
        total, waiting = total + more, more == AT_A_TIME
    return total


def _nothing(database: Database, now: Instant) -> bool:
    with database.read() as connection:
        return not any_due(connection, now)


async def _send_all(
    telling: Telling, adapters: Mapping[str, Adapter], notices: Sequence[DueNotice], now: Instant
) -> list[NoticeResult]:
    with telling.database.read() as connection:
        paused = read_paused(connection)
    stopped = {name for name, one in adapters.items() if paused.stops_channel(name, one.name)}
    async with AsyncExitStack() as opened:
        ready: dict[str, Adapter] = {}
        for channel in sorted({_channel(telling, notice) for notice in notices} & adapters.keys() - stopped):
            ready[channel] = await opened.enter_async_context(adapters[channel])
        return list(await asyncio.gather(*(_send(telling, ready, stopped, one, now) for one in notices)))


def _channel(telling: Telling, notice: DueNotice) -> str:
    return "webhook" if telling.settings.people.get(notice.owner) == BY_WEBHOOK else "email"


async def _send(
    telling: Telling, ready: Mapping[str, Adapter], stopped: set[str], notice: DueNotice, now: Instant
) -> NoticeResult:
    channel, address = _channel(telling, notice), telling.settings.people.get(notice.owner)
    again_at = Instant(now + retry_wait(notice.id, notice.tries, FIRST_WAIT))
    if channel in stopped:
        return NoticeResult(notice.id, problem="paused", again_at=Instant(now + FIRST_WAIT))
    if address is None or channel not in ready:
        problem = "no_address" if address is None else "no_adapter"
        return NoticeResult(notice.id, problem=problem, again_at=again_at)
    answer = await _ask(ready[channel], _message(telling, notice, address, now))
    if answer.outcome is Outcome.ACCEPTED:
        return NoticeResult(notice.id, ready[channel].name, answer.reference or None)
    return NoticeResult(notice.id, ready[channel].name, None, answer.reason or answer.outcome.value, again_at)


async def _ask(adapter: Adapter, message: Message) -> Answer:
    """Hand ``message`` over; a bug in the adapter, or an answer that takes too long, is a failure like others."""
    try:
        async with asyncio.timeout(LEASE / SECOND / 2):
            return await adapter.send(message)
    except TimeoutError:
        return Answer(Outcome.UNKNOWN, "no_answer")
    except Exception as error:  # noqa: BLE001 - other notices go on
        _log.error("adapter_error", adapter=adapter.name, error=trail(error))
        return Answer(Outcome.UNKNOWN, "adapter_error")


def _message(telling: Telling, notice: DueNotice, address: str, now: Instant) -> Message:
    link, sender = telling.link(notice), own_address(telling.brand.sender).address
    payload: Any
    if address == BY_WEBHOOK:
        payload, recipient = WebhookPayload(*event_of(notice, link)), notice.user
    else:
        payload, recipient = EmailPayload(mail_of(notice, address, telling.brand, link, now)), address
    return Message(notice.key, sender, recipient, payload, now)
