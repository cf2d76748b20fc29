"""What a new version of a playbook means for users about whom nothing else changes.

Versions are compared by the SQL that enrolment runs. Kinds of triggers may come from outside the program: if the code of
one has a bug, the versions count as different; the tick reports it, and stops this playbook alone.
"""

from collections.abc import Iterable

from engine.playbooks.breakers import PartKind, PlaybookAtFault, attribute_bugs_to, part_of
from engine.playbooks.candidates import candidates
from engine.playbooks.file.playbook import Playbook, Playbooks
from engine.playbooks.triggers.candidates import CandidateSource
from engine.store.dialects import Dialect

_ANY = CandidateSource("(users)", "(transitions)", "(events)")
"""Stands for whatever the candidates are read from; nothing is read here."""


def lets_in_others(before: Playbook | None, after: Playbook, dialect: Dialect, *, returns: bool = False) -> bool:
    """Tell whether ``after`` may enrol users whom ``before``, if there was one, would not have.

    A playbook of a new name considers only what happens from now on, unless its trigger is a condition, which may hold
    already; so does one that was retired. One that ``returns``, because its file was gone for a while, has missed what
    happened meanwhile. A trigger stays open for the playbook's ``expires``, so another audience lets in users of earlier
    triggers.
    """
    if before is None and returns:
        return True
    try:
        with attribute_bugs_to(part_of(after, PartKind.ENTRY)):
            if before is None or before.retired:
                return bool(after.trigger.conditions)
            return _entry(before, dialect) != _entry(after, dialect)
    except PlaybookAtFault:
        return True


def turns_at_new_instants(before: Playbooks, after: Playbook, dialect: Dialect) -> bool:
    """Tell whether time alone moves users into or out of ``after`` at instants at which nobody was due before.

    Enrolments keep the exits of the version that they entered, so a new exit concerns nobody yet; but a user who enters
    on a date is not evaluated then, and would not be due when the exit comes to hold.
    """
    try:
        with attribute_bugs_to(part_of(after, PartKind.ENTRY)):
            return not _instants([after], dialect) <= _instants(before.open, dialect)
    except PlaybookAtFault:
        return True


def _entry(playbook: Playbook, dialect: Dialect) -> tuple[object, ...]:
    """Return everything on which entry depends."""
    found, local = candidates(playbook, _ANY, dialect), playbook.trigger.local_time
    return (found, playbook.reentry, playbook.expires, None if local is None else local.key)


def _instants(playbooks: Iterable[Playbook], dialect: Dialect) -> set[str]:
    return {point.sql(dialect) for playbook in playbooks for point in playbook.turning_points()}
