"""Rendering every template for made-up customers before a real one gets it: finds what stops, and what never works.

It uses the processes and the limits of delivery, so that what exceeds them is found here first.
"""

import re
from collections.abc import Mapping

from engine.channels.providers import MessageReview
from engine.clock import Instant
from engine.composing.draft import Broken, Composed, Oversized, Unrendered
from engine.composing.processes import Made
from engine.content.bundle import TEMPLATES
from engine.content.findings import Finding
from engine.content.value_types import ValueType
from engine.delivery.pending_message import PendingMessage
from engine.explain.previewing import Previewer, PreviewRequest
from engine.loading import Content
from engine.messages.reasons import MessageReason
from engine.messages.templates import TemplateName

_TEXTS = ("1", "2026-01-31")
"""Templates may want a number or a date in a text, which the usual made-up texts are not."""
_ERRORS = (MessageReason.RENDER_LIMIT, MessageReason.TEMPLATE_UNSAFE, MessageReason.TEMPLATE_INVALID)
"""The reasons that do not depend on the customer."""
_PLACE = re.compile(r"(?P<path>[^:\n]+\.j2)(?::(?P<line>\d+))?: (?P<said>.*)", re.DOTALL)


def rehearse(
    content: Content, previewer: Previewer, reviews: Mapping[str, MessageReview], now: Instant
) -> list[Finding]:
    """Return a finding for each template that cannot be composed for any made-up customer, or that a provider refuses.

    ``reviews``: channel -> what its provider's rules say about a message.

    Raises:
        ComposingStopped: nothing can be composed.
    """
    requests = [
        PreviewRequest(name, channel, _locale(path) or previewer.default_locale)
        for name, channel in sorted(content.library.names())
        for path in content.library.files(name, channel)
    ]
    samples = [previewer.sample(request, now) for request in requests]
    found: set[Finding] = set()
    for pending, made in zip(samples, previewer.compose_all(samples, now), strict=True):
        finding = _finding(content, pending, made)
        if finding is None:
            finding = _objection(content, previewer, reviews, pending, made)
        elif finding.severity == "warning" and not isinstance(made, Oversized):
            finding = None if _works(previewer, content, pending, now) else finding
        if finding is not None:
            found.add(finding)
    return sorted(found)


def _locale(path: str) -> str:
    name = TemplateName.of(path)
    return name.locale if name else ""


def _finding(content: Content, pending: PendingMessage, made: Made) -> Finding | None:
    match made:
        case Unrendered(reason, detail):
            path, line, said = _parts(detail, _path(content, pending))
            if reason in _ERRORS:
                return Finding(path, line, said)
            return Finding(path, line, f"it cannot be sent, at least not to a made-up customer: {said}", "warning")
        case Oversized(_, detail):
            said = f"for a made-up customer it has {detail}: delivery would not send it"
            return Finding(_path(content, pending), 0, said, "warning")
        case Broken(detail):
            said = f"a bug in the program or an extension stops it: {detail}"
            return Finding(_path(content, pending), 0, said)
        case _:
            return None


def _objection(
    content: Content,
    previewer: Previewer,
    reviews: Mapping[str, MessageReview],
    pending: PendingMessage,
    made: Made,
) -> Finding | None:
    """Return what the provider would refuse about a message that a playbook sends."""
    review = reviews.get(pending.channel)
    if review is None or not isinstance(made, Composed) or not _is_sent(content, pending):
        return None
    found = review(previewer.message(pending, made))
    if not found.objection:
        return None
    path = _path(content, pending)
    if found.depends_on_values:
        said = f"the provider would refuse it, at least to a made-up customer: {found.objection}"
        return Finding(path, 0, said, "warning")
    return Finding(path, 0, f"the provider would refuse it: {found.objection}")


def _is_sent(content: Content, pending: PendingMessage) -> bool:
    return any(
        message.template == pending.template and pending.channel in message.channels
        for playbook in content.playbooks.playbooks
        for step in playbook.steps
        for message in step.act.messages
    )


def _works(previewer: Previewer, content: Content, pending: PendingMessage, now: Instant) -> bool:
    """Tell whether a template works with other texts, or is not sent by any playbook, so that nobody knows its values."""
    if not pending.playbook:
        return True
    others = [_with_texts(pending, content, text) for text in _TEXTS]
    return any(isinstance(made, Composed) for made in previewer.compose_all(others, now))


def _with_texts(pending: PendingMessage, content: Content, text: str) -> PendingMessage:
    catalog = content.catalog
    facts = {name: fact.type for name, fact in catalog.facts.items()}
    event = pending.event and {
        **pending.event,
        **_texts(pending.event, catalog.events.get(str(pending.event["name"]), {}), text),
    }
    return pending._replace(user_key=text, facts={**pending.facts, **_texts(pending.facts, facts, text)}, event=event)


def _texts(values: Mapping[str, object], types: Mapping[str, ValueType], text: str) -> dict[str, object]:
    return {name: text for name in values if types.get(name) is ValueType.TEXT}


def _path(content: Content, pending: PendingMessage) -> str:
    found = content.library.path_of(pending.template, pending.channel, pending.locale or "")
    return f"{TEMPLATES}/{found or pending.template}"


def _parts(detail: str, otherwise: str) -> tuple[str, int, str]:
    """Return file, line and sentence of the detail of a message that was not rendered."""
    found = _PLACE.fullmatch(detail)
    if found is None:
        return otherwise, 0, detail
    return f"{TEMPLATES}/{found['path']}", int(found["line"] or 0), found["said"]
