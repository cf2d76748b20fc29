"""The adapter ``inbox``: keeps messages in the store, for the brand's own app to fetch."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from adapters.base import InboxPayload, Message
from adapters.kinds import AdapterKind
from engine.content.values import Duration
from engine.delivery.store_adapter import STORE_REASONS, StoreAdapter
from engine.inbox.messages import INBOX_REASONS, KeptMessage, keep


class InboxOptions(BaseModel):
    """``expires``: how long messages are shown whose template does not say, in milliseconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    expires: Duration = Field(default=7_776_000_000, gt=0)


class InboxAdapter(StoreAdapter):
    """Keeps messages in the table ``inbox_message``."""

    channel = "inbox"
    payload = InboxPayload

    def __init__(self, options: InboxOptions, name: str) -> None:
        super().__init__(name)
        self._lasts = options.expires

    def keep(self, connection: Connection, messages: Sequence[Message]) -> frozenset[str]:
        """Write the rows of ``messages``."""
        return keep(connection, [self._kept(one) for one in messages])

    def _kept(self, message: Message) -> KeptMessage:
        payload: InboxPayload = message.payload
        expires_at = message.at + (payload.lasts or self._lasts)
        return KeptMessage(message.key, message.recipient, payload, message.at, expires_at)


INBOX_ADAPTER = AdapterKind(
    "inbox",
    InboxOptions,
    InboxAdapter,
    channel="inbox",
    reasons=(*STORE_REASONS, *INBOX_REASONS),
    records_only=True,
    repeatable=True,
    listed_by="inbox list {customer}",
)
"""The adapter ``inbox``."""
