"""Links of messages without markup: the block ``link``, which may lead into the brand's own app, and the block ``image``.

A value can change neither a link's scheme nor the place where it stands.
"""

import re
from collections.abc import Callable
from urllib.parse import quote, urlsplit

from engine.errors import RenderError
from engine.messages.reasons import MessageReason
from engine.messages.skeleton import Part, formed_part
from engine.messages.slots import SLOT, Place, for_text, unchanged

_SAFE = "%/:?#[]@!$&'()*+,;=~"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):").match
_OF_THE_WEB = ("http", "ws", "wss", "ftp", "file", "data", "blob", "javascript", "vbscript", "content", "about")
_NOT_APPS = frozenset((*_OF_THE_WEB, "mailto", "tel", "sms", "intent"))
"""Schemes that no app of a brand has."""


def link_part(name: str, skeleton: str) -> Part:
    """Prepare the block ``name``, whose skeleton is a link or empty; a value is escaped for its place in it.

    Raises:
        RenderError: the link cannot be followed, whatever the values are.
    """
    if skeleton:
        _check_scheme(name, SLOT.split(skeleton)[0], MessageReason.TEMPLATE_INVALID)
    return formed_part(skeleton, _form_in_link)


def _form_in_link(before: str) -> Callable[[str], str]:
    """Return how a value is escaped that follows ``before`` in a link; one at its beginning is a link itself."""
    if not before:
        return unchanged
    return for_text(Place.QUERY if "?" in before or "#" in before else Place.PATH)


def filled_link(name: str, filled: str) -> str:
    """Return the link to which the block ``name`` was rendered, in ASCII; empty if it was rendered to nothing.

    Raises:
        RenderError: the link cannot be followed. It repeats no value.
    """
    if not filled:
        return ""
    _check_scheme(name, filled, MessageReason.URL_INVALID, complete=True)
    link = quote(filled, safe=_SAFE, errors="replace")
    if not _has_host(link):
        raise RenderError(
            f"the {name} has no host: write a link such as https://example.com/a", MessageReason.URL_INVALID
        )
    return link


def _has_host(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:  # brackets that do not belong together
        return False
    return parts.scheme != "https" or bool(parts.hostname and "%" not in parts.hostname)


def _check_scheme(name: str, beginning: str, reason: MessageReason, *, complete: bool = False) -> None:
    """Check the scheme of a link, as far as its beginning shows it."""
    found = _SCHEME(beginning)
    if found is None and not complete and not re.search(r"[/?#.]", beginning):
        return  # a value goes on with it
    scheme = found[1].lower() if found else ""
    after = beginning[found.end() :] if found else ""
    slashes = after.startswith("//") or (not complete and len(after) < 2)
    apps = name == "link" and scheme not in _NOT_APPS
    if not scheme or not slashes or not (scheme == "https" or apps):
        ways = "https:// or with the scheme of your app, such as myapp://" if name == "link" else "https://"
        raise RenderError(f"the {name} has to begin with {ways}", reason)
