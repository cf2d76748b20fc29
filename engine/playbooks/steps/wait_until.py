"""``wait_until = "09:30"``: waits until the next occurrence of this time in the user's time zone."""

from dataclasses import dataclass

from sqlalchemy import text

from engine.calendar.zones import next_local, zone_or
from engine.clock import HOUR
from engine.content.values import LocalTime, TimeOfDay
from engine.playbooks.due_enrolments import EnrolmentsAtStep
from engine.playbooks.steps.base import Act, StepKind, StepPart, StepSection
from engine.store.statement import statement
from engine.store.temporary import drop_temporary, temporary

_ZONE_TIME = "zone_time"
_LATE = HOUR
"""How late the next step may be after the given time; a later step waits until the same time of the next day."""


@dataclass(frozen=True, slots=True)
class WaitUntil(Act):
    """Waits for a time of day in the user's time zone."""

    time: LocalTime

    def take(self, here: EnrolmentsAtStep) -> int:
        """Make the next step due at that time. The instant depends only on the zone, so it is computed once per zone."""
        due = here.due
        users = here.joined("JOIN users AS u ON u.id = d.user_id")
        zones = due.connection.execute(
            statement(f"SELECT DISTINCT coalesce(u.timezone, '') FROM {users}"), here.binds()
        ).scalars()
        rows = [self._zone_time(here, name) for name in zones.all()]
        temporary(due.connection, due.dialect, _ZONE_TIME, "zone TEXT, first_at BIGINT, second_at BIGINT")
        if rows:
            due.connection.execute(text(f"INSERT INTO {_ZONE_TIME} VALUES (:zone, :first_at, :second_at)"), rows)
        due_at = (
            "coalesce((SELECT CASE WHEN d.due_at <= z.first_at THEN z.first_at ELSE z.second_at END"
            f" FROM users AS u JOIN {_ZONE_TIME} AS z ON z.zone = coalesce(u.timezone, '') WHERE u.id = d.user_id),"
            " d.due_at)"
        )
        here.move(here.next, due_at=due_at)
        drop_temporary(due.connection, _ZONE_TIME)
        return 0

    def _zone_time(self, here: EnrolmentsAtStep, name: str) -> dict[str, object]:
        zone = zone_or(name, here.due.brand_zone)
        first = next_local(self.time.minutes, here.due.now - _LATE - 1, zone)
        return {"zone": name, "first_at": first, "second_at": next_local(self.time.minutes, first, zone)}


class WaitUntilSection(StepSection):
    """``[[step]]`` with ``wait_until``."""

    wait_until: TimeOfDay

    def compile(self, part: StepPart) -> WaitUntil:
        """Return the act; nothing can be wrong with it."""
        return WaitUntil(self.wait_until)


WAIT_UNTIL = StepKind("wait_until", WaitUntilSection)
