"""Runs the demo: generates a brand, then ticks and delivers through its last days."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, text

from engine.app import App
from engine.clock import DAY, HOUR, FixedClock, Instant
from engine.control.sandbox import mark_generated
from engine.demo.output import DemoCounts, is_complete, stored_start, write_brand
from engine.demo.spec import DemoSpec
from engine.demo.staff import do_tasks
from engine.errors import InputError
from engine.loading import Content
from engine.worker.upkeep import recalibrate

EVERY = 4 * HOUR
"""Time between ticks, in milliseconds: short enough for several ticks in the sending hours of every time zone."""
POOL = 500
"""Number of codes put into each coupon pool."""
_ADD_CODE = text("INSERT INTO coupon_code (coupon, code) VALUES (:coupon, :code) ON CONFLICT (code) DO NOTHING")


@dataclass(frozen=True, slots=True)
class JobProgress:
    """The current stage of the job, how much of it is done, and how much there is."""

    name: str
    done: int
    total: int


Watch = Callable[[JobProgress], None]


def run(app: App, clock: FixedClock, watch: Watch, *, users: int, days: int, seed: int) -> DemoCounts:
    """Generate the brand and run the last ``days`` before the clock's instant, unless the store has run them already.

    Raises:
        InputError: messages would be sent to the outside, or the store contains other customers.
        HabitueError: the files have errors, or the store cannot be used.
    """
    recording = {kind.name for kind in app.kinds.adapters if kind.records_only}
    for name, channel in app.settings.served_channels().items():
        if not recording.issuperset(channel.adapters):
            raise InputError(
                f'the demo\'s customers are not real: set `adapters = ["capture"]` in `[channels.{name}]` to run it'
            )
    content = app.content()
    app.migrate(content)
    spec = _spec(app, clock.now(), users, seed)
    with app.database.read() as connection:
        complete = is_complete(connection, spec)
    made = (
        DemoCounts()
        if complete
        else write_brand(app.database, spec, lambda done: watch(JobProgress("customers", done, users)))
    )
    with app.database.write() as connection:
        _fill_pools(connection, content)
        mark_generated(connection, clock.now())
    run_days(app, content, clock, Instant(spec.end - days * DAY), watch)
    return made


def _spec(app: App, end: Instant, users: int, seed: int) -> DemoSpec:
    """Return the spec of a history up to ``end``, continuing the one in the store if there is one."""
    fresh = DemoSpec.ending(end, users, seed, app.settings.brand.currency_scale)
    with app.database.read() as connection:
        start = stored_start(connection, seed)
    return fresh if start is None else DemoSpec(users, seed, start, end, fresh.currency_scale)


def run_days(app: App, content: Content, clock: FixedClock, start: Instant, watch: Watch = lambda _: None) -> None:
    """Tick and deliver from ``start`` to the clock's instant, skipping instants before the store's last tick."""
    end = clock.now()
    last = app.last_tick()
    instants = [at for at in _instants(start, end) if last is None or at > last]
    for number, at in enumerate(instants, 1):
        clock.move_to(at)
        app.tick(content, at)
        app.deliver(content)
        app.tell_owners()
        do_tasks(app.database, at)
        if at % DAY == 0:  # nightly, as in the worker
            recalibrate(app, content, at)
        watch(JobProgress("ticks", number, len(instants)))


def _instants(start: Instant, end: Instant) -> Iterator[Instant]:
    return (Instant(at) for at in range(start, end + 1, EVERY))


def _fill_pools(connection: Connection, content: Content) -> None:
    """Add codes to the pools, like codes that ops import from their shop."""
    for name, coupon in content.playbooks.coupons.items():
        if coupon.kind == "pool":
            rows = [{"coupon": name, "code": f"{name}-{number:05d}"} for number in range(1, POOL + 1)]
            connection.execute(_ADD_CODE, rows)
