"""``send = ["push", "email"]``: a message through the first of these channels that the gates allow.

The channel that the user prefers comes first, if it is one of them.
"""

from dataclasses import dataclass

from pydantic import model_validator

from engine.actions.states import State
from engine.playbooks.due_enrolments import EnrolmentsAtStep
from engine.playbooks.reasons import PlaybookReason
from engine.playbooks.steps.actions import NewAction, add_actions
from engine.playbooks.steps.base import Act, StepKind, StepMessage, StepPart, needs
from engine.playbooks.steps.message import MessageSection


@dataclass(frozen=True, slots=True)
class Send(Act):
    """Sends a message through the first channel that the gates allow."""

    channels: tuple[str, ...]
    template: str
    coupon: str | None
    between: str | None

    @property
    def messages(self) -> tuple[StepMessage, ...]:
        """The one message that the step sends."""
        return (StepMessage(self.channels, self.template, self.coupon),)

    def take(self, here: EnrolmentsAtStep) -> int:
        """Queue the message and go on; the message is held if its coupon has no code left."""
        message = NewAction(
            kind="message",
            channel=self.channels[0],
            next_channels=",".join(self.channels[1:]),
            template=self.template,
            send_window=self.between,
            coupon=self.coupon,
        )
        made = add_actions(here, message, State.QUEUED, PlaybookReason.DUE)
        here.go(here.next)
        return made


class SendSection(MessageSection):
    """``[[step]]`` with ``send``."""

    send: list[str]

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: object) -> object:
        needs(data, "template", 'a `send` step needs a `template`, such as `template = "winback/offer"`')
        return data

    @model_validator(mode="after")
    def _some_channel(self) -> "SendSection":
        if not self.send:
            raise ValueError('`send` needs at least one channel, such as `send = ["email"]`')
        return self

    def compile(self, part: StepPart) -> Send:
        """Return the act; note an error for each channel, template or coupon that does not exist."""
        self.check(part, "send", self.send)
        return Send(tuple(self.send), self.template, self.coupon, self.send_window)


SEND = StepKind("send", SendSection, (PlaybookReason.DUE, PlaybookReason.PREFERRED_CHANNEL))
