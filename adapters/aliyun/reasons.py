"""All reasons that Alibaba Cloud SMS can give, in answers and receipts."""

from adapters.aliyun.outcomes import FAMILIES, MEANINGS
from adapters.aliyun.receipts import CODES
from adapters.filed.reasons import FILED_REASONS, NUMBER_ABROAD, NUMBER_REFUSED, UNDELIVERED
from adapters.http.outcomes import HTTP_REASONS

ALIYUN_REASONS = tuple(
    dict.fromkeys(
        (
            *HTTP_REASONS,
            *FILED_REASONS,
            NUMBER_ABROAD,
            NUMBER_REFUSED,
            *(meaning.reason for meaning in (*MEANINGS.values(), *FAMILIES.values())),
            *CODES.values(),
            UNDELIVERED,
        )
    )
)
"""Each once."""
