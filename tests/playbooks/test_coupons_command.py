"""``habitue coupons`` on the default brand."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from engine.cli.program import program

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    folders = "".join(f'{name} = "{ROOT / name}"\n' for name in ("rules", "playbooks", "templates"))
    path.write_text(f'[store]\nurl = "sqlite:///{tmp_path}/h.db"\n[content]\n{folders}', encoding="utf-8")
    assert run(path, "migrate").exit_code == 0
    return path


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(program, ["--config", str(config), *arguments])


def test_codes_are_imported_and_counted(config: Path, tmp_path: Path) -> None:
    codes = tmp_path / "codes.txt"
    codes.write_text("ONE\nTWO\n", encoding="utf-8")
    done = run(config, "coupons", "import", "VIP20", str(codes), "--expires", "2999-01-01")
    assert done.exit_code == 0, done.output
    assert "VIP20: 2 codes added, 0 already known, 0 rejected" in done.output
    again = run(config, "coupons", "import", "VIP20", str(codes), "--json")
    assert json.loads(again.output) == {"added": 0, "known": 2, "rejected": []}
    listed = json.loads(run(config, "coupons", "--json").output)
    assert {"coupon": "VIP20", "kind": "pool", "free": 2, "claimed": 0, "expired": 0} in listed
    table = run(config, "coupons").output
    assert "VIP20" in table
    assert "generated on demand" in table


def test_rejected_lines_are_findings(config: Path, tmp_path: Path) -> None:
    codes = tmp_path / "codes.csv"
    codes.write_text("code,expires_at\n,2030-01-01\nTWO,\n", encoding="utf-8")
    done = run(config, "coupons", "import", "VIP20", str(codes))
    assert done.exit_code == 1
    assert "VIP20: 1 codes added, 0 already known, 1 rejected" in done.output
    assert "line 2: the code is empty" in done.output
