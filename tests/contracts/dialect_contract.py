"""The contract of databases with the engine. Subclass it, provide ``dialect`` and ``connection``, inherit the tests."""

import json
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url

from engine.store.dialects import Dialect
from engine.store.dialects.expressions import EXACT
from engine.store.dialects.sets import Load
from engine.store.statement import quoted, statement
from engine.store.temporary import analyse, temporary

KEY = "a key:now"
"""A key with a blank and what looks like a bind."""


class DialectContract:
    """What conditions, facts and rules need from any database, also if they only read it."""

    dialect: Dialect

    def ask(self, connection: Connection, *expressions: str, **binds: Any) -> list[Any]:
        """The values of SQL expressions."""
        (row,) = connection.execute(statement(f"SELECT {', '.join(expressions)}"), binds)
        return list(row)

    def test_same_treats_null_as_a_value(self, connection: Connection) -> None:
        pairs = (("1", "1"), ("1", "2"), ("1", "NULL"), ("NULL", "NULL"))
        assert self.ask(connection, *(self.dialect.same(*pair) for pair in pairs)) == [True, False, False, True]

    def test_least_and_greatest(self, connection: Connection) -> None:
        asked = (self.dialect.least("3", "1", "2"), self.dialect.greatest("3", "1", "2"))
        assert self.ask(connection, *asked, self.dialect.least("7"), self.dialect.greatest("7")) == [1, 3, 7, 7]

    def test_whole_quotients_floors_and_ceils(self, connection: Connection) -> None:
        numbers = ("2.5", "-2.5", "4503599627370497.0", "CAST(NULL AS DOUBLE PRECISION)")
        assert self.ask(connection, self.dialect.whole_quotient("7", "2")) == [3]
        floors = [self.dialect.floor(f"CAST({one} AS DOUBLE PRECISION)") for one in numbers]
        ceils = [self.dialect.ceil(f"CAST({one} AS DOUBLE PRECISION)") for one in numbers]
        assert self.ask(connection, *floors) == [2, -3, 4503599627370497, None]
        assert self.ask(connection, *ceils) == [3, -2, 4503599627370497, None]

    def test_a_product_of_large_integers_does_not_fail(self, connection: Connection) -> None:
        large = f"CAST({2**62} AS BIGINT)"
        (product,) = self.ask(connection, f"{self.dialect.unbounded(large)} * {large}")
        assert float(product) == pytest.approx(2.0**124)

    def test_texts_compare_by_code_points(self, connection: Connection) -> None:
        pairs = (("B", "a"), ("a", "é"), ("2026-02-01", "2026-01-31"))
        asked = [f"{self.dialect.by_code_point(quoted(left))} < {quoted(right)}" for left, right in pairs]
        assert self.ask(connection, *asked) == [left < right for left, right in pairs]

    @pytest.mark.parametrize(
        ("value", "pattern", "fits"),
        [
            ("ab", "a%", True),
            ("Ab", "a%", False),
            ("ab", "_b", True),
            ("b", "_b", False),
            ("北京", "北_", True),
            ("a%b", r"a\%b", True),
            ("axb", r"a\%b", False),
            ("a_b", r"a\_b", True),
            ("a\\b", r"a\\b", True),
            ("a*b?[c]", "a*b?[c]", True),
            ("axbyc", "a*b?[c]", False),
            ("it's:x", "it's:_", True),
        ],
    )
    def test_like(self, connection: Connection, value: str, pattern: str, fits: bool) -> None:
        assert self.ask(connection, self.dialect.like(quoted(value), pattern)) == [fits]

    def test_contains(self, connection: Connection) -> None:
        parts = ("'|a|'", "'|b|'", "'|A|'", "CAST(NULL AS TEXT)")
        asked = self.ask(connection, *(self.dialect.contains("'|a|ab|'", part) for part in parts))
        assert asked == [True, False, False, None]

    def test_midnight(self, connection: Connection) -> None:
        days = ("1970-01-01", "1969-12-31", "2000-02-29", "0001-01-01")
        asked = self.ask(connection, *(self.dialect.midnight(quoted(day)) for day in days))
        assert asked == [0, -86_400_000, 951_782_400_000, -62_135_596_800_000]

    @pytest.mark.parametrize(
        ("value", "typed"),
        [
            ("3", (3, 3.0, None, None, None)),
            ("3.0", (3, 3.0, None, None, None)),
            ("-2.5", (None, -2.5, None, None, None)),
            (str(EXACT), (EXACT, float(EXACT), None, None, None)),
            (str(EXACT + 2), (None, float(EXACT + 2), None, None, None)),
            ("1e200", (None, 1e200, None, None, None)),
            ("1e301", (None, None, None, None, None)),
            ("true", (None, None, True, None, None)),
            ("false", (None, None, False, None, None)),
            ('"2024-02-29"', (None, None, None, "2024-02-29", "2024-02-29")),
            ('"2026-02-29"', (None, None, None, None, "2026-02-29")),
            ('"0000-01-01"', (None, None, None, None, "0000-01-01")),
            ('"2026-1-1"', (None, None, None, None, "2026-1-1")),
            ('"3"', (None, None, None, None, "3")),
            ('"é 😀"', (None, None, None, None, "é 😀")),
            ("null", (None, None, None, None, None)),
            ("[1]", (None, None, None, None, None)),
            ('{"a": 1}', (None, None, None, None, None)),
        ],
    )
    def test_typed_values_from_json(self, connection: Connection, value: str, typed: tuple[Any, ...]) -> None:
        """``typed``: as a whole number, a double, a boolean, a date and a text."""
        column = self.dialect.as_json(quoted(f'{{"{KEY}": {value}}}'))
        read = (
            self.dialect.json_whole,
            self.dialect.json_double,
            self.dialect.json_truth,
            self.dialect.json_date,
            self.dialect.json_text,
        )
        assert self.ask(connection, *(one(column, KEY) for one in read)) == list(typed)
        assert self.ask(connection, *(one(column, "another") for one in read)) == [None] * 5

    def test_rows_from_python(self, connection: Connection) -> None:
        rows = [[1, "a"], [2, None], [None, "é'\"😀"], [2**53, ""]]
        table = self.dialect.rows("given", {"n": "BIGINT", "t": "TEXT"})
        found = connection.execute(text(f"SELECT r.n, r.t FROM {table} AS r"), {"given": json.dumps(rows)})
        assert [list(row) for row in found] == rows
        nothing = connection.execute(text(f"SELECT count(*) FROM {table} AS r"), {"given": "[]"})
        assert nothing.scalar() == 0

    def test_elements_are_texts(self, connection: Connection) -> None:
        found = connection.execute(
            text(f"SELECT k.value FROM {self.dialect.elements('given')}"), {"given": json.dumps(["b", "a'é", ""])}
        )
        assert [row[0] for row in found] == ["b", "a'é", ""]

    def test_a_value_among_those_of_a_query(self, connection: Connection) -> None:
        tests = [
            f"2 {self.dialect.among(f'SELECT 1 AS n WHERE {that} UNION ALL SELECT 2')}" for that in ("TRUE", "FALSE")
        ]
        tests += [
            f"1 {self.dialect.among(f'SELECT 1 AS n WHERE {that} UNION ALL SELECT 2')}" for that in ("TRUE", "FALSE")
        ]
        assert self.ask(connection, *tests) == [True, True, True, False]

    def test_temporary_tables_begin_empty(self, connection: Connection) -> None:
        for _ in range(2):
            temporary(connection, self.dialect, "pair", "a BIGINT, b TEXT, PRIMARY KEY (a, b)", clustered=True)
            connection.execute(text("INSERT INTO pair VALUES (1, 'x'), (1, 'y')"))
            analyse(connection, self.dialect, "pair")
            assert connection.execute(text("SELECT count(*) FROM pair")).scalar() == 2

    def test_columns_of_a_table(self, connection: Connection) -> None:
        connection.execute(text("CREATE TABLE wide (n BIGINT, t TEXT, y BOOLEAN)"))
        assert list(self.dialect.columns(connection, "wide")) == ["n", "t", "y"]
        assert self.dialect.columns(connection, "wide")["n"] == "BIGINT"
        assert self.dialect.columns(connection, "narrow") == {}

    def test_an_estimate_is_not_negative(self, connection: Connection) -> None:
        connection.execute(text("CREATE TABLE fresh (n BIGINT)"))
        assert (self.dialect.estimated_rows(connection, "fresh") or 0) >= 0


class StoreContract(DialectContract):
    """What a database also needs to be the store; ``connection`` writes to a migrated one."""

    def test_a_new_row_is_inserted_once_and_noted(self, connection: Connection) -> None:
        load = Load(
            table="event",
            key="key",
            columns={
                "key": "TEXT",
                "user_id": "BIGINT",
                "name": "TEXT",
                "at": "BIGINT",
                "received_at": "BIGINT",
                "amount": "BIGINT",
                "properties": "JSON",
            },
            noted=("user_id", "at"),
            note=lambda new: f"INSERT INTO noted SELECT user_id, min(at) FROM {new} GROUP BY user_id",
        )
        temporary(connection, self.dialect, "noted", "user_id BIGINT, at BIGINT")
        rows: list[tuple[object, ...]] = [
            ("z", 1, "n", 5, 0, 10, '{"a": 1}'),
            ("a", 1, "n", 5, 0, None, None),
            ("m", 2, "n", 7, 0, None, None),
        ]
        assert self.dialect.insert_new(connection, load, rows[:2]) == 2
        assert self.dialect.insert_new(connection, load, rows) == 1
        assert connection.execute(text("SELECT key FROM event ORDER BY id")).scalars().all() == ["z", "a", "m"]
        noted = connection.execute(text("SELECT user_id, at FROM noted ORDER BY user_id")).all()
        assert [tuple(row) for row in noted] == [(1, 5), (2, 7)]
        value = self.dialect.json_whole("e.properties", "a")
        assert self.ask(connection, f"(SELECT {value} FROM event e WHERE e.key = 'z')") == [1]

    def test_locked_rows_are_those_selected(self, connection: Connection) -> None:
        connection.execute(
            text("INSERT INTO users (id, key, first_seen_at, updated_at) VALUES (1, 'a', 0, 0), (2, 'b', 0, 0)")
        )
        selected = "SELECT u.id FROM users AS u WHERE u.id > 1 ORDER BY u.id"
        self.dialect.lock_selected(connection, selected, "u")
        assert connection.execute(text(selected + self.dialect.lock("u"))).scalars().all() == [2]
        assert connection.execute(text(selected + self.dialect.lock_free())).scalars().all() == [2]
        among = f"UPDATE users SET updated_at = 9 WHERE id {self.dialect.among_free(selected)}"
        assert connection.execute(text(among)).rowcount == 1
        where = self.dialect.where_locked("users", "u", "id", "u.id > :low")
        connection.execute(text(f"UPDATE users AS u SET locale = 'de' WHERE {where}"), {"low": 1})
        assert connection.execute(text("SELECT id FROM users WHERE locale = 'de'")).scalars().all() == [2]
        self.dialect.lock_table(connection, "version")
        self.dialect.share_table(connection, "version")
        self.dialect.take_turns(connection, 1)

    def test_it_opens_its_own_example(self) -> None:
        url = make_url(self.dialect.example)
        assert url.get_backend_name() == self.dialect.name
        engine = self.dialect.open(url)
        assert engine.dialect.name == self.dialect.name
        engine.dispose()
