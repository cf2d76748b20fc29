"""If a filter cannot process a value, the row is at fault, not the template or the program."""

from typing import Any

import pytest

from engine.channels import CHANNELS
from engine.channels.base import blocks_of
from engine.errors import RenderError
from engine.messages.render import RenderContext
from engine.messages.templates import TemplateLibrary

FILTERS = ("int", "abs", "round", "round(2)", "money", "number", "number(2)", "date")
NUMBERS: tuple[Any, ...] = (
    "1e99999999", "1e-99999999", "-1e40", "NaN", "sNaN", "Infinity", "-Infinity", float("nan"), float("inf"), 1e300,
    10**18, -(10**30), 2**63 - 1, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
)  # fmt: skip


@pytest.mark.parametrize("value", NUMBERS, ids=str)
@pytest.mark.parametrize("named", FILTERS)
def test_no_value_is_a_mistake_of_the_program(named: str, value: Any) -> None:
    source = f"{{% block body %}}{{{{ event.n | {named} }}}}{{% endblock %}}"
    library = TemplateLibrary({"hello.sms.j2": source}, blocks_of(CHANNELS))
    context = RenderContext({"event": {"n": value}}, zone="Pacific/Apia")
    said = render(library, context)
    assert len(said) < 60 or said.startswith("refused: hello.sms.j2:1: ")
    assert not said.startswith("refused") or str(value) not in said


def render(library: TemplateLibrary, context: RenderContext) -> str:
    try:
        return library.find("hello", "sms").render(context).plain("body")
    except RenderError as error:
        return f"refused: {error}"
