"""Reasons: words of the log with the sentences that say what they mean, each declared once, by whoever gives it.

Gates, steps, triggers and adapters declare theirs on their kinds; those of the ledger itself stand here. ``Reasons``
collects them all, for whoever has to say what a word means.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from engine.actions.worded import Worded


class LedgerReason(Worded):
    """What the ledger itself gives, and what several of its users give alike."""

    CLAIMED = "claimed", "A worker took it because it was due."
    RETRIED = "retried_by_hand", "A person asked for it to be tried again."
    NEXT_CHANNEL = "next_channel", "The channel before this one was refused."
    ENROLMENT_EXITED = "enrolment_exited", "The user left the playbook before the message left."
    REPORTED = "reported", "The provider reported it afterwards."


class DeclaredReason(Protocol):
    """A word and its sentence; a member of a ``Worded``, or anything of that shape."""

    @property
    def value(self) -> str:
        """The word: snake_case, stable, for tables and reports."""
        ...

    @property
    def sentence(self) -> str:
        """What it means, for people."""
        ...


class Reasons:
    """All reasons that can stand in the log, but for words that an adapter does not declare."""

    def __init__(self, declared: Iterable[DeclaredReason]) -> None:
        """Collect ``declared``; the same object may be named several times, since gates can share a reason.

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
        """Return what ``word`` means; None where nobody declares it, such as the own reason of an exit step."""
        return self._sentences.get(word)
