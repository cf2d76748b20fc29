"""Enums whose members have a word for tables and reports, and a sentence for people."""

from enum import StrEnum
from typing import Self


class Worded(StrEnum):
    """Base of such enums; a member is declared as its word and its sentence."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> Self:
        """Create a member from its word and its sentence."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member
