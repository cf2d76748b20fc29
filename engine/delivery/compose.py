"""From a candidate that passed the gates to a message for the wire."""

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.base import Message
from engine.delivery.candidate import Candidate
from engine.delivery.reasons import Reason
from engine.delivery.unsubscribe import Subscription, Unsubscriber
from engine.errors import RenderError
from engine.messages.email.headers import Mailbox
from engine.messages.email.mime import Envelope, build, message_id
from engine.messages.render import RenderContext, Rendered
from engine.messages.templates import TemplateLibrary
from engine.messages.vocabulary import BrandValues, Values
from engine.settings import Brand


@dataclass(frozen=True)
class Stationery:
    """What all messages of a brand have in common. ``worths`` says what each coupon is worth, in words."""

    brand: Brand
    library: TemplateLibrary
    unsubscriber: Unsubscriber
    worths: Mapping[str, str]


class Composer:
    """Renders candidates. Equal candidates give equal messages but for the ``Date``.

    The Message-ID comes from the action's key and the instant of its creation, so that it is equal on every hand-off
    and does not return when a database is made anew: large providers drop a mail whose Message-ID they know.
    """

    def __init__(self, stationery: Stationery) -> None:
        self._stationery = stationery
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
        self._domain = brand.sender.rpartition("@")[2]

    def compose(self, candidate: Candidate, now: int) -> Message:
        """Return the message.

        Raises:
            RenderError: the template is missing or cannot be rendered with these values, or an address is invalid.
        """
        address = candidate.recipient
        if address is None:
            raise RenderError("the address is none that can be sent to", Reason.ADDRESS_INVALID)
        link = self._unsubscribe_link(candidate)
        rendered = self._render(candidate, address, link)
        brand = self._stationery.brand
        if candidate.channel != "email":
            parts = (rendered.plain("title"), rendered.plain("body"))
            body = "\n".join(part for part in parts if part)
            return Message(candidate.key, brand.sender, address, body.encode())
        envelope = Envelope(
            key=candidate.key,
            at=now,
            message_id=message_id(f"{candidate.key}.{candidate.created_at}", self._domain),
            sender=self._sender,
            recipient=Mailbox(address),
            reply_to=self._reply_to,
            unsubscribe_url=link if candidate.message_class != "transactional" else "",
            extra=(("X-Habitue-Action", candidate.key),),
        )
        return Message(candidate.key, brand.sender, address, build(rendered, envelope))

    def render(self, candidate: Candidate) -> Rendered:
        """Return what the message says, without its headers, for a preview.

        Raises:
            RenderError: the template is missing or cannot be rendered with these values.
        """
        return self._render(candidate, candidate.recipient or "", self._unsubscribe_link(candidate))

    def _render(self, candidate: Candidate, address: str, link: str) -> Rendered:
        brand = self._stationery.brand
        locale = candidate.locale or brand.locale
        return self._stationery.library.find(candidate.template, candidate.channel, locale).render(
            RenderContext(
                self._values(candidate, address, link), locale, brand.currency, candidate.timezone or brand.timezone
            )
        )

    def _unsubscribe_link(self, candidate: Candidate) -> str:
        return self._stationery.unsubscriber.link(
            Subscription(candidate.user_id, candidate.channel, candidate.message_class, candidate.action_id)
        )

    def _values(self, candidate: Candidate, address: str, link: str) -> Values:
        coupon = candidate.coupon
        return {
            "user": {
                "key": candidate.user_key,
                "email": address if candidate.channel == "email" else None,
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
