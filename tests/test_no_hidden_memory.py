"""Caches that live as long as the process contain no personal data, because an erasure could not reach them."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]

ALLOWED = {
    "engine/calendar/occurrences.py:_holidays": "public holidays of a country and year",
    "engine/calendar/zones.py:_known_zone": "time zones by name",
    "engine/calendar/zones.py:local_instant": "days and minutes of time zones; the days are those of schedules",
    "engine/delivery/gates/duplicate.py:_day": "days of instants in time zones",
    "engine/delivery/gates/hours.py:_at": "time zones and windows of playbooks",
    "engine/delivery/gates/hours.py:_window": "windows of playbooks",
    "engine/demo/seasons.py:demand_of": "made-up demand of a made-up brand",
    "engine/facts/files.py:facts_of": "the form of facts, by the kinds of sources",
    "engine/intake/rows/bulk.py:_plain_money": "a pattern by its number of decimals",
    "engine/intake/rows/contact.py:_countries": "the list of countries",
    "engine/intake/rows/contact.py:_zones": "the list of time zones",
    "engine/messages/email/headers.py:_field_start": "names of header fields",
    "engine/messages/email/mime.py:_date": "seconds",
    "engine/messages/email/mime.py:_own_mailbox": "the brand's own sender and reply address",
}
"""Each cache of a module, and why what it keeps is nobody's."""

CACHES = {"lru_cache", "cache"}


def _name(node: ast.expr) -> str:
    called = node.func if isinstance(node, ast.Call) else node
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""


def caches(path: Path) -> Iterator[str]:
    """Yield the functions of a module whose results are remembered by it, and remembering calls inside functions."""
    place = path.relative_to(ROOT)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    decorators: set[ast.expr] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found = [one for one in node.decorator_list if _name(one) in CACHES]
            decorators.update(found)
            if found:
                yield f"{place}:{node.name}"
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    applied = {call.func: call for call in calls if isinstance(call.func, ast.Call)}
    for call in calls:
        if call in decorators or _name(call) not in CACHES or isinstance(call.func, ast.Call):
            continue
        whole = ast.unparse(applied.get(call, call))
        if "(self." not in whole:  # else it lives and ends with an instance
            yield f"{place}:{whole}"


def mutable_globals(path: Path) -> Iterator[str]:
    """Yield empty lists, sets and dicts at the top of a module: they can only be there to be filled."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        empty_call = (
            isinstance(value, ast.Call) and not value.args and _name(value) in {"dict", "list", "set", "defaultdict"}
        )
        empty = (isinstance(value, ast.Dict) and not value.keys) or (isinstance(value, ast.List) and not value.elts)
        if empty or empty_call:
            yield f"{path.relative_to(ROOT)}:{node.lineno}"


def modules() -> list[Path]:
    return [path for folder in ("engine", "adapters") for path in sorted((ROOT / folder).rglob("*.py"))]


def test_every_cache_of_a_module_has_a_reason() -> None:
    found = {cache for path in modules() for cache in caches(path)}
    assert found == set(ALLOWED)


def test_no_module_has_a_global_to_be_filled() -> None:
    assert [place for path in modules() for place in mutable_globals(path)] == []


def test_the_scan_finds_what_it_looks_for(tmp_path: Path) -> None:
    path = ROOT / "engine" / "nowhere.py"
    source = "import functools\n@functools.lru_cache(maxsize=9)\ndef f(): ...\ng = functools.cache(f)\nKEPT = {}\n"

    class Fake(type(path)):  # type: ignore[misc]  # a path whose text is ours
        def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
            return source

    assert sorted(caches(Fake(path))) == ["engine/nowhere.py:f", "engine/nowhere.py:functools.cache(f)"]
    assert list(mutable_globals(Fake(path))) == ["engine/nowhere.py:5"]
