"""All reasons that Tencent Cloud SMS can give, in answers and receipts."""

from adapters.filed.reasons import FILED_REASONS, NUMBER_REFUSED, UNDELIVERED
from adapters.http.outcomes import HTTP_REASONS
from adapters.tencent.outcomes import FAMILIES, MEANINGS
from adapters.tencent.receipts import CODES

TENCENT_REASONS = tuple(
    dict.fromkeys(
        (
            *HTTP_REASONS,
            *FILED_REASONS,
            NUMBER_REFUSED,
            *(meaning.reason for meaning in (*MEANINGS.values(), *FAMILIES.values())),
            *CODES.values(),
            UNDELIVERED,
        )
    )
)
"""Each once."""
