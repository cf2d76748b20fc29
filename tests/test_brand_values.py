"""The brand's own addresses and links: what can be meant is accepted, anything else is a sentence when they are loaded."""

from pathlib import Path

import pytest

from engine.brand_values import OwnAddress, own_address
from engine.errors import HabitueError
from engine.settings import Brand, load_settings


def load(folder: Path, key: str, value: str) -> Brand:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\0", "\\u0000")
    file = folder / "config.toml"
    file.write_text(f'[brand]\n{key} = "{escaped}"\n', encoding="utf-8")
    return load_settings(file).brand


@pytest.mark.parametrize(
    ("written", "address", "name"),
    [
        ("hello@example.com", "hello@example.com", ""),
        ("Hello@Example.COM", "Hello@example.com", ""),
        ("  hello@example.com ", "hello@example.com", ""),
        ("Hello <hello@example.com>", "hello@example.com", "Hello"),
        ("Hello<hello@example.com> ", "hello@example.com", "Hello"),
        ('"Hello, World" <hello@example.com>', "hello@example.com", "Hello, World"),
        ("<hello@example.com>", "hello@example.com", ""),
        ("Füße GmbH <hello@example.com>", "hello@example.com", "Füße GmbH"),
        ("mailto:hello@example.com", "hello@example.com", ""),
        ("hello@example.com.", "hello@example.com", ""),
        ("hello@münchen.de", "hello@xn--mnchen-3ya.de", ""),
        ("hello@straße.de", "hello@xn--strae-oqa.de", ""),
        ("hello@xn--mnchen-3ya.de", "hello@xn--mnchen-3ya.de", ""),
        ("Hello <hello@MÜNCHEN.de>", "hello@xn--mnchen-3ya.de", "Hello"),
        ("hello@localhost", "hello@localhost", ""),
        ("hello@shop.test", "hello@shop.test", ""),
    ],
)
def test_an_address_that_can_be_meant(tmp_path: Path, written: str, address: str, name: str) -> None:
    for key in ("sender", "reply_to"):
        read = getattr(load(tmp_path, key, written), key)
        assert own_address(read) == OwnAddress(address, name)
        assert getattr(load(tmp_path, key, read), key) == read


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("@@", "`@@` is not an email address"),
        ("hello", "`hello` is not an email address: An email address must have an @-sign."),
        ("hello@", "is not an email address"),
        ("@example.com", "is not an email address"),
        ("hello@example", "It should have a period."),
        ("hello@example..com", "cannot have two periods in a row"),
        ("hello@-example.com", "cannot have a hyphen immediately after the @-sign"),
        ("hello@exam_ple.com", "contains invalid characters: '_'"),
        ("hello@ example.com", "contains invalid characters: SPACE"),
        ("hello@[192.0.2.1]", "A bracketed IP address"),
        ("hello@" + "a" * 64 + ".com", "too many"),
        ("héllo@example.com", "Internationalized characters before the @-sign are not supported"),
        ("Hello hello@example.com", "is not an email address"),
        ("Hello <>", "is not an email address"),
        ("a@example.com, b@example.com", "it has several addresses: write one"),
        ("Hello\nBcc: x@example.com", "it has a line break or control character"),
    ],
)
def test_an_address_that_cannot_be_meant(tmp_path: Path, written: str, said: str) -> None:
    for key in ("sender", "reply_to"):
        with pytest.raises(HabitueError) as caught:
            load(tmp_path, key, written)
        assert str(caught.value).startswith(f"{tmp_path / 'config.toml'}: `brand.{key}`: ")
        assert said in str(caught.value)


def test_a_sender_is_needed_and_an_address_for_replies_is_not(tmp_path: Path) -> None:
    for blank in ("", "  "):
        with pytest.raises(HabitueError, match=r"`brand.sender`: it is empty: write an address such as"):
            load(tmp_path, "sender", blank)
        assert load(tmp_path, "reply_to", blank).reply_to is None


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("https://example.com", "https://example.com"),
        ("https://example.com/", "https://example.com"),
        ("example.com", "https://example.com"),
        (" www.example.com/shop/ ", "https://www.example.com/shop"),
        ("//example.com", "https://example.com"),
        ("HTTPS://Example.COM/Shop", "https://example.com/Shop"),
        ("example.com:8443", "https://example.com:8443"),
        ("localhost:8443", "https://localhost:8443"),
        ("https://example.com./x", "https://example.com/x"),
        ("https://münchen.de/über uns", "https://xn--mnchen-3ya.de/%C3%BCber%20uns"),
        ("https://straße.de", "https://xn--strae-oqa.de"),
    ],
)
def test_a_website_that_can_be_meant(tmp_path: Path, written: str, url: str) -> None:
    assert load(tmp_path, "website", written).website == url
    assert load(tmp_path, "website", url).website == url


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "it is empty: write a web address such as https://example.com"),
        ("http://example.com", "links in messages have to begin with https://"),
        ("ftp://example.com", "links in messages have to begin with https://"),
        ("https:/example.com", "links in messages have to begin with https://"),
        ("mailto:care@example.com", "links in messages have to begin with https://"),
        ("javascript:alert(1)", "links in messages have to begin with https://"),
        ("https://", "it has no host"),
        ("https://shop", "the host `shop` has no dot"),
        ("our shop", "there is no host `our shop`"),
        ("https://exam_ple.com", "there is no host `exam_ple.com`"),
        ("https://example..com", "there is no host `example..com`"),
        ("https://-example.com", "there is no host `-example.com`"),
        ("https://example.com:port", "it is not a web address"),
        ("https://user:secret@example.com", "it contains a user name"),
        ("https://example.com/\nX", "it has a line break or control character"),
    ],
)
def test_a_website_that_cannot_be_meant(tmp_path: Path, written: str, said: str) -> None:
    for key in ("website", "unsubscribe_url"):
        with pytest.raises(HabitueError) as caught:
            load(tmp_path, key, written)
        assert f"`brand.{key}`: " in str(caught.value)
        if key == "website" or not written.startswith("mailto:"):
            assert said in str(caught.value)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("example.com/u", "https://example.com/u"),
        ("https://example.com/u/", "https://example.com/u/"),
        ("https://example.com/u?shop=1&lang=de", "https://example.com/u?shop=1&lang=de"),
        ("https://bücher.example/ab melden?für=ann", "https://xn--bcher-kva.example/ab%20melden?f%C3%BCr=ann"),
    ],
)
def test_an_unsubscribe_page_that_can_be_meant(tmp_path: Path, written: str, url: str) -> None:
    assert load(tmp_path, "unsubscribe_url", written).unsubscribe_url == url


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("mailto:u@example.com", "one-click unsubscribing needs a page, not an email address (RFC 8058)"),
        ("https://example.com/u#top", "what follows a # does not reach the page: remove it"),
        ("https://example.com/" + "u" * 500, "it has more than 500 characters"),
    ],
)
def test_an_unsubscribe_page_that_cannot_be_meant(tmp_path: Path, written: str, said: str) -> None:
    with pytest.raises(HabitueError) as caught:
        load(tmp_path, "unsubscribe_url", written)
    assert said in str(caught.value)


def test_names_and_postal_addresses(tmp_path: Path) -> None:
    assert load(tmp_path, "name", " Maison \n Habitué ").name == "Maison Habitué"
    assert load(tmp_path, "postal_address", " 1 High Street\nLondon \n").postal_address == "1 High Street\nLondon"
    with pytest.raises(HabitueError, match=r"`brand.name`: it is empty"):
        load(tmp_path, "name", " ")
    with pytest.raises(HabitueError, match=r"`brand.postal_address`: it has a control character"):
        load(tmp_path, "postal_address", "1 High Street\0")
