"""The channels that ship keep the contract, and differ from each other."""

from engine.channels import CHANNELS
from engine.channels.email import EMAIL
from engine.channels.inbox import INBOX
from engine.channels.push import PUSH
from engine.channels.sms import SMS
from engine.channels.task import TASK
from engine.channels.webhook import WEBHOOK
from tests.contracts.channel_contract import ChannelContract


class TestEmail(ChannelContract):
    channel = EMAIL


class TestSms(ChannelContract):
    channel = SMS


class TestPush(ChannelContract):
    channel = PUSH


class TestWebhook(ChannelContract):
    channel = WEBHOOK


class TestInbox(ChannelContract):
    channel = INBOX


class TestTask(ChannelContract):
    channel = TASK


def test_names_and_payloads_tell_them_apart() -> None:
    assert {one.name for one in CHANNELS} == {"email", "sms", "push", "webhook", "inbox", "task"}
    assert len({one.payload for one in CHANNELS}) == len(CHANNELS)
