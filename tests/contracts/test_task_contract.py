"""The adapter of tasks keeps the contract, on both databases."""

from typing import Any

from sqlalchemy import Connection, text

from adapters.base import TaskPayload
from engine.channels.task import TASK
from engine.tasks.adapter import TASK_ADAPTER, TaskAdapter, TaskOptions
from tests.contracts.store_adapter_contract import StoreAdapterContract


class TestTask(StoreAdapterContract):
    channel = TASK
    kind = TASK_ADAPTER

    def payload(self, number: int = 0) -> TaskPayload:
        return TaskPayload(f"Call {number}", "Ask how they liked it, 安", 3_600_000)

    def made(self) -> TaskAdapter:
        return TaskAdapter(TaskOptions(), "task")

    def read(self, connection: Connection) -> list[Any]:
        query = text("SELECT title, body, due_at - created_at FROM task ORDER BY id")
        return [TaskPayload(*row) for row in connection.execute(query)]
