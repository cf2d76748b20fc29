"""The cost of adding something: one module outside the program. A brand uses everything that it adds, end to end."""

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from engine.actions.receipts import Received
from engine.kinds import SHIPPED, Kinds
from tests.adapters.emails import SECRET
from tests.cost_of_change import gate
from tests.cost_of_change.extension import EXTENSION, MOST
from tests.cost_of_change.fax import sign
from tests.maison import FACTS, email
from tests.world import World, day

MORE_FACTS = """
[events.visited]

[facts.fax]
attribute = "fax_number"
type = "text"

[facts.visit_streak]
streak = "visited"
"""
QUIET = """
[playbook]
name = "quiet"
class = "service"
reentry = "20d"
expires = "5d"

[trigger]
silence = { since = "last_order_at", longer_than = "10d" }

[audience]
when = "visit_streak >= 2"

[[step]]
id = "halves"
split = { percent = 50, to = "page" }

[[step]]
id = "mail"
send = ["email"]
template = "quiet/mail"

[[step]]
exit = "had_mail"

[[step]]
id = "page"
send = ["fax", "email"]
template = "quiet/page"
"""
FILES: dict[str, str | None] = {
    "rules/facts.toml": FACTS + MORE_FACTS,
    "playbooks/thanks.toml": None,
    "templates/thanks/mail.email.j2": None,
    "templates/thanks/mail.email.zh-CN.j2": None,
    "playbooks/quiet.toml": QUIET,
    "templates/quiet/mail.email.j2": email("{{ facts.visit_streak }} days", "Anything new?"),
    "templates/quiet/page.email.j2": email("No fax", "Anything new?"),
    "templates/quiet/page.fax.j2": "{% block page %}{{ facts.visit_streak }} days{% endblock %}",
}
USERS = tuple(f"u{number:02}" for number in range(24))
CAPPED, IN_CARE, QUIET_DAY = "u03", "u07", 13.5
FACT_LINE = len(FACTS.splitlines())


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = World(tmp_path / "maison", database_url, FILES, kinds=SHIPPED + EXTENSION)
    tray = made.folder / "tray"
    tray.mkdir()
    made.configure(
        channels={"fax": {"adapters": ["office"]}}, adapters={"office": {"folder": str(tray), "secret": SECRET}}
    )
    yield made
    made.close()


def lived(world: World) -> World:
    """All order on the third day and come by on the two days before they have been silent for ten."""
    world.open()
    ids = {key: world.user(key, fax_number=f"+4930901{number:03}") for number, key in enumerate(USERS)}
    with world.app.database.write() as connection:
        gate.make_tables(connection)
        connection.execute(text("INSERT INTO care VALUES (:user)"), {"user": ids[IN_CARE]})
    world.event(CAPPED, "signed_up", 0)
    world.live(3)
    for key in USERS:
        world.order(key, 3.5)
        for visit in (12.1, 13.1):
            world.event(key, "visited", visit)
    world.live(QUIET_DAY + 0.5, since=4.5)
    return world


def log(world: World, *words: str) -> list[dict[str, Any]]:
    done = world.command("log", "--json", "--limit", "1000", *words)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.output.splitlines()]


def test_it_adds_one_of_everything() -> None:
    assert all(len(getattr(EXTENSION, field.name)) == 1 for field in fields(Kinds))
    assert all(kind.receipts is not None for kind in EXTENSION.adapters)


def test_the_brand_is_checked_by_all_of_it(world: World) -> None:
    assert [one for one in world.findings() if one.severity == "error"] == []
    world.write("rules/facts.toml", FACTS + MORE_FACTS.replace('streak = "visited"', 'streak = "visitd"'))
    world.write(
        "playbooks/quiet.toml",
        QUIET.replace("10d", "36h").replace('to = "page"', 'to = "pgae"').replace('"fax"', '"fxa"'),
    )
    world.write("templates/quiet/page.fax.j2", "{% block paeg %}{% endblock %}")
    found = "\n".join(map(str, world.findings()))
    assert f"rules/facts.toml:{FACT_LINE + 9}: error: `streak`: unknown event `visitd`; did you mean" in found
    assert "playbooks/quiet.toml:9: error: a silence is counted in whole days" in found
    assert "playbooks/quiet.toml:16: error: unknown step `pgae`; did you mean `page`?" in found
    assert "playbooks/quiet.toml:28: error: unknown channel `fxa`; did you mean `fax`?" in found
    assert "templates/quiet/page.fax.j2:1: error: nothing prints the block `paeg`; did you mean `page`?" in found


def test_the_brand_lives_by_all_of_it(world: World) -> None:
    lived(world)
    quiet = {one["user"]: one for one in log(world, "--playbook", "quiet")}
    assert set(quiet) == set(USERS)
    by_mail = {key for key, one in quiet.items() if one["step"] == "mail"}
    assert 5 <= len(by_mail) <= 19
    states = {key: (one["state"], one["reason"], one["sentence"]) for key, one in quiet.items()}
    capped, in_care = gate.CapReason.CAPPED, gate.CapReason.IN_CARE
    assert states.pop(CAPPED) == ("suppressed", capped.value, capped.sentence)
    assert states.pop(IN_CARE) == ("held", in_care.value, in_care.sentence)
    assert {state for state, _, _ in states.values()} == {"accepted"}
    pages = [json.loads(file.read_text("utf-8")) for file in (world.folder / "tray").glob("*.json")]
    by_fax = sorted(states.keys() - by_mail)
    assert sorted(page["to"] for page in pages) == [f"+4930901{int(key[1:]):03}" for key in by_fax]
    assert {tuple(page["lines"]) for page in pages} == {("2 days",)}
    sent = [str(mail["To"]).split("@")[0] for mail in world.mail() if str(mail["Subject"]) == "2 days"]
    assert sorted(sent) == sorted(states.keys() & by_mail)
    assert sum(str(mail["To"]).startswith(CAPPED) for mail in world.mail()) == MOST

    told = world.rows("SELECT reference FROM action WHERE channel = 'fax' AND state = 'accepted' ORDER BY id LIMIT 1")
    body = json.dumps([{"id": told[0][0], "status": "sent", "at": int(day(15))}]).encode()
    assert world.app.receive("office", {"X-Fax-Signature": sign(SECRET, body)}, body) == Received(1, 0, 0)
    [arrived] = log(world, "--state", "delivered")
    assert (arrived["reason"], arrived["sentence"]) == ("line_sent", "The page was printed at the other end.")

    found = world.explain(arrived["user"], QUIET_DAY)
    [streak] = [one for one in found.facts if one.name == "visit_streak"]
    assert (streak.value, streak.source) == (2, "days in a row with visited")
    [enrolment] = found.enrolments
    assert (enrolment.trigger, enrolment.reason) == ("silence since 2026-01-04T12:00:00Z", "completed")
    assert [one.state for one in found.actions[-1].history][-3:] == ["handed_off", "accepted", "delivered"]
    assert found.actions[-1].history[-1].sentence == "The page was printed at the other end."
    shown = world.command("explain", arrived["user"], "--at", "2026-01-16T00:00:00Z").output
    assert "fax •••" in shown
    assert "silence since" in shown
    assert in_care.value in world.command("status").stdout


def test_the_program_alone_says_what_it_does_not_know(world: World) -> None:
    world.kinds = SHIPPED
    found = "\n".join(str(one) for one in world.findings())
    for unknown in ("unknown key `streak`", "unknown key `silence`", "unknown channel `fax`"):
        assert unknown in found
