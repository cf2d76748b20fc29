"""The JSON of a webhook: whatever a value is, it stays one value; and what can never be JSON is said once, with its place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.channels import CHANNELS
from engine.channels.base import blocks_of
from engine.channels.webhook import WEBHOOK
from engine.errors import RenderError
from engine.messages.render import RenderContext, Rendered
from engine.messages.templates import TemplateLibrary


def rendered(data: str, **values: object) -> Rendered:
    source = f"{{% block event %}}tier.reached{{% endblock %}}{{% block data %}}{data}{{% endblock %}}"
    library = TemplateLibrary({"a.webhook.j2": source}, blocks_of(CHANNELS))
    assert library.check() == []
    return library.find("a", "webhook").render(RenderContext(values))


def data(text: str, **values: object) -> object:
    return json.loads(rendered(text, **values).plain("data"))


@given(st.text(st.characters(exclude_categories=["Cs", "Co"])))
def test_a_value_in_quotes_is_that_text_and_nothing_else(value: str) -> None:
    assert data('{"a": "<{{ v }}>", "b": 1}', v=value) == {"a": f"<{value}>", "b": 1}


@given(st.text(st.characters(exclude_categories=["Cs", "Co"])))
def test_a_value_without_quotes_is_one_value(value: str) -> None:
    read = data('{"a": {{ v }}, "b": 1}', v=value)
    assert isinstance(read, dict)
    assert read == {"a": read["a"], "b": 1}
    assert read["a"] == value or read["a"] == json.loads(value)


@pytest.mark.parametrize(
    ("value", "read"),
    [(7, 7), (-0.5, -0.5), (1e20, 1e20), ("12", 12), ("012", "012"), ("1e999", "1e999"), ("NaN", "NaN"), ("true", "true"),
     ("1" * 41, "1" * 41), ('"', '"'), ("null", "null"), ("", "")],
)  # fmt: skip
def test_a_number_without_quotes_is_a_number_and_anything_else_a_string(value: object, read: object) -> None:
    assert data('{"a": {{ v }}}', v=value) == {"a": read}


def test_lists_conditions_and_keys_are_written_as_in_any_template() -> None:
    text = (
        '{"{{ k }}": [{% for one in many %}{{ one }}{% if not loop.last %}, {% endif %}{% endfor %}],'
        ' "vip": {% if vip %}true{% else %}false{% endif %}}'
    )
    assert data(text, k='a"b', many=["x", 2], vip=True) == {'a"b': ["x", 2], "vip": True}


def test_without_the_block_or_with_an_empty_one_there_is_no_data() -> None:
    assert rendered("").plain("data") == ""
    assert WEBHOOK.preview(rendered("  ")).text == "{}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1,}', "the data is not JSON: .* in line 1 of the block, at character 9"),
        ('{\n"a": "x\n"}', "the data is not JSON: Invalid control character.* in line 2"),
        ("[1]", "the data is not a JSON object"),
        ("{{ v }}", "the data is not a JSON object"),
        ('{"a": {{ v }}{{ v }}}', "a value without quotes right beside other text"),
        ('{"a": -{{ v }}}', "a value without quotes right beside other text"),
        ('{"a": "\\{{ v }}"}', "a backslash right before a value"),
        ("[" * 5_000, "nested too deeply|is not JSON"),
        ("tier={{ v }}", "right beside other text"),
    ],
)
def test_what_is_never_json_is_said_whatever_the_values_are(text: str, said: str) -> None:
    with pytest.raises(RenderError, match=said) as caught:
        rendered(text, v="ann@example.com")
    assert caught.value.reason == "template_invalid"
    assert str(caught.value).startswith("a.webhook.j2: ")
    assert "ann@" not in str(caught.value)
