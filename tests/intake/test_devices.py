"""Devices come by files of devices, by events and by files of users; a token is whose user was seen with it last."""

import json
from typing import Any

import pytest

from engine.clock import DAY, Instant
from engine.errors import InputError
from tests.intake.intake_store import NOW, Intake

DEVICES = """user_id,platform,token,locale,last_seen
ann,iOS,tok-ann-phone,de_DE,2026-11-01
ann,Android,tok-ann-tablet,,2026-12-01
ben,web,tok-ben,,2026-10-01
"""
ALL = "SELECT u.key, d.platform, d.token FROM device AS d JOIN users AS u ON u.id = d.user_id ORDER BY d.token"


def owners(intake: Intake) -> dict[str, tuple[str, str]]:
    return {token: (user, platform) for user, platform, token in intake.query(ALL)}


def seen(intake: Intake) -> dict[str, int]:
    return dict(intake.query("SELECT token, last_seen_at FROM device"))


def history(intake: Intake) -> list[tuple[Any, ...]]:
    rows = intake.query(
        "SELECT u.key, p.what, CAST(p.before AS text), CAST(p.after AS text), p.source FROM profile_change p"
        " JOIN users u ON u.id = p.user_id ORDER BY p.id"
    )
    return [
        (key, what, *(json.loads(value) if value else None for value in (before, after)), source)
        for key, what, before, after, source in rows
    ]


def test_a_file_of_devices_comes_in_and_makes_users(intake: Intake) -> None:
    intake.users("key\nann\n")
    intake.news()
    summary = intake.devices(DEVICES)
    assert (summary.read, summary.new, summary.changed, summary.users_made, summary.rejected) == (3, 3, 0, 1, 0)
    assert owners(intake) == {
        "tok-ann-phone": ("ann", "ios"), "tok-ann-tablet": ("ann", "android"), "tok-ben": ("ben", "web"),
    }  # fmt: skip
    assert intake.query("SELECT locale FROM device WHERE token = 'tok-ann-phone'") == [("de-DE",)]
    assert intake.news() == {"ann": {(0, "import")}, "ben": {(0, "import"), (0, "behaviour")}}
    assert history(intake) == [], "a first device is no change"


def test_the_same_again_changes_nothing_and_makes_nobody_due(intake: Intake) -> None:
    intake.devices(DEVICES)
    intake.news()
    again = intake.devices(DEVICES, again=True)
    assert (again.new, again.changed, again.same) == (0, 0, 3)
    assert intake.news() == {}


def test_whoever_was_seen_last_has_the_device(intake: Intake) -> None:
    intake.devices(DEVICES)
    intake.news()
    head = "user_id,platform,token,last_seen\n"
    late = intake.devices(f"{head}ben,ios,tok-ann-phone,2026-10-31\n", "earlier.csv")
    assert (late.new, late.changed, late.same) == (0, 0, 1)
    moved = intake.devices(f"{head}ben,ios,tok-ann-tablet,2026-12-02\n", "moved.csv")
    assert (moved.new, moved.changed) == (0, 1)
    assert owners(intake)["tok-ann-tablet"] == ("ben", "ios")
    assert owners(intake)["tok-ann-phone"] == ("ann", "ios")
    assert intake.news() == {"ann": {(0, "import")}, "ben": {(0, "import")}}
    assert history(intake) == [
        ("ann", "push_token", "tok-ann-tablet", "tok-ann-phone", "import:moved.csv"),
        ("ben", "push_token", "tok-ben", "tok-ann-tablet", "import:moved.csv"),
    ]


def test_of_several_rows_of_one_token_the_latest_counts(intake: Intake) -> None:
    intake.devices(
        "user_id,platform,token,last_seen\nann,ios,tok,2026-05-02\nben,ios,tok,2026-05-03\ncy,ios,tok,2026-05-01\n"
    )
    assert owners(intake) == {"tok": ("ben", "ios")}


def test_a_sighting_in_the_future_counts_as_now(intake: Intake) -> None:
    intake.devices("user_id,platform,token,last_seen\nann,ios,one,2050-01-01\nann,ios,two,\n")
    assert seen(intake) == {"one": NOW, "two": NOW}


def test_what_cannot_be_a_device_is_rejected_with_its_reason(intake: Intake) -> None:
    long = "x" * 2_001
    summary = intake.devices(
        f"key,platform,token\nann,symbian,t1\n,ios,t2\nben,ios,\ncy,ios,{long}\ndee,,t5\neve,ios,t6\n"
    )
    assert (summary.new, summary.rejected) == (1, 5)
    said = intake.rejected("devices.csv")
    for reason in ("platform: not a platform", "no key", "no token", "token: longer than 2000 octets", "no platform"):
        assert reason in said
    with pytest.raises(InputError, match="there is no column for the platform"):
        intake.devices("key,token\nann,t\n", "short.csv")


def event(user: str, at: str, **properties: str) -> str:
    return json.dumps({"userId": user, "event": "device_seen", "timestamp": at, "properties": properties})


def test_an_event_tells_of_a_device_and_does_not_keep_its_token(intake: Intake) -> None:
    told = [
        event(
            "ann", "2026-05-01T10:00:00Z", device_token="tok-1", device_platform="ios", device_locale="fr", app="2.1"
        ),
        event("ann", "2026-05-03T10:00:00Z", device_token="tok-2", device_platform="android"),
        event("ben", "2026-05-02T10:00:00Z", device_token="tok-1", device_platform="ios"),
    ]
    summary = intake.events("\n".join(told), "seen.jsonl")
    assert (summary.new, summary.users_made) == (3, 2)
    assert owners(intake) == {"tok-1": ("ben", "ios"), "tok-2": ("ann", "android")}
    kept = [json.loads(one) for (one,) in intake.query("SELECT CAST(properties AS text) FROM event ORDER BY id")]
    assert kept == [
        {"app": "2.1", "device_locale": "fr", "device_platform": "ios"},
        {"device_platform": "android"},
        {"device_platform": "ios"},
    ]
    assert intake.events("\n".join(told), "seen.jsonl", again=True).same == 3
    assert owners(intake) == {"tok-1": ("ben", "ios"), "tok-2": ("ann", "android")}


def test_an_event_that_is_known_brings_no_device_back(intake: Intake) -> None:
    told = event("ann", "2026-05-01T10:00:00Z", device_token="tok-1", device_platform="ios")
    intake.events(told, "seen.jsonl")
    intake.users('{"userId": "ann", "traits": {"push_token": null}}\n', "null.jsonl")
    assert intake.events(told, "seen.jsonl", again=True).same == 1
    assert owners(intake) == {}
    later = event("ann", "2026-05-02T10:00:00Z", device_token="tok-1", device_platform="ios")
    assert intake.events(f"{told}\n{later}", "more.jsonl").new == 1
    assert owners(intake) == {"tok-1": ("ann", "ios")}


def test_an_event_that_says_no_device_is_rejected(intake: Intake) -> None:
    told = [
        event("ann", "2026-05-01T10:00:00Z", device_platform="ios"),
        event("ann", "2026-05-01T10:00:00Z", device_token="tok", device_platform="telex"),
        event("ann", "2026-05-01T10:00:00Z", device_token="tok", device_platform="web"),
    ]
    summary = intake.events("\n".join(told), "seen.jsonl")
    assert (summary.new, summary.rejected) == (1, 2)
    said = intake.rejected("seen.jsonl")
    assert "no device_token" in said
    assert "device_platform: not a platform" in said


def test_events_by_csv_tell_of_devices_too(intake: Intake) -> None:
    intake.events(
        "user,event,at,device_token,device_platform\nann,device_seen,2026-05-01,tok,web\nann,viewed,2026-05-02,,\n"
    )
    assert owners(intake) == {"tok": ("ann", "web")}
    assert intake.query("SELECT count(*) FROM event") == [(2,)]


def test_a_file_of_users_adds_a_device_and_is_no_sighting(intake: Intake) -> None:
    assert intake.users("key,push_token,push_platform\nann,tok-1,ios\nben,tok-2,\n").new == 2
    assert owners(intake) == {"tok-1": ("ann", "ios"), "tok-2": ("ben", "unknown")}
    intake.clock.move_to(Instant(NOW + 100 * DAY))
    intake.news()
    later = intake.users("key,push_token\nann,tok-1\nben,tok-3\n", "second.csv")
    assert (later.changed, later.same) == (1, 1)
    assert owners(intake) == {"tok-1": ("ann", "ios"), "tok-2": ("ben", "unknown"), "tok-3": ("ben", "unknown")}
    assert seen(intake) == {"tok-1": NOW, "tok-2": NOW, "tok-3": NOW + 100 * DAY}
    assert intake.news() == {"ben": {(0, "import")}}
    taken = intake.users("key,push_token\nben,tok-1\n", "third.csv")
    assert taken.changed == 1
    assert owners(intake)["tok-1"] == ("ben", "ios")


def test_null_removes_a_users_devices(intake: Intake) -> None:
    intake.devices(DEVICES)
    intake.users('{"userId": "ann", "traits": {"push_token": null}}\n', "null.jsonl")
    assert owners(intake) == {"tok-ben": ("ben", "web")}
    assert history(intake) == [("ann", "push_token", "tok-ann-tablet", None, "import:null.jsonl")]


def test_a_refusal_counts_for_all_devices_of_the_user_and_those_that_come(intake: Intake) -> None:
    intake.devices(DEVICES)
    intake.users("key,consent_push,consent_email\nann,no,no\n")
    refused = "SELECT channel, address FROM address_refusal ORDER BY 1, 2"
    assert intake.query(refused) == [("push", "tok-ann-phone"), ("push", "tok-ann-tablet")]
    intake.events(event("ann", "2026-12-03T10:00:00Z", device_token="tok-new", device_platform="web"), "seen.jsonl")
    assert intake.query(refused)[1] == ("push", "tok-ann-tablet")
    assert ("push", "tok-new") in intake.query(refused)
    intake.users("key,consent_push,consent_at\nann,yes,2027-01-16\n", "agreed.csv")
    assert intake.query(refused) == []


def test_an_interrupted_import_and_standard_names(intake: Intake) -> None:
    body = "".join(f"u{number},ios,tok-{number:03}\n" for number in range(250))
    summary = intake.devices(f"member_id,os,registration_token\n{body}", chunk=100)
    assert summary.new == 250
    assert summary.taken == {"key": "member_id", "platform": "os", "token": "registration_token"}


def test_a_browsers_subscription_may_be_an_object(intake: Intake) -> None:
    subscription = {"endpoint": "https://push.example.com/1", "keys": {"auth": "a", "p256dh": "b"}}
    said = {"device_token": subscription, "device_platform": "web"}
    told = {"userId": "ann", "event": "device_seen", "timestamp": "2026-05-01T10:00:00Z", "properties": said}
    assert intake.events(json.dumps(told), "seen.jsonl").new == 1
    [(token, owner)] = owners(intake).items()
    assert (json.loads(token), owner) == (subscription, ("ann", "web"))
