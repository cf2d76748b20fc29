"""Words of the log that explain themselves: a value for tables and reports, a sentence for people."""

from enum import StrEnum
from typing import Self


class Worded(StrEnum):
    """Base of such words; a member is made of its word and its sentence."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> Self:
        """Make a member from its word and its sentence."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member
