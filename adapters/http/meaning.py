"""What a provider's error code means: one row of an adapter's table of codes."""

from typing import NamedTuple

from adapters.base import Answer, Outcome
from adapters.reasons import AnswerReason


class Meaning(NamedTuple):
    """What follows from a code, and why. ``gone``: nothing more is to be sent to the address."""

    outcome: Outcome
    reason: AnswerReason
    gone: bool = False

    def answer(self, detail: str) -> Answer:
        """Return the answer to a message that got this code; ``detail`` is free of secrets and addresses."""
        return Answer(self.outcome, self.reason.value, detail, gone=self.gone)
