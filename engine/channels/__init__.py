"""The channels that ship with the program."""

from engine.channels.base import Channel
from engine.channels.email import EMAIL
from engine.channels.inbox import INBOX
from engine.channels.push import PUSH
from engine.channels.sms import SMS
from engine.channels.task import TASK
from engine.channels.webhook import WEBHOOK

CHANNELS: tuple[Channel, ...] = (EMAIL, SMS, PUSH, WEBHOOK, INBOX, TASK)
"""One file per channel; to add a channel, write a file in this folder and add the channel here."""
