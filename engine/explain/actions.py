"""A user's actions, each with its reason in words, its content and recipient, and its history."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, text

from engine.actions.reasons import Reasons
from engine.actions.states import State
from engine.channels.base import Channel, by_name, masked
from engine.clock import Instant
from engine.explain.models import ActionChange, ActionRecord

_ACTIONS = text(
    "SELECT a.id, a.enrolment_id, a.playbook, a.step, a.attempt, a.kind, a.class AS message_class, a.channel,"
    " a.template, a.template_hash, a.locale, k.address, k.subject, a.coupon, coalesce(k.code, c.code) AS coupon_code,"
    " a.state, a.reason, a.due_at, a.expires_at, a.tries, a.adapter, a.reference, a.created_at, a.changed_at"
    " FROM action AS a LEFT JOIN action_content AS k ON k.action_id = a.id AND a.tries > 0"
    " LEFT JOIN coupon_code AS c ON c.enrolment_id = a.enrolment_id AND c.coupon = a.coupon"
    " WHERE a.user_id = :user_id ORDER BY a.created_at, a.id"
)
_CHANGES = text(
    "SELECT v.action_id, v.at, v.state, v.reason, v.detail, t.said, i.who, i.why FROM action AS a"
    " JOIN action_event AS v ON v.action_id = a.id LEFT JOIN provider_text AS t ON t.event_id = v.id"
    " LEFT JOIN intervention AS i ON i.id = v.intervention_id"
    " WHERE a.user_id = :user_id ORDER BY v.at, v.id"
)
_STATES: Mapping[str, str] = {one.value: one.sentence for one in State}


@dataclass(frozen=True)
class ActionReader:
    """Reads actions for people; addresses are masked unless ``show_addresses``."""

    reasons: Reasons
    channels: Sequence[Channel]
    show_addresses: bool

    def read(self, connection: Connection, user_id: int) -> tuple[ActionRecord, ...]:
        """Return the user's actions, oldest first."""
        changes: dict[int, list[ActionChange]] = defaultdict(list)
        for action_id, at, state, reason, *told in connection.execute(_CHANGES, {"user_id": user_id}):
            sentence = self.reasons.sentence(reason)
            changes[action_id].append(ActionChange(Instant(at), state, reason, sentence, *told))
        rows = connection.execute(_ACTIONS, {"user_id": user_id}).mappings()
        return tuple(self._record(row, changes) for row in rows)

    def _record(self, row: RowMapping, changes: Mapping[int, list[ActionChange]]) -> ActionRecord:
        return ActionRecord(
            **{**row, "address": self._shown(row["channel"], row["address"])},
            state_sentence=_STATES[row["state"]],
            sentence=self.reasons.sentence(row["reason"]),
            history=tuple(changes[row["id"]]),
        )

    def _shown(self, channel: str | None, address: str | None) -> str | None:
        if address is None or self.show_addresses:
            return address
        known = by_name(self.channels).get(channel or "")
        return known.masked(address) if known else masked(address)
