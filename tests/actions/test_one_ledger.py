"""The tables of actions, and when users are due, each have one module that writes them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[2] / "engine"
ACTIONS = re.compile(
    r"\b(INSERT INTO|UPDATE|DELETE FROM)\s+(action|action_event|action_content|provider_text)\b(?! AS v)"
)
OWNERS = {
    "user_due": {"store/due.py", "store/news.py"},
    "user_news": {"store/due.py", "store/news.py"},
    "user_date": {"facts/dates.py"},
    "sweep": {"store/sweep.py"},
    "sweep_range": {"store/sweep.py"},
}
"""Who writes the tables that say when users are evaluated."""
STATES = re.compile(r"\bUPDATE user_state\b.*", re.DOTALL)
CHUNK = re.compile(r"\bWHERE s\.user_id IN \(SELECT user_id FROM \{\}\)")


def texts(path: Path) -> Iterator[str]:
    """Yield the texts of a module, those that are put together by f-strings whole."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    pieces = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in pieces:
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
            yield "".join(str(part) for part in parts)


def writers(pattern: re.Pattern[str]) -> set[str]:
    modules = (path for path in ENGINE.rglob("*.py") if "migrations" not in path.parts)
    found = {path for path in modules if any(pattern.search(text) for text in texts(path))}
    return {path.relative_to(ENGINE).as_posix() for path in found}


def test_the_ledger_alone_writes_actions() -> None:
    found = writers(ACTIONS)
    assert {module for module in found if not module.startswith("actions/")} == set()
    assert {"actions/ledger.py", "actions/claims.py", "actions/moves.py", "actions/receipts.py"} <= found


def test_no_module_writes_actions_by_their_classes() -> None:
    """``insert(Action)`` would pass the test above."""
    for path in ENGINE.rglob("*.py"):
        if "tables" in path.parts or "actions" in path.parts:
            continue
        imported = re.findall(r"from engine\.store\.tables(?:\.actions)? import (.+)", path.read_text(encoding="utf-8"))
        names = {name.strip(" ()") for line in imported for name in line.split(",")}
        assert not names & {"Action", "ActionEvent", "ActionContent", "ProviderText"}, path


def written(table: str) -> re.Pattern[str]:
    """Match SQL that writes ``table``, which may also be a name in an f-string of its module."""
    return re.compile(rf"\b(INSERT INTO|UPDATE|DELETE FROM)\s+{table}\b")


@pytest.mark.parametrize("table", OWNERS)
def test_one_module_writes_what_says_when_users_are_evaluated(table: str) -> None:
    assert writers(written(table)) == OWNERS[table]


def test_no_module_writes_them_by_their_classes() -> None:
    classes = "UserDue|UserNews|UserDate|Sweep|SweepRange"
    orm = re.compile(rf"from engine\.store\.tables(?:\.due)? import .*\b(?:{classes})\b")
    modules = (path for path in ENGINE.rglob("*.py") if "tables" not in path.parts)
    assert [path for path in modules if orm.search(path.read_text(encoding="utf-8"))] == []


def test_facts_and_places_are_written_for_the_users_of_a_set_alone() -> None:
    """Anything else would rewrite a million rows, and hold up whoever writes one of them."""
    updates = [
        (path.relative_to(ENGINE).as_posix(), found.group())
        for path in ENGINE.rglob("*.py")
        if "migrations" not in path.parts
        for text in texts(path)
        if (found := STATES.search(text))
    ]
    assert {path for path, _ in updates} == {"facts/scores.py", "rules/set_back.py"}
    assert [sql for _, sql in updates if not CHUNK.search(sql)] == []


@pytest.mark.parametrize(
    "sql", ["UPDATE action SET state = 'x'", "INSERT INTO action_event (id)", "DELETE FROM action_content WHERE 1"]
)
def test_the_scan_sees_what_it_looks_for(sql: str) -> None:
    assert ACTIONS.search(sql)
    assert written("user_due").search("UPDATE user_due AS t SET due_at = 0")
    assert not written("sweep").search("UPDATE sweep_range SET next_user = 1")
    assert STATES.search("UPDATE user_state AS s SET place_value = 'x'")
    assert not ACTIONS.search("SELECT 1 FROM action AS a FOR UPDATE OF a")
