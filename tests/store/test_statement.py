"""Binds are replaced outside of quotes, and only there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine

from engine.store.database import Database
from engine.store.statement import statement

TEXTS = st.text(st.sampled_from(":'\\%() nowsé\n\"?"), max_size=12)


@given(TEXTS, TEXTS)
def test_quoted_text_comes_back_as_it_is(first: str, second: str) -> None:
    engine = create_engine("sqlite://")
    quoted = [text.replace("'", "''") for text in (first, second)]
    with engine.connect() as connection:
        row = connection.execute(statement(f"SELECT '{quoted[0]}', :now, '{quoted[1]}'"), {"now": 5}).one()
    engine.dispose()
    assert tuple(row) == (first, 5, second)


@pytest.mark.parametrize("quoted", [" :now ", "::", "a:b", "50 %", "\\:now", "%(now)s", "it''s :now"])
def test_both_databases_take_it(database_url: str, quoted: str) -> None:
    database = Database(database_url)
    with database.read() as connection:
        row = connection.execute(statement(f"SELECT '{quoted}', :now"), {"now": 5}).one()
    database.close()
    assert tuple(row) == (quoted.replace("''", "'"), 5)
