"""The parts of a push besides its words: a link, an image, and data for the app.

Mistakes of a template are found when it is prepared, without any values. A value can change neither a link's scheme and
the place where it stands, nor the lines of data: it is escaped for its place.
"""

import re
from collections.abc import Iterator, Mapping

from adapters.base import PushPayload
from engine.errors import RenderError
from engine.messages.email.headers import one_line
from engine.messages.links import filled_link, link_part
from engine.messages.reasons import MessageReason
from engine.messages.render import Rendered
from engine.messages.skeleton import Prepared, formed_part, plain_part
from engine.messages.slots import SLOT

PARTS = ("title", "body", "image", "link", "data")
"""The blocks of a push; the first two are required."""
LONGEST = {"title": 200, "body": 1_000, "image": 1_000, "link": 1_000}
"""The most characters of each part. Phones show less: about 50 of a title and 150 of a body."""
LARGEST = 3_500
"""The most octets of UTF-8 of all parts together: providers accept 4 KB, with what they add."""

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}").fullmatch
_OWN_BLOCK = frozenset(("title", "body", "image", "link"))
_OF_PROVIDERS = re.compile(r"aps|from|message_type|notification|collapse_key|(google|gcm).*").fullmatch
"""Keys that FCM and APNs use themselves."""


def prepare_push(parts: Mapping[str, str]) -> Prepared:
    """Prepare the skeletons of a push's parts.

    Raises:
        RenderError: a link cannot be followed, or a line of data is not ``key: value``.
    """
    skeletons = {name: part.strip() for name, part in parts.items()}
    links = {name: link_part(name, skeletons[name]) for name in ("image", "link")}
    _check_data(skeletons["data"])
    return Prepared(
        {
            **{name: plain_part(skeletons[name]) for name in ("title", "body")},
            **links,
            "data": formed_part(skeletons["data"], lambda _: one_line),
        }
    )


def push_payload(rendered: Rendered) -> PushPayload:
    """Return what a push says to one user.

    Raises:
        RenderError: a part is too long, or a link cannot be followed. It repeats no value.
    """
    payload = PushPayload(
        title=rendered.subject,
        body=rendered.plain("body"),
        image=filled_link("image", rendered.plain("image")),
        link=filled_link("link", rendered.plain("link")),
        data=dict(_entries(rendered.plain("data"))),
    )
    _check_size(payload)
    return payload


def _check_data(skeleton: str) -> None:
    seen: set[str] = set()
    for number, line in enumerate(skeleton.splitlines(), 1):
        if line.strip():
            key = _checked_key(line, number)
            if key in seen:
                raise RenderError(f"line {number} of data repeats the key `{key}`", MessageReason.TEMPLATE_INVALID)
            seen.add(key)


def _checked_key(line: str, number: int) -> str:
    key, colon, _ = line.partition(":")
    key = key.strip()
    wrong = ""
    if SLOT.search(key):
        wrong = "has a value before its colon; keys have to be fixed: write `key: {{ value }}`"
    elif not colon:
        wrong = "has no colon: write `key: value`"
    elif not _KEY(key):
        wrong = f"has the key `{key}`; keys have up to 64 letters, digits, `_`, `-` and `.`, and begin with a letter"
    elif key in _OWN_BLOCK:
        wrong = f"has the key `{key}`, which is a block of its own"
    elif _OF_PROVIDERS(key):
        wrong = f"has the key `{key}`, which Apple or Google uses; choose another"
    if wrong:
        raise RenderError(f"line {number} of data {wrong}", MessageReason.TEMPLATE_INVALID)
    return key


def _entries(data: str) -> Iterator[tuple[str, str]]:
    for line in data.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            yield key.strip(), value.strip()


def _check_size(payload: PushPayload) -> None:
    for name, most in LONGEST.items():
        length = len(getattr(payload, name))
        if length > most:
            raise RenderError(f"the {name} has {length:,} characters; a push has room for {most:,}")
    texts = (payload.title, payload.body, payload.image, payload.link, *payload.data, *payload.data.values())
    octets = sum(len(text.encode("utf-8", "replace")) for text in texts)
    if octets > LARGEST:
        raise RenderError(f"the push has {octets:,} octets in all; providers have room for {LARGEST:,}")
