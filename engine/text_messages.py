"""Text messages: the settings, and the words that people write back alone, such as STOP."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_SEGMENTS = 255
"""More cannot be joined to one text message (3GPP TS 23.040)."""

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


class SmsSettings(BaseModel):
    """Text messages: how long they may be, and what people write back."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    max_segments: int = Field(default=10, ge=1, le=MOST_SEGMENTS)
    """How many segments a text message may have, unless its playbook says so."""
    stop_words: tuple[str, ...] = STOP_WORDS
    """Replies that refuse; capitals, accents, spaces and punctuation do not matter."""
    start_words: tuple[str, ...] = START_WORDS
    """Replies that take a refusal by reply back."""
    stop_refuses: tuple[Literal["marketing", "service"], ...] = ("marketing", "service")
    """The classes of text messages that a reply refuses."""
    opt_out_words: Mapping[str, tuple[str, ...]] = OPT_OUT_WORDS
    """Language -> words of which a marketing text message has one; other languages use those of ``en``."""

    def keywords(self) -> Keywords:
        """Return the words that are understood."""
        return Keywords.of(self.stop_words, self.start_words)

    @model_validator(mode="after")
    def _apart(self) -> Self:
        """Refuse settings under which a word would both refuse and agree, or STOP would refuse nothing."""
        both = {said(word) for word in self.stop_words} & {said(word) for word in self.start_words}
        if both:
            raise ValueError(f"`{min(both).upper()}` is among `stop_words` and `start_words`: remove one")
        if not self.stop_refuses:
            raise ValueError('`stop_refuses` is empty, so nobody could refuse: write ["marketing"]')
        if not all(said(word) for word in (*self.stop_words, *self.start_words)):
            raise ValueError("a word has neither letters nor digits: remove it")
        return self
