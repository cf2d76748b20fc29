"""What replies mean: the table, and properties that hold for any of them."""

import pytest

from adapters.base import Outcome
from adapters.smtp.outcomes import refused
from adapters.smtp.reply import Refusal
from tests.adapters.smtp_replies import CASES, RCPT, US, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.stage.name}-{case.reply[:40]}")
def test_a_reply_is_read_as_a_postmaster_means_it(case: Case) -> None:
    answer = refused(Refusal(case.stage, case.code, case.text, case.to))
    assert (answer.outcome, answer.reason) == (case.outcome, case.reason)
    assert case.to not in answer.detail


WORDS = (
    "relay.access.denied", "authentication-required", "daily.sending.limit", "client+host", "spf", "helo",
    "mailbox.full", "greylisted", "throttling", "spamhaus", "rcpthosts", "virus", "sender.rejected", "smtp.auth",
)  # fmt: skip
ECHOES = (
    "550 <{to}>: unknown", "550 {to} unknown", "550 no {local} at {domain}", "550 {local}: unknown", "550 '{to}' unknown",
    "550 unknown: {domain}", "550 ({LOCAL}) unknown",
)  # fmt: skip


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("word", WORDS)
def test_no_address_can_write_what_a_reply_means(word: str, echo: str) -> None:
    for to in (f"{word}@example.com", f"bob@{word.replace('+', '-')}.example"):
        local, _, domain = to.partition("@")
        reply = echo.format(to=to, local=local, LOCAL=local.upper(), domain=domain)
        answer = refused(Refusal(RCPT, int(reply[:3]), reply[4:], to))
        assert (answer.outcome, answer.reason) == (Outcome.REJECTED, "mailbox_unavailable"), reply


@pytest.mark.parametrize("echo", ECHOES)
def test_the_log_shows_neither_the_address_nor_the_name_in_it(echo: str) -> None:
    reply = echo.format(to="Ivan.Loginov@example.com", local="Ivan.Loginov", LOCAL="IVAN.LOGINOV", domain="example.com")
    answer = refused(Refusal(RCPT, int(reply[:3]), reply[4:], "ivan.loginov@example.com"))
    assert "loginov" not in answer.detail.lower()


def test_there_are_enough_of_them_and_each_once() -> None:
    assert len({(case.stage, case.reply) for case in CASES}) == len(CASES) >= 60
    assert {case.outcome for case in CASES} == {US, Outcome.RETRY, Outcome.REJECTED}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.stage.name}-{case.reply[:40]}")
def test_who_is_refused_does_not_depend_on_the_recipient(case: Case) -> None:
    """A refusal of us names us whoever the mail is to; that of a message never becomes one of us."""
    for to in ("zoe@example.net", "o'neil+news@example.net"):
        answer = refused(Refusal(case.stage, case.code, case.text.replace(case.to, to), to))
        if case.outcome is US:
            assert answer.outcome is US
