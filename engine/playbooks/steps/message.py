"""What the steps that send a message have in common: its keys in the file, and their checks."""

from collections.abc import Sequence

from engine.content.values import SendWindow
from engine.playbooks.steps.base import StepPart, StepSection


class MessageSection(StepSection):
    """The keys of a message."""

    template: str
    coupon: str | None = None
    between: SendWindow | None = None

    @property
    def send_window(self) -> str | None:
        """When it may be sent, as actions store it."""
        return str(self.between) if self.between else None

    def check(self, part: StepPart, key: str, channels: Sequence[str]) -> None:
        """Note an error for each channel of ``key``, template or coupon that does not exist."""
        references = part.references
        for channel in channels if references.channels is not None else ():
            part.check_known("channel", channel, references.channels or (), key)
        if len(set(channels)) < len(channels):
            part.find("the same channel is listed twice", key)
        if references.templates is not None:
            part.check_known("template", self.template, references.templates, "template")
        if self.coupon is not None:
            part.check_coupon(self.coupon)
