"""Text messages and notifications can be tried out like email: the capture adapter serves any channel."""

import json
from pathlib import Path

from tests.world import World

FILES = {
    "playbooks/welcome.toml": """
[playbook]
name = "welcome"
class = "service"
expires = "7d"

[trigger]
event = "signed_up"

[[step]]
send = ["push", "sms", "email"]
template = "welcome/short"
""",
    "templates/welcome/short.push.j2": (
        "{% block title %}Hello {{ facts.first_name }}{% endblock %}{% block body %}Good to see you{% endblock %}"
    ),
    "templates/welcome/short.sms.j2": "{% block body %}Hello {{ facts.first_name }}, good to see you{% endblock %}",
    "templates/welcome/short.email.j2": "{% block subject %}Hello{% endblock %}{% block html %}<p>x</p>{% endblock %}",
    "templates/welcome/hello.email.j2": None,
    "templates/welcome/gift.email.j2": None,
}


def test_each_channel_leaves_its_payload_in_the_folder(tmp_path: Path, database_url: str) -> None:
    channels = {name: {"adapters": ["capture"]} for name in ("email", "sms", "push")}
    world = World(tmp_path / "maison", database_url, FILES, {"channels": channels})
    assert [one for one in world.findings() if "welcome" in str(one)] == []
    world.open()
    world.user("ann", 0, first_name="Ann", push_token="token-1", phone="+49 30 901820")
    world.user("bo", 0, first_name="Bo", phone="+49 30 901821")
    for key in ("ann", "bo"):
        world.event(key, "signed_up", 0.5)
    world.tick(0.6, deliver=True)
    captured = [json.loads(file.read_text("utf-8")) for file in world.mailbox.rglob("*.json")]
    assert {one["recipient"]: one["payload"] for one in captured} == {
        "token-1": {"title": "Hello Ann", "body": "Good to see you", "image": "", "link": "", "data": {}},
        "+4930901821": {"text": "Hello Bo, good to see you", "segments": 1},
    }
    log = [json.loads(line) for line in world.command("log", "--json").output.splitlines()]
    assert sorted((one["user"], one["channel"], one["reason"], one["address"], one["subject"]) for one in log) == [
        ("ann", "push", "accepted", "•••-1", "Hello Ann"),
        ("bo", "push", "address_missing", None, None),
        ("bo", "sms", "accepted", "•••21", "Hello Bo, good to see you"),
    ]
    world.close()
