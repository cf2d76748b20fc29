"""Migrations create the declared tables, once, and report a database from a newer version."""

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlmodel import SQLModel

import engine.store.tables
from engine.channels import CHANNELS
from engine.errors import StoreError
from engine.store import migrations
from engine.store.database import Database
from engine.store.due import Cause
from engine.store.state_table import migrate
from engine.store.sweep import SweepDepth, SweepNeed, current_sweep, sweep_progress


@pytest.fixture
def database(empty_database_url: str) -> Iterator[Database]:
    database = Database(empty_database_url)
    yield database
    database.close()


def test_the_migrated_tables_are_those_of_the_models(database: Database) -> None:
    assert engine.store.tables.Users.__tablename__ == "users"
    migrate(database)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": _is_ours})
        assert compare_metadata(context, SQLModel.metadata) == []


def _is_ours(_object: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
    return not (kind == "table" and name == "user_state")


def test_partial_indexes_are_those_of_the_models(database: Database) -> None:
    migrate(database)
    with database.read() as connection:
        found = _definitions(connection)
    with database.write() as connection:
        connection.execute(text("DROP VIEW inbox"))  # it is no table, and needs some
        SQLModel.metadata.drop_all(connection)
        SQLModel.metadata.create_all(connection)
        assert found == _definitions(connection)


def _indexes_of_states(connection: Connection) -> set[str]:
    query = "SELECT indexname FROM pg_indexes WHERE tablename = 'user_state'"
    if connection.dialect.name == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'user_state'"
    return set(connection.execute(text(query)).scalars())


def _definitions(connection) -> dict[str, str]:  # type: ignore[no-untyped-def]
    if connection.dialect.name == "sqlite":
        query = (
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name <> 'user_state'"
        )
    else:
        query = (
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()"
            " AND tablename NOT IN ('user_state', 'alembic_version')"
        )
    return dict(connection.execute(text(query)).all())


def test_a_second_migration_changes_nothing(database: Database) -> None:
    migrate(database)
    with database.write() as connection:
        connection.execute(text("INSERT INTO zone (name) VALUES ('Europe/Berlin')"))
    migrate(database)
    with database.read() as connection:
        assert connection.execute(text("SELECT name FROM zone")).scalars().all() == ["Europe/Berlin"]


def test_the_base_of_user_state_has_no_index_but_its_key(database: Database) -> None:
    migrate(database)
    with database.write() as connection:
        connection.execute(text("INSERT INTO user_state (user_id) VALUES (7)"))
        row = connection.execute(text("SELECT * FROM user_state")).mappings().one()
        assert dict(row) == {"user_id": 7, "edge_at": None}
        assert _indexes_of_states(connection) <= {"user_state_pkey"}


def test_who_was_due_and_why_moves_into_a_table_of_its_own(database: Database) -> None:
    """What a store of revision 0002 says about users who are due is kept, and everybody is swept once."""
    config = Config()
    config.set_main_option("script_location", migrations.__path__[0])
    due = [(1, 0, "behaviour", None), (2, 0, "rules", 5), (3, 70_000, None, 60), (60_000, 9, "import", 8)]
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.execute(text("ALTER TABLE user_state ADD COLUMN fact_birthday TEXT"))
        connection.execute(text("CREATE INDEX state_day_birthday ON user_state ((substr(fact_birthday, 6, 5)))"))
        connection.execute(
            text(
                "INSERT INTO user_state (user_id, due_at, due_cause, refreshed_at, edge_at, fact_birthday)"
                " VALUES (:id, :due, :cause, :seen, 11, '1990-03-01')"
            ),
            [dict(zip(("id", "due", "cause", "seen"), row, strict=True)) for row in due],
        )
        connection.execute(
            text(
                "INSERT INTO version (kind, name, hash, files, applied_at, first_applied_at)"
                " VALUES ('content', '', 'old', '{}', 3, 3), ('content', '', 'new', '{}', 4, 4), ('rules', '', 'r', '{}', 5, 5)"
            )
        )
    migrate(database)
    with database.read() as connection:
        kept = connection.execute(text("SELECT user_id, due_at, cause, evaluated_at FROM user_due ORDER BY 1")).all()
        assert [tuple(row) for row in kept] == due
        state = connection.execute(text("SELECT * FROM user_state WHERE user_id = 3")).mappings().one()
        assert dict(state) == {"user_id": 3, "edge_at": 11, "fact_birthday": "1990-03-01"}
        assert _indexes_of_states(connection) <= {"user_state_pkey"}
        progress = sweep_progress(connection)
        assert progress is not None
        assert progress.sweep.need == SweepNeed(Cause.TIME, SweepDepth.FACTS, everybody=True)
        assert (progress.sweep.version, progress.reached, progress.started_at) == ("new", 0, None)
        ranges = connection.execute(text("SELECT low, high FROM sweep_range ORDER BY low")).all()
        assert [tuple(row) for row in ranges] == [(0, 50_000), (50_000, 100_000)]


def test_a_store_without_users_is_not_swept(database: Database) -> None:
    migrate(database)
    with database.read() as connection:
        assert current_sweep(connection) is None


def test_what_providers_said_moves_out_of_the_log(database: Database) -> None:
    """A store of revision 0001 has it among the program's own words."""
    config = Config()
    config.set_main_option("script_location", migrations.__path__[0])
    said = [
        (1, "accepted", "accepted", "250 2.0.0 queued"),
        (2, "failed", "mailbox_unavailable", "550 <ann@example.com> unknown"),
        (3, "failed", "render_failed", "winback/offer.email.j2:3: an expression fails"),
        (4, "claimed", "claimed", ""),
    ]
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            text(
                "INSERT INTO action_event (id, action_id, at, state, reason, detail)"
                " VALUES (:id, 7, 0, :state, :reason, :detail)"
            ),
            [dict(zip(("id", "state", "reason", "detail"), row, strict=True)) for row in said],
        )
        connection.execute(text("INSERT INTO user_state (user_id, due_at) VALUES (7, 0)"))
    migrate(database)
    with database.read() as connection:
        events = connection.execute(text("SELECT id, detail FROM action_event ORDER BY id")).all()
        texts = connection.execute(text("SELECT event_id, said FROM provider_text ORDER BY event_id")).all()
        assert connection.execute(text("SELECT cause FROM user_due")).scalar() is None
    assert [tuple(row) for row in events] == [(1, ""), (2, ""), (3, said[2][3]), (4, "")]
    assert [tuple(row) for row in texts] == [(1, said[0][3]), (2, said[1][3])]


def test_refusals_are_carried_to_the_addresses_that_refused(database: Database) -> None:
    people = [
        (1, "Ann@Example.com", None, "email", False),
        (2, "ben@münchen.example.com", "+49 (30) 901820", "email", False),
        (3, "ben@example.com", "+49 (30) 901820", "sms", False),
        (4, "cy@example.com", None, "email", True),
        (5, "no address", None, "email", False),
        (6, None, None, "email", False),
    ]
    with database.write() as connection:
        config = Config()
        config.set_main_option("script_location", "engine:store/migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        for user, email, phone, channel, granted in people:
            binds = {"id": user, "key": f"u{user}", "email": email, "phone": phone, "channel": channel, "yes": granted}
            connection.execute(
                text(
                    "INSERT INTO users (id, key, email, phone, first_seen_at, updated_at)"
                    " VALUES (:id, :key, :email, :phone, 0, 0)"
                ),
                binds,
            )
            connection.execute(
                text(
                    "INSERT INTO consent (user_id, channel, class, granted, source, at)"
                    " VALUES (:id, :channel, 'marketing', :yes, 'form', 7)"
                ),
                binds,
            )
    migrate(database)
    addresses = {one.name: one for one in CHANNELS}
    with database.read() as connection:
        rows = connection.execute(
            text("SELECT user_id, channel, address, at FROM address_refusal ORDER BY user_id")
        ).all()
    assert [tuple(row) for row in rows] == [
        (1, "email", addresses["email"].compared("ann@example.com"), 7),
        (2, "email", addresses["email"].compared("ben@münchen.example.com"), 7),
        (3, "sms", addresses["sms"].compared("+4930901820"), 7),
    ]


def test_a_database_of_a_newer_revision_is_refused_with_a_sentence_that_helps(database: Database) -> None:
    migrate(database)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"revision 9999.*newest is 0013.*newer version"):
        migrate(database)


def test_the_constant_names_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", migrations.__path__[0])
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.HEAD]


def test_nothing_is_printed_or_logged(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    migrate(database)
    assert capsys.readouterr() == ("", "")


def test_what_is_paused_stays_paused_and_people_paused_it(database: Database) -> None:
    with database.write() as connection:
        config = Config()
        config.set_main_option("script_location", "engine:store/migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "0006")
        connection.execute(
            text(
                "INSERT INTO pause (scope, name, since, intervention_id)"
                " VALUES ('playbook', 'winback', 5, 1), ('everything', '', 6, 2)"
            )
        )
    migrate(database)
    with database.read() as connection:
        rows = connection.execute(text("SELECT * FROM pause ORDER BY since")).mappings().all()
    nothing = {"cancel_at": None, "held_at": None}
    assert [dict(row) for row in rows] == [
        {"scope": "playbook", "name": "winback", "origin": "person", "since": 5, "intervention_id": 1, **nothing},
        {"scope": "everything", "name": "", "origin": "person", "since": 6, "intervention_id": 2, **nothing},
    ]


def test_tokens_move_from_users_to_devices(database: Database) -> None:
    """Of users with one token, it is whose profile changed last; all count as seen when the store last learnt anything."""
    people = [
        (1, "tok-1", 50),
        (2, "tok-2", 60),
        (3, "tok-2", 70),
        (4, "tok-2", 70),
        (5, "", 80),
        (6, None, 90),
        (7, "x" * 2_001, 10),
    ]
    with database.write() as connection:
        config = Config()
        config.set_main_option("script_location", "engine:store/migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "0009")
        connection.execute(
            text(
                "INSERT INTO users (id, key, push_token, first_seen_at, updated_at)"
                " VALUES (:id, :key, :token, 0, :updated_at)"
            ),
            [{"id": user, "key": f"u{user}", "token": token, "updated_at": at} for user, token, at in people],
        )
        connection.execute(
            text(
                "INSERT INTO action (enrolment_id, step, attempt, user_id, playbook, version, kind, class, priority,"
                " channel, next_channels, state, reason, due_at, expires_at, created_at, changed_at)"
                " VALUES (1, 's', 1, 1, 'p', 'v', 'message', 'marketing', 1, 'push', '', 'queued', 'due', 1, 2, 1, 1)"
            )
        )
    migrate(database)
    with database.read() as connection:
        rows = connection.execute(
            text("SELECT user_id, platform, token, locale, last_seen_at, created_at FROM device ORDER BY user_id")
        ).all()
        columns = connection.execute(text("SELECT * FROM users WHERE id = 1")).mappings().one()
        action = connection.execute(text("SELECT state, device_id FROM action")).one()
    assert [tuple(row) for row in rows] == [
        (1, "unknown", "tok-1", None, 90, 90),
        (4, "unknown", "tok-2", None, 90, 90),
    ]
    assert "push_token" not in columns
    assert tuple(action) == ("queued", None)
