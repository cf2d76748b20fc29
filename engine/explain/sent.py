"""Rendering a sent message again, from the values that its template read and the stored template."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Row, text

from engine.channels.base import Shown, by_name
from engine.clock import Instant
from engine.composing.used_values import RENDERED_WITH
from engine.content.versions import content_bundles
from engine.errors import InputError, RenderError
from engine.kinds import Kinds
from engine.loading import template_library
from engine.messages.render import RenderContext, Template
from engine.messages.templates import TemplateLibrary
from engine.settings import Settings

# With tries = 0 nothing was sent: the hand-off was undone because the adapter was down.
_KEPT = text(
    "SELECT a.id, a.state, a.tries, a.channel, a.template, a.template_hash, a.locale, k.at, k.address,"
    " CAST(k.template_values AS TEXT) AS kept, coalesce(u.key, '#' || a.user_id) AS user_key"
    " FROM action AS a LEFT JOIN action_content AS k ON k.action_id = a.id AND a.tries > 0"
    " LEFT JOIN users AS u ON u.id = a.user_id WHERE a.id = :action_id"
)


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message as it was last handed off; parts that its channel does not have are empty."""

    action: int
    at: Instant
    user: str
    channel: str
    address: str
    template: str
    locale: str
    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class SentMessages:
    """Renders messages again as they were last handed off, with the templates of that time."""

    settings: Settings
    kinds: Kinds

    def of(self, connection: Connection, action_id: int) -> SentMessage:
        """Return the action's message.

        Raises:
            InputError: there is no such action, it was not sent, its content was deleted, or its template is no longer
                stored.
        """
        row = _kept(connection, action_id)
        shown = self._rendered(connection, row)
        return SentMessage(
            action=row.id,
            at=Instant(row.at),
            user=row.user_key,
            channel=row.channel,
            address=row.address,
            template=row.template,
            locale=row.locale,
            subject=shown.subject,
            text=shown.text,
            html=shown.html,
        )

    def _rendered(self, connection: Connection, row: Row[Any]) -> Shown:
        channel = by_name(self.kinds.channels).get(row.channel)
        template = self._template(connection, row.template, row.channel, row.locale, row.template_hash)
        if channel is None or template is None:
            raise InputError(f"the version of `{row.template}` that action {row.id} was sent with is no longer stored")
        values = orjson.loads(row.kept)
        by = values.pop(RENDERED_WITH)
        return channel.preview(template.render(RenderContext(values, by["locale"], by["currency"], by["zone"])))

    def _template(
        self, connection: Connection, name: str, channel: str, locale: str, fingerprint: str
    ) -> Template | None:
        for library in self._libraries(connection):
            try:
                template = library.find(name, channel, locale)
            except RenderError:
                continue  # that version has no such template
            if template.fingerprint == fingerprint:
                return template
        return None

    def _libraries(self, connection: Connection) -> Iterator[TemplateLibrary]:
        for bundle in content_bundles(connection):
            yield template_library(bundle, self.settings, self.kinds)


def _kept(connection: Connection, action_id: int) -> Row[Any]:
    row = connection.execute(_KEPT, {"action_id": action_id}).first()
    if row is None:
        raise InputError(f"there is no action {action_id}; `habitue log --json` shows each action's `number`")
    if row.tries == 0:
        raise InputError(f"action {action_id} was not sent; its state is `{row.state}`")
    if row.kept is None:
        raise InputError(f"the content of action {action_id} was deleted, after schedule.keep_content or by an erasure")
    return row
