"""What a person may name when they pause, resume or cancel something."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from sqlalchemy import Connection, text

from engine.content.findings import did_you_mean
from engine.errors import InputError
from engine.kinds import Kinds
from engine.playbooks.file.head import MessageClass
from engine.playbooks.versions import KIND
from engine.settings import Settings
from engine.store.paused import Subject, SubjectScope

# A playbook whose file is gone may still have people in it, and messages in the queue.
_PLAYBOOKS = text(
    "SELECT name FROM version WHERE kind = :kind UNION SELECT name FROM pause WHERE scope = 'playbook' ORDER BY name"
)


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The names that exist, by scope."""

    by_scope: Mapping[SubjectScope, tuple[str, ...]]

    def subject(self, scope: SubjectScope, name: str | None) -> Subject:
        """Return what ``scope`` and ``name`` mean.

        Raises:
            InputError: there is nothing of that name, or a name is missing or superfluous.
        """
        if scope is SubjectScope.EVERYTHING:
            if name is not None:
                raise InputError(f"`everything` needs no name, but `{name}` was given")
            return Subject(scope)
        names = self.by_scope[scope]
        if name is None:
            raise InputError(f"which {scope}? {_listed(names)}")
        if name not in names:
            raise InputError(f"no such {scope}: `{name}`{did_you_mean(name, names)}")
        return Subject(scope, name)


def known_names(connection: Connection, settings: Settings, kinds: Kinds) -> KnownNames:
    """Return the names that exist: playbooks that have ever been applied, configured adapters, and the kinds."""
    served = settings.served_channels().values()
    return KnownNames(
        {
            SubjectScope.PLAYBOOK: tuple(connection.execute(_PLAYBOOKS, {"kind": KIND}).scalars()),
            SubjectScope.CHANNEL: tuple(one.name for one in kinds.channels),
            SubjectScope.ADAPTER: tuple(sorted({name for channel in served for name in channel.adapters})),
            SubjectScope.CLASS: get_args(MessageClass),
        }
    )


def _listed(names: tuple[str, ...]) -> str:
    return "name one of " + ", ".join(f"`{name}`" for name in names) if names else "there are none"
