"""One claimed action as gates and the composer see it: frozen, and without access to the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from engine.actions.send_keys import SendKey
from engine.content.values import Window
from engine.settings import ConsentSettings


@dataclass(frozen=True, slots=True)
class Coupon:
    """The message's coupon code. ``expires_at`` is None if the code never expires; ``worth`` is its value in words."""

    code: str
    expires_at: int | None
    worth: str = ""


class MessageOccasion(NamedTuple):
    """What triggered the message's enrolment, as stored, and when, in UTC milliseconds."""

    occurrence: str
    at: int


class MessageDevice(NamedTuple):
    """The device to which a message goes. ``bound``: an earlier hand-off, or another message, has decided that."""

    id: int
    platform: str
    bound: bool


class PendingMessage(NamedTuple):
    """One claimed action with the data of its user, enrolment and coupon.

    ``key`` is the idempotency key: the same on every hand-off of this action, and unique to it (see ``identity``).
    ``address`` is the user's stored address on the action's channel, or None. ``recipient`` is the address in the form
    to send to, None if it is invalid; ``suppression_form`` is its form in the suppression list. ``occasion`` is None if the enrolment is lost. ``event`` has the
    properties of the event that triggered the enrolment, ``facts`` the declared facts that templates read. ``adapter`` is
    the one that it was last handed to, ``send_key`` the key that this one recognises; None if there is none. ``device`` is
    None on channels that do not go to devices; ``unserved`` tells that the user has none but such as no adapter serves.
    """

    action_id: int
    fence: int
    key: str
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
    address: str | None
    recipient: str | None
    locale: str | None
    timezone: str | None
    coupon: Coupon | None
    event: Mapping[str, object] | None
    facts: Mapping[str, object]
    suppression_form: str | None = None
    occasion: MessageOccasion | None = None
    adapter: str | None = None
    send_key: SendKey | None = None
    device: MessageDevice | None = None
    unserved: bool = False

    @property
    def in_doubt(self) -> bool:
        """Whether it may have been sent already, so that only the same key makes a second copy harmless."""
        return self.send_key is not None and self.send_key.doubt_since is not None


@dataclass(frozen=True, slots=True)
class GateContext:
    """What gates know besides the message. ``channels`` are those with an adapter."""

    now: int
    channels: frozenset[str]
    consent: ConsentSettings
    quiet_hours: Window | None
    brand_zone: str
