"""Composing one message: rendering its template, and building what the adapter sends."""

from collections.abc import Callable
from typing import TypeVar

from engine.channels.base import Sending, Shown, by_name
from engine.composing.draft import Broken, Composed, Draft, Oversized, Recipe, Unrendered
from engine.composing.used_values import UsedValues
from engine.errors import MessageTooLong, RenderError
from engine.faults import trail
from engine.messages.render import RenderContext, Template

_T = TypeVar("_T")


class Composer:
    """Composes drafts; equal ones give equal messages."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._channels = by_name(recipe.channels)
        self._used_values = UsedValues(recipe.library_for)

    def compose(self, draft: Draft) -> Composed:
        """Return the message.

        Raises:
            RenderError: the template is missing or cannot be rendered with these values, or a header is invalid.
            MessageTooLong: it is longer than its playbook allows.
        """
        recipe, channel = self._recipe, self._channels[draft.channel]
        template, context = self._template(draft), self._context(draft)
        rendered = template.render(context)
        sending = Sending(
            key=draft.key,
            at=draft.at,
            sender=recipe.sender,
            recipient=draft.recipient,
            reply_to=recipe.reply_to,
            unsubscribe_url=draft.unsubscribe_url,
            mark=draft.mark,
            max_segments=draft.max_segments,
        )
        return Composed(
            payload=channel.compose(rendered, sending),
            subject=channel.summary(rendered),
            template_hash=template.fingerprint,
            locale=template.locale,
            values=self._used_values.values(draft.template, draft.channel, context),
        )

    def preview(self, draft: Draft) -> Shown:
        """Return the message as a person sees it.

        Raises:
            RenderError: the template is missing or cannot be rendered with these values.
        """
        return self._channels[draft.channel].preview(self._template(draft).render(self._context(draft)))

    def _template(self, draft: Draft) -> Template:
        wanted = (draft.template, draft.channel, draft.locale)
        return self._recipe.library_for(*wanted).find(*wanted)

    def _context(self, draft: Draft) -> RenderContext:
        return RenderContext(draft.values, draft.locale, self._recipe.currency, draft.zone)


def attempt(work: Callable[[Draft], _T], draft: Draft) -> _T | Unrendered | Broken | Oversized:
    """Do ``work``; return what it returns, or why it failed, so that one message does not affect the others.

    Raises:
        MemoryError: there is too little memory for it.
    """
    try:
        return work(draft)
    except RenderError as error:
        return Unrendered(str(error.reason), str(error))
    except MessageTooLong as error:
        return Oversized(str(error.reason), str(error))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a bug in a filter or in building the message
        return Broken(trail(error))
