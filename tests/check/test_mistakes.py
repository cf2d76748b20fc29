"""Every mistake that ops will make is found: where it is, with what would be right, and nothing else is."""

import json
import re
from contextlib import chdir
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from engine.cli.program import program
from tests.check.brands import GOOD, Mistake, good, mistakes, write
from tests.program import habitue

MISTAKES = mistakes()
AT_ONCE = [
    "facts.bad_duration",
    "dimensions.misspelt_fact",
    "dimensions.unknown_stage",
    "dimensions.unclosed_quote",
    "playbooks.bad_window",
    "playbooks.unknown_event",
    "playbooks.offset_of_hours",
    "playbooks.coupon_of_unknown_kind",
    "templates.unknown_fact",
    "templates.unknown_name_in_a_layout",
]


def refused(config: Path) -> str:
    """Run the program as a person would; return what it says on its way out with exit code 2."""
    ended = habitue(config, "check")
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    return " ".join(ended.stderr.split())


def check(config: Path, *options: str) -> Result:
    with chdir(config.parent):  # not where somebody may have a store
        return CliRunner().invoke(program, ["--config", str(config), "check", *options], catch_exceptions=False)


def parts(expected: str) -> tuple[str, str]:
    """``file:line: severity: `` and the fragment after it."""
    found = re.fullmatch(r"(.*?: (?:error|warning): )(.*)", expected, re.DOTALL)
    assert found, expected
    return found[1], found[2]


def assert_exactly(lines: list[str], expected: list[str]) -> None:
    left = list(lines)
    for one in expected:
        place, fragment = parts(one)
        hits = [line for line in left if line.startswith(place) and fragment in line]
        assert hits, f"missing: {one}\nfound:\n" + "\n".join(lines)
        left.remove(hits[0])
    assert left == []


def test_the_good_brand_is_good(tmp_path: Path) -> None:
    files = good()
    result = check(write(tmp_path, files))
    assert result.exit_code == 0
    assert result.output == f"{len(files)} files: all good\n"


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_found_where_it_is(mistake: Mistake, tmp_path: Path) -> None:
    result = check(write(tmp_path, mistake.into(good())))
    assert result.exit_code == 1
    *lines, summary = result.output.splitlines()
    assert_exactly(lines, list(mistake.finds))
    errors = sum(": error: " in line for line in lines)
    warnings = len(lines) - errors
    assert f": {errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}" in summary


def test_there_are_many_mistakes_and_each_says_what_would_be_right() -> None:
    assert len(MISTAKES) >= 100
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES)


def test_all_errors_of_all_files_are_found_at_once(tmp_path: Path) -> None:
    files = good()
    expected: list[str] = []
    for mistake in MISTAKES:
        if mistake.name in AT_ONCE:
            files = mistake.into(files)
            expected += mistake.finds
    result = check(write(tmp_path, files))
    assert len(expected) == len(AT_ONCE)
    assert_exactly(result.output.splitlines()[:-1], expected)


def test_a_wrong_form_does_not_hide_a_wrong_condition(tmp_path: Path) -> None:
    files = good()
    files["rules/value.toml"] = (
        files["rules/value.toml"].replace('grace = "30d"', "grace = 30").replace("spend_365d >= 100", "spent >= 100")
    )
    files["playbooks/winback.toml"] = (
        files["playbooks/winback.toml"].replace('expires = "7d"', "").replace("value = 'high'", "valeu = 'high'")
    )
    lines = check(write(tmp_path, files)).output.splitlines()[:-1]
    assert_exactly(
        lines,
        [
            "playbooks/winback.toml:1: error: `expires` is missing",
            "playbooks/winback.toml:17: error: `when`, column 1: unknown fact or dimension `valeu`",
            "rules/value.toml:9: error: 30 is not a duration: add a unit, such as `30d`",
            "rules/value.toml:13: error: `when`, column 1: unknown fact or dimension `spent`",
        ],
    )


def test_json(tmp_path: Path) -> None:
    mistake = next(mistake for mistake in MISTAKES if mistake.name == "dimensions.misspelt_fact")
    result = check(write(tmp_path, mistake.into(good())), "--json")
    assert result.exit_code == 1
    assert json.loads(result.output) == [
        {
            "file": "rules/value.toml",
            "line": 8,
            "severity": "error",
            "message": "`keep`, column 1: unknown fact or dimension `spend_356d`; did you mean `spend_365d`?",
        }
    ]


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    config = write(tmp_path, good())
    path = tmp_path / "templates/winback/hello.email.j2"
    path.write_bytes(path.read_bytes().replace(b"life", "Leben für Groß".encode("latin-1")))
    result = check(config)
    assert result.exit_code == 1
    expected = "templates/winback/hello.email.j2:4: error: not UTF-8 text (the byte 0xfc); save the file as UTF-8"
    assert_exactly(result.output.splitlines()[:-1], [expected])


def test_files_of_other_editors_are_read(tmp_path: Path) -> None:
    config = write(tmp_path, good())
    for path in (tmp_path / "rules/value.toml", tmp_path / "templates/thanks/thanks.email.j2"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert check(config).exit_code == 0


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("Europe/Berlin", "Europe/Berln", "`Europe/Berln` is not a time zone; did you mean `Europe/Berlin`?"),
        ("Europe/Berlin", "localtime", "`localtime` is not a time zone"),
        ('"EUR"', '"EURO"', "`EURO` is not an ISO 4217 currency; did you mean `EUR`?"),
        ('"EUR"', '"eur"', "`eur` is not an ISO 4217 currency"),
        ('timezone = "', 'locale = "deutsch"\ntimezone = "', "`deutsch` is not a language"),
        ('"EUR"', '"euro"', "`brand.currency`"),
        (
            '"EUR"',
            '"EUR"\n[delivery]\npoll = "0s"',
            "`delivery.poll`: the worker would never rest: write at least `1s`",
        ),
        ("timezone", "time_zone", "unknown key `brand.time_zone`"),
        ('"EUR"', '"EUR', "config.toml"),
    ],
)
def test_mistakes_in_the_settings(old: str, new: str, says: str, tmp_path: Path) -> None:
    config = write(tmp_path, good())
    config.write_text(config.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    assert says in refused(config)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    config = write(tmp_path, good())
    (tmp_path / "rules").rename(tmp_path / "rulez")
    assert "does not exist; set `content.rules` in config.toml to the right path" in refused(config)


def test_the_good_brand_holds_every_kind_of_file() -> None:
    assert {path.split("/")[0] for path in good()} == {"rules", "playbooks", "templates"}
    assert (GOOD / "config.toml").is_file()
