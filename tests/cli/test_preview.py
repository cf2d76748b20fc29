"""``habitue preview`` and ``habitue send-test``: they show what would be sent, and store nothing."""

import email
import email.policy
import json
import re
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from engine.clock import DAY
from engine.content.value_types import ValueType
from engine.delivery.unsubscribe import Unsubscriber
from engine.errors import HabitueError, InputError, RenderError
from engine.explain.previewing import Previewer, PreviewRequest
from engine.explain.samples import sample_facts, sample_value
from engine.store.secrets import installation_secret
from tests.explain.test_explain import spender
from tests.maison import FILES
from tests.world import World, day

ROOT = Path(__file__).parents[2]


def mails(world: World) -> list[EmailMessage]:
    found = sorted(world.mailbox.rglob("*.eml"))
    return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in found]


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n").strip()


def without_token(shown: str) -> str:
    return re.sub(r"t=[\w.=\n-]+", "t=…", shown).replace("\r\n", "\n").strip()


@pytest.fixture
def small(tmp_path: Path, migrated_sqlite_url: str) -> Iterator[World]:
    """The small brand on SQLite alone: what is tested does not depend on the database."""
    world = World(tmp_path / "maison", migrated_sqlite_url).open()
    yield world
    world.close()


def test_subject_and_text_are_printed_and_the_page_is_written(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small.folder)
    done = small.command("preview", "thanks/mail")
    assert done.exit_code == 0
    assert "Thank you for $129.00" in done.output
    assert "skincare SAMPLE 10%" in done.output
    assert "SAMPLE" in (small.folder / "var/preview/thanks-mail.html").read_text(encoding="utf-8")


def test_the_file_and_the_language_can_be_chosen(small: World) -> None:
    page = small.folder / "page.html"
    path = "templates/thanks/mail.email.j2"
    done = small.command("preview", path, "--locale", "zh-CN", "--html", str(page), "--json")
    shown = json.loads(done.output)
    assert (shown["subject"], shown["file"]) == ("谢谢 US$129.00", "thanks/mail.email.zh-CN.j2")
    assert (shown["playbook"], shown["html_file"]) == ("thanks", str(page))
    assert page.read_text(encoding="utf-8") == "<!-- habitue preview -->\n" + shown["html"]


def test_a_preview_of_a_user_is_what_delivery_sends(world: World) -> None:
    spender(world)
    world.user("ann", 3, is_vip=True)
    world.tick(3)
    world.tick(63, deliver=True)
    [sent] = [mail for mail in mails(world) if "miss" in str(mail["Subject"])]
    previewer = Previewer(world.content(), world.app.settings.brand, world.app.composers)
    with world.app.database.read() as connection:
        candidate = previewer.of_user(connection, PreviewRequest("winback/offer", "email"), "ann", day(63))
    shown = previewer.preview(candidate)
    assert shown.subject == sent["Subject"] == "We miss you, Ann"
    assert without_token(shown.text) == without_token(part(sent, "plain"))
    assert without_token(shown.html) == without_token(part(sent, "html"))
    assert "dear friend" in shown.text


def test_a_preview_of_a_user_has_their_newest_event(world: World) -> None:
    spender(world)
    world.order("ann", 3, 4_200, category="home")
    previewer = Previewer(world.content(), world.app.settings.brand, world.app.composers)
    with world.app.database.read() as connection:
        candidate = previewer.of_user(connection, PreviewRequest("thanks/mail", "email"), "ann", day(4))
    assert candidate.event == {"name": "order_completed", "at": day(3), "amount": 4_200, "category": "home"}
    assert "home" in previewer.preview(candidate).text


def test_every_message_of_the_default_brand_can_be_previewed(tmp_path: Path, migrated_sqlite_url: str) -> None:
    files: dict[str, str | None] = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for folder in ("rules", "playbooks", "templates")
        for path in (ROOT / folder).rglob("*.*")
    }
    world = World(tmp_path / "default", migrated_sqlite_url, {**dict.fromkeys(FILES), **files})
    content = world.content()
    previewer = Previewer(content, world.app.settings.brand, world.app.composers)
    for name, channel in sorted(content.library.names()):
        for locale in ("en", "zh-CN"):
            shown = previewer.preview(previewer.sample(PreviewRequest(name, channel, locale), day(0)))
            assert shown.subject or shown.text
            assert "None" not in shown.text


def test_samples_are_there_for_every_type() -> None:
    values = {kind: sample_value("x_y", kind, 100, day(0)) for kind in ValueType}
    assert None not in values.values()
    assert values[ValueType.MONEY] == 12_900
    assert values[ValueType.TEXT] == "x y"
    assert sample_value("birthday", ValueType.DATE, 100, day(0)) == "1990-05-17"
    assert values[ValueType.INSTANT] == day(0) - 12 * DAY


def test_sample_facts_are_the_declared_ones(small: World) -> None:
    catalog = small.content().catalog
    assert sample_facts(catalog, day(0)).keys() == catalog.facts.keys()


def test_an_unknown_template_is_answered_with_the_closest(small: World) -> None:
    done = small.command("preview", "thanks/male")
    assert isinstance(done.exception, RenderError)
    assert "did you mean `thanks/mail`?" in str(done.exception)


def test_an_unknown_user_is_refused(small: World) -> None:
    assert isinstance(small.command("preview", "thanks/mail", "--user", "nobody").exception, InputError)


def test_a_test_message_is_marked_and_leaves_no_trace(small: World) -> None:
    small.user("ann", first_name="Ann")
    small.tick(1)
    done = small.command("send-test", "birthday/wish", "--to", "you@example.org", "--user", "ann")
    assert done.exit_code == 0, done.output
    assert "you@" not in done.output
    [mail] = mails(small)
    assert (mail["Subject"], mail["To"]) == ("[test] Happy birthday", "you@example.org")
    assert "Ann" in part(mail, "plain")
    assert small.rows("SELECT count(*) FROM action") == [(0,)]
    assert small.rows("SELECT count(*) FROM action_event") == [(0,)]


def test_a_test_message_in_another_script_keeps_its_headers(small: World) -> None:
    assert small.command("send-test", "thanks/mail", "--to", "you@example.org", "--locale", "zh-CN").exit_code == 0
    [mail] = mails(small)
    assert mail["Subject"] == "[test] 谢谢 US$129.00"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.get_content_type() == "multipart/alternative"


def test_the_unsubscribe_link_of_a_test_message_unsubscribes_nobody(small: World) -> None:
    small.command("send-test", "winback/offer", "--to", "you@example.org")
    [mail] = mails(small)
    token = str(mail["List-Unsubscribe"]).partition("t=")[2].rstrip(">")
    assert token
    assert Unsubscriber(installation_secret(small.app.database, "unsubscribe", day(0))).verify(token) is None


def test_two_test_messages_are_two(small: World) -> None:
    for _ in range(2):
        small.command("send-test", "birthday/wish", "--to", "you@example.org")
    assert len({mail["Message-ID"] for mail in mails(small)}) == 2


@pytest.mark.parametrize("address", ["nonsense", "you@example.org\nBcc: other@example.org"])
def test_an_address_that_is_none_is_refused(small: World, address: str) -> None:
    done = small.command("send-test", "birthday/wish", "--to", address)
    assert isinstance(done.exception, InputError)
    assert mails(small) == []


def test_an_adapter_that_cannot_send_is_said_with_a_remedy(small: World) -> None:
    text = small.config.read_text().replace(str(small.folder / "mail"), str(small.folder / "missing" / "mail"))
    small.config.write_text(text)
    done = small.command("send-test", "birthday/wish", "--to", "you@example.org")
    assert isinstance(done.exception, HabitueError)
    assert "check adapters.capture in config.toml" in str(done.exception)


def test_a_page_replaces_no_other_file(small: World) -> None:
    before = small.config.read_text()
    done = small.command("preview", "thanks/mail", "--html", str(small.config))
    assert "another file is already there" in str(done.exception)
    assert small.config.read_text() == before
    page = small.folder / "page.html"
    page.symlink_to(small.config)
    assert "it is a link" in str(small.command("preview", "thanks/mail", "--html", str(page)).exception)
    page.unlink()
    for _ in range(2):
        assert small.command("preview", "thanks/mail", "--html", str(page)).exit_code == 0
    assert small.config.read_text() == before
