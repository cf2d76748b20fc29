"""What depends on the brand's settings alone fails no message: it is accepted, or found before any is claimed."""

from email import message_from_bytes, policy

import pytest

from engine.errors import HabitueError
from engine.settings import Brand
from tests.deliveries import Deliveries
from tests.provider import Provider

ACCEPTED = (
    ({"sender": "Hello <hello@example.com>"}, "Hello <hello@example.com>", "hello@example.com"),
    ({"sender": "hello@münchen.de"}, "Maison <hello@xn--mnchen-3ya.de>", "hello@xn--mnchen-3ya.de"),
    ({"sender": "hello@straße.de"}, "Maison <hello@xn--strae-oqa.de>", "hello@xn--strae-oqa.de"),
    ({"sender": " hello@example.com "}, "Maison <hello@example.com>", "hello@example.com"),
    ({"reply_to": "Care <care@example.com>"}, "Maison <hello@example.com>", "hello@example.com"),
    ({"website": "example.com"}, "Maison <hello@example.com>", "hello@example.com"),
    ({"unsubscribe_url": "example.com/u"}, "Maison <hello@example.com>", "hello@example.com"),
)


@pytest.mark.parametrize(("brand", "shown", "envelope"), ACCEPTED)
def test_what_can_be_meant_is_sent(world: Deliveries, brand: dict[str, str], shown: str, envelope: str) -> None:
    """Case 3."""
    world.configure(brand=brand)
    world.users(1, email="ann@straße.de")
    world.due_actions(1)
    world.write("templates/winback/offer.email.j2", TEMPLATE)
    provider = Provider()
    world.drain(provider, library=world.content().library)
    assert world.states() == {"accepted:accepted": 1}
    [message] = provider.sent
    mail = message_from_bytes(message.payload.mime, policy=policy.default)
    assert (mail["From"], message.sender, message.recipient) == (shown, envelope, "ann@xn--strae-oqa.de")
    assert mail["To"] == message.recipient
    assert mail["Message-ID"].endswith(f"@{envelope.partition('@')[2]}>")
    assert mail["List-Unsubscribe"].startswith("<https://example.com/")
    assert mail["Reply-To"] == brand.get("reply_to")
    page = mail.get_body(("html",))
    assert page is not None
    assert 'href="https://example.com/new"' in page.get_content()


TEMPLATE = (
    "{% block subject %}Hello{% endblock %}{% block html %}<p><a href='{{ brand.website }}/new'>New</a>"
    "<a href='{{ unsubscribe_url }}'>stop</a></p>{% endblock %}"
)

REFUSED = (
    ("sender", ""), ("sender", "@@"), ("reply_to", "care@"), ("website", ""), ("unsubscribe_url", "mailto:u@example.com"),
)  # fmt: skip


@pytest.mark.parametrize(("key", "value"), REFUSED)
def test_what_cannot_be_meant_is_found_by_check_and_at_the_start(world: Deliveries, key: str, value: str) -> None:
    world.users(1)
    world.due_actions(1)
    world.configure(brand={key: value})
    for words in (["check"], ["tick"], ["status"]):
        done = world.command(*words)
        assert isinstance(done.exception, HabitueError)
        assert f"config.toml: `brand.{key}`: " in str(done.exception)
    world.configure(brand={"sender": "hello@example.com", "reply_to": "", "website": "https://example.com"})
    world.configure(brand={"unsubscribe_url": "https://example.com/u"})
    assert world.states() == {"queued:due": 1}


def test_settings_that_were_never_checked_fail_no_message_either(world: Deliveries) -> None:
    world.users(20)
    world.due_actions(20)
    broken = Brand().model_copy(update={"unsubscribe_url": "example.com/u"})
    world.app.settings = world.app.settings.model_copy(update={"brand": broken})
    provider = Provider()
    done = world.drain(provider)
    assert provider.sent == []
    assert set(world.states()) <= {"queued:code_at_fault", "queued:due"}
    assert world.rows("SELECT count(*) FROM action WHERE tries <> 0") == [(0,)]
    assert "BrandError" in str(done.alarms[0])
