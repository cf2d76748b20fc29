"""The look: users' facts as of now and what the rules make of them, in temporary tables; nothing else is written.

A tick is a look at the users who are due, followed by writing it down; ``habitue explain`` looks at one user, and the cases
of rule files look at made-up ones.
"""

from collections.abc import Iterable

from sqlalchemy import Connection

from engine.clock import Instant
from engine.conditions.turning import TurningPoint
from engine.facts.model import FactCatalog
from engine.facts.query import dense_span, facts_binds, facts_sql
from engine.rules.decide.decider import Deciders
from engine.rules.place.placing import Placing
from engine.rules.place.subjects import LOOK, Subjects
from engine.rules.ruleset import RuleSet
from engine.store.dialects import Dialect
from engine.store.state_table import StateColumn
from engine.store.statement import statement
from engine.store.temporary import analyse, temporary, user_key


class Look:
    """Looks at users with one version of facts and rules."""

    def __init__(
        self,
        catalog: FactCatalog,
        rules: RuleSet,
        dialect: Dialect,
        deciders: Deciders,
        further: Iterable[TurningPoint] = (),
    ) -> None:
        """``further`` are turning points of conditions outside the rules."""
        self._catalog = catalog
        self._rules = rules
        self._dialect = dialect
        self._facts = facts_sql(catalog, dialect)
        self.placing = Placing(rules, dialect, deciders, further)

    @property
    def columns(self) -> tuple[StateColumn, ...]:
        """The columns of ``look``, and of ``user_state``, besides ``user_id``."""
        return (StateColumn("edge_at", "BIGINT"), *self._catalog.columns(), *self._rules.columns())

    def at_due_users(self, connection: Connection, now: Instant, users: int) -> None:
        """Look at the users of ``due_user``, of whom there are ``users``."""
        self.find_facts(connection, now)
        self.decide(connection, now, users)

    def find_facts(self, connection: Connection, now: Instant) -> None:
        """Fill ``look`` with the facts of the users of ``due_user`` as of ``now``, and their placements until now."""
        self.create(connection)
        facts = ["edge_at", *(column.name for column in self._catalog.columns())]
        places = [column.name for column in self._rules.columns()]
        listed = ", ".join(("f.user_id", *(f"f.{name}" for name in facts), *(f"s.{name}" for name in places)))
        span = dense_span(connection)
        found = self._facts if span is None else facts_sql(self._catalog, self._dialect, span)
        connection.execute(
            statement(
                f"INSERT INTO {LOOK} ({', '.join(('user_id', *facts, *places))}) SELECT {listed} FROM ({found}) AS f"
                " LEFT JOIN user_state AS s ON s.user_id = f.user_id"
            ),
            facts_binds(connection, self._catalog, now),
        )
        analyse(connection, self._dialect, LOOK, "user_id")

    def create(self, connection: Connection) -> None:
        """Create ``look``, empty."""
        columns = ", ".join(f"{column.name} {column.sql_type}" for column in self.columns)
        temporary(connection, self._dialect, LOOK, f"{user_key(self._dialect)}, {columns}")

    def decide(self, connection: Connection, now: Instant, users: int) -> None:
        """Place the ``users`` users in ``look`` at ``now``, level after level."""
        self.placing.run(connection, Subjects(LOOK, about=users), now)

    def write(self, connection: Connection) -> None:
        """Write what differs between ``look`` and ``user_state`` into the latter."""
        names = [column.name for column in self.columns]
        listed = ", ".join(("user_id", *names))
        differs = " OR ".join(f"NOT ({self._dialect.same(f's.{name}', f'excluded.{name}')})" for name in names)
        connection.execute(
            statement(
                f"INSERT INTO user_state AS s ({listed}) SELECT {listed} FROM {LOOK} WHERE TRUE"
                f" ON CONFLICT (user_id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in names)}"
                f" WHERE {differs}"
            )
        )
