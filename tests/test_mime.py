"""Messages parsed by the standard library have the original content, and nothing can be injected into them."""

import quopri
import re
from email import message_from_bytes
from email.header import decode_header
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.mime import context, envelope, floor, library
from engine.channels import CHANNELS
from engine.channels.base import blocks_of
from engine.errors import BrandError, RenderError
from engine.messages.email.headers import Mailbox, mailbox, unstructured
from engine.messages.email.mime import Envelope, build, message_id
from engine.messages.email.quoted import encode_static, encode_text, encode_value
from engine.messages.render import RenderContext, Rendered
from engine.messages.templates import TemplateLibrary

AT = 854_697_600_000
UNSUBSCRIBE = "https://example.com/u/abc?x=1"

TEXTS = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from("\r\n\t =.-_<>&\"'"),
    ),
    max_size=400,
)
LINES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=150)


def template_of(html: str, text: str = "", subject: str = "S") -> TemplateLibrary:
    written = f"{{% block text %}}{text}{{% endblock %}}" if text else ""
    source = f"{{% block subject %}}{subject}{{% endblock %}}{{% block html %}}{html}{{% endblock %}}{written}"
    return TemplateLibrary({"a.email.j2": source}, blocks_of(CHANNELS))


def rendered_of(html: str = "<p>x</p>", text: str = "", subject: str = "S", **values: object) -> Rendered:
    return template_of(html, text, subject).find("a", "email").render(RenderContext(values))


def head(**changes: object) -> Envelope:
    usual: dict[str, object] = {
        "key": "k1",
        "at": AT,
        "message_id": message_id("k1", "example.com"),
        "sender": Mailbox("hello@example.com", "Example"),
        "recipient": Mailbox("ann@example.org"),
    }
    return Envelope(**{**usual, **changes})  # type: ignore[arg-type]


def parsed(octets: bytes) -> EmailMessage:
    read = message_from_bytes(octets, policy=default)
    assert isinstance(read, EmailMessage)
    assert not read.defects
    assert not any(part.defects for part in read.walk())
    return read


def contents(octets: bytes) -> tuple[str, str]:
    """Return text and HTML as the standard library reads them, with plain line ends."""
    text, html = parsed(octets).iter_parts()
    assert isinstance(text, EmailMessage)
    assert isinstance(html, EmailMessage)
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    return _plain_ends(text.get_content()), _plain_ends(html.get_content())


def _plain_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def check_octets(octets: bytes) -> None:
    """What holds of every message: 7-bit, CRLF only, short lines, no trailing spaces."""
    assert octets.isascii()
    assert b"\0" not in octets
    assert octets.count(b"\r\n") == octets.count(b"\n") == octets.count(b"\r")
    assert max(map(len, octets.split(b"\r\n"))) <= 78
    body = octets.partition(b"\r\n\r\n")[2]
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert not re.search(rb"[ \t]\r\n", body)


def test_the_whole_message() -> None:
    envelope = head(
        sender=Mailbox("hello@example.com", "Example Shop, Inc."),
        recipient=Mailbox("ann@example.org", "王小明"),
        reply_to=Mailbox("help@example.com"),
        unsubscribe_url=UNSUBSCRIBE,
        unsubscribe_mailto="mailto:leave@example.com?subject=u",
        extra=(("Feedback-ID", "winback:offer:example"), ("X-Habitue-Playbook", "winback")),
    )
    octets = build(rendered_of("<p>Dear {{ name }}</p>", subject="Hi {{ name }}", name="Zoë"), envelope)
    check_octets(octets)
    message = parsed(octets)
    assert dict(message.items()) == {
        "Date": "Fri, 31 Jan 1997 08:00:00 +0000",
        "Message-ID": envelope.message_id,
        "From": '"Example Shop, Inc." <hello@example.com>',
        "To": "王小明 <ann@example.org>",
        "Subject": "Hi Zoë",
        "Reply-To": "help@example.com",
        "List-Unsubscribe": f"<{UNSUBSCRIBE}>, <mailto:leave@example.com?subject=u>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Feedback-ID": "winback:offer:example",
        "X-Habitue-Playbook": "winback",
        "MIME-Version": "1.0",
        "Content-Type": message["Content-Type"],
    }
    assert contents(octets) == ("Dear Zoë\n", "<html><head></head><body><p>Dear Zoë</p></body></html>\n")


@pytest.mark.parametrize("number", range(5))
def test_reads_like_the_same_message_from_the_standard_library(number: int) -> None:
    rendered = library().find("winback/offer", "email", "zh-CN").render(context(number))
    ours = build(rendered, envelope(number))
    theirs = floor((rendered.subject, rendered.html, rendered.text), envelope(number))
    check_octets(ours)
    assert contents(ours) == contents(theirs) == (rendered.text, rendered.html)
    kept = [name for name in parsed(theirs) if name != "Content-Type"]
    assert {name: parsed(ours)[name] for name in kept} == {name: parsed(theirs)[name] for name in kept}


@given(TEXTS, TEXTS)
def test_values_come_out_as_they_went_in(first: str, second: str) -> None:
    rendered = VALUES.render(RenderContext({"first": first, "second": second}))
    octets = build(rendered, head())
    check_octets(octets)
    text, html = contents(octets)
    first, second = _plain_ends(first), _plain_ends(second)
    assert text == f"a {first}b{second} c\n.{first}\n{second}\n"
    assert html == _plain_ends(rendered.html)


VALUES = (
    template_of(
        '<p title="{{ first }}">{{ first }} {{ second }}</p>\n.{{ second }}',
        "a {{ first }}b{{ second }} c\n.{{ first }}\n{{ second }}",
    )
    .find("a", "email")
)  # fmt: skip


@given(TEXTS)
def test_quoted_printable_is_read_back(text: str) -> None:
    for encoded in (encode_text(text), encode_value(text), encode_static(text, value_follows=True)):
        lines = encoded.split(b"\r\n")
        assert max(map(len, lines)) <= 76
        assert encoded.isascii()
        assert quopri.decodestring(encoded).replace(b"\r\n", b"\n").decode() == _plain_ends(text)
    assert len(encode_text(text).split(b"\r\n")[-1]) <= 75
    assert encode_value(text)[-3:] in (b"", b"=\r\n")


@pytest.mark.parametrize("length", range(60, 90))
@pytest.mark.parametrize("last", ["x", "=", " ", "é", "."])
def test_long_lines_leave_room_for_their_break(length: int, last: str) -> None:
    text = "y" * length + last
    encoded = encode_value(text)
    assert max(map(len, encoded.split(b"\r\n"))) <= 76
    assert quopri.decodestring(encoded).decode() == text


@given(LINES)
def test_subjects_come_out_as_they_went_in(subject: str) -> None:
    octets = build(rendered_of(subject="x{{ s }}x", s=subject), head())
    check_octets(octets)
    assert parsed(octets)["Subject"] == "x" + re.sub(r"[\x00-\x20]+", " ", subject) + "x"


@pytest.mark.parametrize(
    "subject",
    ["Plain", "word " * 40 + "end", "x" * 300, "=?utf-8?b?SGk=?=", "优惠" * 60, "a" * 69, "a" * 70, "é" * 19 + "😀"],
)
def test_chosen_subjects(subject: str) -> None:
    octets = build(rendered_of(subject="{{ s }}", s=subject), head())
    assert parsed(octets)["Subject"] == subject
    header = octets.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert all(len(line) <= 78 or line == b"Subject: " + subject.encode() for line in header)


@given(LINES.filter(lambda name: name.strip()))
def test_names_come_out_as_they_went_in(name: str) -> None:
    octets = build(rendered_of(), head(sender=Mailbox("hello@example.com", name)))
    check_octets(octets)
    assert _name_in(octets) == re.sub(r" +", " ", name).strip()


def _name_in(octets: bytes) -> str:
    """Return the sender's name; encoded words by ``decode_header``, since newer readers put spaces between them."""
    header = message_from_bytes(octets)["From"]
    if "=?" not in header:
        return str(parsed(octets)["From"].addresses[0].display_name)
    text = "".join(
        chunk.decode(charset or "ascii") if isinstance(chunk, bytes) else chunk
        for chunk, charset in decode_header(header)
    )
    name, _, address = text.rpartition("<")
    assert address == "hello@example.com>"
    return name.removesuffix(" ")


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.org\r\nBcc: eve@example.com",
        "ann@example.org\n",
        "ann\0@example.org",
        "ann@example.org, eve@example.com",
        "<ann@example.org>",
        "ann eve@example.org",
        "ann@@example.org",
        "ann\u2028@example.org",
        "ann",
        "",
        "a" * 400 + "@example.org",
        "\ud800@example.org",
    ],
)
def test_an_address_with_more_in_it_is_refused(address: str) -> None:
    with pytest.raises(RenderError) as caught:
        build(rendered_of(), head(recipient=Mailbox(address)))
    assert caught.value.reason == "address_invalid"
    assert "ann" not in str(caught.value)
    for place in ("sender", "reply_to"):
        with pytest.raises(BrandError):
            build(rendered_of(), head(**{place: Mailbox(address)}))


@pytest.mark.parametrize("poison", ["\r\nBcc: eve@example.com", "\nX: y", "\rX: y", "\0", "\u2028X: y", "\x85X: y"])
def test_nothing_is_smuggled_into_a_header(poison: str) -> None:
    usual = set(parsed(build(rendered_of(), head()))) - {"Content-Type"}
    rendered = rendered_of(subject="Hi {{ s }}", s=f"Ann{poison}")
    octets = build(rendered, head(recipient=Mailbox("ann@example.org", f"Ann{poison}")))
    assert set(parsed(octets)) - {"Content-Type"} == usual
    assert "Ann" in parsed(octets)["Subject"]
    for broken in (
        head(extra=(("X-Tag", f"a{poison}"),)),
        head(extra=((f"X-Tag{poison}", "a"),)),
        head(message_id=f"<a{poison}@example.com>"),
    ):
        with pytest.raises(RenderError) as caught:
            build(rendered, broken)
        assert caught.value.reason == "header_invalid"
    with pytest.raises(BrandError):
        build(rendered, head(unsubscribe_url=f"https://example.com/{poison}"))


def test_international_addresses() -> None:
    assert mailbox("ann@bücher.example", "") == b"ann@xn--bcher-kva.example"
    assert mailbox("ann@straße.example", "") == b"ann@xn--strae-oqa.example", "IDNA 2008 has an ß"
    assert mailbox("用户@example.org", "U") == "U <用户@example.org>".encode()


def test_the_same_action_makes_the_same_octets() -> None:
    first, second = (build(rendered_of("<p>{{ n }}</p>", n="é"), head()) for _ in range(2))
    assert first == second
    assert message_id("k1", "example.com") == message_id("k1", "example.com") != message_id("k2", "example.com")
    assert build(rendered_of("<p>{{ n }}</p>", n="é"), head(key="k2")) != first


def test_a_value_cannot_close_the_part() -> None:
    boundary = parsed(build(rendered_of(), head())).get_boundary()
    assert boundary is not None
    rendered = rendered_of("<p>{{ v }}</p>", "{{ v }}", v=f"x\r\n--{boundary}--\r\ny")
    octets = build(rendered, head())
    assert octets.count(b"\r\n--" + boundary.encode()) == 3
    assert contents(octets)[0] == f"x\n--{boundary}--\ny\n"


def test_only_email_makes_mime() -> None:
    sms = (
        TemplateLibrary({"a.sms.j2": "{% block body %}x{% endblock %}"}, blocks_of(CHANNELS))
        .find("a", "sms")
        .render(RenderContext())
    )
    with pytest.raises(RenderError, match="only a template of the email channel"):
        build(sms, head())


def test_lone_surrogates_do_not_stop_a_message() -> None:
    octets = build(rendered_of("<p>{{ v }}</p>", subject="{{ v }}", v="a\ud800b"), head())
    assert "a?b" in contents(octets)[0]


def test_long_plain_subjects_fold_at_spaces() -> None:
    folded = unstructured("word " * 30 + "end")
    assert b"=?" not in folded
    assert max(map(len, folded.split(b"\r\n"))) <= 70
