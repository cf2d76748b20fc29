"""Playbooks that are no longer wanted, with users still in them."""

from collections.abc import Iterator

from sqlalchemy import text

from engine.explain.checks.base import CheckFinding, Installation, several
from engine.explain.health import COUNTED
from engine.loading import Content

# Each is a probe of the partial index `enrolment_active`.
_NEXT = text("SELECT min(playbook) FROM enrolment WHERE state = 'active' AND playbook > :after")
_ENROLLED = text(
    "SELECT count(*) FROM (SELECT 1 FROM enrolment WHERE state = 'active' AND playbook = :playbook LIMIT :limit) AS n"
)


def enrolled_in_retired(seen: Installation) -> Iterator[CheckFinding]:
    """Users are in a playbook that the files no longer have."""
    if seen.content is None:
        return
    wanted = wanted_playbooks(seen.content)
    for playbook in _with_users(seen):
        if playbook not in wanted:
            binds = {"playbook": playbook, "limit": COUNTED}
            count = int(seen.connection.execute(_ENROLLED, binds).scalar_one())
            yield CheckFinding(
                f"playbook {playbook}",
                f"its file is gone, and {several(count, 'user')}{' or more' if count == COUNTED else ''}"
                f" {'is' if count == 1 else 'are'} still in it",
                f"put playbooks/{playbook}.toml back if it vanished by mistake; `habitue log --playbook {playbook}`"
                " lists its messages",
            )


def wanted_playbooks(content: Content) -> frozenset[str]:
    """Return the playbooks that may have users in them."""
    return frozenset(playbook.name for playbook in content.playbooks.playbooks)


def _with_users(seen: Installation) -> Iterator[str]:
    """Yield the playbooks in which anybody is, one probe each."""
    after = ""
    while (found := seen.connection.execute(_NEXT, {"after": after}).scalar()) is not None:
        yield found
        after = found
