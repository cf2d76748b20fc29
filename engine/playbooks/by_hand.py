"""Enrolments that a person or a retirement cancels, and bringing them back: in chunks of ids, beside ticks."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from engine.actions.described_enum import DescribedEnum
from engine.clock import Instant
from engine.store.dialects import dialect_of
from engine.store.due import Cause
from engine.store.news import add_news
from engine.store.rowset import pack, rowset
from engine.store.statement import statement

_ACTIVE = text("SELECT id FROM enrolment WHERE playbook = :playbook AND state = 'active' ORDER BY id")
# Nobody is in a playbook twice at once: who has entered it again since stays where they are now.
_CANCELLED = text(
    "SELECT n.id FROM enrolment AS n WHERE n.intervention_id = :by AND n.state = 'cancelled' AND NOT EXISTS"
    " (SELECT 1 FROM enrolment AS p WHERE p.user_id = n.user_id AND p.playbook = n.playbook AND p.state = 'active')"
    " ORDER BY n.id LIMIT :limit"
)


def active_enrolments(connection: Connection, playbook: str) -> list[int]:
    """Return the active enrolments of ``playbook``, by id."""
    return list(connection.execute(_ACTIVE, {"playbook": playbook}).scalars())


def cancel_enrolments(
    connection: Connection,
    enrolments: Sequence[int],
    reason: DescribedEnum,
    now: Instant,
    intervention: int | None = None,
) -> int:
    """Cancel those of ``enrolments`` that are active; return how many. Their actions stay as they are."""
    setting = "state = 'cancelled', reason = :reason, ended_at = :now, intervention_id = :by"
    binds = {"reason": reason.value, "now": now, "by": intervention}
    return len(_change(connection, enrolments, setting, "state = 'active'", binds))


def cancelled_enrolments(connection: Connection, by: int, limit: int) -> list[int]:
    """Return up to ``limit`` enrolments that the intervention ``by`` cancelled and that can be active again, by id."""
    return list(connection.execute(_CANCELLED, {"by": by, "limit": limit}).scalars())


def restore_enrolments(connection: Connection, enrolments: Sequence[int]) -> int:
    """Make cancelled ``enrolments`` active again where they were; return how many.

    Their users are evaluated before any step is taken: what has happened meanwhile may end the enrolment.
    """
    setting = "state = 'active', reason = NULL, ended_at = NULL, intervention_id = NULL"
    users = _change(connection, enrolments, setting, "state = 'cancelled'", {})
    add_news(connection, dialect_of(connection), sorted(set(users)), Cause.PERSON)
    return len(users)


def _change(
    connection: Connection, enrolments: Sequence[int], setting: str, condition: str, binds: dict[str, object]
) -> list[int]:
    """Change those of ``enrolments`` for which ``condition`` holds; return their users."""
    dialect = dialect_of(connection)
    these = rowset(dialect, "rows", id="BIGINT")
    where = dialect.where_locked(
        "enrolment", "enrolment", "id", f"enrolment.id IN (SELECT r.id FROM {these} AS r) AND enrolment.{condition}"
    )
    changed = connection.execute(
        statement(f"UPDATE enrolment SET {setting} WHERE {where} RETURNING user_id"),
        {**binds, "rows": pack([[one] for one in enrolments])},
    )
    return list(changed.scalars())
