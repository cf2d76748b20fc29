"""The codes in the table of docs/adapters/smtp.md mean in the program what the table says."""

import re
from collections.abc import Iterator

import pytest

from adapters.smtp.outcomes import refused
from adapters.smtp.reply import Refusal, SmtpStage
from tests.docs.tables import DOCS

PAGE = (DOCS / "adapters/smtp.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| (`.*?) \| (.*?) \| (.*?) \| .* \|$", re.MULTILINE)
_CODES = re.compile(r"([45x])\.(\d)\.(\d+)(?: to [45x]\.\d\.(\d+))?(?![\dx])|([45x])\.(\d)\.(\d)xx")


def coded() -> Iterator[tuple[str, str, int]]:
    """Yield each enhanced status code of the table that is spelt out, with its row's reasons and its class."""
    for reasons, _, codes in _ROW.findall(PAGE):
        for kind, subject, first, last, hundreds_kind, hundreds_subject, hundreds in _CODES.findall(codes):
            numbers = range(int(first), int(last or first) + 1) if first else (int(hundreds) * 100 + 50,)
            for number in numbers:
                for digit in ("4", "5") if "x" in (kind, hundreds_kind) else (kind or hundreds_kind,):
                    yield reasons, f"{digit}.{subject or hundreds_subject}.{number}", int(digit)


@pytest.mark.parametrize(("reasons", "code", "digit"), sorted(set(coded())))
def test_a_code_means_what_its_row_says(reasons: str, code: str, digit: int) -> None:
    answer = refused(Refusal(SmtpStage.RECIPIENT, digit * 100 + 50, f"{code} no"))
    assert f"`{answer.reason}`" in reasons


def test_the_table_is_read() -> None:
    assert len(set(coded())) > 50
