"""The templates in a provider's options, and filling them from a message that was rendered."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from adapters.base import Answer, Message, Outcome, SmsPayload
from adapters.filed.reasons import PARAMETER_TOO_LONG, TEMPLATE_MISMATCH, TEMPLATE_UNMAPPED
from adapters.filed.text import FiledText
from adapters.kinds import Review
from adapters.reasons import AnswerReason

DEFAULT = "default"
"""The entry for languages that have none of their own."""
_SIGNATURE = "【"
"""The provider puts the brand's name between these brackets before the text, or after it."""


class FiledTemplate(BaseModel):
    """One template as it was filed: ``text`` exactly as the provider has it, without the signature."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    placeholder: ClassVar[re.Pattern[str]]
    """A placeholder in a text of this provider; its group is the name."""

    id: str = Field(min_length=1)
    text: str = Field(min_length=1)

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        if _is_signed(self.text):
            raise ValueError("`text` has the signature: leave 【…】 out, the provider adds it")
        _ = self.parts
        return self

    @cached_property
    def parts(self) -> FiledText:
        """The text in parts."""
        return FiledText.parse(self.text.strip(), self.placeholder)


_Template = TypeVar("_Template", bound=FiledTemplate)
Filed = Mapping[str, Mapping[str, _Template]]
"""The name of our template -> locale -> what is filed for it."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A filed template and its parameters, by name, in the order of the text."""

    template: FiledTemplate
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a message cannot be sent as a filed template; ``said`` has none of the message's values."""

    reason: AnswerReason
    said: str


def fill(filed: Filed[_Template], message: Message, longest: int, where: str) -> Filled | Misfit:
    """Return the template to send ``message`` with. ``longest`` limits each parameter, in characters.

    ``where`` is the table of the options that has the templates, for what is said.
    """
    template = _find(filed.get(message.template, {}), message.locale)
    if template is None:
        key = f'{where}."{message.template}".{message.locale or DEFAULT}'
        return Misfit(TEMPLATE_UNMAPPED, f"no filed template is configured: write [{key}] with its `id` and `text`")
    assert isinstance(message.payload, SmsPayload)
    text = message.payload.text.strip()
    if _is_signed(text):
        return Misfit(TEMPLATE_MISMATCH, "the provider adds the signature itself: remove 【…】 from the message")
    values = template.parts.split(text, 1, longest)
    if values is None:
        return _misfit(template, text, longest)
    return Filled(template, dict(zip(template.parts.names, values, strict=True)))


def review_of(result: Filled | Misfit) -> Review:
    """Return the result for those who look at a message before it is sent."""
    if isinstance(result, Filled):
        return Review(template=result.template.id, parameters=result.parameters)
    return Review(objection=result.said, depends_on_values=result.reason is PARAMETER_TOO_LONG)


def refusal_of(misfit: Misfit) -> Answer:
    """Return the answer to a message that cannot be sent."""
    return Answer(Outcome.REJECTED, misfit.reason.value, misfit.said)


def _find(entries: Mapping[str, _Template], locale: str) -> _Template | None:
    """Return the entry for a locale: its own, its language's, the one for others, or the only one."""
    by_locale = {key.replace("_", "-").lower(): template for key, template in entries.items()}
    subtags = locale.replace("_", "-").lower().split("-")
    tried = ["-".join(subtags[:length]) for length in range(len(subtags), 0, -1)]
    found = next((by_locale[one] for one in (*tried, DEFAULT) if one in by_locale), None)
    return next(iter(by_locale.values())) if found is None and len(by_locale) == 1 else found


def _misfit(template: FiledTemplate, text: str, longest: int) -> Misfit:
    """Say why ``text`` does not fit: in the words of the filed text alone, because the message's may be private."""
    parts, name = template.parts, f"the filed template {template.id}"
    values = parts.split(text, 1)
    if values is not None:
        long = max(zip(values, parts.names, strict=True), key=lambda one: len(one[0]))
        said = f"`{long[1]}` of {name} has {len(long[0])} characters; {longest} are allowed: shorten it"
        return Misfit(PARAMETER_TOO_LONG, said)
    values = parts.split(text, 0)
    if values is not None:
        empty = parts.names[values.index("")]
        return Misfit(TEMPLATE_MISMATCH, f"`{empty}` of {name} is empty: give it a value in every case")
    difference = parts.first_difference(text)
    said = f"the message differs from {name} at `{difference}`" if difference else f"the message differs from {name}"
    return Misfit(TEMPLATE_MISMATCH, f"{said}: both have to read the same, except for the placeholders")


def _is_signed(text: str) -> bool:
    return text.strip().startswith(_SIGNATURE) or (_SIGNATURE in text and text.strip().endswith("】"))
