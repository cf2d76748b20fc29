"""Composing: from a pending message that passed the gates to one that an adapter can send."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from adapters.base import Message
from engine.actions.content import SentContent
from engine.calendar.zones import zone_or
from engine.channels import CHANNELS
from engine.channels.base import Channel, Sending, Shown, by_name
from engine.delivery.gates.adapter import AdapterReason
from engine.delivery.gates.address import AddressReason
from engine.delivery.pending_message import PendingMessage
from engine.delivery.unsubscribe import Subscription, Unsubscriber
from engine.delivery.used_values import UsedValues
from engine.errors import RenderError
from engine.incentives.expiry import last_day
from engine.messages.email.headers import Mailbox
from engine.messages.render import RenderContext, Template
from engine.messages.templates import TemplateLibrary
from engine.messages.vocabulary import BrandValues, Values
from engine.settings import Brand


@dataclass(frozen=True)
class ComposerContext:
    """The parts that all messages of a brand share. ``coupon_values`` maps coupons to their value in words."""

    brand: Brand
    library: TemplateLibrary
    unsubscriber: Unsubscriber
    coupon_values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Composed:
    """A message for the adapter, and its content for the log."""

    message: Message
    content: SentContent


class Composer:
    """Renders pending messages; equal ones give equal messages, except for the instant of composing."""

    def __init__(self, context: ComposerContext, channels: Sequence[Channel] = CHANNELS) -> None:
        self._shared = context
        self._channels = by_name(channels)
        self._used_values = UsedValues(context.library)
        brand = context.brand
        self._brand: BrandValues = {
            "name": brand.name,
            "website": brand.website,
            "postal_address": brand.postal_address,
            "sender": brand.sender,
            "currency": brand.currency,
        }
        self._sender = Mailbox(brand.sender, brand.name)
        self._reply_to = Mailbox(brand.reply_to) if brand.reply_to else None

    def compose(self, pending: PendingMessage, now: int, mark: str = "") -> Composed:
        """Return the message, with ``mark`` before its subject or text.

        Raises:
            RenderError: the template is missing or cannot be rendered with these values, or an address is invalid.
        """
        address = pending.recipient
        if address is None:
            raise RenderError("no message can be sent to this address", AddressReason.ADDRESS_INVALID)
        channel = self._channel(pending)
        link = self._unsubscribe_link(pending)
        values = self._values(pending, channel, address, link)
        template = self._template(pending)
        context = self._context(pending, values)
        rendered = template.render(context)
        sending = Sending(
            key=pending.key,
            created_at=pending.created_at,
            at=now,
            sender=self._sender,
            recipient=address,
            reply_to=self._reply_to,
            unsubscribe_url=link if pending.message_class != "transactional" else "",
            mark=mark,
        )
        payload = channel.compose(rendered, sending)
        content = SentContent(
            address=address,
            subject=channel.summary(rendered),
            code=pending.coupon.code if pending.coupon else None,
            template_hash=template.fingerprint,
            locale=template.locale,
            values=self._used_values.values(pending.template, pending.channel, context),
        )
        return Composed(Message(pending.key, self._sender.address, address, payload, now), content)

    def preview(self, pending: PendingMessage) -> Shown:
        """Return the message as a person sees it.

        Raises:
            RenderError: the template is missing or cannot be rendered with these values.
        """
        channel = self._channel(pending)
        values = self._values(pending, channel, pending.recipient or "", self._unsubscribe_link(pending))
        return channel.preview(self._template(pending).render(self._context(pending, values)))

    def _channel(self, pending: PendingMessage) -> Channel:
        channel = self._channels.get(pending.channel)
        if channel is None:
            known = ", ".join(sorted(self._channels))
            raise RenderError(f"unknown channel `{pending.channel}`; known: {known}", AdapterReason.NO_ADAPTER)
        return channel

    def _template(self, pending: PendingMessage) -> Template:
        locale = pending.locale or self._shared.brand.locale
        return self._shared.library.find(pending.template, pending.channel, locale)

    def _context(self, pending: PendingMessage, values: Values) -> RenderContext:
        brand = self._shared.brand
        return RenderContext(
            values,
            pending.locale or brand.locale,
            brand.currency,
            zone_or(pending.timezone, ZoneInfo(brand.timezone)).key,
        )

    def _unsubscribe_link(self, pending: PendingMessage) -> str:
        return self._shared.unsubscriber.link(
            Subscription(pending.user_id, pending.channel, pending.message_class, pending.action_id)
        )

    def _last_day(self, pending: PendingMessage) -> str | None:
        """Return the last day on which the message's coupon code is good, as text."""
        if pending.coupon is None or pending.coupon.expires_at is None:
            return None
        home = ZoneInfo(self._shared.brand.timezone)
        day = last_day(pending.coupon.expires_at, home, zone_or(pending.timezone, home))
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
                "worth": self._shared.coupon_values.get(pending.coupon_name or "", ""),
            },
            "brand": self._brand,
            "unsubscribe_url": link,
            "playbook": pending.playbook,
        }
