"""Templates that take for ever, take all memory, or are nested beyond what anything can walk through.

Each is the HTML of an email; what is computed for ever is on its second line.
"""


def nested(opening: str, inside: str, closing: str, times: int) -> str:
    return opening * times + inside + closing * times


def doubled(name: str) -> str:
    """Return tags that make a list of 2 ** 40 ones, from lists within lists."""
    tags = [f"{{% set {name}0 = [1] %}}"]
    tags += [f"{{% set {name}{one} = [{name}{one - 1}, {name}{one - 1}] %}}" for one in range(1, 41)]
    return "".join(tags)


ENDLESS = {
    "nested range joins": "\n{% for i in range(9999) %}{% set b = range(9999)|join('')|length %}{% endfor %}",
    "doubled lists compared": f"\n{doubled('a')}{doubled('b')}{{{{ 'same' if a40 == b40 else 'other' }}}}",
    "chained changes of a long text": "\n{% set t = range(9999)|join('ßßß') %}{% for i in range(999) %}"
    f"{{% set b = t{'|upper|lower|title' * 9} %}}{{% endfor %}}",
}
"""They are not bounded by any count. A line of the page is known, because it is rendering that takes for ever."""
REFUSED = {
    "nested parentheses": "\n{{ " + nested("(", "1", ")", 3_000) + " }}",
    "nested conditions": "\n" + nested("{% if 1 %}", "x", "{% endif %}", 300),
    "nested loops": "\n" + nested("{% for i in [1] %}", "x", "{% endfor %}", 60),
    "nested lists": "\n{{ " + nested("[", "", "]", 300) + " }}",
    "nested blocks": "\n" + "".join(f"{{% block b{n} %}}" for n in range(300)) + "{% endblock %}" * 300,
    "a long number": "\n{{ " + "9" * 5_000 + " }}",
    "a long sum": "\n{{ 1" + "+1" * 2_000 + " }}",
    "many filters": "\n{{ 1" + "|int" * 1_000 + " }}",
    "many signs": "\n{{ " + "-" * 400 + "1 }}",
    "many negations": "\n{{ " + "not " * 500 + "1 }}",
    "many attributes": "\n{{ user" + ".key" * 1_000 + " }}",
    "many choices": "\n{{ " + "1 if 1 else " * 500 + "1 }}",
}
"""They are found without rendering."""
IMPOSSIBLE = {
    "a huge number": "\n{{ '1e999999'|int }}",
    "a huge amount": "\n{{ '1e999999'|money }}",
    "nested elements": "\n" + nested("<div>", "x", "</div>", 15_000),
    "elements nested by a loop": "\n{% for i in range(9999) %}<div>{% endfor %}",
    "open elements": "\n" + "<table><tr><td>" * 5_000,
}
"""Rendering them fails at once."""
HUNGRY = "\n{% set a = range(9999)|join('€€€€') %}{% set l = [" + "a|upper," * 900 + "] %}{{ l|length }}"
"""It takes 140 MB."""


def email(html: str) -> str:
    return f"{{% block subject %}}Hello {{{{ user.key }}}}{{% endblock %}}{{% block html %}}{html}{{% endblock %}}"
