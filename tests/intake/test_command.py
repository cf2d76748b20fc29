"""``habitue import`` from the command line."""

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from engine.cli.program import program
from engine.errors import InputError

CONFIG = """
[brand]
timezone = "Europe/Berlin"
[store]
url = "sqlite:///{folder}/habitue.db"
[content]
rules = "{folder}/rules"
playbooks = "{folder}/playbooks"
templates = "{folder}/templates"
"""
FACTS = """
[events.order_completed]
amount = "money"
items = "integer"
[facts.orders]
count = "order_completed"
[facts.birthday]
attribute = "birthday"
type = "date"
"""


@pytest.fixture
def brand(tmp_path: Path) -> Path:
    for name in ("rules", "playbooks", "templates"):
        (tmp_path / name).mkdir()
    (tmp_path / "config.toml").write_text(CONFIG.format(folder=tmp_path))
    (tmp_path / "rules" / "facts.toml").write_text(FACTS)
    assert run(tmp_path, "migrate").exit_code == 0
    return tmp_path


def run(brand: Path, *arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(program, ["--config", str(brand / "config.toml"), *arguments], input=stdin)


def test_events(brand: Path) -> None:
    path = brand / "orders.csv.gz"
    path.write_bytes(gzip.compress(b"client,day,amount,items\n7,2026-07-01,$1.50,2\n8,2026-07-02,2.505,1\n"))
    arguments = (
        "import",
        "events",
        str(path),
        "--map",
        "user=client",
        "--map",
        "at=day",
        "--map",
        "name==order_completed",
    )
    result = run(brand, *arguments)
    assert result.exit_code == 1
    assert "2 rows read, 1 new, 0 already there, 1 users created, 1 rejected" in result.stdout
    assert "user = client, at = day, amount = amount" in result.stdout
    assert "amount: more decimals than the currency has" in result.stdout
    assert (brand / "orders.csv.gz.rejected.csv").exists()
    again = run(brand, *arguments, "--json")
    assert again.exit_code == 0
    assert json.loads(again.stdout)["finished_before"] is True
    assert "nothing changed" in run(brand, *arguments).stdout
    through = json.loads(run(brand, *arguments, "--again", "--json").stdout)
    assert (through["same"], through["rejected"], through["first_at"]) == (1, 1, "2026-06-30T22:00:00Z")
    assert through["reasons"] == [{"reason": "amount: more decimals than the currency has", "rows": 1}]


def test_users_from_standard_input(brand: Path) -> None:
    rows = b"key,birthday,nick\nann,1990-02-28,A\nben,soon,B\n"
    rejected = brand / "bad.csv"
    result = run(brand, "import", "users", "-", "--rejected", str(rejected), "--json", stdin=rows)
    assert result.exit_code == 1
    summary = json.loads(result.stdout)
    assert (summary["source"], summary["new"], summary["rejected_file"]) == ("stdin", 1, str(rejected))
    assert rejected.read_text(encoding="utf-8-sig").splitlines()[1].startswith("3,birthday: not a date,")


def test_a_mistake_in_the_command_leaves_the_rejected_rows_of_an_earlier_run(brand: Path) -> None:
    path = brand / "users.jsonl"
    path.write_text('{"key": "ann", "birthday": "soon"}\n')
    rejected = brand / "users.jsonl.rejected.csv"
    assert run(brand, "import", "users", str(path)).exit_code == 1
    before = rejected.read_bytes()
    assert isinstance(run(brand, "import", "users", str(path), "--map", "key=id").exception, InputError)
    assert rejected.read_bytes() == before
    path.write_text('{"key": "ann", "birthday": "1990-02-28"}\n')
    assert run(brand, "import", "users", str(path)).exit_code == 0
    assert rejected.read_text(encoding="utf-8-sig") == "rejected_line,rejected_reason,rejected_remedy,record\n"


def test_a_dry_run_says_so(brand: Path) -> None:
    path = brand / "users.csv"
    path.write_text("key\nann\n")
    assert "1 would be imported, nothing was stored" in run(brand, "import", "users", str(path), "--dry-run").stdout
    assert run(brand, "import", "users", str(path)).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("events", "no-such-file.csv"), "is not a readable file"),
        (("users", "{brand}/users.csv", "--zone", "Mars/Base"), "not a time zone"),
        (("users", "{brand}/users.csv", "--map", "key"), "target=column"),
        (("events", "{brand}/users.csv"), "no column for the user"),
    ],
)
def test_what_makes_no_sense_is_said(brand: Path, arguments: tuple[str, ...], said: str) -> None:
    (brand / "users.csv").write_text("key\nann\n")
    result = run(brand, "import", *(argument.format(brand=brand) for argument in arguments))
    assert isinstance(result.exception, InputError)
    assert said in str(result.exception)


def test_devices(brand: Path) -> None:
    path = brand / "devices.csv"
    path.write_text("client,token,os,last_seen\n7,tok-1,iPhone,2026-07-01\n8,tok-2,Android,\n9,tok-3,telex,\n")
    done = run(brand, "import", "devices", str(path), "--map", "key=client", "--json")
    assert done.exit_code == 1, done.output
    told = json.loads(done.output)
    assert (told["kind"], told["new"], told["users_made"], told["rejected"]) == ("devices", 2, 2, 1)
    again = run(brand, "import", "devices", str(path), "--map", "key=client", "--again")
    assert "0 new, 0 changed, 2 already there" in " ".join(again.output.split())
    assert "tok-" not in run(brand, "explain", "7").output
