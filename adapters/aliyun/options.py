"""The options of Alibaba Cloud SMS."""

import re
from typing import ClassVar

from pydantic import SecretStr

from adapters.filed.options import FiledOptions
from adapters.filed.templates import FiledTemplate
from adapters.http.options import SecureUrl


class AliyunTemplate(FiledTemplate):
    """A filed template: ``id`` is its code, such as ``SMS_152550005``; placeholders are ``${name}``."""

    placeholder: ClassVar[re.Pattern[str]] = re.compile(r"\$\{([^{}]+)\}")


class AliyunOptions(FiledOptions):
    """How messages are sent; the key may come later than the other options, from the environment."""

    url: SecureUrl = "https://dysmsapi.aliyuncs.com"
    access_key_id: str = ""
    access_key_secret: SecretStr = SecretStr("")
    templates: dict[str, dict[str, AliyunTemplate]] = {}
