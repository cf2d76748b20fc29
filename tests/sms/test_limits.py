"""How long text messages are: shown before they are sent, limited by playbook, never cut."""

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.base import SmsPayload
from engine.channels.sms import SMS
from tests.world import World

PLAYBOOK = """
[playbook]
name = "welcome"
class = "marketing"
expires = "7d"
{head}

[trigger]
event = "signed_up"

[[step]]
id = "hello"
send = ["sms", "push"]
template = "welcome/short"
"""
PUSH = "{% block title %}Hello{% endblock %}{% block body %}There is news{% endblock %}"


def files(body: str, head: str = "") -> dict[str, str | None]:
    return {
        "playbooks/welcome.toml": PLAYBOOK.format(head=head),
        "templates/welcome/short.sms.j2": f"{{% block body %}}{body}{{% endblock %}}",
        "templates/welcome/short.push.j2": PUSH,
        "templates/welcome/hello.email.j2": None,
        "templates/welcome/gift.email.j2": None,
    }


def texting(folder: Path, url: str, body: str, head: str = "", **sms: Any) -> World:
    channels = {name: {"adapters": ["capture"]} for name in ("sms", "push")}
    return World(folder / "maison", url, files(body, head), {"channels": channels, "sms": dict(sms)})


def captured(world: World) -> dict[str, dict[str, object]]:
    read = [json.loads(file.read_text("utf-8")) for file in world.mailbox.rglob("*.json")]
    return {one["recipient"]: one["payload"] for one in read}


def warnings(world: World) -> list[str]:
    return [str(one) for one in world.findings() if "welcome/short" in str(one)]


NAME = "{{ facts.first_name }}"
LONG = "Hello " + NAME + ", " + "x" * 200 + " Reply STOP to refuse"


@pytest.mark.parametrize("where", ["playbook", "settings"])
def test_a_longer_text_goes_the_next_way_and_is_not_cut(tmp_path: Path, database_url: str, where: str) -> None:
    head, sms = ("max_segments = 2", {"max_segments": 1}) if where == "playbook" else ("", {"max_segments": 2})
    world = texting(tmp_path, database_url, LONG, head, **sms).open()
    for key, name in (("ann", "Ann"), ("bo", "Bo" * 100)):
        world.user(key, 0, first_name=name, phone=f"+493090182{len(name)}", push_token=f"token-{key}")
        world.event(key, "signed_up", 0.5)
    world.tick(0.6, deliver=True)
    sent = captured(world)
    assert sent.keys() == {"+4930901823", "token-bo"}
    text = str(sent["+4930901823"]["text"])
    assert (len(text), sent["+4930901823"]["segments"]) == (232, 2)
    assert world.actions("channel, state, reason") == [
        ("sms", "accepted", "accepted"),
        ("sms", "suppressed", "too_many_segments"),
        ("push", "accepted", "accepted"),
    ]
    [(detail,)] = world.rows("SELECT detail FROM action_event WHERE reason = 'too_many_segments'")
    assert detail == "3 segments of GSM-7, and its playbook allows 2"
    shown = world.command("log", "--history", "--json").output
    assert "3 segments of GSM-7" in shown
    world.close()


def test_the_limit_of_today_counts_for_who_entered_before(tmp_path: Path, database_url: str) -> None:
    """As with templates: a limit that turned out too small need not hold up those who are on their way."""
    world = texting(tmp_path, database_url, LONG, "max_segments = 1").open()
    world.user("ann", 0, first_name="Ann", phone="+4930901820")
    world.event("ann", "signed_up", 0.5)
    world.tick(0.6)
    world.write("playbooks/welcome.toml", PLAYBOOK.format(head="max_segments = 2"))
    world.deliver()
    assert world.actions("channel, state, reason") == [("sms", "accepted", "accepted")]
    world.close()


@pytest.mark.parametrize(("limit", "fine"), [(1, False), (2, True)])
def test_preview_check_and_tests_know_the_length(tmp_path: Path, database_url: str, limit: int, fine: bool) -> None:
    world = texting(tmp_path, database_url, LONG, f"max_segments = {limit}").open()
    shown = json.loads(world.command("preview", "welcome/short", "--channel", "sms", "--json").output)
    assert shown["segments"]["encoding"] == "GSM-7"
    assert (shown["segments"]["number"], shown["max_segments"]) == (2, limit)
    assert shown["segments"]["length"] == len(shown["text"])
    seen = world.command("preview", "welcome/short", "--channel", "sms").output
    assert ("2 segments of at most 2" in seen) is fine
    assert ("its playbook allows 1: delivery would not send it" in seen) is not fine
    done = world.command("check", "--json")
    found = [one for one in json.loads(done.output) if "segments" in one["message"]]
    assert [one["severity"] for one in found] == ([] if fine else ["warning"])
    test = world.command("send-test", "welcome/short", "--channel", "sms", "--to", "+4930901820")
    assert test.exit_code == 0, "a test is to be seen"
    world.close()


def test_the_preview_names_what_forces_ucs_2(tmp_path: Path, migrated_sqlite_url: str) -> None:
    world = texting(tmp_path, migrated_sqlite_url, "It’s for you, 张伟… STOP").open()
    shown = world.command("preview", "welcome/short", "--channel", "sms").output
    assert (
        "UCS-2, because of ’ (U+2019) 张 (U+5F20) 伟 (U+4F1F) … (U+2026): 22 places, 1 segment of at most 10" in shown
    )
    world.close()


@pytest.mark.parametrize("limit", ["0", "256", '"many"'])
def test_a_limit_that_is_none_is_an_error_at_its_line(tmp_path: Path, migrated_sqlite_url: str, limit: str) -> None:
    world = texting(tmp_path, migrated_sqlite_url, "Hello STOP", f"max_segments = {limit}")
    [finding] = [one for one in world.findings() if "max_segments" in str(one)]
    assert (finding.line, finding.severity) == (6, "error")
    world.close()


def test_no_break_spaces_of_number_formats_cost_nothing(tmp_path: Path, migrated_sqlite_url: str) -> None:
    world = texting(tmp_path, migrated_sqlite_url, "{{ 123456 | number }}\u202fl{{ 1 }}\u00a0STOP")
    world.write("templates/welcome/short.sms.fr.j2", "{% block body %}{{ 123456 | number }}\u00a0STOP{% endblock %}")
    world.open()
    shown = json.loads(world.command("preview", "welcome/short", "--channel", "sms", "--locale", "fr", "--json").output)
    assert (shown["text"], shown["segments"]["encoding"]) == ("123 456 STOP", "GSM-7")
    assert warnings(world) == []
    world.close()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("It’s – “soon”… STOP", ["`’` U+2019 (write `'`)", "`–` U+2013 (write `-`)", "`…` U+2026 (write `...`)"]),
        ("soft\u00adhyphen STOP", ["U+00AD (leave it out)"]),
        ("{{ '…' }} STOP", ["`…` U+2026 (write `...`)"]),
        ("It’s 你好, 退订 STOP", []),
        ("{# It’s a comment #}STOP", []),
        ("{% if facts.first_name == 'O’Neil' %}Hi{% endif %} STOP", []),
        ('It\'s - "soon" {{ facts.first_name }} €5 STOP', []),
    ],
)
def test_typography_that_costs_is_found(tmp_path: Path, migrated_sqlite_url: str, body: str, says: list[str]) -> None:
    world = texting(tmp_path, migrated_sqlite_url, body)
    found = warnings(world)
    assert len(found) == (1 if says else 0)
    for one in says:
        assert one in found[0]
    world.close()


def test_typography_in_a_part_is_found_there(tmp_path: Path, migrated_sqlite_url: str) -> None:
    world = texting(tmp_path, migrated_sqlite_url, "Hi {% include '_end.sms.j2' %}")
    world.write("templates/_end.sms.j2", "{# 1 #}\nReply STOP\nor stay…")
    [finding] = [one for one in world.findings() if "UCS-2" in one.message]
    assert (finding.file, finding.line, finding.severity) == ("templates/_end.sms.j2", 3, "warning")
    world.close()


@pytest.mark.parametrize(
    ("locale", "body", "sms", "finds"),
    [
        ("", "Come back", {}, True),
        ("", "Come back. Reply STOP to end", {}, False),
        ("", "Come back. Txt stop.", {}, False),
        ("", "Nonstop shopping, unstoppable", {}, True),
        ("", "Refuse: {{ unsubscribe_url }}", {}, False),
        (".zh-CN", "新品上市，拒收请回复R", {}, False),
        (".zh-CN", "新品上市，回复Rabbit", {}, True),
        (".zh-CN", "新品上市", {}, True),
        (".pl", "Wyślij STOP", {}, False),
        (".pl", "Nic", {}, True),
        (".pl", "Wyślij KONIEC", {"opt_out_words": {"pl": ["KONIEC"]}}, False),
        (".pl", "Nic", {"opt_out_words": {"pl": []}}, False),
    ],
)
def test_marketing_says_how_to_refuse(
    tmp_path: Path, migrated_sqlite_url: str, *, locale: str, body: str, sms: dict[str, Any], finds: bool
) -> None:
    world = texting(tmp_path, migrated_sqlite_url, "Reply STOP", **sms)
    world.write(f"templates/welcome/short.sms{locale}.j2", f"{{% block body %}}{body}{{% endblock %}}")
    found = [one for one in world.findings() if "how to refuse" in one.message and f"sms{locale}.j2" in one.file]
    assert [one.severity for one in found] == ["warning"] * finds
    world.write("playbooks/welcome.toml", PLAYBOOK.format(head="").replace("marketing", "service"))
    assert not [one for one in world.findings() if "how to refuse" in one.message]
    world.close()


def test_the_payload_of_the_channel_has_segments() -> None:
    assert SMS.payload is SmsPayload
    assert SmsPayload("x") == SmsPayload("x", 0)
