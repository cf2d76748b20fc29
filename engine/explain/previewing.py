"""Previewing a message without an action, for a stored user or a made-up one.

Values are collected by the same code as in delivery, so a preview cannot differ from the message. A preview never
claims a coupon code, writes anything, or contains an unsubscribe link that works.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, text

from adapters.base import Message
from adapters.kinds import Review
from engine.channels.base import Channel, Shown, by_name
from engine.channels.providers import MessageReview
from engine.clock import HOUR, Instant
from engine.composing.draft import Broken, Composed, Draft, Oversized, Unrendered
from engine.composing.jobs import Job, Work
from engine.composing.processes import Composers, Made
from engine.content.value_types import ValueType
from engine.delivery.drafting import DraftContext, Drafter, recipe_of
from engine.delivery.load import event_values, fact_values
from engine.delivery.pending_message import PendingMessage
from engine.delivery.unsubscribe import Unsubscriber
from engine.errors import HabitueError, InputError, MessageTooLong, RenderError
from engine.explain.finding import find_user
from engine.explain.samples import sample_coupon, sample_event, sample_facts
from engine.loading import Content
from engine.messages.segments import Segments
from engine.playbooks.file.playbook import Playbook
from engine.settings import Brand
from engine.store.dialects import dialect_of

SAMPLE_KEY = "sample-customer"
_NO_SECRET = "preview"  # noqa: S105 - links under it are refused, as they should be
_TEST = "[test] "
_ACTION, _ENROLMENT = 0, 0
_EVENT = text(
    "SELECT name, at, amount, properties FROM event WHERE user_id = :user_id AND name = :name AND at <= :now"
    " ORDER BY at DESC LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """What to preview. ``locale`` None means the user's own."""

    template: str
    channel: str
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """A message without its headers. ``subject`` and ``html`` are empty on channels that have none."""

    template: str
    file: str
    channel: str
    locale: str
    playbook: str | None
    """The playbook whose step sends it; None if no step does."""
    subject: str
    text: str
    html: str
    segments: Segments | None = None
    """Of a text message; None on other channels."""
    max_segments: int | None = None
    """How many its playbook allows; delivery does not send a longer one."""
    review: Review | None = None
    """What the provider's rules say about it; None if they cannot be known beforehand."""


@dataclass(frozen=True, slots=True)
class TrialMessage:
    """A message for trying an adapter. ``marked``: its subject or text says that it is a test."""

    message: Message
    marked: bool


@dataclass(frozen=True, slots=True)
class _TemplateUse:
    """The step that sends the template, if any."""

    playbook: Playbook | None
    coupon: str | None


class Previewer:
    """Makes previews and test messages."""

    def __init__(self, content: Content, brand: Brand, composers: Composers) -> None:
        self._composers = composers
        self._content = content
        self._brand = brand
        unsubscriber = Unsubscriber(_NO_SECRET, brand.unsubscribe_url)
        self._drafter = Drafter(DraftContext(brand, unsubscriber, content.segments), content.kinds.channels)
        self._recipe = recipe_of(brand, content.library, content.kinds.channels)
        self._channels = by_name(content.kinds.channels)

    def sample(self, request: PreviewRequest, now: Instant) -> PendingMessage:
        """Return the message for a made-up customer who has a value for everything that templates can use."""
        use, catalog = _use_of(self._content, request), self._content.catalog
        event = None
        if use.playbook and (name := use.playbook.trigger.event) is not None:
            event = sample_event(name, catalog.events.get(name, {}), catalog.currency_scale, now)
        person = {"id": 0, "key": SAMPLE_KEY, "address": self._channel(request.channel).sample}
        zone = {"timezone": self._brand.timezone, "locale": self._brand.locale}
        return self._pending(request, use, {**person, **zone}, sample_facts(catalog, now), event, now)

    def of_user(self, connection: Connection, request: PreviewRequest, key: str, now: Instant) -> PendingMessage:
        """Return the message for a stored user, with their facts and their newest event of the playbook's trigger.

        Raises:
            InputError: there is no such user.
        """
        channels = self._content.kinds.channels
        user_id, use = find_user(connection, channels, key, self._brand.country).id, _use_of(self._content, request)
        catalog = self._content.catalog
        columns = "".join(f", s.{fact.column}" for fact in catalog.facts.values())
        address = self._channel(request.channel).address.sql(dialect_of(connection))
        query = text(
            f"SELECT u.id, u.key, {address} AS address, u.locale, u.timezone{columns} FROM users AS u"
            " LEFT JOIN user_state AS s ON s.user_id = u.id WHERE u.id = :user_id"
        )
        row = connection.execute(query, {"user_id": user_id}).mappings().one()
        booleans = [name for name, fact in catalog.facts.items() if fact.type is ValueType.BOOLEAN]
        stored = fact_values(list(catalog.facts), booleans, [row[fact.column] for fact in catalog.facts.values()])
        event = self._newest_event(connection, use, user_id, now)
        return self._pending(request, use, row, stored, event, now)

    @property
    def default_locale(self) -> str:
        """The brand's language."""
        return self._brand.locale

    def preview(self, pending: PendingMessage, review: MessageReview | None = None) -> Preview:
        """Render a pending message; ``review`` tells what its provider's rules say about it.

        Raises:
            RenderError: there is no such template, or it cannot be rendered with these values.
            ComposingStopped: nothing can be rendered.
        """
        shown = self._make(Work.PREVIEW, self._drafter.sketch(pending))
        assert isinstance(shown, Shown)
        locale = pending.locale or self._brand.locale
        return Preview(
            template=pending.template,
            file=self._content.library.path_of(pending.template, pending.channel, locale) or "",
            channel=pending.channel,
            locale=locale,
            playbook=pending.playbook or None,
            subject=shown.subject,
            text=shown.text,
            html=shown.html,
            segments=shown.segments,
            max_segments=self._content.segments.of(pending.playbook) if shown.segments else None,
            review=None if review is None else self._reviewed(pending, review),
        )

    def test_message(
        self, pending: PendingMessage, address: str, now: Instant, review: MessageReview | None = None
    ) -> TrialMessage:
        """Return the message to ``address``, its subject or text marked with ``[test]``.

        It is not marked if the provider, which ``review`` speaks for, would refuse the mark.

        Raises:
            InputError: nothing can be sent to the address.
            RenderError: as ``preview``.
        """
        channel = self._channel(pending.channel)
        recipient = channel.typed(address, self._brand.country)
        if recipient is None:
            raise InputError(f"nothing can be sent to the address after --to: write one such as {channel.sample}")
        to = pending._replace(recipient=recipient, address=address, attempt=int(now))
        message = self._composed(to, self._drafter.draft(to, now, _TEST))
        if review is None or not review(message).objection:
            return TrialMessage(message, marked=True)
        return TrialMessage(self._composed(to, self._drafter.draft(to, now)), marked=False)

    def message(self, pending: PendingMessage, made: Composed) -> Message:
        """Return the message that an adapter would get."""
        return self._drafter.ready(pending, self._drafter.sketch(pending), made).message

    def compose_all(self, messages: Sequence[PendingMessage], now: Instant) -> list[Made]:
        """Compose ``messages``, which must have recipients; return what becomes of each.

        Raises:
            ComposingStopped: nothing can be composed.
        """
        drafts = tuple(self._drafter.draft(message, now) for message in messages)
        made: list[Made] = []
        while len(made) < len(drafts):
            made += self._composers.submit(self._recipe, Job(Work.COMPOSE, drafts[len(made) :])).result()
        return made

    def _reviewed(self, pending: PendingMessage, review: MessageReview) -> Review | None:
        """Return what a provider's rules say; None of a message that is too long to be sent, which is said already."""
        try:
            return review(self._composed(pending, self._drafter.sketch(pending)))
        except MessageTooLong:
            return None

    def _composed(self, pending: PendingMessage, draft: Draft) -> Message:
        made = self._make(Work.COMPOSE, draft)
        assert isinstance(made, Composed)
        return self._drafter.ready(pending, draft, made).message

    def _make(self, work: Work, draft: Draft) -> Made:
        (made,) = self._composers.submit(self._recipe, Job(work, (draft,))).result()
        match made:
            case Unrendered(reason, detail):
                raise RenderError(detail, reason)
            case Oversized(reason, detail):
                raise MessageTooLong(detail, reason)
            case Broken(detail):
                raise HabitueError(f"a bug in the program or an extension stopped this message: {detail}")
            case _:
                return made

    def _channel(self, name: str) -> Channel:
        if name not in self._channels:
            raise InputError(f"unknown channel `{name}`; known: {', '.join(self._channels)}")
        return self._channels[name]

    def _newest_event(
        self, connection: Connection, use: _TemplateUse, user_id: int, now: Instant
    ) -> dict[str, object] | None:
        name, catalog = use.playbook.trigger.event if use.playbook else None, self._content.catalog
        if name is None:
            return None
        properties = catalog.events.get(name, {})
        row = connection.execute(_EVENT, {"user_id": user_id, "name": name, "now": now}).first()
        if row is None:
            return sample_event(name, properties, catalog.currency_scale, now)
        return event_values(row.name, row.at, row.amount, row.properties, properties)

    def _pending(  # noqa: PLR0917 - one call for each of two sources
        self,
        request: PreviewRequest,
        use: _TemplateUse,
        person: RowMapping | dict[str, object],
        facts: dict[str, object],
        event: dict[str, object] | None,
        now: Instant,
    ) -> PendingMessage:
        address = person["address"]
        coupons = self._content.playbooks.coupons
        return PendingMessage(
            action_id=_ACTION,
            fence=0,
            key=f"test.{person['id']}.{request.template}.{now}",  # each test is a message of its own
            enrolment_id=_ENROLMENT,
            step=f"test-{request.template}",
            attempt=1,
            user_id=int(str(person["id"])),
            user_key=str(person["key"]),
            playbook=use.playbook.name if use.playbook else "",
            message_class=use.playbook.message_class if use.playbook else "marketing",
            channel=request.channel,
            next_channels=(),
            template=request.template,
            coupon_name=use.coupon,
            expires_at=now + HOUR,
            tries=0,
            address=str(address) if address else None,
            recipient=self._channel(request.channel).usable(str(address)) if address else None,
            locale=request.locale or (str(person["locale"]) if person["locale"] else None),
            timezone=str(person["timezone"]) if person["timezone"] else None,
            coupon=sample_coupon(coupons.get(use.coupon), now) if use.coupon else None,
            event=event,
            facts=facts,
        )


def _use_of(content: Content, request: PreviewRequest) -> _TemplateUse:
    """Return the first step that sends the template. A template that no step sends can be previewed too."""
    for playbook in content.playbooks.playbooks:
        for step in playbook.steps:
            for message in step.act.messages:
                if message.template == request.template:
                    return _TemplateUse(playbook, message.coupon)
    if not any(name == request.template for name, _ in content.library.names()):
        # `find` says it with the closest name.
        content.library.find(request.template, request.channel, request.locale or "")
    return _TemplateUse(None, None)
