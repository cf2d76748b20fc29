"""Filed templates: what is read off a rendered text, and what is refused before anything is sent."""

import re
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.base import Message, Outcome, SmsPayload
from adapters.filed.templates import FiledTemplate, Filled, Misfit, fill, refusal_of, review_of
from adapters.filed.text import FiledText

DOLLAR = re.compile(r"\$\{([^{}]+)\}")


class Template(FiledTemplate):
    placeholder: ClassVar[re.Pattern[str]] = DOLLAR


def template(text: str, number: str = "SMS_1") -> Template:
    return Template(id=number, text=text)


def message(text: str, locale: str = "zh-cn", name: str = "vip/code") -> Message:
    return Message("key", "", "+8613800138000", SmsPayload(text), 0, name, locale)


def filled(filed: str, text: str, longest: int = 10) -> Filled | Misfit:
    return fill({"vip/code": {"zh-CN": template(filed)}}, message(text), longest, "adapters.x.templates")


@pytest.mark.parametrize(
    ("filed", "text", "parameters"),
    [
        ("您的验证码${code}，${minutes}分钟内有效", "您的验证码1234，5分钟内有效", {"code": "1234", "minutes": "5"}),
        ("没有变量", "没有变量", {}),
        ("${name}，您好", "李雷，您好", {"name": "李雷"}),
        ("您好，${name}", "您好，李雷\n", {"name": "李雷"}),
        ("${a}-${b}", "x-y-z", {"a": "x", "b": "y-z"}),
        ("(${a}) 100% [ok]? ${b}.", "(1) 100% [ok]? 2.", {"a": "1", "b": "2"}),
        ("a${x}a", "aaaa", {"x": "aa"}),
        ("第一行${x}\n第二行${y}", "第一行一\n第二行二", {"x": "一", "y": "二"}),
    ],
)
def test_parameters_are_read_off_the_text(filed: str, text: str, parameters: dict[str, str]) -> None:
    result = filled(filed, text)
    assert isinstance(result, Filled)
    assert result.parameters == parameters
    assert list(result.parameters) == list(parameters)


def test_a_longer_parameter_is_split_elsewhere_if_that_fits() -> None:
    result = filled("${a}-${b}", "123456789-x-yyyyyyyyyy", 11)
    assert isinstance(result, Filled)
    assert result.parameters == {"a": "123456789-x", "b": "yyyyyyyyyy"}


PIECES = st.text("ab，。", max_size=4)
VALUES = st.text("ab，1", min_size=1, max_size=5)


@given(st.lists(st.tuples(VALUES, st.text("ab，。", min_size=1, max_size=3)), max_size=5), PIECES)
def test_whatever_the_split_the_provider_sends_our_text(parts: list[tuple[str, str]], first: str) -> None:
    text = first + "".join(value + piece for value, piece in parts)
    filed = first + "".join(f"${{p{number}}}{piece}" for number, (_, piece) in enumerate(parts))
    values = FiledText.parse(filed, DOLLAR).split(text, 1, 5)
    assert values is not None
    assert all(1 <= len(value) <= 5 for value in values)
    assert first + "".join(value + piece for value, (_, piece) in zip(values, parts, strict=True)) == text


def test_a_long_text_that_does_not_fit_is_refused_quickly() -> None:
    parts = FiledText.parse("".join(f"a${{p{number}}}" for number in range(12)) + "b", DOLLAR)
    assert parts.split("a" * 1_000, 1, 500) is None


@pytest.mark.parametrize(
    ("filed", "text", "reason", "said"),
    [
        (
            "码${code}，5分钟",
            "码1234，6分钟",
            "template_mismatch",
            "differs from the filed template SMS_1 at `，5分钟`",
        ),
        ("码${code}，5分钟", "您的码1234，5分钟", "template_mismatch", "at `码`"),
        ("码${code}完", "码1234，完了", "template_mismatch", "at `完`"),
        ("固定", "不同", "template_mismatch", "at `固定`"),
        ("${a}", "", "template_mismatch", "`a` of the filed template SMS_1 is empty"),
        ("码${code}，5分钟", "码，5分钟", "template_mismatch", "`code` of the filed template SMS_1 is empty"),
        ("码${code}完", "【品牌】码1完", "template_mismatch", "the provider adds the signature itself: remove 【…】"),
        (
            "码${code}完",
            "码12345678901完",
            "parameter_too_long",
            "`code` of the filed template SMS_1 has 11 characters; 10",
        ),
    ],
)
def test_what_does_not_fit_is_refused_without_a_word_of_the_message(
    filed: str, text: str, reason: str, said: str
) -> None:
    result = filled(filed, text)
    assert isinstance(result, Misfit)
    answer = refusal_of(result)
    assert (answer.outcome, answer.reason) == (Outcome.REJECTED, reason)
    assert said in answer.detail
    assert "1234" not in answer.detail


@pytest.mark.parametrize(
    ("entries", "locale", "found"),
    [
        (("zh-CN", "zh"), "zh-cn", "zh-CN"),
        (("zh-CN", "zh"), "zh_CN", "zh-CN"),
        (("zh", "en"), "zh-hans-cn", "zh"),
        (("default", "en"), "zh-cn", "default"),
        (("zh-CN",), "en", "zh-CN"),
        (("zh-CN",), "", "zh-CN"),
        (("zh-CN", "en"), "de", None),
        ((), "zh-cn", None),
    ],
)
def test_the_template_for_a_language(entries: tuple[str, ...], locale: str, found: str | None) -> None:
    filed = {"vip/code": {entry: template("固定", entry) for entry in entries}}
    result = fill(filed, message("固定", locale), 10, "adapters.x.templates")
    if found is None:
        assert isinstance(result, Misfit)
        assert result.reason.value == "template_unmapped"
        assert f'[adapters.x.templates."vip/code".{locale}]' in result.said
    else:
        assert isinstance(result, Filled)
        assert result.template.id == found


def test_another_message_has_no_template() -> None:
    result = fill({"vip/code": {"zh": template("固定")}}, message("固定", name="vip/other"), 10, "t")
    assert isinstance(result, Misfit)
    assert review_of(result).objection.startswith("no filed template is configured")
    assert not review_of(result).depends_on_values


def test_a_review_shows_the_template_and_its_parameters() -> None:
    review = review_of(filled("码${code}完", "码1完"))
    assert (review.objection, review.template, review.parameters) == ("", "SMS_1", {"code": "1"})
    too_long = review_of(filled("码${code}完", "码12345678901完"))
    assert too_long.depends_on_values
    assert too_long.template == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${a}${b}", r"nothing stands between \$\{a\} and \$\{b\}"),
        ("${a}，${a}", r"\$\{a\} occurs twice"),
        ("【品牌】码${a}", "the provider adds it"),
        ("码${a}【品牌】", "the provider adds it"),
        ("", "at least 1 character"),
    ],
)
def test_mistakes_in_the_options(text: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        template(text)
