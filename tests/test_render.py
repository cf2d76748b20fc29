"""Templates: found by locale and rendered, every value safe in its place."""

import contextlib
import html as entities
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal

import pytest
from babel import Locale
from babel.localedata import locale_identifiers
from babel.numbers import format_currency, get_currency_precision
from hypothesis import given
from hypothesis import strategies as st

from engine.channels import CHANNELS
from engine.channels.base import blocks_of
from engine.clock import DAY
from engine.errors import RenderError
from engine.messages.locales import Formats, best_match
from engine.messages.render import RenderContext
from engine.messages.templates import TemplateLibrary
from engine.money import AmountStyle
from tests.rendering import UNSUBSCRIBE, body, email, render, words

# --- finding ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "available", "found"),
    [
        *((wanted, ["en", "zh-CN", "zh-TW"], "zh-CN") for wanted in ("zh", "zh-Hans", "zh-SG", "zh_CN", "ZH-hans-my")),
        *((wanted, ["zh-CN", "zh-HK"], "zh-HK") for wanted in ("zh-Hant", "zh-TW", "zh-HK", "zh-MO", "zh-Hant-CN")),
        *((wanted, ["zh-CN", "zh-TW"], "zh-TW") for wanted in ("zh-Hant", "zh-TW", "zh-HK")),
        *((wanted, ["zh-CN", "zh-Hant"], "zh-Hant") for wanted in ("zh-Hant", "zh-TW", "zh-HK")),
        ("zh-TW", ["en", "zh-CN"], None),
        ("zh-TW", ["zh", "zh-CN"], "zh"),
        ("de-AT", ["de", "de-CH"], "de"),
        ("de-AT", ["en", "de-CH"], "de-CH"),
        ("pt-BR", ["pt", "pt-PT"], "pt"),
        ("pt-BR", ["pt-PT"], "pt-PT"),
        ("pt", ["pt-BR", "pt-PT"], "pt-BR"),
        ("pt-AO", ["pt-BR", "pt-PT"], "pt-PT"),
        ("es-MX", ["es-ES", "es-419"], "es-419"),
        ("en-AU", ["en-GB", "en-US"], "en-GB"),
        ("iw", ["he"], "he"),
        ("sr-Latn", ["sr-Cyrl", "en"], None),
        ("qqq", ["en", "qqq"], "qqq"),
        ("fr", ["de", "en"], None),
        ("", ["en"], None),
    ],
)
def test_languages_match_by_script_and_region(wanted: str, available: list[str], found: str | None) -> None:
    assert best_match(wanted, available) == found
    assert best_match(wanted, [*reversed(available)]) == found


@pytest.mark.parametrize(
    ("files", "locale", "found"),
    [
        (["a.email.zh-CN.j2", "a.email.zh.j2", "a.email.j2"], "zh-Hans-CN", "a.email.zh-CN.j2"),
        (["a.email.zh-CN.j2", "a.email.zh.j2", "a.email.j2"], "zh-Hant-CN", "a.email.zh.j2"),
        (["a.email.zh-TW.j2", "a.email.j2"], "zh-HK", "a.email.zh-TW.j2"),
        (["a.email.zh-CN.j2", "a.email.j2"], "zh-HK", "a.email.j2"),
        (["a.email.zh.j2", "a.email.j2"], "zh-CN", "a.email.zh.j2"),
        (["a.email.zh.j2", "a.email.j2"], "fr", "a.email.j2"),
        (["a.email.zh.j2", "a.email.en.j2"], "fr-FR", "a.email.en.j2"),
        (["a.email.zh.j2", "a.email.en.j2"], "", "a.email.en.j2"),
    ],
)
def test_finds_the_closest_file(files: list[str], locale: str, found: str) -> None:
    library = TemplateLibrary(dict.fromkeys(files, email("x")), blocks_of(CHANNELS), "en-GB")
    assert library.find("a", "email", locale).path == found


def test_a_missing_template_names_the_closest() -> None:
    library = TemplateLibrary({"winback/offer.email.j2": email("x")}, blocks_of(CHANNELS))
    with pytest.raises(RenderError, match="did you mean `winback/offer`") as caught:
        library.find("winback/ofer", "email")
    assert caught.value.reason == "template_missing"


def test_a_broken_template_is_refused_with_its_line() -> None:
    library = TemplateLibrary({"a.email.j2": "{% block subject %}x{% endblock %}\n{{ x | mony }}"}, blocks_of(CHANNELS))
    with pytest.raises(RenderError, match=r"a.email.j2:2: unknown filter `mony`; did you mean `money`"):
        library.find("a", "email")


# --- parts -----------------------------------------------------------------------------------------------------------


def test_a_page_from_layout_macros_and_blocks() -> None:
    source = """{% extends "layouts/base.email.j2" %}
{% set shop = "https://example.com/shop" %}
{% macro button(address, label) %}<a href="{{ address }}?u={{ user.key }}">{{ label }}{{ caller() }}</a>{% endmacro %}
{% block subject %}For {{ user.name }} & co{% endblock %}
{% block preheader %}Psst{% endblock %}
{% block html %}<h1>Dear {{ user.name }}</h1>
{% call button(shop, "Go <now>") %} ({{ user.key }}){% endcall %}
<ul>{% for item in items %}<li>{{ loop.index }}. {{ item.name }}</li>{% else %}none{% endfor %}</ul>{% endblock %}"""
    rendered = render(
        source, user={"name": "Ann <b>", "key": "k&1"}, items=[{"name": "Tea"}], unsubscribe_url=UNSUBSCRIBE
    )
    assert rendered.subject == "For Ann <b> & co"
    assert "<title>For Ann &lt;b&gt; & co</title>" in rendered.html.replace("&amp; co", "& co")
    assert '<a href="https://example.com/shop?u=k%261">Go &lt;now&gt; (k&amp;1)</a>' in rendered.html
    assert '<p style="color: red;">' in rendered.html
    assert "Psst" in rendered.html
    assert rendered.text == (
        "Dear Ann <b>\n\nGo <now> (k&1) <https://example.com/shop?u=k%261>\n\n  - 1. Tea\n\n"
        f"Unsubscribe <{UNSUBSCRIBE}>\n"
    )


def test_super_and_a_value_printed_twice() -> None:
    sources = {
        "layouts/base.email.j2": "<p>{% block html %}[{{ name }}]{% endblock %}</p>",
        "a.email.j2": """{% extends "layouts/base.email.j2" %}{% block subject %}S{% endblock %}
{% macro twice() %}<b>{{ name }}</b>{% endmacro %}
{% block html %}{% set x = twice() %}{{ super() }}{{ x }}{{ x }}{% endblock %}""",
    }
    html = TemplateLibrary(sources, blocks_of(CHANNELS)).find("a", "email").render(RenderContext({"name": "<&>"})).html
    assert "<p>[&lt;&amp;&gt;]<b>&lt;&amp;&gt;</b><b>&lt;&amp;&gt;</b></p>" in html


def test_a_written_text_part_is_taken_as_it_is() -> None:
    rendered = render(email("<p>x</p>", text="  Dear {{ name }},\n\n  bye\n"), name="<Ann & Bob>")
    assert rendered.text == "Dear <Ann & Bob>,\n\n  bye\n"


def test_other_channels_have_plain_parts() -> None:
    sources = {
        "a.sms.j2": "{% block body %}Hi {{ name }}{% endblock %}",
        "a.push.j2": "{% block title %}{{ name }}!{% endblock %}{% block body %}<x>{% endblock %}",
    }
    library = TemplateLibrary(sources, blocks_of(CHANNELS))
    context = RenderContext({"name": "<Ann>"})
    assert library.find("a", "sms").render(context).plain("body") == "Hi <Ann>"
    push = library.find("a", "push").render(context)
    assert (push.plain("title"), push.plain("body"), push.html) == ("<Ann>!", "<x>", "")


def test_a_subject_stays_on_one_line() -> None:
    rendered = render(email("x", "Hi {{ name }}"), name="Ann\r\nBcc: eve@example.com\0\u2028!")
    assert rendered.subject == "Hi Ann Bcc: eve@example.com !"


@pytest.mark.parametrize("subject", ["", "{{ name }}"])
def test_an_empty_subject_is_an_error(subject: str) -> None:
    with pytest.raises(RenderError, match="subject is empty"):
        render(email("x", subject), name=" \n")


def test_users_share_what_is_prepared_and_nothing_else() -> None:
    source = email("{% if vip %}<p>VIP {{ name }}</p>{% else %}<p>{{ name }}</p>{% endif %}", "{{ name }}")
    template = TemplateLibrary({"a.email.j2": source}, blocks_of(CHANNELS)).find("a", "email")
    rendered = [template.render(RenderContext({"name": f"n{n}", "vip": n % 2 == 0})) for n in range(20)]
    assert len({id(each.prepared) for each in rendered}) == 2
    assert [each.subject for each in rendered] == [f"n{n}" for n in range(20)]
    assert all(("VIP" in each.html) == (n % 2 == 0) for n, each in enumerate(rendered))


def test_threads_do_not_mix_users_up() -> None:
    source = email("{% for x in numbers %}<p>{{ name }}-{{ x }}</p>{% endfor %}", "{{ name }}")
    template = TemplateLibrary({"a.email.j2": source}, blocks_of(CHANNELS)).find("a", "email")

    def one(number: int) -> bool:
        rendered = template.render(RenderContext({"name": f"n{number}", "numbers": list(range(number % 40))}))
        expected = [f"n{number}-{x}" for x in range(number % 40)]
        return rendered.subject == f"n{number}" and re.findall(r"<p>(.*?)</p>", rendered.html) == expected

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(one, range(400)))


# --- values in their places ------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@given(TEXTS, TEXTS)
def test_a_value_is_shown_as_it_is_and_never_read_again(first: str, second: str) -> None:
    rendered = VALUES.render(RenderContext({"first": first, "second": second}))
    found = re.search(r'<p title="([^"]*)">([^<]*)</p><p>([^<]*)</p>', rendered.html)
    assert found is not None
    assert [entities.unescape(text) for text in found.groups()] == [first, second, first]
    assert rendered.text == f"{second}|{first}\n"


VALUES = TemplateLibrary(
    {
        "a.email.j2": email(
            '<p title="{{ first }}">{{ second }}</p><p>{{ first }}</p>', "S", text="{{ second }}|{{ first }}"
        )
    },
    blocks_of(CHANNELS),
).find("a", "email")


@pytest.mark.parametrize(
    ("source", "value", "expected"),
    [
        (
            '<a href="{{ v }}">x</a>',
            "https://example.com/ä b?q=<1>&r",
            "https://example.com/%C3%A4%20b?q=%3C1%3E&amp;r",
        ),
        ('<a href="{{ v }}">x</a>', " mailto:ann@example.com ", "mailto:ann@example.com"),
        ('<a href="https://example.com/{{ v }}">x</a>', "a b/ä?", "https://example.com/a%20b/%C3%A4%3F"),
        ('<a href="https://example.com/?q={{ v }}">x</a>', "a&b=c/d#e", "https://example.com/?q=a%26b%3Dc%2Fd%23e"),
        ("<a href=https://example.com/?q={{ v }}>x</a>", "a onclick=b", "https://example.com/?q=a%20onclick%3Db"),
        ('<img src="{{ v }}">', "https://example.com/a'b.png", "https://example.com/a&#x27;b.png"),
    ],
)
def test_links_are_percent_encoded(source: str, value: str, expected: str) -> None:
    assert f'="{expected}"' in body(source, v=value)


@pytest.mark.parametrize("value", ["javascript:alert(1)", "data:text/html,x", "//example.com", "", "JaVaScRiPt:x"])
def test_links_to_code_are_refused(value: str) -> None:
    with pytest.raises(RenderError) as caught:
        body('<a href="{{ v }}">x</a>', v=value)
    assert caught.value.reason == "url_invalid"


def test_styles_take_harmless_values_only() -> None:
    shown = body('<p style="color: {{ v }}">x</p>', v="red;background:url(https://example.com/x)")
    assert 'style="color: redbackgroundurl(httpsexample.comx)' in shown


@pytest.mark.parametrize(
    "source",
    [
        "<b{{ v }}>x</b>",
        "<p {{ v }}=1>x</p>",
        '<p onclick="{{ v }}">x</p>',
        "<script>{{ v }}</script>",
        "<script>fixed()</script>",
        "x &#xE000; {{ v }}",
        "x &#57344 {{ v }}",
    ],
)
def test_places_where_no_value_is_safe(source: str) -> None:
    with pytest.raises(RenderError, match=r"a\.email\.j2: ") as caught:
        body(source, v="p")
    assert caught.value.reason == "template_unsafe"


# --- filters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "expected"),
    [
        (123450, "CNY", "zh-CN", "¥1,234.50"),
        (123450, "USD", "en", "$1,234.50"),
        (-5, "USD", "en", "-$0.05"),
        (123450, "JPY", "ja", "￥123,450"),
        (1234567, "KWD", "en", "KWD\u00a01,234.567"),
        (123450, "EUR", "de-DE", "1.234,50\u00a0€"),
        (123450, "EUR", "fr", "1\u202f234,50\u00a0€"),
        (500, "RWF", "en", "RWF\u00a0500"),
        (123400, "HUF", "hu", "1\u00a0234\u00a0Ft"),
        (123450, "HUF", "hu", "1\u00a0234,50\u00a0Ft"),
        (1234567890, "INR", "en-IN", "₹1,23,45,678.90"),
        (10**20 + 1, "USD", "en", "$1,000,000,000,000,000,000.01"),
    ],
)
def test_money(amount: int, currency: str, locale: str, expected: str) -> None:
    assert Formats().money(amount, currency, locale) == expected


@pytest.mark.parametrize(
    ("source", "values", "expected"),
    [
        ("{{ at | date }}", {"at": 20_454 * DAY + 20 * 3_600_000}, "January 2, 2026"),
        ("{{ '2026-01-31' | date }}", {}, "January 31, 2026"),
        ("{{ '2026-01-31T20:00:00Z' | date }}", {}, "February 1, 2026"),
        ("{{ x | default('friend') | upper }}", {}, "FRIEND"),
        ("{{ x | default('friend') }}", {"x": None}, "friend"),
        ("{{ x | default('friend', true) }}", {"x": ""}, "friend"),
        ("{{ 'ann lee' | title }} {{ ' x ' | trim | length }}", {}, "Ann Lee 1"),
        ("{{ [1, 2, 3] | join('-') }} {{ [1, 2] | first }} {{ [1, 2] | last }}", {}, "1-2-3 1 2"),
        ("{{ 2.5 | round }} {{ 1.005 | round(2) }} {{ 7.9 | int }} {{ -3 | abs }}", {}, "3 1.01 7 3"),
        ("{{ 1234567.891 | number(1) }}", {}, "1,234,567.9"),
        ("{{ 'abcdefgh' | truncate(5) }}", {}, "abcd…"),
        ("{{ 'a-b' | replace('-', '+') }}", {}, "a+b"),
        ("{{ 'a b' | urlencode }}", {}, "a%20b"),
        ("{% for k, v in m | items %}{{ k }}={{ v }};{% endfor %}", {"m": {"a": 1, "b": 2}}, "a=1;b=2;"),
        ("{{ 'x' ~ 1 ~ 'y' }} {{ 1 + 2 }} {{ 7 % 4 }}", {}, "x1y 3 3"),
        ("{{ 'a' if x is defined else 'b' }}", {}, "b"),
        ("{{ '<b>' | e }}", {}, "<b>"),
    ],
)
def test_filters(source: str, values: Mapping[str, object], expected: str) -> None:
    assert words(source, "en-US", "USD", "Asia/Shanghai", **values) == expected


def test_dates_and_numbers_follow_the_language_of_the_text() -> None:
    sources = {"a.email.j2": email("{{ d | date }}"), "a.email.zh.j2": email("{{ d | date }}")}
    library = TemplateLibrary(sources, blocks_of(CHANNELS), "en")
    shown = {
        locale: library.find("a", "email", locale).render(RenderContext({"d": "2026-01-31"}, locale)).text.strip()
        for locale in ("en-US", "en-GB", "fr", "zh-CN")
    }
    assert shown == {
        "en-US": "January 31, 2026",
        "en-GB": "31 January 2026",
        "fr": "January 31, 2026",
        "zh-CN": "2026年1月31日",
    }


def test_long_numbers_stay_exact() -> None:
    assert Formats().number(Decimal("12345678901234567890.10"), "de") == "12.345.678.901.234.567.890,10"


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("fr", "1 mars 2026"),
        ("de-AT", "1. März 2026"),
        ("zh-Hant-HK", "2026年3月1日"),
        ("en-AU", "1 March 2026"),
        ("en-Latn-QQ", "March 1, 2026"),
        ("qqq", "2026-03-01"),
        ("", "2026-03-01"),
    ],
)
def test_dates_are_written_in_the_language_and_in_unknown_ones_by_iso(locale: str, expected: str) -> None:
    assert Formats().date(date(2026, 3, 1), locale) == expected


def test_a_currency_that_is_none_is_said() -> None:
    with pytest.raises(RenderError, match="`DEU` is not a currency"):
        words("{{ 1 | money('DEU') }}")


@pytest.mark.parametrize("number", ["1e999999999", "1e-999999999", "9" * 40])
def test_numbers_beyond_all_bounds_end_at_once(number: str) -> None:
    with contextlib.suppress(RenderError):
        assert len(words("{{ v | number }} {{ v | money }}", v=number)) < 200


@given(
    st.sampled_from(sorted(locale_identifiers())),
    st.sampled_from(["EUR", "USD", "JPY", "KWD", "CHF", "XAF", "INR"]),
    st.integers(-(10**9), 10**9),
)
def test_amounts_are_what_babel_writes(name: str, currency: str, amount: int) -> None:
    """But for apostrophes between groups, which it loses, and letters that it sets against digits."""
    locale = Locale.parse(name)
    digits = get_currency_precision(currency)
    theirs = format_currency(Decimal(amount).scaleb(-digits), currency, locale=locale)
    ours = AmountStyle(currency, locale).write(amount)
    bare = str.maketrans("", "", "'\u00a0")
    assert ours.translate(bare) == theirs.translate(bare)


def test_swiss_millions_keep_their_apostrophes() -> None:
    assert Formats().money(123456789, "CHF", "de-CH") == "CHF\u00a01'234'567.89"
