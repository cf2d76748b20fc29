"""The inbox adapter keeps the contract, on both databases."""

import json
from typing import Any

from sqlalchemy import Connection, text

from adapters.base import InboxPayload
from engine.channels.inbox import INBOX
from engine.inbox.adapter import INBOX_ADAPTER, InboxAdapter, InboxOptions
from tests.contracts.store_adapter_contract import StoreAdapterContract


class TestInbox(StoreAdapterContract):
    channel = INBOX
    kind = INBOX_ADAPTER

    def payload(self, number: int = 0) -> InboxPayload:
        return InboxPayload(f"Hello {number}", "Come back, 安", "shop://offers/1", data={"a": [None, {"b": 0.5}]})

    def made(self) -> InboxAdapter:
        return InboxAdapter(InboxOptions(), "inbox")

    def read(self, connection: Connection) -> list[Any]:
        query = text("SELECT title, body, link, image, data FROM inbox_message ORDER BY id")
        return [
            InboxPayload(title, body, link or "", image or "", json.loads(data) if isinstance(data, str) else data)
            for title, body, link, image, data in connection.execute(query)
        ]
