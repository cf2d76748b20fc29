"""Numbers as people write them become E.164; what is no number, or can be read in two ways, is refused with a remedy."""

import json
import subprocess
import sys
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.channels.sms import SMS
from engine.intake.rows.phone import is_international, read_number
from engine.intake.rows.values import BadValue
from tests.world import World


@pytest.mark.parametrize(
    ("written", "country", "number"),
    [
        ("+4930901820", "", "+4930901820"),
        ("+49 (30) 90-18 20", "US", "+4930901820"),
        ("0049 30 901820", "", "+4930901820"),
        ("+49 (0)30 901820", "", "+4930901820"),
        ("0049 ( 0 ) 30/901820", "", "+4930901820"),
        ("+39 06 698 12345", "", "+390669812345"),
        ("＋８６ １３８ ００１３ ８０００", "", "+8613800138000"),
        ("\u202a+49\u00a030\u2011901820\u202c", "", "+4930901820"),
        ("+٤٩٣٠٩٠١٨٢٠", "", "+4930901820"),
        ("030 901820", "DE", "+4930901820"),
        ("(202) 555-0123", "US", "+12025550123"),
        ("011 49 30 901820", "US", "+4930901820"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("06 698 12345", "IT", "+390669812345"),
        ("13800138000", "CN", "+8613800138000"),
        # With the country's own code, but without a plus: only one reading is a number.
        ("12025550123", "US", "+12025550123"),
        ("8613800138000", "CN", "+8613800138000"),
        ("61412345678", "AU", "+61412345678"),
        # Not given out, as far as the library knows; it may have been since.
        ("+447700900123", "", "+447700900123"),
        ("07700 900123", "GB", "+447700900123"),
    ],
)
def test_a_number_is_read(written: str, country: str, number: str) -> None:
    assert read_number(written, country) == number
    assert SMS.typed(written, country) == number
    assert SMS.usable(number) == number == SMS.suppression_form(number)
    if not country:
        assert SMS.usable(written) == number


@pytest.mark.parametrize(
    ("written", "country", "says"),
    [
        ("030 901820", "", "with a country code"),
        ("13800138000", "", "with a country code"),
        ("030 901820", "AQ", "with a country code"),
        ("+0123456789", "DE", "with a country code"),
        ("+12", "DE", "with a country code"),
        ("+1234567890123456", "", "with a country code"),
        ("", "DE", "not a phone number in DE"),
        ("0", "DE", "not a phone number in DE"),
        ("555-0123", "US", "a length that there is not in US"),
        ("110", "CN", "a length that there is not in CN"),
        ("0170 1234567", "FR", "a length that there is not in FR"),
        ("1-800-FLOWERS", "US", "letters or an extension"),
        ("+1 202 555 0123 ext. 5", "", "letters or an extension"),
        ("+1 202 555 0123 #5", "", "letters or an extension"),
        ("030 901820, 030 901821", "DE", "letters or an extension"),
        ("491701234567", "DE", "begins with the code of its country, 49, but has no plus"),
    ],
)
def test_what_is_no_number_is_refused(written: str, country: str, says: str) -> None:
    with pytest.raises(BadValue, match=says) as refused:
        read_number(written, country)
    assert not written[3:] or written not in str(refused.value)
    assert SMS.typed(written, country) is None


@given(st.text(max_size=25), st.sampled_from(["", "DE", "US", "CN", "XX"]))
def test_whatever_is_written_is_a_number_or_refused(written: str, country: str) -> None:
    try:
        number = read_number(written, country)
    except BadValue:
        return
    assert number.startswith("+")
    assert number[1:].isdigit()
    assert number.isascii()
    assert read_number(number) == number


EXAMPLES = [
    phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
    for country in sorted(phonenumbers.SUPPORTED_REGIONS)
]
FORMS = (
    phonenumbers.PhoneNumberFormat.E164,
    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    phonenumbers.PhoneNumberFormat.NATIONAL,
)


@given(st.sampled_from([one for one in EXAMPLES if one is not None]), st.sampled_from(FORMS))
def test_mobile_numbers_of_all_countries_are_read_in_each_form(number: phonenumbers.PhoneNumber, form: int) -> None:
    country = phonenumbers.region_code_for_number(number) or ""
    written = phonenumbers.format_number(number, form)
    expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert read_number(written, country) == expected


def test_the_country_of_the_row_decides_before_that_of_the_brand(world: World, tmp_path: Path) -> None:
    world.configure(brand={"country": "DE"})

    file = tmp_path / "users.csv"
    rows = ["key,phone,country", "a,030 901820,", "b,06 12 34 56 78,FR", "c,+1 202 555 0123,FR", "d,0170 1234567,FR"]
    file.write_text("\n".join([*rows, "e,(0170) 1234567,DE", "f,,FR"]), encoding="utf-8")
    done = world.program("import", "users", str(file), "--rejected", str(tmp_path / "rejected.csv"), "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["rejected"] == 1
    assert world.rows("SELECT key, phone FROM users ORDER BY key") == [
        ("a", "+4930901820"),
        ("b", "+33612345678"),
        ("c", "+12025550123"),
        ("e", "+491701234567"),
        ("f", None),
    ]
    assert "a length that there is not in FR" in (tmp_path / "rejected.csv").read_text(encoding="utf-8")
    for command in (("explain", "030 901820"), ("log", "--user", "030 901820")):
        assert world.program(*command, "--json").returncode == 0
    assert world.program("explain", "06 12 34 56 78").returncode == 2
    done = world.program("suppress", "add", "--channel", "sms", "0170 1234567")
    assert done.returncode == 0, done.stderr
    assert world.rows("SELECT channel, address FROM suppression") == [("sms", "+491701234567")]


def test_without_a_country_a_national_number_is_refused_with_the_remedy(world: World, tmp_path: Path) -> None:

    file = tmp_path / "users.csv"
    file.write_text("key,phone\na,030 901820\n", encoding="utf-8")
    rejected = tmp_path / "rejected.csv"
    assert world.program("import", "users", str(file), "--rejected", str(rejected)).returncode == 1
    assert "`brand.country` in config.toml" in rejected.read_text(encoding="utf-8")
    assert world.program("suppress", "add", "--channel", "sms", "030 901820").returncode == 2


def test_the_brand_s_country_is_one(world: World) -> None:
    world.configure(brand={"country": "Germany"})
    done = world.program("status")
    assert done.returncode == 2
    assert "`brand.country`: `Germany` is not a country: write its two-letter code" in done.stderr


def test_the_tables_of_numbers_are_loaded_only_where_one_has_to_be_read() -> None:
    program = "import engine.cli.program, engine.composing.child, sys; print('phonenumbers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(("written", "is_it"), [("+49", True), ("0049", True), ("\u202a+1", True), ("49", False)])
def test_international_numbers_need_no_country(written: str, is_it: bool) -> None:
    assert is_international(written) is is_it
