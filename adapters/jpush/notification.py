"""A push as JPush wants it, for Android and for iOS."""

import re
from collections.abc import Mapping

from adapters.base import PushPayload

_WEB = re.compile(r"https?:", re.IGNORECASE).match


def notification(payload: PushPayload) -> Mapping[str, object]:
    """Return the notification. Apps find the link and the image among the ``extras``, with the data.

    On Android, JPush shows the image, and opens a link into the app; on iOS, the app's notification extension shows it.
    """
    title, body = _text(payload.title), _text(payload.body)
    extras = {_text(name): _text(value) for name, value in payload.data.items()}
    extras |= {name: _text(one) for name, one in (("link", payload.link), ("image", payload.image)) if one}
    android: dict[str, object] = {"alert": body, "title": title, "extras": extras}
    ios: dict[str, object] = {"alert": {"title": title, "body": body}, "sound": "default", "extras": extras}
    if payload.image:
        android |= {"style": 3, "big_pic_path": _text(payload.image)}
        ios["mutable-content"] = True
    if payload.link and not _WEB(payload.link):
        android["intent"] = {"url": _text(payload.link)}
    return {"android": android, "ios": ios}


def _text(text: str) -> str:
    """Return ``text`` without what UTF-8 cannot say."""
    return text.encode("utf-8", "replace").decode("utf-8")
