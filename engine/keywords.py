"""Words that people write back alone, such as STOP, and how they compare."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

_LONGEST = 1_000
"""How many characters of a reply are looked at."""

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


class Meaning(StrEnum):
    """What a reply says, as a whole."""

    STOP = "stop"
    START = "start"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Keywords:
    """The words that are understood, as ``said`` returns them."""

    stop: frozenset[str]
    start: frozenset[str]

    @classmethod
    def of(cls, stop: Iterable[str], start: Iterable[str]) -> "Keywords":
        """Return the keywords of words as people write them."""
        return cls(frozenset(map(said, stop)), frozenset(map(said, start)))

    def meaning(self, text: str) -> Meaning:
        """Return what ``text`` means. A sentence with one of the words in it means nothing: nobody can know what."""
        if (word := said(text[:_LONGEST])) in self.stop:
            return Meaning.STOP
        return Meaning.START if word in self.start else Meaning.OTHER


def said(text: str) -> str:
    """Return the letters and digits of ``text`` in a form that compares: without case, accents and full-width forms.

    Spaces and punctuation are dropped, so that ``Stop all!`` is ``STOPALL``. A sentence stays one long word.
    """
    parts = unicodedata.normalize("NFKD", text).casefold()
    return "".join(one for one in parts if one.isalnum())
