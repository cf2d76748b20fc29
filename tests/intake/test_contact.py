from collections.abc import Callable

import pytest

from engine.intake.rows.contact import (
    identifier,
    parse_country,
    parse_email,
    parse_locale,
    parse_phone,
    parse_zone,
)
from engine.intake.rows.model import Json
from engine.intake.rows.values import BadValue, Conventions

Parse = Callable[[Json, Conventions], str]


@pytest.mark.parametrize(
    ("parse", "text", "normal"),
    [
        (parse_email, "Ann.Lee@Example.COM", "Ann.Lee@example.com"),
        (parse_email, " ann+tag@sub.example.org ", "ann+tag@sub.example.org"),
        (parse_email, "o'neil@example.com", "o'neil@example.com"),
        (parse_email, "ünal@exämple.com", "ünal@exämple.com"),
        (parse_phone, "+49 (30) 90-18 20", "+4930901820"),
        (parse_phone, "0049 30 901820", "+4930901820"),
        (parse_locale, "zh_CN", "zh-CN"),
        (parse_locale, "ZH-hant-tw", "zh-Hant-TW"),
        (parse_locale, "en_US.UTF-8", "en-US"),
        (parse_locale, "es-419", "es-419"),
        (parse_country, "de", "DE"),
        (parse_country, "Germany", "DE"),
        (parse_country, "uk", "GB"),
        (parse_zone, "europe/berlin", "Europe/Berlin"),
        (parse_zone, "UTC", "UTC"),
    ],
)
def test_normalised(parse: Parse, text: str, normal: str) -> None:
    assert parse(text, Conventions()) == normal


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_email, "ann"), (parse_email, "ann@"), (parse_email, "@example.com"), (parse_email, "a@b@example.com"),
        (parse_email, "ann@example.com\nBcc: eve@example.com"), (parse_email, "ann@example.com\r\n.x@example.com"),
        (parse_email, "ann..lee@example.com"), (parse_email, "ann@-example.com"), (parse_email, "ann@example-.com"),
        (parse_email, f"{'a' * 65}@example.com"), (parse_email, "ann@example.com,eve@example.com"),
        (parse_email, 17), (parse_phone, "030 901820"), (parse_phone, "+0123456789"), (parse_phone, "+12"),
        (parse_locale, "english"), (parse_locale, "e"), (parse_country, "XX"), (parse_country, "Atlantis"),
        (parse_zone, "Berlin"), (parse_zone, "Europe/Berln"), (parse_zone, "../etc/passwd"), (parse_zone, "CET+1"),
        (identifier, "a\nb"), (identifier, "a\x00b"), (identifier, "x" * 401), (identifier, {"a": "b"}),
    ],
)  # fmt: skip
def test_refused(parse: Parse, text: Json) -> None:
    with pytest.raises(BadValue):
        parse(text, Conventions())


def test_a_misspelt_zone_gets_a_suggestion() -> None:
    with pytest.raises(BadValue, match=r"did you mean `Europe/Berlin`"):
        parse_zone("Europe/Berln", Conventions())
