"""Narrow tables say when users are evaluated; ``user_state`` keeps facts and placements, and its primary key alone."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# SQLite numbers rows itself only if the key's type is exactly INTEGER.
_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_STORAGE = {
    # Room on each page for the new version of a row, so that an update touches no index (HOT).
    "user_state": "fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05",
    # Most of their rows die young; an index over dead rows makes every look-up slower.
    "user_due": "fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_limit = 1000",
    "user_news": "autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_limit = 1000",
    "enrolment": "fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05",
    "action": "fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05",
}


def _text(name: str, *, null: bool = False, **options: Any) -> sa.Column[Any]:  # noqa: ANN401
    return sa.Column(name, sa.Text, nullable=null, **options)


def _big(name: str, *, null: bool = False, **options: Any) -> sa.Column[Any]:  # noqa: ANN401
    return sa.Column(name, sa.BigInteger, nullable=null, **options)


def upgrade() -> None:
    """Move what is known about who is due; who has been evaluated is evaluated once more, to fill ``user_date``."""
    _create_tables()
    op.add_column("cut_points", _big("value_count", null=True))
    op.add_column("version", _text("who", null=True))
    _move_due()
    for table, options in _STORAGE.items():
        # SQLAlchemy runs it on the named database alone.
        storage = sa.DDL(f"ALTER TABLE {table} SET ({options})").execute_if(dialect="postgresql")  # type: ignore[no-untyped-call]
        storage(None, op.get_bind())


def _create_tables() -> None:
    op.create_table(
        "user_due",
        sa.Column("user_id", _ROW_ID, primary_key=True, autoincrement=False),
        _big("due_at"),
        _text("cause", null=True),
        _big("evaluated_at", null=True),
    )
    op.create_table(
        "user_news",
        sa.Column("id", _ROW_ID, primary_key=True, autoincrement=True),
        _big("user_id"),
        _big("due_at"),
        _text("cause"),
    )
    op.create_table(
        "user_date",
        _text("fact", primary_key=True),
        _big("user_id", primary_key=True, autoincrement=False),
        _text("month_day"),
        _text("year"),
    )
    op.create_index("user_date_day", "user_date", ["fact", "month_day", "year"])
    op.create_table(
        "sweep",
        sa.Column("id", _ROW_ID, primary_key=True, autoincrement=True),
        _text("cause"),
        _text("depth"),
        sa.Column("everybody", sa.Boolean, nullable=False),
        _text("version"),
        _big("opened_at"),
        _big("started_at", null=True),
        _big("finished_at", null=True),
    )
    op.create_table(
        "sweep_range",
        _big("sweep_id", primary_key=True, autoincrement=False),
        _big("low", primary_key=True, autoincrement=False),
        _big("high"),
        _big("next_user"),
    )


def _move_due() -> None:
    op.execute(
        "INSERT INTO user_due (user_id, due_at, cause, evaluated_at)"
        " SELECT user_id, due_at, due_cause, refreshed_at FROM user_state ORDER BY user_id"
    )
    op.create_index("user_due_at", "user_due", ["due_at"])
    op.execute("ANALYZE user_due")  # without it the first ticks would be planned for an empty table
    for index in _indexes(op.get_bind()):
        op.drop_index(index, "user_state")
    for column in ("due_at", "due_cause", "refreshed_at"):
        op.drop_column("user_state", column)
    _open_sweep()


def _indexes(bind: sa.Connection) -> list[str]:
    """Return the indexes of ``user_state`` besides its key; date triggers had some over expressions."""
    if bind.dialect.name != "sqlite":
        return [str(index["name"]) for index in sa.inspect(bind).get_indexes("user_state")]
    # SQLAlchemy leaves out those over expressions.
    found = sa.text(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'user_state' AND sql IS NOT NULL"
    )
    return list(bind.execute(found).scalars())


def _open_sweep() -> None:
    """Open a sweep that computes all facts of all users again, in one range for each 50,000 ids.

    Nobody has edited anything, so users who are due move for their own causes, and its own is that of the calendar.
    """
    size = 50_000
    last = op.get_bind().execute(sa.text("SELECT max(user_id) FROM user_state")).scalar()
    if last is None:
        return
    op.execute(
        "INSERT INTO sweep (cause, depth, everybody, version, opened_at)"
        " SELECT 'time', 'facts', true, coalesce(max(v.hash), ''), coalesce(max(v.applied_at), 0)"
        " FROM (SELECT hash, applied_at FROM version WHERE kind = 'content' ORDER BY applied_at DESC LIMIT 1) AS v"
    )
    lows = range(0, last + 1, size)
    rows = [{"low": low, "high": low + size} for low in lows]
    op.get_bind().execute(
        sa.text(
            "INSERT INTO sweep_range (sweep_id, low, high, next_user) SELECT max(id), :low, :high, :low FROM sweep"
        ),
        rows,
    )
