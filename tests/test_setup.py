"""The set-up script and the databases that tests are given."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import create_engine, inspect, text

SCRIPT = Path(__file__).parent.parent / "tools" / "setup.py"


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, pointed at an empty folder instead of the project's `.venv`."""
    spec = importlib.util.spec_from_file_location("habitue_setup", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "VENV", tmp_path)
    monkeypatch.setattr(module, "VENV_PYTHON", tmp_path / "bin" / "python")
    return module


@pytest.mark.parametrize("version", [(3, 8, 18), (3, 10, 13), (3, 14, 0)])
def test_a_python_without_locks_is_refused(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], version: tuple[int, ...]
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    assert script.main(["runtime"]) == 1
    assert "needs Python 3.11, 3.12 or 3.13" in capsys.readouterr().err


def test_a_missing_compiler_is_named(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler -O2")
    assert script.main(["dev"]) == 1
    said = capsys.readouterr().err
    assert "no C compiler (no-such-compiler)" in said
    assert "build-essential" in said


def test_missing_headers_are_named(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("CC", sys.executable)
    monkeypatch.setattr("sysconfig.get_path", lambda _name: str(tmp_path))
    assert script.main(["dev"]) == 1
    assert f"missing ({tmp_path / 'Python.h'})" in capsys.readouterr().err


def test_what_is_installed_is_not_installed_again(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[str] = []
    monkeypatch.setattr(script, "check_compiler", lambda: None)
    monkeypatch.setattr(script, "install", installed.append)
    script.VENV_PYTHON.parent.mkdir()
    script.VENV_PYTHON.touch()

    assert script.main(["dev"]) == script.main(["dev"]) == script.main(["runtime"]) == 0
    assert installed == ["dev"]

    monkeypatch.setattr(sys, "version", "3.12.99")
    assert script.main(["runtime"]) == 0
    assert installed == ["dev", "runtime"]


def test_a_failed_command_shows_what_it_printed(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(script.SetupError, match="trying: failed with exit code 3"):
        script.run("trying", sys.executable, "-c", "print('the reason'); raise SystemExit(3)")
    assert "the reason" in capsys.readouterr().err


def test_a_wrong_call_is_told_the_right_one() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "everything"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "usage: python tools/setup.py runtime|dev\n")


@pytest.mark.parametrize("turn", ["first", "second"])
def test_every_test_gets_an_empty_database(empty_database_url: str, turn: str) -> None:
    engine = create_engine(empty_database_url)
    try:
        assert inspect(engine).get_table_names() == []
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE left_by_a_test (turn TEXT)"))
            connection.execute(text("INSERT INTO left_by_a_test VALUES (:turn)"), {"turn": turn})
    finally:
        engine.dispose()
