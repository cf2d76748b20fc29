"""The options of Tencent Cloud SMS."""

import re
from typing import ClassVar, Self

from pydantic import Field, SecretStr, model_validator

from adapters.filed.options import FiledOptions
from adapters.filed.templates import FiledTemplate
from adapters.http.options import SecureUrl


class TencentTemplate(FiledTemplate):
    """A filed template: placeholders are ``{1}``, ``{2}``, …, and become parameters in the order of their numbers."""

    placeholder: ClassVar[re.Pattern[str]] = re.compile(r"\{([0-9]+)\}")

    @model_validator(mode="after")
    def _numbered(self) -> Self:
        numbers = sorted(map(int, self.parts.names))
        if numbers != list(range(1, len(numbers) + 1)):
            raise ValueError("placeholders are numbered from {1} on, without gaps")
        return self


class TencentOptions(FiledOptions):
    """How messages are sent; the key may come later than the other options, from the environment."""

    url: SecureUrl = "https://sms.tencentcloudapi.com"
    region: str = "ap-guangzhou"
    secret_id: str = ""
    secret_key: SecretStr = SecretStr("")
    sdk_app_id: str = ""
    templates: dict[str, dict[str, TencentTemplate]] = {}
    max_parameter: int = Field(default=12, ge=1)

    @model_validator(mode="after")
    def _of_an_application(self) -> Self:
        if not self.sdk_app_id:
            raise ValueError(
                "`sdk_app_id` is needed: it is the id of the application in the console, such as 1400006666"
            )
        return self
