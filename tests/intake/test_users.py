import json
from typing import Any

import pytest

from engine.errors import InputError
from engine.intake.rows.model import UserRow
from engine.intake.write.users import write_users
from tests.intake.intake_store import DECLARED, NOW, Intake

USERS = """customer_id,email,phone,locale,timezone,country,created_at,first name,birthday,points,consent_email
ann,Ann@Example.com,+49 30 901820,de_DE,europe/berlin,Germany,2025-01-01,Ann,1990-02-28,"1,000",yes
ben,,,,,,,Ben,,,no
"""


def profiles(intake: Intake) -> list[tuple[Any, ...]]:
    rows = intake.query(
        "SELECT key, email, phone, locale, timezone, country, first_seen_at, CAST(attributes AS text) FROM users ORDER BY key"
    )
    return [(*row[:-1], json.loads(row[-1]) if row[-1] else None) for row in rows]


def consents(intake: Intake) -> list[tuple[Any, ...]]:
    rows = intake.query(
        "SELECT u.key, c.channel, c.class, c.granted, c.source, c.at FROM consent c JOIN users u ON u.id = c.user_id ORDER BY 1, 2"
    )
    return [(*row[:3], bool(row[3]), *row[4:]) for row in rows]


def test_users_come_in(intake: Intake) -> None:
    summary = intake.users(USERS)
    assert (summary.read, summary.new, summary.changed, summary.rejected) == (2, 2, 0, 0)
    assert profiles(intake) == [
        ("ann", "Ann@example.com", "+4930901820", "de-DE", "Europe/Berlin", "DE", 1735689600000,
         {"first_name": "Ann", "birthday": "1990-02-28", "points": 1000}),
        ("ben", None, None, None, None, None, NOW, {"first_name": "Ben"}),
    ]  # fmt: skip
    assert consents(intake) == [
        ("ann", "email", "marketing", True, "import:users.csv", NOW),
        ("ben", "email", "marketing", False, "import:users.csv", NOW),
    ]
    assert intake.query("SELECT name FROM zone") == [("Europe/Berlin",)]
    new = {(0, "behaviour"), (0, "import")}
    assert intake.news() == {"ann": new, "ben": new}


def test_a_user_who_stays_the_same_is_not_due(intake: Intake) -> None:
    intake.users(USERS)
    intake.news()
    again = intake.users(USERS.replace("ben,,,,,,,Ben", "ben,ben@example.com,,,,,,Ben"), name="other.csv")
    assert (again.new, again.changed, again.same) == (0, 1, 1)
    assert intake.news() == {"ben": {(0, "import")}}
    assert intake.users(USERS, again=True).same == 2
    assert intake.news() == {}


def test_an_empty_cell_leaves_what_is_there_and_null_clears_it(intake: Intake) -> None:
    intake.users(USERS)
    intake.users("customer_id,email,points\nann,,\n", name="empty.csv")
    assert profiles(intake)[0][1] == "Ann@example.com"
    intake.users('{"userId": "ann", "traits": {"email": null, "points": null, "vip": true}}\n', name="null.jsonl")
    assert profiles(intake)[0][1] is None
    assert profiles(intake)[0][-1] == {"first_name": "Ann", "birthday": "1990-02-28", "vip": True}


def test_first_seen_only_becomes_earlier(intake: Intake) -> None:
    intake.users("key,created_at\nann,2025-06-01\n", name="one.csv")
    intake.users("key,created_at\nann,2025-07-01\n", name="two.csv")
    assert profiles(intake)[0][6] == 1748736000000
    intake.users("key,created_at\nann,2025-05-01\n", name="three.csv")
    assert profiles(intake)[0][6] == 1746057600000


def test_the_later_of_two_rows_lies_over_the_earlier(intake: Intake) -> None:
    summary = intake.users("key,email,locale\nann,a@example.com,en\nann,b@example.com,\n")
    assert (summary.read, summary.new) == (2, 1)
    assert profiles(intake)[0][1:4:2] == ("b@example.com", "en")


def test_a_refusal_made_elsewhere_is_lifted_by_a_dated_grant_only(intake: Intake) -> None:
    intake.users("key,consent_email\nann,true\n")
    intake.write(f"UPDATE consent SET granted = (1 = 0), source = 'unsubscribe', at = {NOW}")
    kept = intake.users("key,consent_email\nann,yes\n", name="stale.csv")
    assert (kept.refusals_kept, kept.changed) == (1, 0)
    assert consents(intake)[0][3:] == (False, "unsubscribe", NOW)
    intake.users("key,consent_email,consent_at\nann,true,2020-01-01\n", name="old.csv")
    assert consents(intake)[0][3] is False
    intake.news()
    intake.users("key,consent_email,consent_at\nann,true,2030-01-01\n", name="new.csv")
    assert consents(intake)[0][3:] == (True, "import:new.csv", 1893456000000)
    assert intake.news() == {"ann": {(0, "import")}}


def test_a_file_corrects_its_own_refusal(intake: Intake) -> None:
    intake.users("key,consent_sms\nann,no\n")
    intake.users("key,consent_sms\nann,yes\n", name="corrected.csv")
    assert consents(intake)[0][1:4] == ("sms", "marketing", True)


def test_bad_rows_are_rejected_whole(intake: Intake) -> None:
    header = "key,email,phone,locale,timezone,country,points\n"
    bad = [
        "a,nobody,,,,,", 'b,"x@example.com\nBcc: y@example.com",,,,,', "c,,123,,,,", "d,,,klingon,,,",
        "e,,,,Mars/Base,,", "f,,,,,Atlantis,", "g,,,,,,many", ",x@example.com,,,,,", "ok,ok@example.com,,,,,",
    ]  # fmt: skip
    summary = intake.users(header + "\n".join(bad) + "\n")
    assert (summary.read, summary.new, summary.rejected) == (9, 1, 8)
    assert [row[0] for row in profiles(intake)] == ["ok"]
    reasons = {reason for reason, _ in summary.reasons}
    assert "email: a line break or control character" in reasons
    assert "no key" in reasons
    # The quoted line break makes the second row end on the fourth line.
    assert [line.split(",")[0] for line in intake.rejected("users.csv").splitlines() if line[:1].isdigit()][:3] == [
        "2",
        "4",
        "5",
    ]


def test_reasons_hold_no_personal_data(sqlite_intake: Intake) -> None:
    summary = sqlite_intake.users("key,email,phone\nann,secret address,555-1234-secret\n")
    assert all("secret" not in reason for reason, _ in summary.reasons)


def test_an_attribute_of_the_brand_is_not_taken_for_a_field(sqlite_intake: Intake) -> None:
    sqlite_intake.users('{"userId": "ann", "traits": {"firstName": "Ann", "language": "en"}}\n', name="a.jsonl")
    [row] = profiles(sqlite_intake)
    assert (row[3], row[-1]) == ("en", {"firstName": "Ann"})


def test_no_key_column(sqlite_intake: Intake) -> None:
    with pytest.raises(InputError, match=r"no column for the key: name one with --map key=COLUMN"):
        sqlite_intake.users("mail\nx@example.com\n")


def test_written_in_memory(intake: Intake) -> None:
    rows = [UserRow("ann", email="a@example.com", attributes={"a": 1}, consents={"email": True}), UserRow("ben")]
    with intake.database.write() as connection:
        written = write_users(connection, intake.database.dialect, rows, NOW, DECLARED.channels)
        assert (written.new, written.changed, written.same) == (2, 0, 0)
        cleared = write_users(
            connection,
            intake.database.dialect,
            [UserRow("ann", email="", attributes={"a": None})],
            NOW,
            DECLARED.channels,
        )
        assert (cleared.new, cleared.changed) == (0, 1)
        assert write_users(connection, intake.database.dialect, [], NOW, DECLARED.channels).same == 0
    assert profiles(intake)[0] == ("ann", None, None, None, None, None, NOW, None)
