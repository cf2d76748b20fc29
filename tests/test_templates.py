"""Templates: their limits, and the analysis of mistakes and variables."""

import pytest

from engine.channels import CHANNELS
from engine.channels.base import blocks_of
from engine.errors import RenderError
from engine.messages.templates import TemplateLibrary
from tests.rendering import LAYOUT, email, render

# --- mistakes and limits ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("\n\n{{ user.naem }}", "a.email.j2:3: there is no `naem` here"),
        ("\n{{ nobody }}", "a.email.j2:2: 'nobody' is undefined"),
        ("{{ nobody | upper }}", "'nobody' is undefined"),
        ("{{ nobody.x }}", "'nobody' is undefined"),
        ("{{ user.nothing }}", "a value that this user does not have"),
        ("{{ user.nothing | upper }}", "a value that this user does not have"),
        ("{{ user }}", "prints a dict"),
        ("{{ true }}", "prints a bool"),
        ("{{ user.name | money }}", "takes a number"),
        ("{{ 1.5 | money }}", "minor units"),
        ("{{ user.name | date }}", "takes an instant or a date"),
        ("{{ 1 / 0 }}", r"an expression failed \(ZeroDivisionError\)"),
        ("{{ [1, 2] | join(user) }}", "prints a dict"),
        ("{{ user.name % 5 }}", "`%` takes two numbers"),
        ("{{ 'a' * 5 }}", r"`\*` takes two numbers"),
    ],
)
def test_mistakes_name_their_line_and_no_value(source: str, said: str) -> None:
    with pytest.raises(RenderError, match=said) as caught:
        render(email(source), user={"name": "Ann", "nothing": None})
    assert "Ann" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ user.__class__ }}",
        "{{ user['__class__'] }}",
        "{{ ''['format'] }}",
        "{{ 'x'.format(1) }}",
        "{{ user.keys() }}",
        "{{ user.get('name') }}",
        "{{ self.__init__.__globals__ }}",
        "{{ range.__class__ }}",
        "{{ lipsum() }}",
        "{{ cycler('a') }}",
        "{{ namespace(a=1) }}",
        "{% macro m() %}{% endmacro %}{{ m.__globals__ }}",
        "{% for x in [1] %}{{ loop.__init__ }}{% endfor %}",
    ],
)
def test_reaches_nothing_but_its_values(source: str) -> None:
    with pytest.raises(RenderError):
        render(email(source), user={"name": "Ann"})


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{% for x in range(20000) %}x{% endfor %}", "longer than 10,000"),
        ("{% for x in range(9000) %}x{% endfor %}{% for x in range(9000) %}x{% endfor %}", "loops more than 10,000"),
        ("{% for x in range(200) %}{% for y in range(200) %}x{% endfor %}{% endfor %}", "loops more than 10,000"),
        ("{% for x in range(9000) %}" + "x" * 200 + "{% endfor %}", "renders more than 1,000,000"),
        ("{% for x in range(7000) %}{{ x }}{% endfor %}", "prints more than 6000 values"),
        ("{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(30) }}", "more than 2,000"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", r"RecursionError|more than 2,000"),
        ("{{ name ~ name | replace('x', 'y' * 1) }}", "takes two numbers"),
        ("{{ long ~ long }}", "a text of more than 100,000"),
        ("{{ long + long }}", "a text of more than 100,000"),
        ("{{ long | replace('x', 'yyyyyyyyyy') }}", "too long"),
        ("{{ [long, long] | join(long) }}", "a text of more than 100,000"),
        ("{{ big * big * big * big }}", "more than 256 bits"),
        ("{{ long }}" * 15, "values have more than 1,000,000"),
    ],
)
def test_grows_within_bounds(source: str, said: str) -> None:
    with pytest.raises(RenderError, match=said):
        render(email(source), name="x" * 1000, long="x" * 90_000, big=2**80)


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("\n{% filter upper %}x{% endfilter %}", 2, "`{% filter %}` is not available"),
        ("\n\n{% set x %}a{% endset %}", 3, "`{% set x %}…{% endset %}` is not available"),
        ("{% for x in a recursive %}{{ loop(x) }}{% endfor %}", 1, "recursive loops"),
        ("{{ 2 ** 3 }}", 1, "`**` is not available"),
        ("{% include name %}", 1, "must be a literal"),
        ("{% include 'nothing.email.j2' %}", 1, "no file `nothing.email.j2`"),
        ("{% include 'a.email.j2' %}", 0, "extends or includes itself"),
        ("{% do x() %}", 1, "unknown tag 'do'"),
        ("{% if x %}", 1, "Unexpected end of template"),
        ("{{ x is nonsense }}", 1, "unknown test `nonsense`"),
        ("{{ x | safe }}", 1, "unknown filter `safe`"),
        ("{% if x %}{{ x | mony }}{% endif %}", 1, "did you mean `money`?"),
        ("a\ue123b", 1, "private-use character"),
        ("{% block sujet %}{% endblock %}", 1, "did you mean `subject`?"),
        ("{% if x %}{% extends 'layouts/base.email.j2' %}{% endif %}", 1, "must not be inside another block"),
    ],
)
def test_check_reports(source: str, line: int, said: str) -> None:
    parts = "{% block subject %}S{% endblock %}{% block html %}{% endblock %}"
    library = TemplateLibrary({"a.email.j2": source + parts, "layouts/base.email.j2": LAYOUT}, blocks_of(CHANNELS))
    found = [problem for problem in library.check() if said in problem.message]
    assert [(problem.path, problem.line) for problem in found] == [("a.email.j2", line)]


def test_check_reports_everything_at_once() -> None:
    sources = {
        "a.email.j2": "{% block subject %}{% endblock %}",
        "b.email.j2": "{{ x | mony }}\n{% filter upper %}{% endfilter %}",
        "c.push.j2": "{% block body %}{% endblock %}",
        "noname.j2": "x",
        "layouts/base.email.j2": "{% include 'layouts/nav.email.j2' %}",
    }
    assert [str(problem) for problem in TemplateLibrary(sources, blocks_of(CHANNELS)).check()] == [
        "a.email.j2: the block `html` is missing",
        "b.email.j2: the block `html` is missing",
        "b.email.j2: the block `subject` is missing",
        "b.email.j2:1: unknown filter `mony`; did you mean `money`?",
        "b.email.j2:2: `{% filter %}` is not available; apply the filter to the value: `{{ value | filter }}`",
        "c.push.j2: the block `title` is missing",
        "layouts/base.email.j2:1: no file `layouts/nav.email.j2`; did you mean `layouts/base.email.j2`?",
        "noname.j2: name it NAME.CHANNEL.j2 or NAME.CHANNEL.LOCALE.j2",
    ]


def test_check_is_content_with_good_files() -> None:
    child = """{% extends "layouts/base.email.j2" %}{% block subject %}S{% endblock %}{% block html %}{% endblock %}"""
    assert TemplateLibrary({"a.email.j2": child, "layouts/base.email.j2": LAYOUT}, blocks_of(CHANNELS)).check() == []


def test_lists_the_variables_of_a_template_and_of_what_it_uses() -> None:
    sources = {
        "layouts/base.email.j2": "{{ brand.name }}\n{% block html %}{% endblock %}",
        "_bits.email.j2": "{% macro price(item) %}{{ item.price }}{{ brand.currency }}{% endmacro %}",
        "a.email.j2": """{% extends "layouts/base.email.j2" %}{% from "_bits.email.j2" import price %}
{% set greeting = user.greeting %}
{% block subject %}{{ greeting }} {{ user.nick | default(user.name) }}{% endblock %}
{% block html %}{% for item in event.lines %}{{ price(item) }}{{ item.name }}{% endfor %}
{% if facts['x'] is defined %}{{ unsubscribe_url }}{% endif %}{% endblock %}""",
        "a.email.zh.j2": "{{ user.surname }}",
    }
    found = TemplateLibrary(sources, blocks_of(CHANNELS)).variables("a", "email")
    assert [(each.path, each.line, each.name, each.guarded) for each in found] == [
        ("_bits.email.j2", 1, "brand.currency", False),
        ("a.email.j2", 2, "user.greeting", False),
        ("a.email.j2", 3, "user.name", False),
        ("a.email.j2", 3, "user.nick", True),
        ("a.email.j2", 4, "event.lines", False),
        ("a.email.j2", 5, "facts.x", True),
        ("a.email.j2", 5, "unsubscribe_url", False),
        ("a.email.zh.j2", 1, "user.surname", False),
        ("layouts/base.email.j2", 1, "brand.name", False),
    ]
