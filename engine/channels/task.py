"""Task: something that one of the brand's people is to do for the user, such as a call."""

from adapters.base import TaskPayload
from engine.channels.base import AddressOf, Channel, Sending, Shown
from engine.content.values import parse_duration
from engine.errors import RenderError
from engine.messages.blocks import Blocks
from engine.messages.render import Rendered

_MAX_KEY = 1_000


class TaskChannel(Channel):
    """The channel ``task``. The address is the user's key: who does the task follows from the user's place."""

    name = "task"
    address = AddressOf(column="key")
    blocks = Blocks(parts=("title", "body", "due"), required=("title", "body"), headline="title")
    payload = TaskPayload
    sample = "customer-10042"

    def normal(self, address: str) -> str | None:
        """Return the key if its length is plausible."""
        return address if 0 < len(address) <= _MAX_KEY else None

    def compose(self, rendered: Rendered, sending: Sending) -> TaskPayload:
        """Return the task.

        Raises:
            RenderError: ``due`` is not a duration.
        """
        return TaskPayload(f"{sending.mark}{rendered.subject}", rendered.plain("body"), _lasts(rendered.plain("due")))

    def preview(self, rendered: Rendered) -> Shown:
        """Return the title and the body, and how long there is for it."""
        due = rendered.plain("due")
        return Shown(rendered.subject, f"{rendered.plain('body')}\n\ndue: {due}" if due else rendered.plain("body"))


def _lasts(text: str) -> int | None:
    """Return how long there is for a task, in milliseconds."""
    if not text:
        return None
    try:
        lasts = parse_duration(text)
    except ValueError:
        lasts = 0
    if not lasts:
        raise RenderError("the block `due` is not how long there is for the task: write `4h` or `2d`")
    return lasts


TASK = TaskChannel()
"""The channel."""
