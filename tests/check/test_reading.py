"""The values that a message is reported to read are those that rendering reads."""

import pytest

from engine.channels import CHANNELS
from engine.channels.base import blocks_of
from engine.errors import RenderError
from engine.messages.render import RenderContext
from engine.messages.templates import TemplateLibrary

LAYOUT = """<p>{% block greeting %}{{ user.key }}{% endblock %}</p>
{% block content %}{% endblock %}
{% block foot %}<a href="{{ unsubscribe_url }}">x</a>{% endblock %}
"""
SUBJECT = "{% block subject %}s{% endblock %}"


def library(message: str, **others: str) -> TemplateLibrary:
    files = {f"layouts/{name}.email.j2": text for name, text in {"base": LAYOUT, **others}.items()}
    return TemplateLibrary({"m.email.j2": message, **files}, blocks_of(CHANNELS))


def reads(message: str, **others: str) -> dict[str, bool]:
    """Variable -> whether it is guarded everywhere."""
    found: dict[str, bool] = {}
    for variable in library(message, **others).reading("m.email.j2").variables:
        found[variable.name] = variable.guarded and found.get(variable.name, True)
    return found


def page(inner: str) -> str:
    return f"{SUBJECT}{{% block html %}}{inner}{{% endblock %}}"


def test_layouts_are_read_as_far_as_they_are_not_replaced() -> None:
    message = (
        f'{{% extends "layouts/base.email.j2" %}}{SUBJECT}{{% block content %}}{{{{ facts.city }}}}{{% endblock %}}'
    )
    assert reads(message).keys() == {"user.key", "facts.city", "unsubscribe_url"}
    assert reads(message + "{% block foot %}bye{% endblock %}").keys() == {"user.key", "facts.city"}


def test_super_reads_what_was_replaced() -> None:
    message = f'{{% extends "layouts/base.email.j2" %}}{SUBJECT}{{% block foot %}}{{{{ super() }}}}{{% endblock %}}'
    assert "unsubscribe_url" in reads(message)


def test_subject_and_text_are_read_too() -> None:
    message = "{% block subject %}{{ facts.a }}{% endblock %}{% block text %}{{ facts.b }}{% endblock %}"
    assert reads(message + "{% block html %}{{ facts.c }}{% endblock %}").keys() == {"facts.a", "facts.b", "facts.c"}


def test_what_is_included_and_imported_is_read() -> None:
    message = page('{% include "layouts/part.email.j2" %}')
    assert reads(message, part="{{ brand.name }}").keys() == {"brand.name"}
    message = page('{% from "layouts/part.email.j2" import sign %}{{ sign(facts.city) }}')
    assert reads(message, part="{% macro sign(city) %}{{ city }}, {{ brand.name }}{% endmacro %}").keys() == {
        "brand.name",
        "facts.city",
    }


@pytest.mark.parametrize(
    "inner",
    [
        "{% if coupon %}{{ coupon.code }}{% endif %}",
        "{% if coupon is defined %}{{ coupon.code }}{% endif %}",
        "{% if coupon is not none %}{{ coupon.code }}{% endif %}",
        "{% if not coupon %}none{% else %}{{ coupon.code }}{% endif %}",
        "{% if coupon is none or not coupon %}none{% elif coupon.worth %}{{ coupon.code }}{% endif %}",
        "{% if facts.city and coupon %}{{ coupon.code }}{% endif %}",
        "{% if coupon and coupon.code %}{{ coupon.code }}{% endif %}",
        "{{ coupon.code if coupon else 'none' }}",
        "{{ 'none' if not coupon else coupon.code }}",
        "{{ coupon.code | default('none') }}",
    ],
)
def test_guards(inner: str) -> None:
    assert reads(page(inner))["coupon.code"]


@pytest.mark.parametrize(
    "inner",
    [
        "{{ coupon.code }}",
        "{% if facts.city %}{{ coupon.code }}{% endif %}",
        "{% if coupon or facts.city %}{{ coupon.code }}{% endif %}",
        "{% if coupon %}yes{% else %}{{ coupon.code }}{% endif %}",
        "{% if coupon %}{{ coupon.code }}{% endif %}{{ coupon.code }}",
        "{% if coupon.code %}yes{% endif %}",
    ],
)
def test_what_guards_nothing(inner: str) -> None:
    assert not reads(page(inner))["coupon.code"]
    context = RenderContext({"facts": {"city": "x"}, "coupon": None})
    with pytest.raises(RenderError):
        library(page(inner)).find("m", "email").render(context)


def test_a_missing_layout_makes_the_reading_partial() -> None:
    assert not library('{% extends "layouts/none.email.j2" %}').reading("m.email.j2").whole
    assert library(page("x")).reading("m.email.j2").whole


def test_a_block_that_stands_in_itself() -> None:
    nested = "{% block outer %}{% block inner %}{% endblock %}{% endblock %}"
    inner = "{% block inner %}{% block outer %}{{ super() }}{% endblock %}{% endblock %}"
    made = library(f'{{% extends "layouts/nested.email.j2" %}}{SUBJECT}\n{inner}', nested=nested)
    assert made.reading("m.email.j2").circles == (("m.email.j2", 2, "outer"),)
    with pytest.raises(RenderError):
        made.find("m", "email").render(RenderContext())
    fine = "{% block inner %}{{ super() }}{% endblock %}"
    made = library(f'{{% extends "layouts/nested.email.j2" %}}{SUBJECT}\n{fine}', nested=nested)
    assert made.reading("m.email.j2").circles == ()
