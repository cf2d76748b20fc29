"""The providers whose drains are killed: how the program reaches each, and how what arrives there is recognised."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from engine.delivery.identity import message_key
from engine.messages.email.mime import message_id
from tests.adapters.emails import SECRET
from tests.adapters.fake_fcm import account
from tests.adapters.jpush_api import APP_KEY
from tests.adapters.twilio_api import ACCOUNT, SENDER, TOKEN
from tests.adapters.webhook_endpoint import SECRET as SIGNING_SECRET
from tests.processes import QUICK, VIP

CONNECTIONS = 5


@dataclass(frozen=True)
class Planned:
    """A message of the ledger. ``address`` is where it goes; ``code`` is the coupon code that the enrolment has."""

    installation: str
    step: str
    user: str
    address: str
    code: str

    def key(self, attempt: str) -> str:
        """Return its idempotency key, from nothing that the database has made up for the message."""
        vip = self.step == "thanks"
        occasion = "transition:1" if vip else f"event:s{self.user.removeprefix('u')}"
        return message_key(self.installation, "vip" if vip else "welcome", self.user, occasion, self.step, attempt)

    @property
    def text(self) -> str:
        """What it says, where the provider gets nothing else that identifies it."""
        return f"{self.step} for {self.user}" + ("" if self.step == "hello" else f": {self.code}")


@dataclass(frozen=True)
class Provider:
    """A provider in a process of its own. ``command`` starts it; to it come a log's path.

    ``recognises``: it delivers no second copy. ``devices`` is how many each user has, if that is where messages go.
    """

    adapter: str
    channel: str
    command: Sequence[str]
    options: Callable[[Path, int], Mapping[str, Any]]
    """From the brand's folder and the provider's port."""
    identifier: Callable[[Planned], str]
    address: str
    """SQL for where a message ``a`` of the user ``u`` to the device ``d`` goes."""
    files: Mapping[str, str | None]
    devices: int = 0
    recognises: bool = False

    def __str__(self) -> str:
        return self.adapter


def _files(channel: str, blocks: str) -> Mapping[str, str | None]:
    """Return the quick brand's files with ``channel`` instead of email; its messages say what ``Planned.text`` does."""
    code = ": {{ coupon.code }}"
    steps = {
        "hello": "hello for {{ user.key }}",
        **{one: f"{one} for {{{{ user.key }}}}{code}" for one in ("gift", "thanks")},
    }
    playbooks = {
        "playbooks/welcome.toml": QUICK["playbooks/welcome.toml"] or "",
        "playbooks/vip.toml": VIP.replace("welcome/gift", "welcome/thanks"),
    }
    return {
        **QUICK,
        **{path: playbook.replace('"email"', f'"{channel}"') for path, playbook in playbooks.items()},
        **{f"templates/welcome/{step}.{channel}.j2": blocks.replace("TEXT", text) for step, text in steps.items()},
    }


def _smtp(_: Path, port: int) -> Mapping[str, Any]:
    return {"host": "127.0.0.1", "port": port, "security": "none"}


def _twilio(_: Path, port: int) -> Mapping[str, Any]:
    return {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": SENDER, "url": f"http://127.0.0.1:{port}"}


def _fcm(folder: Path, port: int) -> Mapping[str, Any]:
    url, file = f"http://127.0.0.1:{port}", folder / "account.json"
    file.write_text(account(url), encoding="utf-8")
    return {"service_account_file": str(file), "url": url}


def _jpush(_: Path, port: int) -> Mapping[str, Any]:
    return {"app_key": APP_KEY, "master_secret": SECRET, "url": f"http://127.0.0.1:{port}"}


def _webhook(_: Path, port: int) -> Mapping[str, Any]:
    return {"secrets": SIGNING_SECRET, "url": f"http://127.0.0.1:{port}/hooks"}


def _webhook_id(planned: Planned) -> str:
    return f"msg_{blake2b(planned.key('1').encode(), digest_size=16).hexdigest()}"


def _fcm_tag(planned: Planned) -> str:
    """Return the tag by which a device shows a message once, however often it comes."""
    return blake2b(planned.key(f"push:{planned.address}").encode(), digest_size=12).hexdigest()


def _http(adapter: str) -> Sequence[str]:
    return ("-m", "tests.faults.http_sink", adapter)


_SMS = _files("sms", "{% block body %}TEXT{% endblock %}")
_EVENTS = _files("webhook", '{% block event %}sent{% endblock %}{% block data %}{"what": "TEXT"}{% endblock %}')
_PUSH = _files("push", "{% block title %}Maison{% endblock %}{% block body %}TEXT{% endblock %}")

SMTP = Provider(
    "smtp",
    "email",
    ("-m", "tests.faults.sink"),
    _smtp,
    lambda planned: message_id(planned.key("1"), "example.com"),
    "u.email",
    QUICK,
)
TWILIO = Provider("twilio", "sms", _http("twilio"), _twilio, lambda planned: planned.text, "u.phone", _SMS)
FCM = Provider("fcm", "push", _http("fcm"), _fcm, _fcm_tag, "d.token", _PUSH, devices=2)
JPUSH = Provider(
    "jpush",
    "push",
    _http("jpush"),
    _jpush,
    lambda planned: planned.text,
    "d.token",
    _PUSH,
    devices=2,
    recognises=True,
)
WEBHOOK = Provider("webhook", "webhook", _http("webhook"), _webhook, _webhook_id, "u.key", _EVENTS, recognises=True)
OTHERS = (TWILIO, FCM, JPUSH, WEBHOOK)
"""Those of channels other than email."""
