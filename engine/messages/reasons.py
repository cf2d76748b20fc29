"""Reasons why a message cannot be rendered or composed."""

from engine.actions.described_enum import DescribedEnum


class MessageReason(DescribedEnum):
    """The reasons of rendering and composing, besides ``render_failed``."""

    TEMPLATE_MISSING = (
        "template_missing",
        "There is no template with this name for the channel, neither in the files nor in an earlier version of them.",
    )
    TEMPLATE_INVALID = "template_invalid", "The template has errors; `habitue check` lists them."
    TEMPLATE_UNSAFE = "template_unsafe", "The template puts a value where it cannot be escaped safely."
    URL_INVALID = (
        "url_invalid",
        "A link in the message cannot be followed: it does not begin with https:// or the like.",
    )
    RENDER_LIMIT = "render_limit", "Rendering it takes more time or memory than `[composing]` allows."
    HEADER_INVALID = "header_invalid", "A header of the message is not valid."
