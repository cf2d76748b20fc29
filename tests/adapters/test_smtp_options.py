"""The options of the smtp adapter."""

import pytest
from pydantic import SecretStr, ValidationError

from adapters.smtp.adapter import SmtpOptions
from tests.adapters.emails import SECRET


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"username": "mailer"}, "needs a password"),
        (
            {"username": "m", "password": SECRET, "security": "none", "host": "mail.example.com"},
            "must not be sent unencrypted",
        ),
        ({"port": 0}, "greater than or equal to 1"),
        ({"hots": "x"}, "Extra inputs"),
    ],
)
def test_settings_that_make_no_sense(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said) as caught:
        SmtpOptions.model_validate(given)
    assert SECRET not in str(caught.value)


def test_settings_show_no_password() -> None:
    assert SECRET not in repr(SmtpOptions(username="mailer", password=SecretStr(SECRET)))
