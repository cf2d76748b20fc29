"""Which addresses can be sent to, and the links that unsubscribe."""

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.base import EmailPayload, Message
from adapters.smtp.wire import Extensions, envelope_commands
from engine.brand_values import own_address
from engine.channels import CHANNELS
from engine.channels.base import by_name, masked
from engine.channels.email import EMAIL
from engine.channels.push import PUSH
from engine.delivery.unsubscribe import Subscription, Unsubscriber
from engine.intake.rows.contact import parse_email
from engine.intake.rows.values import Conventions
from engine.messages.email.headers import wire_address


@pytest.mark.parametrize(
    ("channel", "address", "expected"),
    [
        ("email", "ada@example.com", "ada@example.com"),
        ("email", "Ada.B+c@Example.COM", "Ada.B+c@example.com"),
        ("email", "ada@bücher.example.org", "ada@xn--bcher-kva.example.org"),
        ("email", "ada", None),
        ("email", "ada@", None),
        ("email", "ada@example", None),
        ("email", "ada@-example.com", None),
        ("email", "a..b@example.com", None),
        ("email", ".a@example.com", None),
        ("email", "a b@example.com", None),
        ("email", "ada@example.com\nBcc: x@example.org", None),
        ("email", "ada@example.com\r", None),
        ("email", "ada@exam\0ple.com", None),
        ("email", "ada@example.com\u2028", None),
        ("email", "a@b@example.com", None),
        ("email", "x" * 260 + "@example.com", None),
        ("sms", "+49 (151) 123-456", "+49151123456"),
        ("sms", "0151 123456", None),
        ("push", "token-1", "token-1"),
        ("push", "token\n1", None),
        ("push", "", None),
    ],
)
def test_usable_addresses(channel: str, address: str, expected: str | None) -> None:
    assert by_name(CHANNELS)[channel].usable(address) == expected


addresses = st.builds(
    lambda local, domain: f"{local}@{domain}",
    st.text("ab.+_-!'\"é @", min_size=0, max_size=70),
    st.text("ab.-é_", min_size=0, max_size=12).map(lambda name: f"{name}.com") | st.just("example.com"),
)


@given(addresses)
@example("a@localhost")
@example("a@x.test")
@example("a@" + "b" * 64 + ".com")
def test_the_short_way_takes_what_the_validator_takes(address: str) -> None:
    try:
        checked = validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        assert EMAIL.usable(address) is None
    else:
        assert EMAIL.usable(address) == f"{checked.local_part}@{checked.ascii_domain}"


def test_mail_addresses_are_suppressed_regardless_of_case() -> None:
    assert EMAIL.suppression_form("Ada@example.com") == "ada@example.com"
    assert PUSH.suppression_form("Token") == "Token"


def test_masked_addresses_show_little() -> None:
    assert masked("ada.lovelace@example.com") == "a•••@example.com"
    assert masked("+49151123456") == "•••56"


SUBSCRIPTION = Subscription(17, "email", "marketing", 4711)


def test_a_token_says_what_it_unsubscribes_and_holds_no_address() -> None:
    unsubscriber = Unsubscriber("first", "https://example.com/unsubscribe")
    token = unsubscriber.make_token(SUBSCRIPTION)
    assert unsubscriber.verify(token) == SUBSCRIPTION
    assert unsubscriber.link(SUBSCRIPTION) == f"https://example.com/unsubscribe?t={token}"
    assert (
        Unsubscriber("first", "https://example.com/u?b=1").link(SUBSCRIPTION) == f"https://example.com/u?b=1&t={token}"
    )
    assert token == unsubscriber.make_token(SUBSCRIPTION)


def test_secrets_can_be_replaced_one_by_one() -> None:
    old = Unsubscriber("old").make_token(SUBSCRIPTION)
    assert Unsubscriber("new old").verify(old) == SUBSCRIPTION
    assert Unsubscriber("new").verify(old) is None
    with pytest.raises(ValueError, match="secret"):
        Unsubscriber("  ")


OLD_TOKEN = "MTd8ZW1haWx8bWFya2V0aW5nfDQ3MTE.A0-BqaV6KWB8agT_sMxiPw"
"""Of a mail that Habitué 0.1 sent."""


def test_a_link_in_an_old_mail_works_and_stays_refused_where_it_was_not_ours() -> None:
    for secrets in ("a secret of 2026", "newer a secret of 2026"):
        assert Unsubscriber(secrets).verify(OLD_TOKEN) == SUBSCRIPTION
    assert Unsubscriber("another").verify(OLD_TOKEN) is None
    for changed in (OLD_TOKEN[1:], OLD_TOKEN[:-2], OLD_TOKEN.replace(".", ""), f"A{OLD_TOKEN[1:]}"):
        assert Unsubscriber("a secret of 2026").verify(changed) is None


@given(st.text(max_size=80) | st.text("abcXYZ012-_.", max_size=80))
@example(".")
@example("MTd8ZW1haWx8bWFya2V0aW5nfDQ3MTE.AAAAAAAAAAAAAAAAAAAAAA")
def test_tokens_that_we_did_not_make_are_refused(token: str) -> None:
    assert Unsubscriber("first").verify(token) is None


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_changed_token_is_refused(position: int, change: int) -> None:
    token = Unsubscriber("first").make_token(SUBSCRIPTION)
    position %= len(token)
    changed = token[:position] + chr(ord(token[position]) ^ change) + token[position + 1 :]
    # Base64 has spare bits at the end of the signature, so two spellings can mean the same token.
    assert Unsubscriber("first").verify(changed) in {None, SUBSCRIPTION}
    if position < token.index("."):
        assert Unsubscriber("first").verify(changed) is None


DOMAINS = st.lists(st.from_regex(r"[A-Za-z0-9-]{1,6}", fullmatch=True), min_size=1, max_size=4).map(".".join)
SPECIAL = st.sampled_from(
    ["test", "invalid", "localhost", "local", "onion", "arpa", "example", "example.com", "xn--ls8h.la"]
)


@given(DOMAINS | st.tuples(DOMAINS, SPECIAL).map(".".join) | SPECIAL)
@example("example.com")
@example("EXAMPLE.Org")
@example("a" * 64 + ".com")
@example(".".join(["abcdefgh"] * 30) + ".com")
@example("ab--cd.com")
def test_the_short_way_says_of_a_domain_what_the_library_says(domain: str) -> None:
    try:
        checked = validate_email(f"ann@{domain}", check_deliverability=False)
        expected = f"ann@{checked.ascii_domain}"
    except EmailNotValidError:
        expected = None
    assert EMAIL.usable(f"ann@{domain}") == expected


@pytest.mark.parametrize(
    ("written", "domain"),
    [
        ("ann@straße.de", "xn--strae-oqa.de"),
        ("ann@STRAẞE.de", "xn--strae-oqa.de"),
        ("ann@strasse.de", "strasse.de"),
        ("ann@xn--strae-oqa.de", "xn--strae-oqa.de"),
        ("ann@βόλος.gr", "xn--nxasmm1c.gr"),
        ("ann@MÜNCHEN.de", "xn--mnchen-3ya.de"),
        ("ann@mu\u0308nchen.de", "xn--mnchen-3ya.de"),
        ("ann@例え。jp", "xn--r8jz45g.jp"),
    ],
)
def test_a_domain_is_the_same_one_at_intake_and_in_header_envelope_and_settings(written: str, domain: str) -> None:
    """These differ between the versions of IDNA (2003 turns ß into ss), or have several spellings."""
    stored = parse_email(written, Conventions())
    assert EMAIL.usable(stored) == EMAIL.usable(written) == f"ann@{domain}"
    assert wire_address(stored) == wire_address(f"ann@{domain}") == f"ann@{domain}".encode()
    message = Message("k", "hello@example.com", stored, EmailPayload(b"x"), 0)
    assert envelope_commands(Extensions(), message) == (
        b"MAIL FROM:<hello@example.com>\r\n",
        f"RCPT TO:<ann@{domain}>\r\n".encode(),
    )
    assert own_address(written).address == f"ann@{domain}"
