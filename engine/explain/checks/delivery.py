"""What has stopped in delivery: an adapter, a template, a channel, or all of it."""

from collections.abc import Iterator

from sqlalchemy import text

from engine.content.values import span
from engine.delivery.reasons import DeliveryReason
from engine.explain.checks.base import CheckFinding, Installation, several
from engine.explain.health import COUNTED
from engine.explain.notices import NoticeKind
from engine.store.paused import read_paused

# The condition of the partial index `action_stopped`.
_STOPPED = "state = 'queued' AND reason IN ('adapter_down', 'code_at_fault')"
_WAITING = text(
    "SELECT q.channel, q.reason, count(*) FROM"
    f" (SELECT channel, reason FROM action WHERE {_STOPPED} LIMIT :limit) AS q GROUP BY q.channel, q.reason ORDER BY 1, 2"
)
_NEWEST_CHANGE = text("SELECT at FROM action_event ORDER BY at DESC LIMIT 1")


def adapter_paused(seen: Installation) -> Iterator[CheckFinding]:
    """A worker has paused an adapter; or no worker runs, and messages went back to the queue because of one."""
    yield from _noticed_or_stopped(
        seen,
        NoticeKind.ADAPTER,
        DeliveryReason.ADAPTER_DOWN,
        "the adapter was down",
        "check `[adapters]` in config.toml and the provider; the next delivery tries again",
    )


def code_stopped(seen: Installation) -> Iterator[CheckFinding]:
    """A template or a channel has stopped because of a bug."""
    yield from _noticed_or_stopped(
        seen,
        NoticeKind.CODE,
        DeliveryReason.CODE_AT_FAULT,
        "of a bug in the program or a template",
        "`habitue log --reason code_at_fault` says where",
    )


def _noticed_or_stopped(
    seen: Installation, kind: NoticeKind, reason: DeliveryReason, because: str, remedy: str
) -> Iterator[CheckFinding]:
    """Report what workers have noticed; if none has, what the queue shows."""
    noticed = list(_noticed(seen, kind))
    yield from noticed
    for channel, count in () if noticed else _stopped(seen, reason):
        said = f"{several(count, 'message')} went back to the queue because {because}"
        yield CheckFinding(f"channel {channel}", said, remedy)


def not_delivering(seen: Installation) -> Iterator[CheckFinding]:
    """Messages are due, workers run, nobody has paused anything, and nothing happens to any message."""
    late = seen.store.lag.actions
    if late is None or late <= seen.patience or not seen.alive:
        return
    if any(_noticed(seen, NoticeKind.ADAPTER)) or any(_noticed(seen, NoticeKind.CODE)):
        return
    if read_paused(seen.connection):
        return
    newest = seen.connection.execute(_NEWEST_CHANGE).scalar()
    if newest is None or newest < seen.now - seen.patience:
        yield CheckFinding(
            "delivery",
            f"workers are running, but none of them delivers: messages have been due for {span(late)}",
            "start one that does: `habitue run`, without `--only ticks`",
        )


_REMEDIES = {
    NoticeKind.ADAPTER: "check `[adapters]` in config.toml and the provider; messages wait and none is lost",
    NoticeKind.CODE: "mend the file that it names, or report the bug; messages wait and none is lost",
}


def _noticed(seen: Installation, kind: NoticeKind) -> Iterator[CheckFinding]:
    for worker in seen.alive:
        for notice in worker.notices:
            if notice.kind is kind:
                yield CheckFinding(f"worker {worker.name}", notice.message, _REMEDIES[kind], notice.about)


def _stopped(seen: Installation, why: DeliveryReason) -> Iterator[tuple[str, int]]:
    for channel, reason, count in seen.connection.execute(_WAITING, {"limit": COUNTED}):
        if reason == why:
            yield channel or "-", int(count)
