"""Reading the status of an installation: what the store, the files, the workers and the settings say."""

from sqlalchemy import Connection

from engine.app import App
from engine.clock import WallClock
from engine.control.sandbox import is_sandbox
from engine.explain.checks import attention
from engine.explain.checks.base import Installation
from engine.explain.health import read_disk, read_pools, read_store
from engine.explain.health_models import Status
from engine.explain.pauses import read_pauses
from engine.status.files import StatusFiles, applied_files, current_files, notes_on_files
from engine.store.state_table import drift

SANDBOX_NOTE = "this store is a sandbox: `habitue tick --at` may move its clock ahead of the real time"


def read_status(app: App) -> Status:
    """Return the status of the installation of ``app``.

    Raises:
        StoreError: the database cannot be used, or has no tables yet.
    """
    by_hand = app.settings.content.apply == "manual"
    return status_of(app, applied_files(app) if by_hand else current_files(app), by_hand=by_hand)


def status_of(app: App, files: StatusFiles, *, by_hand: bool) -> Status:
    """Return the status of an installation whose files have been read already; ``by_hand`` as in ``show_status``.

    Raises:
        StoreError: as in ``read_status``.
    """
    with app.database.read() as connection:
        seen = _seen(app, connection, files, by_hand=by_hand)
        needed = (*files.attention, *attention(seen))
        sandbox = is_sandbox(connection)
    notes = (*files.notes, SANDBOX_NOTE) if sandbox else files.notes
    if by_hand and files.version is not None:
        notes = (*notes, *notes_on_files(seen.store.content_version, files.version, files.findings))
    errors = sum(finding.severity == "error" for finding in files.findings)
    return Status(seen.store, files.version, errors, tuple(seen.pools), seen.disk, needed, notes, tuple(seen.pauses))


def _seen(app: App, connection: Connection, files: StatusFiles, *, by_hand: bool) -> Installation:
    now, wall = app.clock.now(), WallClock().now()
    coupons = files.content.playbooks.coupons.items() if files.content else ()
    columns = files.content.columns() if files.content else None
    return Installation(
        connection=connection,
        now=now,
        wall=wall,
        store=read_store(connection, app.kinds.reasons, now, wall),
        pools=read_pools(connection, [name for name, coupon in coupons if coupon.kind == "pool"], now),
        disk=read_disk(file.resolve().parent) if (file := app.database.file) else None,
        pauses=read_pauses(connection, app.settings.adapters_of_channels(), now),
        content=files.content,
        findings=() if by_hand else files.findings,
        differences="" if columns is None else str(drift(connection, app.database.dialect, columns)),
        limits=app.settings.status,
        schedule=app.settings.schedule,
    )
