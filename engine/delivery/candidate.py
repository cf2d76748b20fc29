"""What every gate and the composer see of one claimed action: frozen, and no way to the database."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.content.values import Window
from engine.settings import ConsentSettings


@dataclass(frozen=True, slots=True)
class Coupon:
    """The code that a message carries. ``expires_at`` is None where the code is good for ever."""

    code: str
    expires_at: int | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One claimed action with what it is about.

    ``address`` is the user's on the action's channel as stored, or None; ``recipient`` is its form to send to, None
    where nothing can be sent to it, and ``suppression_form`` the form in which the suppression list holds it. ``event`` holds the properties of the event that triggered the
    enrolment. ``facts`` holds the declared facts that templates read.
    """

    action_id: int
    fence: int
    enrolment_id: int
    step: str
    attempt: int
    user_id: int
    user_key: str
    playbook: str
    message_class: str
    channel: str
    next_channels: tuple[str, ...]
    template: str
    coupon_name: str | None
    expires_at: int
    tries: int
    created_at: int
    address: str | None
    recipient: str | None
    locale: str | None
    timezone: str | None
    coupon: Coupon | None
    event: Mapping[str, object] | None
    facts: Mapping[str, object]
    suppression_form: str | None = None

    @property
    def key(self) -> str:
        """The idempotency key: equal on every hand-off of this action, different for every other."""
        return f"{self.enrolment_id}.{self.step}.{self.attempt}"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the gates know besides the candidate. ``channels`` are those that have an adapter."""

    now: int
    channels: frozenset[str]
    consent: ConsentSettings
    quiet_hours: Window | None
    brand_zone: str
