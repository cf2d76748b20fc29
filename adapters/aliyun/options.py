"""The options of Alibaba Cloud SMS."""

import re
from typing import ClassVar, Self

from pydantic import Field, SecretStr, model_validator

from adapters.filed.options import FiledOptions
from adapters.filed.templates import FiledTemplate


class AliyunTemplate(FiledTemplate):
    """A filed template: ``id`` is its code, such as ``SMS_152550005``; placeholders are ``${name}``."""

    placeholder: ClassVar[re.Pattern[str]] = re.compile(r"\$\{([^{}]+)\}")


class AliyunOptions(FiledOptions):
    """How messages are sent. ``sign_name`` is the signature as it was approved, without 【】."""

    url: str = "https://dysmsapi.aliyuncs.com"
    access_key_id: str = ""
    access_key_secret: SecretStr = SecretStr("")
    sign_name: str = ""
    templates: dict[str, dict[str, AliyunTemplate]] = {}
    max_parameter: int = Field(default=35, ge=1)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.access_key_id or not self.access_key_secret.get_secret_value():
            raise ValueError("`access_key_id` and `access_key_secret` are needed: create an AccessKey in the console")
        if not self.sign_name or "【" in self.sign_name:
            raise ValueError("`sign_name` is needed: write the approved signature, without 【】")
        return self
