"""``explain`` and ``log`` find people by what one knows of them, and say what was meant where there is nobody."""

import json

import pytest

from engine.errors import InputError
from engine.explain.finding import find_in_log, find_user
from tests.world import World


def found(world: World, said: str) -> str:
    with world.app.database.read() as connection:
        return find_user(connection, world.kinds.channels, said).key


@pytest.fixture
def people(world: World) -> World:
    world.user("C0000159", email="Ann.Miller@example.com", phone="+4930901820")
    world.user("C0000160", email="bob@example.com", phone="+12025550123", push_token="Token-1")
    world.device("C0000160", "Token-2", at=0)
    world.user("cy@example.com", email="cy@example.org")
    world.user("dora", email="jörg@münchen.example")
    return world


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("C0000159", "C0000159"),
        (" C0000159 ", "C0000159"),
        ("Ann.Miller@example.com", "C0000159"),
        ("ann.miller@EXAMPLE.com", "C0000159"),
        ("+4930901820", "C0000159"),
        ("+49 30 90-18-20", "C0000159"),
        ("0049 30 901820", "C0000159"),
        ("(1) 202", None),
        ("+1 (202) 555-0123", "C0000160"),
        ("token-1", "C0000160"),
        ("TOKEN-2", "C0000160"),
        ("cy@example.com", "cy@example.com"),
        ("CY@example.org", "cy@example.com"),
        ("jörg@münchen.example", "dora"),
        ("Ann.Miller@example", None),
        ("nn.miller@example.com", None),
        ("%@example.com", None),
        ("' OR 1=1", None),
        ("", None),
    ],
)
def test_by_key_address_or_phone(people: World, said: str, key: str | None) -> None:
    if key is not None:
        assert found(people, said) == key
        return
    with pytest.raises(InputError, match="no such user"):
        found(people, said)


def test_a_key_comes_before_an_address(people: World) -> None:
    people.user("other", email="cy@example.com")
    assert found(people, "cy@example.com") == "cy@example.com"


def test_several_with_one_address_are_listed(people: World) -> None:
    people.user("guest-77", email="BOB@example.com")
    with pytest.raises(InputError, match=r"several users .* `C0000160`, `guest-77`; name one by its key"):
        found(people, "bob@example.com")
    for number in range(20):
        people.user(f"guest-9{number:02}", email="bob@example.com")
    with pytest.raises(InputError, match=r"`guest-907` and more; name one"):
        found(people, "bob@example.com")


@pytest.mark.parametrize("said", ["C000159", "C00000159", "c0000159", "C0000195", "C000015", "C00001599"])
def test_a_slip_is_understood(people: World, said: str) -> None:
    with pytest.raises(InputError, match=rf"no such user `{said}`.*did you mean .*`C0000159`"):
        found(people, said)


def test_nobody_is_near(world: World) -> None:
    with pytest.raises(InputError, match=r"no such user `nobody`: it is neither a key nor an address$"):
        found(world, "nobody")


def test_an_erased_user_stands_in_the_log_by_number(people: World) -> None:
    people.event("C0000159", "signed_up", 1)
    people.tick(1)
    [(user,)] = people.rows("SELECT DISTINCT user_id FROM action")
    people.execute("DELETE FROM users WHERE id = :user", user=user)
    done = people.program("log", "--user", f"#{user}", "--json")
    assert (done.returncode, json.loads(done.stdout)["user"]) == (0, f"#{user}")
    with people.app.database.read() as connection, pytest.raises(InputError, match="no such user `#99`"):
        find_in_log(connection, people.kinds.channels, "#99")


def test_the_commands_take_an_address(people: World) -> None:
    people.event("C0000159", "signed_up", 1)
    people.tick(1)
    shown = people.program("log", "--user", "ann.miller@example.com", "--json")
    assert {json.loads(line)["user"] for line in shown.stdout.splitlines()} == {"C0000159"}
    for command in (("explain",), ("preview", "welcome/hello", "--user")):
        assert people.program(*command, "+4930901820").returncode == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--user", "C000159"), "no such user `C000159`"),
        (("--playbook", "welcom"), "no such playbook `welcom`; did you mean `welcome`?"),
        (("--channel", "mail"), "no such channel `mail`; did you mean `email`?"),
        (("--channel", "fax"), "no such channel `fax`; known: `email`, `inbox`, `push`, `sms`, `task`, `webhook`"),
        (("--state", "acepted"), "no such state `acepted`; did you mean `accepted`?"),
        (("--reason", "opted_uot"), "no such reason `opted_uot`; did you mean `opted_out`?"),
        (("--reason", "Opted_out", "--history"), "no such reason `Opted_out`; did you mean `opted_out`?"),
    ],
)
def test_what_there_is_not_is_said(people: World, words: tuple[str, ...], says: str) -> None:
    done = people.program("log", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_words_that_only_the_log_has_are_fine(people: World) -> None:
    """A playbook of a version that is no longer stored, a reason of an adapter that is no longer installed."""
    people.event("C0000159", "signed_up", 1)
    people.tick(1)
    people.execute("UPDATE action SET playbook = 'summer_2019', reason = 'carrier_says_no', channel = 'fax'")
    people.execute("UPDATE action_event SET reason = 'carrier_said_no'")
    for words in (
        ("--playbook", "summer_2019"),
        ("--reason", "carrier_says_no"),
        ("--channel", "fax"),
        ("--reason", "carrier_said_no", "--history"),
    ):
        done = people.program("log", *words, "--json")
        assert (done.returncode, len(done.stdout.splitlines())) == (0, 1)


def test_a_filter_that_matches_nothing_is_no_error(people: World) -> None:
    people.event("C0000159", "signed_up", 1)
    people.tick(1)
    assert people.program("log", "--playbook", "winback").returncode == 0
