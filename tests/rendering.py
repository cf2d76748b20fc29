"""Short ways to render a piece of a template."""

import re

from engine.channels import CHANNELS
from engine.channels.base import blocks_of
from engine.messages.render import RenderContext, Rendered
from engine.messages.templates import TemplateLibrary

LAYOUT = """<html><head><title>{% block subject %}{% endblock %}</title><style>p{color:red}</style></head><body>
<div style="display: none">{% block preheader %}{% endblock %}</div>
{% block html %}{% endblock %}
<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>"""
UNSUBSCRIBE = "https://example.com/u?t=1&x=2"


def email(html: str, subject: str = "Hi", text: str = "") -> str:
    written = f"{{% block text %}}{text}{{% endblock %}}" if text else ""
    return f"{{% block subject %}}{subject}{{% endblock %}}{{% block html %}}{html}{{% endblock %}}{written}"


def render_with(source: str, context: RenderContext) -> Rendered:
    library = TemplateLibrary({"a.email.j2": source, "layouts/base.email.j2": LAYOUT}, blocks_of(CHANNELS))
    return library.find("a", "email").render(context)


def render(source: str, **values: object) -> Rendered:
    return render_with(source, RenderContext(values))


def body(source: str, **values: object) -> str:
    """Return the content of the HTML's body."""
    found = re.search(r"<body>(.*)</body>", render_with(email(source), RenderContext(values)).html, re.DOTALL)
    assert found is not None
    return found[1]


def words(source: str, locale: str = "en", currency: str = "USD", zone: str = "UTC", **values: object) -> str:
    """Return the text part rendered from ``source``."""
    return render_with(email(source), RenderContext(values, locale, currency, zone)).text.strip()
