"""No module outside ``engine/store/dialects`` names a database or uses its special SQL, so another one costs one file.

Docstrings and comments may mention databases. A branch on the database would need its name, in a text or in an import.
"""

import ast
import re
from collections.abc import Iterator

from engine.store.dialects import DIALECTS
from tests.cost_of_change.test_named_nowhere import imports, program

HOME = "engine/store/dialects/"

NAMED = re.compile("|".join(("sqlite", "postgres", "psycopg", "jsonb", *(one.name for one in DIALECTS))), re.IGNORECASE)
"""Databases and their drivers, in names and texts."""
SPOKEN = re.compile(
    r"\b(json_(each|extract|type)|pg_\w+|pragma|glob|rowid|strpos|instr|julianday|to_regclass|string_agg"
    r"|group_concat|for update|skip locked|nowait|on commit|collate|analyze|lock table|current_schema)\b|::[a-z]",
    re.IGNORECASE,
)
"""SQL that not every database understands, in texts."""

MAY_NAME = {
    ("engine/settings.py", "sqlite:///var/habitue.db"): "the default of `store.url` has to be some database",
}
"""Module and text -> why this costs another database nothing. Migrations are history and are not checked."""
USES_ITS_OWN = {"engine/intake/rows/keys.py": "a set of keys on disk during an import; not a part of the store"}
"""Module -> what it uses a database's library for, whatever the store is."""


def docstrings(tree: ast.Module) -> set[ast.AST]:
    """Texts that are statements of their own: only people read them."""
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def said(tree: ast.Module) -> Iterator[str]:
    """Yield the names and texts of ``tree`` that belong to one database."""
    aside = docstrings(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str() as text):
                if node not in aside and (NAMED.search(text) or SPOKEN.search(text)):
                    yield text
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str() as name):
                if NAMED.search(name):
                    yield name
    yield from (name for name in imports(tree) if NAMED.search(name))


def test_only_its_own_files_name_a_database() -> None:
    found = {(place, text) for place, tree in program() if not place.startswith(HOME) for text in said(tree)}
    assert USES_ITS_OWN.keys() <= {place for place, _text in found}
    found = {(place, text) for place, text in found if place not in USES_ITS_OWN}
    assert found - MAY_NAME.keys() == set()
    assert MAY_NAME.keys() <= found, "what is no longer there needs no exception"


def test_the_search_finds_what_it_is_for() -> None:
    planted = ast.parse(
        'from engine.store.dialects.sqlite import SQLITE\n"PRAGMA in a docstring"\n'
        'lock = "" if dialect is SQLITE else " FOR UPDATE"\n'
        'if connection.dialect.name == "postgresql": run(f"SELECT {a}::bigint")\n'
        'Index("x", sqlite_where=y)\n'
    )
    module = "engine.store.dialects.sqlite"
    assert set(said(planted)) == {
        module, f"{module}.SQLITE", "SQLITE", " FOR UPDATE", "postgresql", "::bigint", "sqlite_where"
    }  # fmt: skip
