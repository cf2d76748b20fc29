"""What is paused, and how many messages wait because of it, at a cost that does not grow with the queue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from engine.actions.states import LEASED_SQL, UNSENT_SQL, WAITING_SQL
from engine.clock import Instant, iso
from engine.explain.models import PauseNote
from engine.store.paused import PauseOrigin, Route, StandingPause, Subject, SubjectScope, standing_pauses

GO_ON_BY_FILE = 'write `state = "active"` in its file, and apply it'
"""What lets a playbook go on that its file pauses."""
LOOKED_AT = 50_000
"""How many waiting messages are looked at; if there are more, the report says "or more"."""
_WAITING = text(
    "SELECT q.playbook, q.channel, q.class, count(*) AS number,"
    " sum(CASE WHEN q.expires_at <= :now THEN 1 ELSE 0 END) AS expired,"
    " min(CASE WHEN q.expires_at > :now THEN q.expires_at END) AS next_expires"
    f" FROM (SELECT playbook, channel, class, expires_at FROM action WHERE {WAITING_SQL} LIMIT :limit) AS q"
    " GROUP BY q.playbook, q.channel, q.class"
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """The messages in the queue that a pause stops."""

    messages: int
    more: bool
    """There are more messages in the queue than were looked at."""
    expired: int
    """How many of them have expired by now; they will not be sent."""
    next_expires: Instant | None
    """When the next of the others expires."""

    def __str__(self) -> str:
        """Return it in words."""
        if not self.messages and not self.more:
            return "no messages wait"
        said = f"{self.messages:,}{' or more' if self.more else ''} message{'' if self.messages == 1 else 's'}"
        said += " waits" if self.messages == 1 and not self.more else " wait"
        if self.expired:
            said += f", {self.expired:,} of them expired meanwhile"
        return said if self.next_expires is None else f"{said}, the next expires {iso(self.next_expires)}"


@dataclass(frozen=True, slots=True)
class PauseReport:
    """One thing that is paused."""

    scope: str
    name: str
    since: Instant
    who: str | None
    """The person, as claimed."""
    why: str | None
    intervention: int | None
    """None if the playbook's file pauses it."""
    cancelling: bool
    """It is paused only until what waits has been cancelled."""
    waiting: Waiting

    @property
    def subject(self) -> str:
        """Such as ``playbook winback``."""
        return f"{self.scope} {self.name}".rstrip()

    @property
    def message(self) -> str:
        """What there is to say about it."""
        if self.intervention is None:
            return f"paused by its file since {iso(self.since)}; {self.waiting}"
        by = f" by {self.who}" if self.who else ""
        why = f" ({self.why})" if self.why else ""
        until = ", until what waits is cancelled" if self.cancelling else ""
        return f"paused since {iso(self.since)}{by}{why}{until}; {self.waiting}"

    @property
    def remedy(self) -> str:
        """What ends it."""
        if self.intervention is None:
            return GO_ON_BY_FILE
        resume = f"`habitue resume {self.subject}` lets it go on"
        return f"if the cancellation was interrupted, give it again; {resume}" if self.cancelling else resume


def read_pauses(connection: Connection, adapters: Mapping[str, Sequence[str]], now: Instant) -> tuple[PauseReport, ...]:
    """Return everything that is paused at ``now``, the oldest first, but for retired playbooks; ``adapters`` are by channel.

    Which of several adapters a message goes to depends on its device; a pause of one counts all messages of the channel.
    """
    pauses = [one for one in standing_pauses(connection) if one.origin is not PauseOrigin.RETIRED]
    queue = _queue(connection, now) if pauses else []
    return tuple(_report(one, queue, adapters) for one in pauses)


def read_waiting(
    connection: Connection, subject: Subject, adapters: Mapping[str, Sequence[str]], now: Instant
) -> Waiting:
    """Return the messages in the queue that a pause of ``subject`` would stop, or stops."""
    return _waiting(_queue(connection, now), subject, adapters)


_OF_USER = text(
    f"SELECT DISTINCT playbook, channel, class FROM action WHERE user_id = :user_id AND ({UNSENT_SQL} OR {LEASED_SQL})"
)
_IN_PLAYBOOKS = text("SELECT DISTINCT playbook FROM enrolment WHERE user_id = :user_id AND state = 'active'")


def pauses_of_user(connection: Connection, user_id: int) -> tuple[PauseNote, ...]:
    """Return the pauses that stop one of the user's messages, or a playbook that the user is in.

    Which adapter a message would go through is not known here, so a pause of any adapter counts for all messages.
    """
    if not (pauses := standing_pauses(connection)):
        return ()
    messages = connection.execute(_OF_USER, {"user_id": user_id}).all()
    inside = connection.execute(_IN_PLAYBOOKS, {"user_id": user_id}).scalars().all()
    stopped = {Subject(SubjectScope.PLAYBOOK, playbook) for playbook in inside}
    for playbook, channel, message_class in messages:
        stopped |= set(Route(playbook, channel, message_class, None).subjects())
    stopped |= {Subject(SubjectScope.EVERYTHING)} if inside else set()
    return tuple(
        PauseNote(str(one.subject), one.origin.value, one.since, one.who, one.why, one.cancel_at)
        for one in pauses
        if one.subject in stopped or (messages and one.subject.scope is SubjectScope.ADAPTER)
    )


@dataclass(frozen=True, slots=True)
class _Batch:
    """Messages in the queue that are alike in all that can be paused."""

    playbook: str
    channel: str | None
    message_class: str
    number: int
    expired: int
    next_expires: int | None

    def concerns(self, subject: Subject, adapters: Mapping[str, Sequence[str]]) -> bool:
        """Tell whether a pause of ``subject`` stops them."""
        match subject.scope:
            case SubjectScope.PLAYBOOK:
                return self.playbook == subject.name
            case SubjectScope.CHANNEL:
                return self.channel == subject.name
            case SubjectScope.ADAPTER:
                return self.channel is not None and subject.name in adapters.get(self.channel, ())
            case SubjectScope.CLASS:
                return self.message_class == subject.name
            case SubjectScope.EVERYTHING:
                return True


def _queue(connection: Connection, now: Instant) -> list[_Batch]:
    return [_Batch(*row) for row in connection.execute(_WAITING, {"now": now, "limit": LOOKED_AT})]


def _waiting(queue: list[_Batch], subject: Subject, adapters: Mapping[str, Sequence[str]]) -> Waiting:
    concerned = [one for one in queue if one.concerns(subject, adapters)]
    soonest = min((one.next_expires for one in concerned if one.next_expires is not None), default=None)
    return Waiting(
        messages=sum(one.number for one in concerned),
        more=sum(one.number for one in queue) >= LOOKED_AT,
        expired=sum(one.expired for one in concerned),
        next_expires=None if soonest is None else Instant(soonest),
    )


def _report(one: StandingPause, queue: list[_Batch], adapters: Mapping[str, Sequence[str]]) -> PauseReport:
    return PauseReport(
        scope=one.subject.scope.value,
        name=one.subject.name,
        since=one.since,
        who=one.who,
        why=one.why,
        intervention=one.intervention,
        cancelling=one.command == "cancel",
        waiting=_waiting(queue, one.subject, adapters),
    )
