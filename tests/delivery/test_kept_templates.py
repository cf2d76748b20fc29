"""A version of a playbook that still runs keeps the templates that it needs, whatever becomes of the files."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from adapters.base import Answer, Message, Outcome
from engine.channels import CHANNELS
from engine.channels.base import blocks_of
from engine.control.actions_by_hand import Chosen, carry_out
from engine.control.resolving import resend
from engine.messages.templates import TemplateLibrary
from tests.control.hands import ANN
from tests.deliveries import NOON, Deliveries
from tests.maison import PLAYBOOKS, email
from tests.provider import Provider
from tests.world import World

PLAYBOOK = "playbooks/course.toml"
LETTER, LAYOUT, PART = (
    "templates/course/letter.email.j2",
    "templates/layouts/page.email.j2",
    "templates/course/_hint.email.j2",
)
COURSE = """
[playbook]
name = "course"
class = "service"
reentry = "always"
expires = "7d"

[trigger]
event = "signed_up"

[[step]]
wait = "1d"

[[step]]
id = "letter"
send = ["email"]
template = "course/letter"

[[step]]
wait = "1d"

[[step]]
id = "again"
send = ["email"]
template = "course/letter"
"""
FILES: dict[str, str | None] = {
    **{path: None for path in PLAYBOOKS if path != "playbooks/coupons.toml"},
    PLAYBOOK: COURSE,
    LAYOUT: "<main>{% block content %}{% endblock %}</main>",
    PART: "Hint: {{ facts.language | default('none', true) }}",
    LETTER: (
        "{% extends 'layouts/page.email.j2' %}{% block subject %}Lesson{% endblock %}"
        "{% block content %}Learn, {{ user.key }}. {% include 'course/_hint.email.j2' %}{% endblock %}"
    ),
    "templates/course/letter.email.zh-CN.j2": email("课程", "学习 {{ user.key }}"),
}


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Iterator[World]:
    """Ann has signed up, and gets her first letter on day 2."""
    made = World(tmp_path / "maison", database_url, FILES).open()
    join(made, "ann", language="French")
    yield made
    made.close()


def join(shop: World, *keys: str, at: float = 1, **columns: Any) -> None:
    for key in keys:
        shop.user(key, at, **columns)
        shop.event(key, "signed_up", at)
    shop.tick(at)


def renamed(shop: World, name: str = "course/lesson") -> None:
    """The course sends another template from now on; nothing is left of the one that its running version sends."""
    shop.write(PLAYBOOK, COURSE.replace("course/letter", name))
    shop.write(f"templates/{name}.email.j2", email("New lesson", "New, {{ user.key }}"))
    for path in (shop.folder / "templates/course").glob("letter.email*"):
        path.unlink()


def subjects(shop: World) -> dict[str, list[str]]:
    """Return the subjects that each customer got, in no order."""
    found: dict[str, list[str]] = {}
    for mail in shop.mail():
        found.setdefault(str(mail["To"]).partition("@")[0], []).append(str(mail["Subject"]))
    return found


def body(shop: World) -> str:
    """Return the text of the only message."""
    [mail] = shop.mail()
    text = next(part for part in mail.walk() if part.get_content_type() == "text/plain")
    return str(text.get_payload(decode=True), "utf-8")  # type: ignore[arg-type]


def test_a_running_version_sends_the_template_that_is_gone_and_new_customers_get_the_new_one(shop: World) -> None:
    renamed(shop)
    join(shop, "bob", at=1.5)
    shop.tick(2, deliver=True)
    shop.tick(2.5, deliver=True)
    assert subjects(shop) == {"ann": ["Lesson"], "bob": ["New lesson"]}
    assert shop.states() == {"accepted:accepted": 2}


def test_layout_partial_and_facts_come_with_the_kept_template(shop: World) -> None:
    renamed(shop)
    shop.remove(LAYOUT)
    shop.remove(PART)
    shop.tick(2, deliver=True)
    assert "Learn, ann. Hint: French" in body(shop)


def test_layout_and_partial_of_the_kept_template_are_not_those_of_today(shop: World) -> None:
    renamed(shop)
    shop.write(LAYOUT, "<main>{% block body %}{% endblock %}</main>")
    shop.write(PART, "Today's hint")
    shop.tick(2, deliver=True)
    assert "Learn, ann. Hint: French" in body(shop)


def test_an_edited_template_is_used_in_its_edited_form_and_so_is_the_last_form_of_one_that_is_gone(shop: World) -> None:
    shop.write(LETTER, email("Edited lesson", "Edited"))
    shop.tick(2, deliver=True)
    renamed(shop)
    shop.tick(3, deliver=True)
    assert subjects(shop) == {"ann": ["Edited lesson", "Edited lesson"]}


def test_a_template_that_comes_back_is_used_again(shop: World) -> None:
    renamed(shop)
    shop.tick(2, deliver=True)
    shop.write(LETTER, email("Back", "Back"))
    shop.tick(3, deliver=True)
    assert subjects(shop) == {"ann": ["Back", "Lesson"]}


def test_of_a_template_in_several_languages_only_what_is_gone_is_kept(shop: World) -> None:
    join(shop, "mei", locale="zh-CN")
    join(shop, "eva", locale="de")
    renamed(shop)
    shop.write("templates/course/letter.email.zh-CN.j2", email("新课程", "学习"))
    shop.tick(2, deliver=True)
    assert subjects(shop) == {"ann": ["Lesson"], "mei": ["新课程"], "eva": ["Lesson"]}


def test_readers_of_a_language_that_is_gone_get_what_is_left_of_today(shop: World) -> None:
    join(shop, "mei", locale="zh-CN")
    shop.remove("templates/course/letter.email.zh-CN.j2")
    shop.tick(2, deliver=True)
    assert subjects(shop) == {"ann": ["Lesson"], "mei": ["Lesson"]}


def test_readers_get_a_kept_template_in_their_language(shop: World) -> None:
    join(shop, "mei", locale="zh-CN")
    renamed(shop)
    shop.tick(2, deliver=True)
    assert subjects(shop) == {"ann": ["Lesson"], "mei": ["课程"]}


def test_a_playbook_that_is_gone_with_its_templates_goes_on_to_its_end(shop: World) -> None:
    renamed(shop)
    shop.remove(PLAYBOOK)
    shop.remove("templates/course/lesson.email.j2")
    for number in (2, 3):
        shop.tick(number, deliver=True)
    assert subjects(shop) == {"ann": ["Lesson", "Lesson"]}


def test_the_log_shows_a_message_from_a_kept_template_as_it_was_sent(shop: World) -> None:
    renamed(shop)
    shop.tick(2, deliver=True)
    [(number, fingerprint)] = shop.rows("SELECT id, template_hash FROM action")
    shown = json.loads(shop.command("log", "--message", str(number), "--json").output)
    assert (shown["subject"], shown["template"]) == ("Lesson", "course/letter")
    assert "Learn, ann. Hint: French" in shown["text"]
    assert fingerprint
    [action] = shop.explain("ann", 2).actions
    assert (action.template, action.template_hash) == ("course/letter", fingerprint)


def test_a_template_that_is_deleted_between_a_message_and_its_sending(shop: World) -> None:
    shop.tick(2)
    renamed(shop)
    shop.tick(2.1, deliver=True)
    assert subjects(shop) == {"ann": ["Lesson"]}


def test_where_no_stored_version_has_it_the_message_waits_and_the_sentence_says_what_to_do(shop: World) -> None:
    shop.tick(2)
    renamed(shop)
    shop.execute("DELETE FROM version WHERE kind = 'content'")
    shop.tick(2.1, deliver=True)
    assert subjects(shop) == {}
    [(reason, detail)] = shop.rows("SELECT reason, detail FROM quarantine")
    assert reason == "template_missing"
    assert detail == (
        "no email template `course/letter`: write templates/course/letter.email.j2; did you mean `course/lesson`?"
    )
    shop.write(LETTER, email("Back", "Back"))
    shop.tick(2.9, deliver=True)
    assert subjects(shop) == {"ann": ["Back"]}


def test_a_message_that_failed_for_want_of_its_template_can_be_sent_again(shop: World) -> None:
    shop.tick(2)
    renamed(shop)
    shop.tick(2.1)
    shop.mark_actions("failed", "template_missing")
    [(number,)] = shop.rows("SELECT id FROM action")
    now = shop.clock.now()
    again = carry_out(shop.app.database, resend(now, even_expired=False), Chosen((number,)), ANN, now=now)
    assert again.changed
    shop.deliver()
    assert subjects(shop) == {"ann": ["Lesson"]}


def test_a_template_that_is_gone_in_the_middle_of_a_drain(world: Deliveries) -> None:
    world.app.apply(world.loaded, NOON)
    world.users(60)
    world.due_actions(60)
    newer = TemplateLibrary({"winback/other.email.j2": email("Other", "Other")}, blocks_of(CHANNELS))

    def script(_: Message) -> Answer:
        if len(provider.sent) == 1:
            delivery.replace_content(newer, world.catalog)
        return Answer(Outcome.ACCEPTED)

    provider = Provider(script=script)
    delivery = world.delivery(provider, batch=10, in_flight=3)
    asyncio.run(delivery.drain())
    assert sorted(provider.recipients) == sorted(f"u{number}@example.com" for number in range(1, 61))
    assert world.states() == {"accepted:accepted": 60}
    assert len(world.rows("SELECT DISTINCT template_hash FROM action")) == 1


def test_each_of_several_templates_that_are_gone_is_kept_where_it_was_last(shop: World) -> None:
    shop.write(PLAYBOOK, COURSE.replace("course/letter", "course/note", 1))
    shop.write("templates/course/note.email.j2", email("Note", "Note"))
    join(shop, "bob")
    renamed(shop)
    shop.tick(1.2)
    shop.remove("templates/course/note.email.j2")
    shop.tick(2, deliver=True)
    shop.tick(3, deliver=True)
    assert {key: sorted(found) for key, found in subjects(shop).items()} == {
        "ann": ["Lesson", "Lesson"],
        "bob": ["Lesson", "Note"],
    }


def test_check_says_what_is_gone_and_still_needed(shop: World) -> None:
    before = found(shop)
    renamed(shop)
    said = "it is gone, but users who entered `course` earlier still get this message, as it was last"
    assert [one for one in found(shop) if one not in before] == [("templates/course/letter.email.j2", "warning", said)]
    assert shop.command("check").exit_code == 1
    shop.tick(2, deliver=True)
    shop.tick(3)  # nobody is in the older version any more, but its last message waits
    assert ("templates/course/letter.email.j2", "warning", said) in found(shop)
    shop.tick(3, deliver=True)
    assert found(shop) == before


def test_check_misses_what_was_deleted_with_its_playbook_only_if_users_still_get_it(shop: World) -> None:
    for ends, missed in (("finish", True), ("cancel", False)):
        shop.write(PLAYBOOK, COURSE.replace('class = "service"', f'class = "service"\non_retire = "{ends}"'))
        shop.write(LETTER, email("Lesson", "Learn"))
        shop.tick(1.2)
        shop.remove(PLAYBOOK)
        shop.remove(LETTER)
        assert any(file == LETTER for file, *_ in found(shop)) is missed


def test_check_says_when_no_version_has_what_is_needed(shop: World) -> None:
    renamed(shop)
    shop.execute("DELETE FROM version WHERE kind = 'content'")
    [said] = [message for file, _, message in found(shop) if file == "templates/course/letter.email.j2"]
    assert said == (
        "it is gone, but users who entered `course` earlier still get this message, and no stored version has it:"
        " write it again, or their messages are never sent"
    )


def test_check_says_when_what_is_needed_cannot_be_sent_as_it_was(shop: World) -> None:
    shop.write(LETTER, email("{{ facts.language }}", "Learn"))
    shop.tick(1.2)
    renamed(shop)
    shop.remove(PART)
    shop.write(
        "rules/facts.toml", (shop.folder / "rules/facts.toml").read_text().replace("facts.language]", "facts.tongue]")
    )
    [said] = [message for file, _, message in found(shop) if file == "templates/course/letter.email.j2"]
    assert said.startswith(
        "it is gone, but users who entered `course` earlier still get this message, and it cannot be"
    )
    assert "templates/course/letter.email.j2:1: unknown fact `language`" in said
    assert said.endswith("; write it again")


def test_check_without_a_store_that_can_be_used_checks_the_files(shop: World) -> None:
    before = found(shop)
    renamed(shop)
    shop.execute("DROP TABLE enrolment")
    done = shop.command("check", "--json")
    assert [_row(one) for one in json.loads(done.stdout)] == before
    assert "the store was not looked at" in done.stderr


def found(shop: World) -> list[tuple[str, str, str]]:
    """Return what ``habitue check`` finds: file, severity, message."""
    return [_row(one) for one in json.loads(shop.command("check", "--json").stdout)]


def _row(finding: dict[str, Any]) -> tuple[str, str, str]:
    return finding["file"], finding["severity"], finding["message"]


def test_the_store_is_asked_for_a_kept_template_once_and_not_at_all_while_none_is_gone(shop: World) -> None:
    join(shop, *(f"u{number}" for number in range(30)))
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.extend([statement] if "FROM version" in statement and "LIKE" in statement else [])

    engine = shop.app.database.engine
    event.listen(engine, "before_cursor_execute", note)
    shop.tick(2, deliver=True)
    assert (len(shop.mail()), asked) == (31, [])
    renamed(shop)
    shop.tick(3, deliver=True)
    event.remove(engine, "before_cursor_execute", note)
    assert (len(shop.mail()), len(asked)) == (62, 1)
