"""The brand's own addresses and links, as people write them in ``config.toml``.

What can be meant is accepted and put into the form that headers and templates need; anything else is refused when the
settings are loaded, so that no message has to fail for it.
"""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit

from email_validator import EmailNotValidError, validate_email

from adapters.domains import ascii_domain

LONGEST_LINK = 500
"""Maximum number of characters of ``brand.unsubscribe_url``: the token is added, and headers have limits."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROLS_IN_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://|(https?|mailto|tel|ftp|file|data|javascript):", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?").fullmatch
_SAFE = "/%:@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class OwnAddress:
    """An address of the brand, with its domain in ASCII, and the name written before it, if any."""

    address: str
    name: str = ""

    def __str__(self) -> str:
        """Return it as ``own_address`` reads it."""
        return f"{self.name} <{self.address}>" if self.name else self.address


def own_address(text: str) -> OwnAddress:
    """Read ``hello@example.com`` or ``Hello <hello@example.com>``; the domain may be international.

    Raises:
        ValueError: no mail can be sent from this address; the error says why.
    """
    text = text.strip()
    if not text:
        raise ValueError("it is empty: write an address such as hello@example.com")
    if _CONTROLS.search(text):
        raise ValueError("it has a line break or control character: write it on one line")
    named = _NAMED.fullmatch(text)
    name, address = (named["name"].strip(), named["address"]) if named else ("", text)
    address = re.sub("^mailto:", "", address.strip(), flags=re.IGNORECASE).removesuffix(".")
    if "," in address or ";" in address:
        raise ValueError("it has several addresses: write one")
    return OwnAddress(_checked(address), _unquoted(name))


def _unquoted(name: str) -> str:
    quoted = len(name) > 1 and name[0] == name[-1] == '"'
    return name[1:-1].replace('\\"', '"').strip() if quoted else name


def _checked(address: str) -> str:
    local, _, domain = address.rpartition("@")
    if local and domain.lower() == "localhost":
        domain = "localhost.localdomain"  # the library knows no domain without a dot; checked for the part before it
    try:
        checked = validate_email(
            f"{local}@{domain}" if local else address,
            allow_smtputf8=False,
            check_deliverability=False,
            test_environment=True,
            strict=True,
        )
    except EmailNotValidError as error:
        raise ValueError(f"`{address}` is not an email address: {error} Write one such as hello@example.com") from error
    return f"{checked.local_part}@{checked.ascii_domain}".replace("@localhost.localdomain", "@localhost")


def own_name(text: str) -> str:
    """Return the brand's name on one line.

    Raises:
        ValueError: it is empty.
    """
    name = " ".join(_CONTROLS.sub(" ", text).split())
    if not name:
        raise ValueError("it is empty: write the name that customers see as the sender")
    return name


def own_lines(text: str) -> str:
    """Return a text of one or more lines, without blanks around it.

    Raises:
        ValueError: it has control characters other than line breaks.
    """
    text = text.replace("\r\n", "\n").strip()
    if _CONTROLS_IN_LINES.search(text):
        raise ValueError("it has a control character: remove it")
    return text


def own_site(text: str) -> str:
    """Return the address of the brand's website, to which templates add paths: ``example.com`` is a web address too.

    Raises:
        ValueError: it cannot be a link in a message; the error says why.
    """
    return _link(text, "https://example.com").rstrip("/")


def own_unsubscribe_url(text: str) -> str:
    """Return the beginning of unsubscribe links.

    Raises:
        ValueError: one-click unsubscribing (RFC 8058) cannot work with it; the error says why.
    """
    right = "https://example.com/unsubscribe"
    if text.strip().lower().startswith("mailto:"):
        raise ValueError(
            f"one-click unsubscribing needs a page, not an email address (RFC 8058): write one such as {right}"
        )
    url = _link(text, right)
    if "#" in url:
        raise ValueError("what follows a # does not reach the page: remove it")
    if len(url) > LONGEST_LINK:
        raise ValueError(f"it has more than {LONGEST_LINK} characters: write a shorter one")
    return url


def _link(text: str, right: str) -> str:
    text = text.strip()
    if not text:
        raise ValueError(f"it is empty: write a web address such as {right}")
    if _CONTROLS.search(text):
        raise ValueError(f"it has a line break or control character: write one such as {right}")
    if text.startswith("//"):
        text = f"https:{text}"
    elif not _SCHEME.match(text):
        text = f"https://{text}"
    if not text.lower().startswith("https://"):
        raise ValueError(f"links in messages have to begin with https://: write one such as {right}")
    try:
        parts = urlsplit(text)
        host = _host(parts)
    except ValueError as error:
        raise ValueError(f"it is not a web address: {error}; write one such as {right}") from error
    query = f"?{quote(parts.query, safe=f'{_SAFE}?')}" if parts.query else ""
    fragment = f"#{quote(parts.fragment, safe=f'{_SAFE}?')}" if parts.fragment else ""
    return f"https://{host}{quote(parts.path, safe=_SAFE)}{query}{fragment}"


def _host(parts: SplitResult) -> str:
    """Return the host in ASCII, with its port.

    Raises:
        ValueError: there can be no such host.
    """
    if "@" in parts.netloc:
        raise ValueError("it contains a user name")
    host = (parts.hostname or "").removesuffix(".")
    port = f":{parts.port}" if parts.port is not None else ""
    if ":" in host:
        return f"[{host}]{port}"
    if not host:
        raise ValueError("it has no host")
    name = ascii_domain(host)
    labels = name.split(".")
    if not all(_LABEL(label) for label in labels):
        raise ValueError(f"there is no host `{host}`")
    if len(labels) == 1 and name != "localhost":
        raise ValueError(f"the host `{host}` has no dot")
    return f"{name}{port}"
