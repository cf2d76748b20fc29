"""Reasons: words in the log with sentences that explain them, each declared once, by the part that gives it.

Gates, steps, triggers and adapters declare their reasons on their kinds; the ledger's own are here. ``Reasons``
collects all of them and explains a word.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from engine.actions.described_enum import DescribedEnum


class LedgerReason(DescribedEnum):
    """The reasons of the ledger itself, and those shared by several parts that use it."""

    CLAIMED = "claimed", "A worker claimed it because it was due."
    RETRIED = "retried_by_hand", "Someone asked for a retry."
    NEXT_CHANNEL = "next_channel", "The previous channel was refused."
    FURTHER_DEVICE = "further_device", "The user has several devices; this is the same message to another of them."
    ENROLMENT_EXITED = "enrolment_exited", "The user left the playbook before the message was sent."
    CANCELLED_BY_HAND = "cancelled_by_hand", "Someone cancelled it."
    REPORTED = "reported", "The provider reported it after the hand-off."


class HandReason(DescribedEnum):
    """The reasons of changes that a person made to single actions."""

    RELEASED = "released", "Someone released it."
    SENT = "resolved_sent", "It was unknown, and someone says that it was sent."
    NOT_SENT = "resolved_not_sent", "It was unknown, and someone says that it was not sent."
    SEND_AGAIN = (
        "resolved_send_again",
        "It was unknown, and someone decided to send it again, with the same Message-ID.",
    )
    RESENT = "resent", "It had failed, and someone decided to send it after all."


class DeclaredReason(Protocol):
    """A word and its sentence: a member of a ``DescribedEnum``, or any object with these attributes."""

    @property
    def value(self) -> str:
        """The word: snake_case and stable, for tables and reports."""
        ...

    @property
    def sentence(self) -> str:
        """What it means, for people."""
        ...


class Reasons:
    """All declared reasons. Adapters may also give words that they do not declare."""

    def __init__(self, declared: Iterable[DeclaredReason]) -> None:
        """Collect ``declared``; the same object may occur several times, since gates can share a reason.

        Raises:
            ValueError: two declare the same word.
        """
        self._declared: dict[str, DeclaredReason] = {}
        for reason in declared:
            known = self._declared.setdefault(reason.value, reason)
            if known is not reason:
                raise ValueError(f"the reason `{reason.value}` is declared twice: {known!r} and {reason!r}")
        self._sentences: Mapping[str, str] = {word: reason.sentence for word, reason in self._declared.items()}

    def __iter__(self) -> Iterator[DeclaredReason]:
        return iter(self._declared.values())

    def sentence(self, word: str) -> str | None:
        """Return the sentence of ``word``; None if it is not declared, such as a reason given by an exit step."""
        return self._sentences.get(word)
