"""Words that people write back alone, such as STOP, and how they compare."""

import unicodedata
from collections.abc import Mapping

STOP_WORDS = (
    "STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE",
    "ARRET", "BAJA", "ALTO", "SAIR", "PARAR", "STOPP", "ABMELDEN", "AFMELDEN", "CANCELLA",
    "退订", "退訂", "拒收", "TD", "T", "R", "N",
)  # fmt: skip
"""What people write back, alone, to get no more text messages."""
START_WORDS = ("START", "UNSTOP", "订阅", "訂閱", "恢复订阅")
"""What people write back, alone, to take that back. Not YES, which answers many questions."""
OPT_OUT_WORDS: Mapping[str, tuple[str, ...]] = {
    "en": ("STOP", "UNSUBSCRIBE", "OPT OUT"),
    "de": ("STOP", "STOPP", "ABMELDEN"),
    "es": ("STOP", "BAJA", "ALTO"),
    "fr": ("STOP", "ARRET"),
    "pt": ("STOP", "SAIR", "PARAR"),
    "zh": ("退订", "退訂", "拒收", "回R", "回T", "回N", "回复R", "回复T", "回复N", "回覆R", "回覆T", "回覆N"),
}
"""Language -> words by which a text message says how to refuse it."""


def said(text: str) -> str:
    """Return the letters and digits of ``text`` in a form that compares: without case, accents and full-width forms.

    Spaces and punctuation are dropped, so that ``Stop all!`` is ``STOPALL``. A sentence stays one long word.
    """
    parts = unicodedata.normalize("NFKD", text).casefold()
    return "".join(one for one in parts if one.isalnum())
