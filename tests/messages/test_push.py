"""A push: its link, image and data, what values can do to them, and what is wrong with them in words."""

import re
from collections.abc import Mapping

import pytest

from adapters.base import PushPayload
from engine.channels.base import Sending, blocks_of
from engine.channels.push import PUSH
from engine.errors import RenderError
from engine.messages.email.headers import Mailbox
from engine.messages.push import LARGEST, LONGEST
from engine.messages.render import RenderContext, Rendered
from engine.messages.templates import TemplateLibrary
from engine.messages.vocabulary import ROOTS, CouponValues
from tests.docs.tables import DOCS

LINE_ENDS = ("\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x1e", "\x85", "\u2028", "\u2029")


def rendered(values: Mapping[str, object] | None = None, /, **blocks: str) -> Rendered:
    named = {"title": "Hello", "body": "A gift", **blocks}
    source = "".join(f"{{% block {name} %}}{text}{{% endblock %}}" for name, text in named.items())
    library = TemplateLibrary({"a.push.j2": source}, blocks_of([PUSH]))
    assert library.check() == []
    return library.find("a", "push").render(RenderContext(values or {}))


def composed(values: Mapping[str, object] | None = None, /, mark: str = "", **blocks: str) -> PushPayload:
    sending = Sending("1.offer.1", 0, Mailbox("hello@example.com", "Maison"), PUSH.sample, mark=mark)
    return PUSH.compose(rendered(values, **blocks), sending)


def test_all_parts_arrive() -> None:
    payload = composed(
        {"order": "A 7", "name": "Ann"},
        mark="[test] ",
        title="Hello {{ name }}",
        body="\nYour order\n{{ order }}\n",
        image="https://cdn.example.com/a.png?w=2",
        link="maison://orders/{{ order }}?from={{ name }}&x=1",
        data="\n  campaign: spring\n\n  order: {{ order }}\n  note: at 9:30\n  empty:\n",
    )
    assert payload == PushPayload(
        "[test] Hello Ann",
        "Your order\nA 7",
        "https://cdn.example.com/a.png?w=2",
        "maison://orders/A%207?from=Ann&x=1",
        {"campaign": "spring", "order": "A 7", "note": "at 9:30", "empty": ""},
    )


def test_title_and_body_are_enough() -> None:
    assert composed() == PushPayload("Hello", "A gift")
    assert composed(link="{% if false %}https://example.com{% endif %}") == PushPayload("Hello", "A gift")


def test_the_preview_shows_every_part() -> None:
    shown = PUSH.preview(rendered(image="https://x.example/i.png", link="app://home", data="a: 1\nb: {{ 2 }}"))
    assert shown.subject == "Hello"
    assert shown.text == "A gift\n\nImage: https://x.example/i.png\nLink: app://home\nData: a: 1\nData: b: 2"
    assert PUSH.preview(rendered()).text == "A gift"


@pytest.mark.parametrize(
    ("link", "becomes"),
    [
        ("https://example.com", "https://example.com"),
        ("HTTPS://example.com/ä b", "HTTPS://example.com/%C3%A4%20b"),
        ("maison.app+1://shop", "maison.app+1://shop"),
        ("https://example.com/{{ v }}", "https://example.com/a/%3Fb%23c%20d%26"),
        ("https://example.com/?q={{ v }}", "https://example.com/?q=a%2F%3Fb%23c%20d%26"),
        ("https://example.com/#{{ v }}", "https://example.com/#a%2F%3Fb%23c%20d%26"),
        ("{{ whole }}", "https://example.com/a?b=c%20d"),
        ("{{ whole }}&utm={{ v }}", "https://example.com/a?b=c%20d&utm=a/%3Fb%23c%20d%26"),
    ],
)
def test_links_that_can_be_followed(link: str, becomes: str) -> None:
    values = {"v": "a/?b#c d&", "whole": "https://example.com/a?b=c d"}
    assert composed(values, link=link).link == becomes


@pytest.mark.parametrize("name", ["link", "image"])
@pytest.mark.parametrize(
    "link",
    [
        "http://example.com", "www.example.com/{{ v }}", "/orders/{{ v }}", "javascript:alert(1)", "javascript://x",
        "mailto:ann@example.com", "tel:+1", "myapp:orders", "file:///etc", "data://x", "intent://x", "1app://x", "orders?x",
    ],
)  # fmt: skip
def test_a_link_that_can_not_be_followed_is_a_mistake_of_the_template(name: str, link: str) -> None:
    with pytest.raises(RenderError, match=f"a.push.j2: the {name} has to begin with https://") as caught:
        composed({"v": "secret"}, **{name: link})
    assert caught.value.reason == "template_invalid"


def test_an_image_is_on_the_web() -> None:
    with pytest.raises(RenderError, match=r"the image has to begin with https://$"):
        composed(image="myapp://image")


@pytest.mark.parametrize(
    "value", ["javascript:alert(1)", "http://example.com/secret", "secret", "//example.com", "https:x"]
)
def test_a_value_that_is_no_link_is_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(RenderError, match="the link has to begin with https://") as caught:
        composed({"v": value}, link="{{ v }}")
    assert caught.value.reason == "url_invalid"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("value", ["https://", "https:///path", "https://[::1", "https://a b/"])
def test_a_link_needs_a_host(value: str) -> None:
    with pytest.raises(RenderError, match="the link has no host"):
        composed({"v": value}, link="{{ v }}")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("a: 1\nno colon", "line 2 of data has no colon: write `key: value`"),
        ("{{ v }}: 1", "line 1 of data has a value before its colon; keys have to be fixed"),
        ("{{ v }}", "line 1 of data has a value before its colon"),
        (": 1", "line 1 of data has the key ``"),
        ("9lives: 1", "line 1 of data has the key `9lives`"),
        ("two words: 1", "line 1 of data has the key `two words`"),
        ('{ "a": 1 }', "line 1 of data has the key"),
        ("x" * 65 + ": 1", "up to 64 letters"),
        ("a: 1\n\na: 2", "line 3 of data repeats the key `a`"),
        ("link: 1", "line 1 of data has the key `link`, which is a block of its own"),
        ("aps: 1", "which Apple or Google uses"),
        ("google.x: 1", "which Apple or Google uses"),
        ("gcm: 1", "which Apple or Google uses"),
        ("message_type: 1", "which Apple or Google uses"),
    ],
)
def test_data_that_is_wrong(data: str, said: str) -> None:
    with pytest.raises(RenderError) as caught:
        composed({"v": "secret"}, data=data)
    assert said in str(caught.value)
    assert str(caught.value).startswith("a.push.j2: ")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("end", LINE_ENDS)
def test_a_value_adds_no_line_to_the_data(end: str) -> None:
    payload = composed({"v": f"Ann{end}admin: yes"}, data="name: {{ v }}\nb: 2")
    assert payload.data == {"name": "Ann admin: yes", "b": "2"}


@pytest.mark.parametrize("name", sorted(LONGEST))
def test_a_part_has_a_limit(name: str) -> None:
    beginning = "https://x.example/" if name in ("image", "link") else ""
    fits = beginning + "x" * (LONGEST[name] - len(beginning))
    assert getattr(composed(**{name: fits}), name) == fits
    with pytest.raises(RenderError, match=f"the {name} has {LONGEST[name] + 1:,} characters; a push has room for"):
        composed(**{name: f"{fits}x"})


def test_all_parts_together_have_a_limit() -> None:
    left = LARGEST - len("HelloA giftk")
    assert composed({"v": "é" * (left // 2)}, data="k: {{ v }}").data["k"]
    with pytest.raises(RenderError, match="octets in all; providers have room for 3,500"):
        composed({"v": "é" * (left // 2 + 1)}, data="k: {{ v }}")


def test_the_template_that_the_page_shows_is_good() -> None:
    page = (DOCS / "playbooks.md").read_text(encoding="utf-8")
    source = re.findall(r"^```jinja\n(.*?block link.*?)^```$", page, re.MULTILINE | re.DOTALL)[0]
    library = TemplateLibrary({"a.push.j2": source}, blocks_of([PUSH]))
    assert library.check() == []
    assert {variable.name.split(".")[0] for variable in library.variables("a", "push")} <= set(ROOTS)
    values = {"facts": {"first_name": "Ann"}, "coupon": CouponValues(code="GIFT 17", expires_on=None, worth="10 %")}
    shown = PUSH.preview(library.find("a", "push").render(RenderContext(values)))
    assert shown.subject == "Happy birthday, Ann"
    assert "Link: maison://gifts/GIFT%2017\nData: campaign: birthday\nData: coupon: GIFT 17" in shown.text
