"""What was said to whom is kept as it was, shown as it was, and can be said again."""

import json
from email.message import EmailMessage

import pytest

from adapters.base import Answer, Outcome
from engine.actions.content import SentContent, forget_contents
from engine.actions.history import LogFilter
from engine.actions.moves import Move, Mover
from engine.actions.states import State
from engine.clock import DAY, HOUR, Instant
from engine.errors import InputError
from engine.worker.upkeep import clean_up
from tests.deliveries import NOON, Deliveries
from tests.provider import Provider
from tests.world import World, day


def kept(world: World | Deliveries, action_id: int) -> dict[str, object]:
    sql = "SELECT CAST(template_values AS TEXT) FROM action_content WHERE action_id = :id"
    [(values,)] = world.rows(sql, id=action_id)
    found: dict[str, object] = json.loads(values)
    return found


def bought(world: World) -> int:
    """Ann buys for 20 dollars and is thanked, with the code A-1; return the action's id."""
    world.codes("A-1")
    world.user("ann", 0, first_name="Ann", locale="en-GB", timezone="Europe/London")
    world.order("ann", 1, 2_000, category="beauty")
    world.tick(1, deliver=True)
    [(action_id,)] = world.rows("SELECT id FROM action WHERE template = 'thanks/mail'")
    return int(action_id)


def test_the_hand_off_keeps_address_subject_code_and_what_the_template_read(world: World) -> None:
    action_id = bought(world)
    [row] = world.rows("SELECT address, subject, code, at FROM action_content")
    assert row == ("ann@example.com", "Thank you for US$20.00", "A-1", day(1))
    [(fingerprint, locale)] = world.rows("SELECT template_hash, locale FROM action")
    assert len(fingerprint) == 16
    assert locale == "en"
    values = kept(world, action_id)
    assert str(values.pop("unsubscribe_url")).startswith("https://")
    assert values == {
        "event": {"amount": 2_000, "category": "beauty"},
        "coupon": {"code": "A-1", "worth": "10%"},
        "render": {"locale": "en-GB", "zone": "Europe/London", "currency": "USD"},
    }, "and nothing else: no name, no key, no other fact"


def test_nothing_in_action_and_its_events_names_a_person(shop: Deliveries) -> None:
    shop.users(2)
    shop.due_actions(2)
    told = Answer(Outcome.REJECTED, "mailbox_unknown", "550 <u1@example.com> unknown here", "ref")
    shop.drain(Provider(script=lambda _: told))
    rows = repr(shop.rows("SELECT * FROM action")) + repr(shop.rows("SELECT * FROM action_event"))
    assert "@example.com" not in rows
    assert shop.log()[0].detail == "550 <u1@example.com> unknown here"


def test_a_hand_off_that_its_adapter_could_not_take_was_not_sent_to_anybody(shop: Deliveries) -> None:
    shop.users(1)
    shop.due_actions(1)
    shop.drain(Provider(script=lambda _: Answer(Outcome.ADAPTER_DOWN, "connection_failed", "refused")))
    [one] = shop.log()
    assert (one.state, one.tries, one.address, one.subject) == ("queued", 0, None, None)


def test_the_log_shows_where_it_went_then_and_nothing_for_what_never_left(shop: Deliveries) -> None:
    shop.users(2)
    shop.due_actions(2)
    shop.execute("UPDATE users SET locale = 'xx' WHERE id = 1")
    shop.execute("UPDATE action SET send_window = '20:00-21:00' WHERE id = 2")
    shop.drain(Provider())
    shop.execute("UPDATE users SET email = 'new@example.com'")
    one, two = shop.log()
    assert (one.address, one.subject, one.state) == ("u1@example.com", "Hello you", "accepted")
    assert (two.address, two.subject, two.state) == (None, None, "deferred")
    shop.execute("DELETE FROM users WHERE id = 1")
    assert shop.log()[0].address == "u1@example.com"


def test_a_message_that_left_twice_has_the_last_address_from_then_on(shop: Deliveries) -> None:
    shop.users(1)
    shop.due_actions(1)
    shop.drain(Provider(script=lambda _: Answer(Outcome.RETRY, "later", "450")))
    shop.execute("UPDATE users SET email = 'new@example.com'")
    shop.at(NOON + HOUR)
    shop.drain(Provider())
    told = [(change.state, change.address) for change in shop.changes(LogFilter())]
    assert told == [
        ("queued", None),
        ("claimed", None),
        ("handed_off", None),
        ("retrying", None),
        ("claimed", "new@example.com"),
        ("handed_off", "new@example.com"),
        ("accepted", "new@example.com"),
    ]


def test_explain_shows_where_it_went_then_masked(world: World) -> None:
    bought(world)
    world.user("ann", 0, email="elsewhere@example.org")
    [action] = world.explain("ann", 2).actions
    assert (action.address, action.subject, action.coupon_code) == ("a•••@example.com", "Thank you for US$20.00", "A-1")
    assert action.history[-1].sentence == "The provider accepted it."
    [shown] = world.explain("ann", 2, show_addresses=True).actions
    assert shown.address == "ann@example.com"


def test_log_as_csv_has_what_was_sent_and_the_sentence(world: World) -> None:
    bought(world)
    world.user("ann", 0, email="elsewhere@example.org")
    [entry] = [json.loads(line) for line in world.command("log", "--json", "--show-addresses").stdout.splitlines()]
    assert (entry["address"], entry["subject"], entry["code"]) == ("ann@example.com", "Thank you for US$20.00", "A-1")
    assert (entry["template"], entry["locale"]) == ("thanks/mail", "en")
    assert entry["sentence"] == "The provider accepted it."
    head = world.command("log", "--history", "--csv").stdout.splitlines()[0]
    assert head.split(",") == list(entry)


def shown_again(world: World, action_id: int, *options: str) -> dict[str, str]:
    done = world.command("log", "--message", str(action_id), "--json", *options)
    assert done.exit_code == 0, done.output
    found: dict[str, str] = json.loads(done.stdout)
    return found


def again(world: World, action_id: int) -> tuple[str, str, str]:
    shown = shown_again(world, action_id)
    return shown["subject"], shown["text"], shown["html"]


def refused(world: World, action_id: int, *options: str) -> str:
    """What the command says in place of a message."""
    done = world.command("log", "--message", str(action_id), *options)
    assert isinstance(done.exception, InputError)
    assert done.stdout == ""
    return str(done.exception)


def captured(world: World) -> tuple[str, str, str]:
    [mail] = world.mail()
    assert isinstance(mail, EmailMessage)
    plain, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert page is not None
    return str(mail["Subject"]), plain.get_content(), page.get_content()


def test_the_message_is_made_again_as_it_was(world: World) -> None:
    action_id = bought(world)
    sent = captured(world)
    assert "A-1" in sent[1]
    assert tuple(part.split() for part in again(world, action_id)) == tuple(part.split() for part in sent)
    world.user("ann", 0, first_name="Bea", locale="zh-CN")
    world.write(
        "templates/thanks/mail.email.j2", "{% block subject %}Other{% endblock %}{% block html %}x{% endblock %}"
    )
    world.tick(2)
    assert tuple(part.split() for part in again(world, action_id)) == tuple(part.split() for part in sent)


def tidy(world: World, now: Instant) -> None:
    app, content = world.app, world.content()
    app.database.in_transaction(lambda connection: clean_up(connection, app, content, now))


def test_what_is_no_longer_kept_is_said(world: World) -> None:
    action_id = bought(world)
    tidy(world, Instant(day(1) + 400 * DAY))
    assert world.rows("SELECT count(*) FROM action_content") == [(1,)], "to the instant"
    tidy(world, Instant(day(1) + 400 * DAY + 1))
    assert world.rows("SELECT count(*) FROM action_content") == [(0,)]
    assert world.rows("SELECT count(*) FROM provider_text") == [(0,)]
    assert world.rows("SELECT state FROM action") == [("accepted",)]
    assert world.explain("ann", 402).actions[0].address is None
    said = refused(world, action_id)
    assert f"the content of action {action_id} was deleted, after schedule.keep_content or by an erasure" in said


def test_the_message_as_it_was_sent_is_shown(world: World) -> None:
    action_id = bought(world)
    world.user("ann", 0, email="elsewhere@example.org")
    done = world.command("log", "--message", str(action_id))
    assert done.exit_code == 0, done.output
    first, subject, _, *text = done.stdout.splitlines()
    assert first == (f"action {action_id}, email to ann <a•••@example.com>, 2026-01-02T00:00:00Z, thanks/mail in en")
    assert subject == "Thank you for US$20.00"
    assert text[0].startswith("beauty A-1 10%")
    assert shown_again(world, action_id)["address"] == "a•••@example.com"
    open_to_all = shown_again(world, action_id, "--show-addresses")
    assert (open_to_all["address"], open_to_all["user"], open_to_all["at"]) == (
        "ann@example.com",
        "ann",
        "2026-01-02T00:00:00Z",
    )


def test_a_message_is_shown_while_the_files_have_errors(world: World) -> None:
    action_id = bought(world)
    world.write("rules/facts.toml", "[facts.broken")
    assert "A-1" in again(world, action_id)[1]


def test_why_there_is_no_message_to_show_is_said(world: World) -> None:
    action_id = bought(world)
    assert "there is no action 99; `habitue log --json` shows each action's `number`" in refused(world, 99)
    assert "--message shows one message: use it with --json" in refused(world, action_id, "--playbook", "thanks")
    world.user("bob", 0)
    world.order("bob", 1, 2_000, category="beauty")
    world.tick(2, deliver=True)
    [(held,)] = world.rows("SELECT id FROM action WHERE state = 'held'")
    assert f"action {held} was not sent; its state is `held`" in refused(world, held)
    world.lose_versions()
    said = refused(world, action_id)
    assert f"the version of `thanks/mail` that action {action_id} was sent with is no longer stored" in said


def test_providers_texts_go_with_the_contents(shop: Deliveries) -> None:
    shop.users(2)
    shop.due_actions(2)
    shop.execute("UPDATE action SET due_at = :later WHERE id = 2", later=NOON + DAY)
    provider = Provider(script=lambda _: Answer(Outcome.ACCEPTED, "", "250 taken"))
    shop.drain(provider)
    shop.at(NOON + DAY)
    shop.drain(provider)
    with shop.database.write() as connection:
        forget_contents(connection, Instant(NOON + DAY))
    assert [(entry.address, entry.detail) for entry in shop.log()] == [(None, ""), ("u2@example.com", "250 taken")]


@pytest.mark.parametrize("name", ["Zoë \x00 \ud800", "\\u0000", "é" * 2_000])
def test_whatever_a_name_holds_the_hand_off_is_written(shop: Deliveries, name: str) -> None:
    """SQLite stores what no JSON can say; a hand-off must not fail for it."""
    shop.users(1)
    shop.due_actions(1)
    shop.execute("UPDATE action SET state = 'claimed', fence = 1")
    content = SentContent(f"{name}@example.com", name, None, "hash", "en", {"facts": {"first_name": name, "n": 2**70}})
    with shop.database.write() as connection:
        move = Move(1, 1, State.HANDED_OFF, "gates_passed", content=content)
        assert Mover(shop.database.dialect).write(connection, [move], NOON) == {1}
    facts = kept(shop, 1)["facts"]
    assert isinstance(facts, dict)
    assert "\x00" not in facts["first_name"]
    assert facts["n"] == str(2**70)
