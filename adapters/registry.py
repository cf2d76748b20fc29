"""The adapters that ship with the program, by the names that ``config.toml`` uses."""

from adapters.aliyun import ALIYUN
from adapters.apns import APNS
from adapters.capture import CAPTURE
from adapters.fcm import FCM
from adapters.jpush import JPUSH
from adapters.kinds import AdapterKind
from adapters.sms_gateway import SMS_GATEWAY
from adapters.smtp import SMTP
from adapters.tencent import TENCENT
from adapters.twilio import TWILIO
from adapters.webhook import WEBHOOK
from adapters.webpush import WEBPUSH

ADAPTERS: tuple[AdapterKind, ...] = (
    ALIYUN,
    APNS,
    CAPTURE,
    FCM,
    JPUSH,
    SMS_GATEWAY,
    SMTP,
    TENCENT,
    TWILIO,
    WEBHOOK,
    WEBPUSH,
)
"""One file or folder per provider; to add a provider, write it and add its kind here."""
