"""What Pigeon would refuse, known before it is asked: ``habitue check`` and ``preview`` say it, and the adapter sends nothing."""

from adapters.base import Message
from adapters.kinds import Review
from tests.cost_of_change.pigeon.options import PigeonOptions

LONGEST = 1_000
"""Maximum number of characters. Pigeon would cut off the rest without a word."""


def review(options: PigeonOptions, message: Message) -> Review:
    """Object to a text that Pigeon would cut off."""
    length = len(message.payload.text)
    if length <= LONGEST:
        return Review()
    return Review(f"the text has {length:,} characters, and Pigeon takes {LONGEST:,}", depends_on_values=True)
