"""The channels that ship with the program."""

from engine.channels.base import Channel
from engine.channels.email import EMAIL
from engine.channels.push import PUSH
from engine.channels.sms import SMS

CHANNELS: tuple[Channel, ...] = (EMAIL, SMS, PUSH)
"""One file each; a further one is a file beside them and a name here."""
