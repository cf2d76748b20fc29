"""Rendering a sent message again, from the values that its template read and the stored template."""

from collections.abc import Iterator
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, text

from engine.channels.base import Shown, by_name
from engine.content.versions import content_bundles
from engine.delivery.used_values import RENDERED_WITH
from engine.errors import InputError, RenderError
from engine.loading import Content, template_library
from engine.messages.render import RenderContext, Template
from engine.messages.templates import TemplateLibrary
from engine.settings import Settings

_KEPT = text(
    "SELECT a.channel, a.template, a.template_hash, a.locale, CAST(k.template_values AS TEXT) AS kept"
    " FROM action AS a JOIN action_content AS k ON k.action_id = a.id WHERE a.id = :action_id"
)


@dataclass(frozen=True)
class SentMessages:
    """Renders messages again as they were last handed off, with the templates of that time."""

    content: Content
    settings: Settings

    def of(self, connection: Connection, action_id: int) -> Shown:
        """Return the action's message.

        Raises:
            InputError: the action was never handed off, its content was deleted, or its template is no longer stored.
        """
        row = connection.execute(_KEPT, {"action_id": action_id}).first()
        if row is None or row.kept is None:
            raise InputError(f"action {action_id} has no stored content: it was never sent, or its content was deleted")
        channel = by_name(self.content.kinds.channels).get(row.channel)
        template = self._template(connection, row.template, row.channel, row.locale, row.template_hash)
        if channel is None or template is None:
            raise InputError(
                f"the version of `{row.template}` that action {action_id} was sent with is no longer stored"
            )
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
        yield self.content.library
        for bundle in content_bundles(connection):
            yield template_library(bundle, self.settings, self.content.kinds)
