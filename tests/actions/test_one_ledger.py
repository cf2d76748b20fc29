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
DUE = re.compile(r"\b(INSERT INTO user_state\b|UPDATE user_state\b.*\bSET due_(at|cause)\b)", re.DOTALL)
CASES = "rules/cases.py"
"""Lives cases in a database of its own in memory."""
UPSERT = "rules/place/applying.py"
"""Its upsert never inserts; what it writes to ``due_at`` is ``due.evaluated``."""


def texts(path: Path) -> Iterator[str]:
    """Yield the texts of a module, those that are put together by f-strings whole."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
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


def test_one_module_says_when_users_are_due() -> None:
    assert writers(DUE) == {"store/due.py", CASES, UPSERT}


@pytest.mark.parametrize(
    "sql", ["UPDATE action SET state = 'x'", "INSERT INTO action_event (id)", "DELETE FROM action_content WHERE 1"]
)
def test_the_scan_sees_what_it_looks_for(sql: str) -> None:
    assert ACTIONS.search(sql)
    assert DUE.search("UPDATE user_state AS s SET due_at = 0")
    assert not ACTIONS.search("SELECT 1 FROM action AS a FOR UPDATE OF a")
