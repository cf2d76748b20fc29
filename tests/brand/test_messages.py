"""The default brand's messages exist in both languages, with the same content, and can be sent to every customer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from adapters.base import SmsPayload, TaskPayload
from engine.channels import CHANNELS
from engine.channels.base import Sending, blocks_of, by_name
from engine.messages.email.headers import Mailbox
from engine.messages.render import RenderContext, Rendered
from engine.messages.segments import Encoding, count_segments
from engine.messages.templates import TemplateLibrary
from engine.playbooks.steps.send import SendSection
from engine.playbooks.steps.send_all import SendAllSection
from engine.playbooks.triggers.event import EventSection
from tests.brand import brand

LANGUAGES = ("en", "zh-CN")
BRAND = {
    "name": "Maison Habitué",
    "website": "https://example.com",
    "postal_address": "Maison Habitué, 1 Market Street, Springfield",
    "sender": "hello@example.com",
}
USER = {"key": "c1", "email": "ada@example.com", "locale": "en", "timezone": "UTC"}
COUPON = {"code": "HELLO-7KQ2M9XA", "worth": "10%", "expires_on": "2026-12-31"}
UNSUBSCRIBE = "https://example.com/unsubscribe/token"
KNOWN = {
    "user": set(USER),
    "coupon": set(COUPON),
    "brand": set(BRAND),
    "facts": set(brand.facts().facts),
    "unsubscribe_url": set(),
}
MUCH = {
    "first_name": "Ada",
    "city": "Springfield",
    "language": "en-US",
    "last_category": "fragrance",
    "viewed_category": "home",
    "registered_on": "2025-02-28",
    "orders_365d": 7,
    "spend_365d": 81050,
    "complaints_30d": 1,
    "last_score": 4,
}
BY_NAME = by_name(CHANNELS)
FILES = sorted(
    {(path.split(".")[0], path.split(".")[1]) for path in brand.sources() if not path.startswith("layouts/")}
)
"""Template and channel of every message."""
EMAILS = [name for name, channel in FILES if channel == "email"]
WORDS = [(name, channel) for name, channel in FILES if channel != "webhook"]
"""Those that somebody reads."""


@dataclass(frozen=True)
class Sent:
    """What sends a message: the event that triggers its playbook, if one does, its coupon, and the playbook's limit."""

    event: str
    coupon: str | None
    max_segments: int


@cache
def library() -> TemplateLibrary:
    return TemplateLibrary(brand.sources(), blocks_of(CHANNELS), "en", {"brand": BRAND})


@cache
def steps() -> Mapping[tuple[str, str], Sent]:
    """Template and channel -> what sends it."""
    found = {}
    for file in brand.playbooks().values():
        event = file.trigger.event if isinstance(file.trigger, EventSection) else ""
        for step in file.steps:
            if isinstance(step, (SendSection, SendAllSection)):
                for channel in brand.channels_of(step):
                    found[step.template, channel] = Sent(event, step.coupon, file.playbook.max_segments or 0)
    return found


def render(name: str, channel: str, language: str, given: Mapping[str, object], *, bare: bool = False) -> Rendered:
    sent = steps()[name, channel]
    facts = dict.fromkeys(brand.facts().facts, None) | dict(given)
    happened = {"order": "M-1044", "amount": 12345, "score": 3}
    values: dict[str, object] = {
        "user": USER,
        "facts": facts,
        "event": {prop: None if bare else happened.get(prop) for prop in brand.facts().events[sent.event]}
        if sent.event
        else None,
        "unsubscribe_url": None if bare else UNSUBSCRIBE,
    }
    if sent.coupon:
        values["coupon"] = COUPON | ({"expires_on": None} if bare else {})
    return library().find(name, channel, language).render(RenderContext(values, language))


def composed(name: str, channel: str, language: str, given: Mapping[str, object], *, bare: bool = False) -> Any:
    """The payload, as an adapter gets it."""
    sending = Sending(
        "key",
        0,
        Mailbox("hello@example.com"),
        BY_NAME[channel].sample,
        max_segments=steps()[name, channel].max_segments,
    )
    return BY_NAME[channel].compose(render(name, channel, language, given, bare=bare), sending)


def shown(name: str, channel: str, language: str, given: Mapping[str, object], *, bare: bool = False) -> str:
    """Subject and text, as a person sees them."""
    found = BY_NAME[channel].preview(render(name, channel, language, given, bare=bare))
    return f"{found.subject}\n{found.text}"


def test_the_library_has_no_mistakes() -> None:
    assert [str(problem) for problem in library().check()] == []


def test_every_message_is_sent_by_a_playbook_and_every_playbook_has_its_messages() -> None:
    assert sorted(steps()) == FILES


@pytest.mark.parametrize(("name", "channel"), WORDS)
def test_exists_in_both_languages_with_the_same_variables(name: str, channel: str) -> None:
    read: dict[str, set[str]] = {}
    for language in LANGUAGES:
        path = library().path_of(name, channel, language)
        assert path is not None
        assert ("zh-CN" in path) == (language == "zh-CN")
        read[language] = {var.name for var in library().variables(name, channel) if var.path == path}
    assert read["en"] == read["zh-CN"]


def test_layouts_exist_in_both_languages() -> None:
    layouts = {path for path in brand.sources() if path.startswith("layouts/")}
    assert {path.replace(".zh-CN", "") for path in layouts if "zh-CN" in path} == {
        p for p in layouts if "zh-CN" not in p
    }


@pytest.mark.parametrize(("name", "channel"), FILES)
def test_reads_only_what_delivery_provides(name: str, channel: str) -> None:
    sent = steps()[name, channel]
    known = KNOWN | {"event": set(brand.facts().events[sent.event]) if sent.event else set()}
    variables = library().variables(name, channel)
    for variable in variables:
        root, _, rest = variable.name.partition(".")
        assert root in known, variable
        assert not rest or rest in known[root], variable
    assert any(variable.name.startswith("coupon.") for variable in variables) == (sent.coupon is not None)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", EMAILS)
def test_a_mail_is_whole_for_a_customer_of_whom_much_or_nothing_is_known(name: str, language: str) -> None:
    for rendered in (render(name, "email", language, MUCH), render(name, "email", language, {}, bare=True)):
        assert 0 < len(rendered.subject) <= 60
        assert len(rendered.text) > 100
        for part in (rendered.html, rendered.text, rendered.subject):
            assert "None" not in part
            assert "{" not in re.sub(r"<style.*?</style>", "", part, flags=re.DOTALL)
        assert BRAND["postal_address"] in rendered.text
        assert len(rendered.html) < 60_000


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("name", "channel"), FILES)
def test_is_whole_on_every_channel(name: str, channel: str, language: str) -> None:
    for given, bare in ((MUCH, False), ({}, True)):
        assert composed(name, channel, language, given, bare=bare) is not None
        text = shown(name, channel, language, given, bare=bare)
        assert "None" not in text
        if channel not in {"email", "webhook"}:
            assert not re.search(r"[{}]", text.partition("data: ")[0])
            assert not re.search(r"[，、（: ][。，）.,)]|  |\( ", text), "a gap where something is unknown"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("name", "channel"), [one for one in FILES if one[1] in {"push", "inbox", "task"}])
def test_titles_fit_on_a_phone(name: str, channel: str, language: str) -> None:
    payload = composed(name, channel, language, MUCH)
    assert 0 < len(payload.title) <= 60
    assert channel != "push" or len(payload.body) <= 150


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", [name for name, channel in FILES if channel == "sms"])
def test_text_messages_have_a_segment_or_two(name: str, language: str) -> None:
    """English is one segment of GSM-7, Chinese at most two of UCS-2; a brand with a longer name has room for one more."""
    assert steps()[name, "sms"].max_segments == 2
    payload = composed(name, "sms", language, MUCH)
    assert isinstance(payload, SmsPayload)
    found = count_segments(payload.text)
    assert found.number == payload.segments
    assert (found.encoding is Encoding.GSM_7) == (language == "en")
    assert found.number <= (1 if language == "en" else 2)
    assert ("Reply STOP to end" if language == "en" else "回复R退订") in payload.text


@pytest.mark.parametrize("name", [name for name, channel in FILES if channel == "task"])
def test_a_task_says_for_whom_and_until_when(name: str) -> None:
    for language in LANGUAGES:
        for given, bare in ((MUCH, False), ({}, True)):
            task = composed(name, "task", language, given, bare=bare)
            assert isinstance(task, TaskPayload)
            assert USER["key"] in task.body
            assert task.lasts
            assert "\n\n" in task.body, "what is to be done is a paragraph of its own"
            assert not re.search(r"\.(?=[A-Z])|[。）](?=[近最请])", task.body), "two sentences without a gap"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", EMAILS)
def test_links_are_whole_and_marketing_can_be_left(name: str, language: str) -> None:
    rendered = render(name, "email", language, {"first_name": "Ada"})
    links = re.findall(r'href="([^"]*)"', rendered.html)
    assert links
    assert all(link.startswith("https://example.com") for link in links)
    assert UNSUBSCRIBE in links
    assert UNSUBSCRIBE in rendered.text
    assert UNSUBSCRIBE not in render(name, "email", language, {}, bare=True).html


@pytest.mark.parametrize(("name", "channel"), WORDS)
def test_chinese_is_chinese_and_english_is_english(name: str, channel: str) -> None:
    chinese, english = (shown(name, channel, language, {"first_name": "Ada"}) for language in ("zh-CN", "en"))
    assert re.search("[\u4e00-\u9fff]", chinese.splitlines()[0] or chinese)
    assert not re.search("[\u4e00-\u9fff]", english)


@pytest.mark.parametrize("name", EMAILS)
def test_a_mail_names_its_language(name: str) -> None:
    for language in LANGUAGES:
        assert f'lang="{language}"' in render(name, "email", language, {}).html


@pytest.mark.parametrize(("name", "channel"), [one for one in FILES if steps()[one].coupon])
def test_a_coupon_is_shown_with_its_worth_and_its_end(name: str, channel: str) -> None:
    for language, end in (("en", "31"), ("zh-CN", "2026年12月31日")):
        text = shown(name, channel, language, {})
        assert COUPON["code"] in text
        assert COUPON["worth"] in text
        assert end in text or ("this evening" if language == "en" else "今晚") in text


def test_names_are_escaped() -> None:
    rendered = render("birthday/wish", "email", "en", {"first_name": "<b>Ada</b>"})
    assert "<b>Ada" not in rendered.html
    assert "<b>Ada</b>" in rendered.text
