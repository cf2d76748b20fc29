"""Which playbooks are not simply active, for all that the files say: paused, retired, or without a file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from sqlalchemy import Connection, text

from engine.actions.calling_off import any_open
from engine.playbooks.file.head import OnRetire
from engine.playbooks.file.heads import FileHead, read_head
from engine.playbooks.versions import last_file
from engine.store.paused import StoppedByFiles

# A probe of the partial index `enrolment_active`.
_NEXT = text("SELECT min(playbook) FROM enrolment WHERE state = 'active' AND playbook > :after")


Heads: TypeAlias = Mapping[str, FileHead]
"""Playbook -> the head of its file."""


class FileState(StrEnum):
    """Why a playbook is not simply active."""

    PAUSED = "paused"
    """Its file pauses it, or did when it vanished: what would go on to its end goes on only if the file returns."""
    RETIRED = "retired"
    """Its file retires it."""
    VANISHED = "vanished"
    """It was applied, and no file has it any more."""

    def calls_off(self, on_retire: OnRetire) -> bool:
        """Tell whether what the playbook had planned is not carried out any more, unless the file changes."""
        return self is not FileState.PAUSED and on_retire == "cancel"


@dataclass(frozen=True, slots=True)
class NotActive:
    """A playbook that is not simply active."""

    name: str
    state: FileState
    on_retire: OnRetire
    path: str
    """Its file; of a vanished one, where it was."""
    enrolled: bool
    """Whether anybody is in it."""
    newly: bool
    """Whether the version before did not have it, or said otherwise about its end."""

    @property
    def cancels(self) -> bool:
        """Whether what it had planned is called off."""
        return self.state.calls_off(self.on_retire)


def not_active(
    connection: Connection, heads: Heads, before: Heads | None, stopped: StoppedByFiles
) -> tuple[NotActive, ...]:
    """Return the playbooks that are not simply active with the files of ``heads``, by name.

    ``before`` has the heads of the files that ran before them; None if these run already. Of vanished playbooks, only those
    are returned that ``before`` has, or that have users in them, or that are among the ``stopped``.
    """
    former = before or {}
    enrolled = frozenset(playbooks_with_users(connection))
    found = [
        NotActive(
            one.name,
            FileState.RETIRED if one.state == "retired" else FileState.PAUSED,
            one.on_retire,
            one.path,
            one.name in enrolled,
            before is not None and _end(former.get(one.name)) != _end(one),
        )
        for one in heads.values()
        if one.state != "active"
    ]
    retiring = {one.playbook for one in stopped.retirements}
    for name in (former.keys() | enrolled | retiring | stopped.paused) - heads.keys():
        head = former.get(name) or _last_head(connection, name)
        stays = head.state == "paused" and head.on_retire == "finish"
        stays = stays and (name in enrolled or any_open(connection, name))
        state = FileState.PAUSED if stays else FileState.VANISHED
        found.append(NotActive(name, state, head.on_retire, head.path, name in enrolled, name in former))
    return tuple(sorted(found, key=lambda one: one.name))


def _end(head: FileHead | None) -> tuple[str, str] | None:
    return (head.state, head.on_retire) if head else None


def playbooks_with_users(connection: Connection) -> Iterator[str]:
    """Yield the playbooks in which anybody is, one probe of an index each."""
    after = ""
    while (found := connection.execute(_NEXT, {"after": after}).scalar()) is not None:
        yield found
        after = found


def _last_head(connection: Connection, name: str) -> FileHead:
    """Return the head of the version that was applied last. One that cannot be read cancels: it is held first."""
    path, content = last_file(connection, name) or (f"playbooks/{name}.toml", "")
    return read_head(path, content) or FileHead(name, path, "active", "cancel")
