"""Composing: from a candidate that passed the gates to a message that an adapter can send."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from adapters.base import Message
from engine.actions.content import SentContent
from engine.calendar.zones import zone_or
from engine.channels import CHANNELS
from engine.channels.base import Channel, Sending, Shown, by_name
from engine.delivery.candidate import Candidate
from engine.delivery.gates.adapter import AdapterReason
from engine.delivery.gates.address import AddressReason
from engine.delivery.keeping import ContentKeeper
from engine.delivery.unsubscribe import Subscription, Unsubscriber
from engine.errors import RenderError
from engine.messages.email.headers import Mailbox
from engine.messages.render import RenderContext, Template
from engine.messages.templates import TemplateLibrary
from engine.messages.vocabulary import BrandValues, Values
from engine.settings import Brand


@dataclass(frozen=True)
class ComposerContext:
    """What all messages of a brand have in common. ``worths`` maps coupons to their value in words."""

    brand: Brand
    library: TemplateLibrary
    unsubscriber: Unsubscriber
    worths: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Composed:
    """A message for the wire, and what the log keeps of it."""

    message: Message
    content: SentContent


class Composer:
    """Renders candidates. Equal candidates give equal messages, except for the instant at which they are composed."""

    def __init__(self, stationery: ComposerContext, channels: Sequence[Channel] = CHANNELS) -> None:
        self._stationery = stationery
        self._channels = by_name(channels)
        self._keeper = ContentKeeper(stationery.library)
        brand = stationery.brand
        self._brand: BrandValues = {
            "name": brand.name,
            "website": brand.website,
            "postal_address": brand.postal_address,
            "sender": brand.sender,
            "currency": brand.currency,
        }
        self._sender = Mailbox(brand.sender, brand.name)
        self._reply_to = Mailbox(brand.reply_to) if brand.reply_to else None

    def compose(self, candidate: Candidate, now: int, mark: str = "") -> Composed:
        """Return the message, with ``mark`` before its subject or text.

        Raises:
            RenderError: the template is missing or cannot be rendered with these values, or an address is invalid.
        """
        address = candidate.recipient
        if address is None:
            raise RenderError("no message can be sent to this address", AddressReason.ADDRESS_INVALID)
        channel = self._channel(candidate)
        link = self._unsubscribe_link(candidate)
        values = self._values(candidate, channel, address, link)
        template = self._template(candidate)
        context = self._context(candidate, values)
        rendered = template.render(context)
        sending = Sending(
            key=candidate.key,
            created_at=candidate.created_at,
            at=now,
            sender=self._sender,
            recipient=address,
            reply_to=self._reply_to,
            unsubscribe_url=link if candidate.message_class != "transactional" else "",
            mark=mark,
        )
        payload = channel.compose(rendered, sending)
        content = SentContent(
            address=address,
            subject=channel.summary(rendered),
            code=candidate.coupon.code if candidate.coupon else None,
            template_hash=template.fingerprint,
            locale=template.locale,
            values=self._keeper.values(candidate.template, candidate.channel, context),
        )
        return Composed(Message(candidate.key, self._sender.address, address, payload, now), content)

    def preview(self, candidate: Candidate) -> Shown:
        """Return the message as a person sees it.

        Raises:
            RenderError: the template is missing or cannot be rendered with these values.
        """
        channel = self._channel(candidate)
        values = self._values(candidate, channel, candidate.recipient or "", self._unsubscribe_link(candidate))
        return channel.preview(self._template(candidate).render(self._context(candidate, values)))

    def _channel(self, candidate: Candidate) -> Channel:
        channel = self._channels.get(candidate.channel)
        if channel is None:
            known = ", ".join(sorted(self._channels))
            raise RenderError(f"unknown channel `{candidate.channel}`; known: {known}", AdapterReason.NO_ADAPTER)
        return channel

    def _template(self, candidate: Candidate) -> Template:
        locale = candidate.locale or self._stationery.brand.locale
        return self._stationery.library.find(candidate.template, candidate.channel, locale)

    def _context(self, candidate: Candidate, values: Values) -> RenderContext:
        brand = self._stationery.brand
        return RenderContext(
            values,
            candidate.locale or brand.locale,
            brand.currency,
            zone_or(candidate.timezone, ZoneInfo(brand.timezone)).key,
        )

    def _unsubscribe_link(self, candidate: Candidate) -> str:
        return self._stationery.unsubscriber.link(
            Subscription(candidate.user_id, candidate.channel, candidate.message_class, candidate.action_id)
        )

    def _values(self, candidate: Candidate, channel: Channel, address: str, link: str) -> Values:
        coupon = candidate.coupon
        return {
            "user": {
                "key": candidate.user_key,
                "email": address if channel.address.column == "email" else None,
                "locale": candidate.locale,
                "timezone": candidate.timezone,
            },
            "facts": candidate.facts,
            "event": candidate.event,
            "coupon": None
            if coupon is None
            else {
                "code": coupon.code,
                "expires_on": coupon.expires_at,
                "worth": self._stationery.worths.get(candidate.coupon_name or "", ""),
            },
            "brand": self._brand,
            "unsubscribe_url": link,
            "playbook": candidate.playbook,
        }
