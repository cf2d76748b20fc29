"""Channels from outside the program that do odd things while they compose, in the process that composes."""

import json
import os
import signal

from adapters.base import SmsPayload
from engine.channels.base import Sending
from engine.channels.sms import SmsChannel
from engine.messages.render import Rendered

CRASH, STOP, KILL, LOOK = "crash", "stop", "kill", "look"
"""Texts that this channel does something at."""


class OddChannel(SmsChannel):
    """An SMS channel whose texts can crash, stop or kill the process, or look around in it."""

    def compose(self, rendered: Rendered, sending: Sending) -> SmsPayload:
        match said := rendered.plain("body").strip():
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
            case "kill":  # as the operating system does when memory runs out
                os.kill(os.getpid(), signal.SIGKILL)
            case "look":
                said = json.dumps({"environment": dict(os.environ), "session": os.getsid(0), "pid": os.getpid()})
        return SmsPayload(said)
