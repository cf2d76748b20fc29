"""What ``[adapters.pigeon]`` says."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from adapters.http.options import HttpOptions, SecureUrl


def _printable(secret: SecretStr) -> SecretStr:
    """Check what goes into a header: a line break that was pasted with it would end the header."""
    told = secret.get_secret_value()
    if not told or not all("!" <= letter <= "~" for letter in told):
        raise ValueError("write the token as Pigeon shows it: ASCII, without spaces and line breaks")
    return secret


class PigeonOptions(HttpOptions):
    """How Pigeon is called, and by what its calls are known.

    ``callback_secret`` signs Pigeon's calls. While it changes it holds both, with a space between them: a call may be
    signed with either.
    """

    token: Annotated[SecretStr, AfterValidator(_printable)]
    sender: str = Field(min_length=1, max_length=15)
    callback_secret: SecretStr = SecretStr("")
    url: SecureUrl = "https://api.pigeon.example"
