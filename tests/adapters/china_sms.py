"""What the tests of providers in China share: a number, a message, and the time of the machine."""

from adapters.base import Message, SmsPayload
from engine.channels.sms import SmsChannel
from tests.adapters.emails import AT, SECRET

NUMBER = "+8613800138000"
NOW = 1_795_165_200_123
"""2026-11-20T09:00:00.123Z: long after the messages were composed."""
CALLBACK_SECRET = f"{SECRET}-of-callbacks"
CODE_TEXT = "您的验证码1234，5分钟内有效。"


class MainlandSms(SmsChannel):
    """The channel, with an example number in China."""

    sample = NUMBER


def message(text: str = CODE_TEXT, number: str = NUMBER, key: str = "action-0") -> Message:
    return Message(key, "hello@example.com", number, SmsPayload(text), AT, "vip/code", "zh-cn")


def now() -> int:
    return NOW
