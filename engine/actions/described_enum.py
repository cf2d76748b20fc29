"""Enums whose members have a value for storage, tables and reports, and a sentence for people."""

from enum import StrEnum
from typing import Self


class DescribedEnum(StrEnum):
    """Base of these enums. A member is declared with its value and its sentence."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> Self:
        """Create a member from its value and its sentence."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member
