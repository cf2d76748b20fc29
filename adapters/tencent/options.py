"""The options of Tencent Cloud SMS."""

import re
from typing import ClassVar, Self

from pydantic import Field, SecretStr, model_validator

from adapters.filed.options import FiledOptions
from adapters.filed.templates import FiledTemplate


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
    """How messages are sent. ``sign_name`` is the signature as it was approved, without 【】."""

    url: str = "https://sms.tencentcloudapi.com"
    region: str = "ap-guangzhou"
    secret_id: str = ""
    secret_key: SecretStr = SecretStr("")
    sdk_app_id: str = ""
    sign_name: str = ""
    templates: dict[str, dict[str, TencentTemplate]] = {}
    max_parameter: int = Field(default=12, ge=1)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.secret_id or not self.secret_key.get_secret_value():
            raise ValueError("`secret_id` and `secret_key` are needed: create an API key in the console")
        if not self.sdk_app_id:
            raise ValueError(
                "`sdk_app_id` is needed: it is the id of the application in the console, such as 1400006666"
            )
        if not self.sign_name or "【" in self.sign_name:
            raise ValueError("`sign_name` is needed: write the approved signature, without 【】")
        return self
