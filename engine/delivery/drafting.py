"""From a pending message that passed the gates to a draft, which is composed in another process; and back.

The unsubscribe link is made here, so that the processes that run templates do not know the secret that signs it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from adapters.base import Message
from engine.actions.content import SentContent
from engine.brand_values import own_address
from engine.calendar.zones import zone_or
from engine.channels import CHANNELS
from engine.channels.base import Channel, by_name
from engine.composing.draft import Composed, Draft, Recipe
from engine.delivery.gates.adapter import AdapterReason
from engine.delivery.gates.address import AddressReason
from engine.delivery.pending_message import PendingMessage
from engine.delivery.unsubscribe import Subscription, Unsubscriber
from engine.errors import RenderError
from engine.incentives.expiry import last_day
from engine.messages.email.headers import Mailbox
from engine.messages.segments import SegmentLimits
from engine.messages.templates import TemplateLibrary
from engine.messages.vocabulary import BrandValues, Values
from engine.settings import Brand


@dataclass(frozen=True)
class DraftContext:
    """What drafts take from the brand and its playbooks."""

    brand: Brand
    unsubscriber: Unsubscriber
    segments: SegmentLimits = field(default_factory=SegmentLimits)


@dataclass(frozen=True, slots=True)
class ReadyMessage:
    """A message for the adapter, and its content for the log."""

    message: Message
    content: SentContent


def recipe_of(brand: Brand, library: TemplateLibrary, channels: Sequence[Channel]) -> Recipe:
    """Return what all messages of ``brand`` share."""
    sender, reply_to = own_address(brand.sender), own_address(brand.reply_to) if brand.reply_to else None
    return Recipe(
        library,
        tuple(channels),
        Mailbox(sender.address, sender.name or brand.name),
        Mailbox(reply_to.address, reply_to.name) if reply_to else None,
        brand.currency,
    )


class Drafter:
    """Makes drafts of pending messages."""

    def __init__(self, context: DraftContext, channels: Sequence[Channel] = CHANNELS) -> None:
        self._shared = context
        self._channels = by_name(channels)
        brand = context.brand
        sender = own_address(brand.sender)
        self._sender = sender.address
        self._zone = ZoneInfo(brand.timezone)
        self._brand: BrandValues = {
            "name": brand.name,
            "website": brand.website,
            "postal_address": brand.postal_address,
            "sender": sender.address,
            "currency": brand.currency,
        }

    def draft(self, pending: PendingMessage, now: int, mark: str = "") -> Draft:
        """Return the draft of a message to be sent, with ``mark`` before its subject or text.

        Raises:
            RenderError: the channel is not known, or its address is invalid.
        """
        if pending.recipient is None:
            raise RenderError("no message can be sent to this address", AddressReason.ADDRESS_INVALID)
        return self.sketch(pending, now, mark)

    def sketch(self, pending: PendingMessage, now: int = 0, mark: str = "") -> Draft:
        """Return the draft of a message that is only shown: it need not have an address, and it has no date.

        Raises:
            RenderError: the channel is not known.
        """
        channel, address = self._channel(pending), pending.recipient or ""
        link = self._shared.unsubscriber.link(
            Subscription(pending.user_id, pending.channel, pending.message_class, pending.action_id)
        )
        return Draft(
            template=pending.template,
            channel=pending.channel,
            locale=pending.locale or self._shared.brand.locale,
            zone=zone_or(pending.timezone, self._zone).key,
            values=self._values(pending, channel, address, link),
            key=pending.key,
            at=now,
            recipient=address,
            unsubscribe_url=link if pending.message_class != "transactional" else "",
            mark=mark,
            max_segments=0 if mark else self._shared.segments.of(pending.playbook),
        )

    def ready(self, pending: PendingMessage, draft: Draft, composed: Composed) -> ReadyMessage:
        """Return the composed message for the adapter and for the log."""
        content = SentContent(
            address=draft.recipient,
            subject=composed.subject,
            code=pending.coupon.code if pending.coupon else None,
            template_hash=composed.template_hash,
            locale=composed.locale,
            values=composed.values,
        )
        message = Message(
            key=draft.key,
            sender=self._sender,
            recipient=draft.recipient,
            payload=composed.payload,
            at=draft.at,
            template=draft.template,
            locale=composed.locale,
        )
        return ReadyMessage(message, content)

    def _channel(self, pending: PendingMessage) -> Channel:
        channel = self._channels.get(pending.channel)
        if channel is None:
            known = ", ".join(sorted(self._channels))
            raise RenderError(f"unknown channel `{pending.channel}`; known: {known}", AdapterReason.NO_ADAPTER)
        return channel

    def _last_day(self, pending: PendingMessage) -> str | None:
        """Return the last day on which the message's coupon code is good, as text."""
        if pending.coupon is None or pending.coupon.expires_at is None:
            return None
        day = last_day(pending.coupon.expires_at, self._zone, zone_or(pending.timezone, self._zone))
        return day.isoformat() if day else None

    def _values(self, pending: PendingMessage, channel: Channel, address: str, link: str) -> Values:
        coupon = pending.coupon
        return {
            "user": {
                "key": pending.user_key,
                "email": address if channel.address.column == "email" else None,
                "locale": pending.locale,
                "timezone": pending.timezone,
            },
            "facts": pending.facts,
            "event": pending.event,
            "coupon": None
            if coupon is None
            else {
                "code": coupon.code,
                "expires_on": self._last_day(pending),
                "worth": coupon.worth,
            },
            "brand": self._brand,
            "unsubscribe_url": link,
            "playbook": pending.playbook,
        }
