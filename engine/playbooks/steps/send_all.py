"""``send_all = ["email", "sms"]``: the same message through each of these channels that the gates allow."""

from dataclasses import dataclass

from pydantic import model_validator

from engine.actions.states import State
from engine.playbooks.due_enrolments import EnrolmentsAtStep
from engine.playbooks.reasons import PlaybookReason
from engine.playbooks.steps.actions import NewAction, add_actions
from engine.playbooks.steps.base import Act, StepKind, StepMessage, StepPart, needs
from engine.playbooks.steps.message import MessageSection


@dataclass(frozen=True, slots=True)
class SendAll(Act):
    """Sends a message through all channels, by an action for each; none stands in for another."""

    channels: tuple[str, ...]
    template: str
    coupon: str | None
    between: str | None

    @property
    def messages(self) -> tuple[StepMessage, ...]:
        """The message that the step sends, on all of its channels."""
        return (StepMessage(self.channels, self.template, self.coupon, "send_all"),)

    def take(self, here: EnrolmentsAtStep) -> int:
        """Queue the messages and go on; they are held if their coupon has no code left. All have the same code."""
        made = 0
        for attempt, channel in enumerate(self.channels, start=1):
            message = NewAction(
                kind="message",
                channel=channel,
                template=self.template,
                send_window=self.between,
                coupon=self.coupon,
                attempt=attempt,
            )
            made += add_actions(here, message, State.QUEUED, PlaybookReason.DUE)
        here.go(here.next)
        return made


class SendAllSection(MessageSection):
    """``[[step]]`` with ``send_all``."""

    send_all: list[str]

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: object) -> object:
        needs(data, "template", 'a `send_all` step needs a `template`, such as `template = "orders/delayed"`')
        return data

    @model_validator(mode="after")
    def _several_channels(self) -> "SendAllSection":
        if len(self.send_all) < 2:
            raise ValueError(
                '`send_all` needs at least two channels, such as `["email", "sms"]`; for one, write `send`'
            )
        return self

    def compile(self, part: StepPart) -> SendAll:
        """Return the act; note an error for each channel, template or coupon that does not exist."""
        self.check(part, "send_all", self.send_all)
        return SendAll(tuple(self.send_all), self.template, self.coupon, self.send_window)


SEND_ALL = StepKind("send_all", SendAllSection, (PlaybookReason.DUE,))
