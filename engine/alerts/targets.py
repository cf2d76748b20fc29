"""Where alerts go: the services in ``alerts.urls``, each sent to by Apprise."""

import logging
from dataclasses import dataclass
from hashlib import blake2b
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pydantic import SecretStr

from engine.alerts.texts import AlertText
from engine.content.findings import did_you_mean
from engine.errors import HabitueError
from engine.explain.checks import CHECKS
from engine.service_settings import AlertSettings

if TYPE_CHECKING:
    from apprise import Apprise


@dataclass(frozen=True, slots=True)
class Target:
    """One service. Its URL is a secret, so it goes by its place in the settings: ``alerts.urls[0]``."""

    name: str
    url: SecretStr
    service: "Apprise"

    def key(self, secret: str) -> str:
        """Return what the store knows it by: a hash under a ``secret`` of the installation."""
        return blake2b(self.url.get_secret_value().encode(), key=secret.encode()[:64], digest_size=12).hexdigest()

    def send(self, said: AlertText) -> bool:
        """Send a text; return whether the service took it. It may take as long as the service does."""
        from apprise import NotifyFormat

        return bool(self.service.notify(body=said.body, title=said.title, body_format=NotifyFormat.TEXT))


def targets_of(settings: AlertSettings) -> tuple[Target, ...]:
    """Return the services in the settings.

    Raises:
        HabitueError: Apprise is not installed, a URL is none that it knows, or a check in ``when`` does not exist.
    """
    known = [check.name for check in CHECKS]
    for name in settings.when:
        if name not in known:
            raise HabitueError(
                f"alerts.when: there is no check `{name}`{did_you_mean(name, known)}; known: {', '.join(known)}"
            )
    if settings.urls and find_spec("apprise") is None:
        raise HabitueError(
            "alerts.urls needs Apprise: install it with `pip install 'habitue[alerts]'`, or remove the URLs"
        )
    return tuple(_target(number, url) for number, url in enumerate(settings.urls))


def _target(number: int, url: SecretStr) -> Target:
    from apprise import Apprise, AppriseAsset, PersistentStoreMode

    # It logs URLs, and what services answer, as ready texts. How a sending ended is in our own log.
    logging.getLogger("apprise").disabled = True
    name = f"alerts.urls[{number}]"
    service = Apprise(asset=AppriseAsset(app_id="Habitue", storage_mode=PersistentStoreMode.MEMORY))
    if not service.add(url.get_secret_value()):
        raise HabitueError(
            f"{name} is not a URL that Apprise knows: write one such as `mailtos://user:password@example.com`,"
            " as Apprise's documentation of the service says"
        )
    return Target(name, url, service)
