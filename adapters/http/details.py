"""A provider's text for the action log: one line, shortened, without addresses and secrets."""

import re
from collections.abc import Iterable

DETAIL = 200
"""Maximum length of a provider's text in the log."""
_SHORTEST = 4
_CONTROLS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_NUMBER = re.compile(r"(?<![\w.])\+?\(?\d(?:[ ().-]?\d){6,}(?!\w)")
"""Seven digits and more, with or without what people write between them: phone numbers, and never an error code."""
_EMAIL = re.compile(r"[^\s<>\"'(,;:]+@[^\s<>\"'),;:]+")


def without_addresses(text: str, private: Iterable[str] = ()) -> str:
    """Return ``text`` for the log. Addresses and the texts in ``private``, such as secrets, become ``…``.

    Texts of less than four characters are left: they could be parts of any word.
    """
    for one in sorted(private, key=len, reverse=True):
        if len(one) >= _SHORTEST:
            text = text.replace(one, "…")
    text = _NUMBER.sub("…", _EMAIL.sub("…", text))
    return _CONTROLS.sub(" ", text).strip()[:DETAIL]
