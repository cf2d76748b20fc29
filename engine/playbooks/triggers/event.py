"""``event = "order_completed"``: an event of the user."""

from dataclasses import dataclass

from engine.conditions.condition import Condition
from engine.content.values import Name
from engine.playbooks.file.part import FilePart
from engine.playbooks.triggers.base import Trigger, TriggeredBy, TriggerKind, TriggerSection
from engine.playbooks.triggers.candidates import Candidates, CandidateSource, timely, with_user
from engine.store.dialects import Dialect
from engine.store.statement import quoted

OCCURRENCE = "event"


@dataclass(frozen=True, slots=True)
class OnEvent(Trigger):
    """Fires when a user has an event."""

    name: str
    where: Condition | None

    @property
    def reads_events(self) -> frozenset[str]:
        """The event."""
        return frozenset({self.name})

    @property
    def event(self) -> str:
        """The event."""
        return self.name

    def candidates(self, source: CandidateSource, dialect: Dialect) -> Candidates:
        """Return the users who had the event."""
        where = f"x.name = {quoted(self.name)} AND x.at <= :now"
        if self.where is not None:
            where += f" AND {self.where.holds_sql(dialect, 'e.id = x.id')}"
        return Candidates(
            rows=f"{source.events} AS x JOIN event AS e ON e.id = x.id {with_user('x.user_id')}",
            where=where,
            at="x.at",
            occurrence=f"'{OCCURRENCE}:' || CAST(x.id AS TEXT)",
            user="x.user_id",
            tie="x.id",
            tests=timely("x.at"),
            event="x.id",
        )


class EventSection(TriggerSection):
    """``[trigger]`` with ``event``."""

    event: Name
    where: str | None = None
    """A condition over the event's properties."""

    def compile(self, part: FilePart) -> OnEvent | None:
        """Return the trigger, or None if the event is not declared or ``where`` has mistakes."""
        if not part.check_event(self.event, "event"):
            return None
        if self.where is None:
            return OnEvent(self.event, None)
        scope = part.references.catalog.event_scope(self.event)
        condition = part.condition(self.where, "where", scope=scope)
        return OnEvent(self.event, condition) if condition else None


def _words(by: TriggeredBy) -> str:
    return f"the event {by.event}" if by.event else "an event that no longer exists"


EVENT = TriggerKind(
    "event",
    EventSection,
    OCCURRENCE,
    _words,
    elsewhere={"where": "`where` only goes with an `event` trigger; put other conditions into [audience]"},
)
