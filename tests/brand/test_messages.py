"""The default brand's messages exist in both languages, with the same content, and render for every customer."""

import re
from collections.abc import Mapping
from functools import cache

import pytest

from engine.channels import CHANNELS
from engine.channels.base import blocks_of
from engine.messages.render import RenderContext, Rendered
from engine.messages.templates import TemplateLibrary
from engine.playbooks.steps.send import SendSection
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
MESSAGES = sorted({path.split(".")[0] for path in brand.sources() if not path.startswith("layouts/")})


@cache
def library() -> TemplateLibrary:
    return TemplateLibrary(brand.sources(), blocks_of(CHANNELS), "en", {"brand": BRAND})


def steps() -> dict[str, tuple[str, str | None]]:
    """Template -> the event that triggers its playbook, if one does, and its coupon."""
    return {
        step.template: (file.trigger.event if isinstance(file.trigger, EventSection) else "", step.coupon)
        for file in brand.playbooks().values()
        for step in file.steps
        if isinstance(step, SendSection)
    }


def render(name: str, language: str, given: Mapping[str, object], *, bare: bool = False) -> Rendered:
    event, coupon = steps()[name]
    facts = dict.fromkeys(brand.facts().facts, None) | dict(given)
    happened = {"order": "M-1044", "amount": 12345, "score": 3}
    values: dict[str, object] = {
        "user": USER,
        "facts": facts,
        "event": {prop: None if bare else happened.get(prop) for prop in brand.facts().events[event]}
        if event
        else None,
        "unsubscribe_url": None if bare else UNSUBSCRIBE,
    }
    if coupon:
        values["coupon"] = COUPON | ({"expires_on": None} if bare else {})
    return library().find(name, "email", language).render(RenderContext(values, language))


def test_the_library_has_no_mistakes() -> None:
    assert [str(problem) for problem in library().check()] == []


def test_every_message_is_sent_by_a_playbook_and_every_playbook_has_its_messages() -> None:
    assert set(MESSAGES) == set(steps())


@pytest.mark.parametrize("name", MESSAGES)
def test_exists_in_both_languages_with_the_same_variables(name: str) -> None:
    read: dict[str, set[str]] = {}
    for language in LANGUAGES:
        path = library().path_of(name, "email", language)
        assert path is not None
        assert ("zh-CN" in path) == (language == "zh-CN")
        read[language] = {var.name for var in library().variables(name, "email") if var.path == path}
    assert read["en"] == read["zh-CN"]


def test_layouts_exist_in_both_languages() -> None:
    layouts = {path for path in brand.sources() if path.startswith("layouts/")}
    assert {path.replace(".zh-CN", "") for path in layouts if "zh-CN" in path} == {
        p for p in layouts if "zh-CN" not in p
    }


@pytest.mark.parametrize("name", MESSAGES)
def test_reads_only_what_delivery_provides(name: str) -> None:
    event, coupon = steps()[name]
    known = KNOWN | {"event": set(brand.facts().events[event]) if event else set()}
    for variable in library().variables(name, "email"):
        root, _, rest = variable.name.partition(".")
        assert root in known, variable
        assert not rest or rest in known[root], variable
    extends_coupon = 'extends "layouts/coupon.email.j2"' in brand.sources()[f"{name}.email.j2"]
    assert extends_coupon == (coupon is not None)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", MESSAGES)
def test_is_whole_for_a_customer_of_whom_much_or_nothing_is_known(name: str, language: str) -> None:
    given = {
        "first_name": "Ada",
        "last_category": "fragrance",
        "viewed_category": "home",
        "registered_on": "2025-02-28",
    }
    for rendered in (render(name, language, given), render(name, language, {}, bare=True)):
        assert 0 < len(rendered.subject) <= 60
        assert len(rendered.text) > 100
        for part in (rendered.html, rendered.text, rendered.subject):
            assert "None" not in part
            assert "{" not in re.sub(r"<style.*?</style>", "", part, flags=re.DOTALL)
        assert BRAND["postal_address"] in rendered.text
        assert len(rendered.html) < 60_000


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", MESSAGES)
def test_links_are_whole_and_marketing_can_be_left(name: str, language: str) -> None:
    rendered = render(name, language, {"first_name": "Ada"})
    links = re.findall(r'href="([^"]*)"', rendered.html)
    assert links
    assert all(link.startswith("https://example.com") for link in links)
    assert UNSUBSCRIBE in links
    assert UNSUBSCRIBE in rendered.text
    assert UNSUBSCRIBE not in render(name, language, {}, bare=True).html


@pytest.mark.parametrize("name", MESSAGES)
def test_chinese_is_chinese_and_english_is_english(name: str) -> None:
    chinese, english = (render(name, language, {"first_name": "Ada"}) for language in ("zh-CN", "en"))
    assert re.search("[\u4e00-\u9fff]", chinese.subject)
    assert not re.search("[\u4e00-\u9fff]", english.html.split("</style>")[-1])
    assert 'lang="zh-CN"' in chinese.html
    assert 'lang="en"' in english.html


@pytest.mark.parametrize("name", [name for name in MESSAGES if steps()[name][1]])
def test_a_coupon_is_shown_with_its_worth_and_its_end(name: str) -> None:
    for language, end in (("en", "31"), ("zh-CN", "2026年12月31日")):
        text = render(name, language, {}).text
        assert COUPON["code"] in text
        assert COUPON["worth"] in text
        assert end in text


def test_names_are_escaped() -> None:
    rendered = render("birthday/wish", "en", {"first_name": "<b>Ada</b>"})
    assert "<b>Ada" not in rendered.html
    assert "<b>Ada</b>" in rendered.text
