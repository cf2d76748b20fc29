"""The history of attributes, addresses and consents is kept, and nothing is recorded twice."""

import json
from typing import Any

from engine.clock import Instant
from tests.intake.intake_store import NOW, Intake


def history(intake: Intake) -> list[tuple[Any, ...]]:
    rows = intake.query(
        "SELECT u.key, p.what, CAST(p.before AS text), CAST(p.after AS text), p.source, p.who, p.at"
        " FROM profile_change p JOIN users u ON u.id = p.user_id ORDER BY u.key, p.id"
    )
    return [(key, what, _read(before), _read(after), *rest) for key, what, before, after, *rest in rows]


def _read(value: str | None) -> Any:
    return None if value is None else json.loads(value)


def word(granted: bool, source: str, at: int = NOW) -> dict[str, Any]:
    return {"granted": granted, "source": f"import:{source}", "at": at}


def test_a_new_user_has_no_history_but_of_consent(intake: Intake) -> None:
    intake.users("key,email,points,consent_email\nann,ann@example.com,5,yes\nben,,,\n")
    first = ("ann", "consent.email.marketing", None, word(True, "users.csv"), "import:users.csv", None, NOW)
    assert history(intake) == [first]


def test_a_value_that_became_another_is_kept_with_its_source_and_instant(intake: Intake) -> None:
    intake.users("key,email,locale,points\nann,ann@example.com,en,5\nben,ben@example.com,de,\n")
    intake.clock.move_to(Instant(NOW + 1_000))
    intake.users("key,email,locale,points\nann,new@example.com,en,7\nben,ben@example.com,de,\n", name="second.csv")
    said = ("import:second.csv", None, NOW + 1_000)
    assert history(intake) == [
        ("ann", "email", "ann@example.com", "new@example.com", *said),
        ("ann", "points", 5, 7, *said),
    ]


def test_values_that_go_and_come_are_kept_too(intake: Intake) -> None:
    intake.users(
        '{"userId": "ann", "traits": {"email": "a@example.com", "vip": true, "tags": ["x"]}}\n', name="1.jsonl"
    )
    intake.users('{"userId": "ann", "traits": {"email": null, "vip": null, "tags": {"y": 1}}}\n', name="2.jsonl")
    intake.users('{"userId": "ann", "traits": {"email": "b@example.com"}}\n', name="3.jsonl")
    assert [row[1:4] for row in history(intake)] == [
        ("email", "a@example.com", None),
        ("tags", ["x"], {"y": 1}),
        ("vip", True, None),
        ("email", None, "b@example.com"),
    ]


def test_the_first_profile_of_a_user_whom_an_event_made_is_what_they_begin_with(intake: Intake) -> None:
    intake.events("user,event,at\nann,visited,2026-01-01\n")
    intake.users("key,email,points\nann,ann@example.com,5\n")
    assert history(intake) == []
    intake.users('{"userId": "ann", "traits": {"email": null, "points": null}}\n', name="cleared.jsonl")
    intake.users("key,email\nann,new@example.com\n", name="again.csv")
    assert [row[1:4] for row in history(intake)] == [
        ("email", "ann@example.com", None),
        ("points", 5, None),
        ("email", None, "new@example.com"),
    ]


def test_every_word_about_consent_that_counted_is_kept(intake: Intake) -> None:
    intake.users("key,consent_email,consent_at\nann,yes,2026-01-01\nann,no,2026-02-01\nann,yes,2026-01-15\n")
    intake.users("key,consent_email,consent_at\nann,no,2026-03-01\n", name="same.csv")
    intake.users("key,consent_email,consent_at\nann,yes,2026-04-01\n", name="later.csv")
    yes, no = word(True, "users.csv", 1767225600000), word(False, "users.csv", 1769904000000)
    later = word(True, "later.csv", 1775001600000)
    assert [row[2:4] for row in history(intake)] == [(None, yes), (yes, no), (no, later)]
    assert {row[1] for row in history(intake)} == {"consent.email.marketing"}


def test_the_same_file_again_adds_nothing(intake: Intake) -> None:
    file = "key,email,points,consent_email\nann,ann@example.com,5,yes\n"
    intake.users(file)
    intake.users(file.replace("5", "6"))
    before = history(intake)
    intake.users(file.replace("5", "6"), again=True)
    assert history(intake) == before
    assert len(before) == 2


def test_when_a_user_was_first_seen_is_no_part_of_it(intake: Intake) -> None:
    intake.users("key,created_at\nann,2025-06-01\n", name="one.csv")
    intake.users("key,created_at\nann,2025-05-01\n", name="two.csv")
    assert history(intake) == []
