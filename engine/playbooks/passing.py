"""One playbook's due enrolments pass one step after the other, in ``due_enrolment``.

The time of a step counts from when the one before it was due, not from the tick: a tick that comes late does not push
later steps. But it never brings two steps nearer to each other than half of the wait between them: after a long
standstill nobody gets all messages at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from engine.actions.ledger import ActionDraft, Beginning, create
from engine.calendar.zones import next_local, zone_or
from engine.clock import HOUR, Instant
from engine.conditions.condition import Condition
from engine.conditions.sql import now_sql, text_literal
from engine.incentives.coupons import CouponDesk
from engine.playbooks.file.playbook import Branch, Exit, Grant, Playbook, Send, Step, Wait, WaitFor, WaitUntil
from engine.playbooks.reasons import Reason
from engine.store.dialect import Dialect, greatest
from engine.store.statement import statement
from engine.store.temporary import drop_temporary, temporary

DUE_ENROLMENT = "due_enrolment"
"""The chunk: ``due_enrolment(id, user_id, playbook, version, step, due_at, trigger_at, waiting_since, state, reason)``."""

_ZONE_TIME = "zone_time"
_LATE = HOUR
"""How late a step may come after the hour that it waited for; later than that it waits for the next day's."""
_ACTIVE = "d.playbook = :playbook AND d.version = :version AND d.state = 'active' AND d.due_at <= :now"
_HERE = f"{_ACTIVE} AND d.step = :step"


@dataclass(frozen=True)
class Passing:
    """Moves the enrolments of one version of one playbook."""

    connection: Connection
    dialect: Dialect
    playbook: Playbook
    desk: CouponDesk
    brand_zone: ZoneInfo
    now: Instant

    def expire(self) -> None:
        """End those whose trigger had expired before they took their first step."""
        late = "d.step = 0 AND d.waiting_since IS NULL AND d.trigger_at + :expires <= :now"
        self._update(
            f"state = 'expired', reason = '{Reason.EXPIRED}'", f"{_ACTIVE} AND {late}", expires=self.playbook.expires
        )

    def take(self, step: Step) -> int:
        """Let those who stand at ``step`` take it; return how many actions came of it."""
        if not self._anybody(step):
            return 0
        if step.when is not None:
            self._go(step, step.index + 1, f"d.waiting_since IS NULL AND NOT {self._holds(step.when)}")
        match step.act:
            case Send():
                return self._send(step, step.act)
            case Wait(duration):
                self._move(step, step.index + 1, due_at=self._later("duration"), duration=duration)
            case WaitUntil():
                self._wait_until(step, step.act)
            case WaitFor():
                self._wait_for(step, step.act)
            case Branch(arms, otherwise):
                for condition, target in arms:
                    self._go(step, target, self._holds(condition))
                self._go(step, otherwise, "TRUE")
            case Grant(coupon):
                return self._grant(step, coupon)
            case Exit(reason):
                # Messages of earlier steps that still wait go out all the same: only [exit] calls them off.
                self._update("state = 'exited', reason = :reason", _HERE, step=step.index, reason=reason)
        return 0

    def finish(self) -> None:
        """End those who have no step left."""
        end = len(self.playbook.steps)
        self._update(f"state = 'finished', reason = '{Reason.COMPLETED}'", f"{_ACTIVE} AND d.step >= :end", end=end)

    def _send(self, step: Step, send: Send) -> int:
        if send.coupon is not None:
            self._claim(step, send.coupon)
        state, reason = self._supplied(send.coupon, "queued", Reason.DUE)
        made = self._insert_actions(
            step,
            state,
            reason,
            kind="message",
            channel=send.channels[0],
            next_channels=send.channels[1:],
            template=send.template,
            send_window=send.between,
            coupon=send.coupon,
        )
        self._go(step, step.index + 1, "TRUE")
        return made

    def _grant(self, step: Step, coupon: str) -> int:
        """Give a code; where there is none, stay here until there is, or until the grant has expired."""
        self._go(step, step.index + 1, "d.waiting_since IS NOT NULL")
        self._claim(step, coupon)
        state, reason = self._supplied(coupon, "accepted", Reason.GRANTED)
        made = self._insert_actions(
            step,
            state,
            reason,
            kind="coupon",
            coupon=coupon,
        )
        self._go(step, step.index + 1, self._has_code(coupon))
        expires = f"{now_sql(self.dialect)} + :expires"
        self._update(
            f"waiting_since = d.due_at, due_at = {expires}", _HERE, step=step.index, expires=self.playbook.expires
        )
        return made

    def _claim(self, step: Step, coupon: str) -> None:
        wanting = f"SELECT d.id AS id, d.user_id AS user_id, d.due_at AS turn FROM {DUE_ENROLMENT} AS d WHERE {_HERE}"
        self.desk.claim(self.connection, coupon, wanting, self._binds(step=step.index), self.now)

    def _has_code(self, coupon: str) -> str:
        name = text_literal(coupon, self.dialect)
        return f"EXISTS (SELECT 1 FROM coupon_code AS k WHERE k.enrolment_id = d.id AND k.coupon = {name})"

    def _supplied(self, coupon: str | None, state: str, reason: Reason) -> tuple[str, str]:
        """Return SQL of an action's state and reason: held where a code is missing."""
        if coupon is None:
            return f"'{state}'", f"'{reason}'"
        has = self._has_code(coupon)
        return (
            f"CASE WHEN {has} THEN '{state}' ELSE 'held' END",
            f"CASE WHEN {has} THEN '{reason}' ELSE '{Reason.POOL_EMPTY}' END",
        )

    def _insert_actions(
        self,
        step: Step,
        state: str,
        reason: str,
        *,
        kind: str,
        coupon: str | None,
        channel: str | None = None,
        next_channels: Sequence[str] = (),
        template: str | None = None,
        send_window: str | None = None,
    ) -> int:
        draft = ActionDraft(
            playbook=self.playbook.name,
            version=self.playbook.version,
            step_id=step.id,
            message_class=self.playbook.message_class,
            priority=self.playbook.priority,
            expires_at=self.now + self.playbook.expires,
            kind=kind,
            channel=channel,
            next_channels=",".join(next_channels),
            template=template,
            send_window=send_window,
            coupon=coupon,
        )
        here = f"{DUE_ENROLMENT} AS d WHERE {_HERE}"
        begins = Beginning(state, reason)
        return create(self.connection, draft, begins, here, now=self.now, binds=self._binds(step=step.index))

    def _wait_until(self, step: Step, wait: WaitUntil) -> None:
        """Wait for an hour of the user's own clock. It differs by zone only, so it is reckoned once for each."""
        zones = self.connection.execute(
            statement(
                f"SELECT DISTINCT coalesce(u.timezone, '') FROM {DUE_ENROLMENT} AS d"
                f" JOIN users AS u ON u.id = d.user_id WHERE {_HERE}"
            ),
            self._binds(step=step.index),
        ).scalars()
        rows = [self._zone_time(name, wait.time.minutes) for name in zones.all()]
        temporary(self.connection, self.dialect, _ZONE_TIME, "zone TEXT, first_at BIGINT, second_at BIGINT")
        if rows:
            self.connection.execute(text(f"INSERT INTO {_ZONE_TIME} VALUES (:zone, :first_at, :second_at)"), rows)
        due_at = (
            f"coalesce((SELECT CASE WHEN d.due_at <= z.first_at THEN z.first_at ELSE z.second_at END"
            f" FROM users AS u JOIN {_ZONE_TIME} AS z ON z.zone = coalesce(u.timezone, '') WHERE u.id = d.user_id),"
            " d.due_at)"
        )
        self._move(step, step.index + 1, due_at=due_at)
        drop_temporary(self.connection, _ZONE_TIME)

    def _zone_time(self, name: str, minutes: int) -> dict[str, object]:
        zone = zone_or(name, self.brand_zone)
        first = next_local(minutes, self.now - _LATE - 1, zone)
        return {"zone": name, "first_at": first, "second_at": next_local(minutes, first, zone)}

    def _wait_for(self, step: Step, wait: WaitFor) -> None:
        """Go on where the event came since the step was due; else time out, or begin to wait."""
        came = (
            "(SELECT min(e.at) FROM event AS e WHERE e.user_id = d.user_id"
            f" AND e.name = {text_literal(wait.event, self.dialect)}"
            " AND e.at > coalesce(d.waiting_since, d.due_at) AND e.at <= :now)"
        )
        self._move(step, step.index + 1, f"{came} IS NOT NULL", due_at=came)
        self._go(step, wait.otherwise, "d.waiting_since IS NOT NULL")
        self._update(
            f"waiting_since = d.due_at, due_at = {self._later('timeout')}",
            _HERE,
            step=step.index,
            timeout=wait.timeout,
            timeout_half=wait.timeout // 2,
        )

    def _later(self, bind: str) -> str:
        """Return SQL: a duration after the step was due, but no sooner than half of it from now."""
        soonest = f"{now_sql(self.dialect)} + :{bind}_half"
        return greatest(self.dialect, f"d.due_at + :{bind}", soonest)

    def _holds(self, condition: Condition) -> str:
        holds = condition.holds_sql(self.dialect)
        return f"EXISTS (SELECT 1 FROM user_state AS s WHERE s.user_id = d.user_id AND {holds})"

    def _anybody(self, step: Step) -> bool:
        query = statement(f"SELECT EXISTS (SELECT 1 FROM {DUE_ENROLMENT} AS d WHERE {_HERE})")
        return bool(self.connection.execute(query, self._binds(step=step.index)).scalar_one())

    def _go(self, step: Step, target: int, condition: str) -> None:
        """Go to the step ``target`` at once."""
        self._move(step, target, condition, due_at="d.due_at")

    def _move(
        self, step: Step, target: int, condition: str = "TRUE", *, due_at: str, duration: int | None = None
    ) -> None:
        lengths = {} if duration is None else {"duration": duration, "duration_half": duration // 2}
        self._update(
            f"step = :target, waiting_since = NULL, due_at = {due_at}",
            f"{_HERE} AND {condition}",
            step=step.index,
            target=target,
            **lengths,
        )

    def _update(self, setting: str, where: str, **binds: object) -> None:
        sql = f"UPDATE {DUE_ENROLMENT} AS d SET {setting} WHERE {where}"
        self.connection.execute(statement(sql), self._binds(**binds))

    def _binds(self, **further: object) -> Mapping[str, object]:
        return {"playbook": self.playbook.name, "version": self.playbook.version, "now": self.now, **further}
