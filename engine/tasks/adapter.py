"""The adapter ``task``: writes tasks into the store. Their owners are told of them afterwards: see ``notify``."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection

from adapters.base import Message, TaskPayload
from adapters.kinds import AdapterKind
from engine.delivery.store_adapter import STORE_REASONS, StoreAdapter
from engine.settings import Settings
from engine.store.database import Database
from engine.task_settings import TaskSettings
from engine.tasks.reasons import TASK_REASONS
from engine.tasks.rows import ADAPTER, NewTask, keep


class TaskOptions(BaseModel):
    """There are none: ``[tasks]`` in the settings says whose tasks are."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TaskAdapter(StoreAdapter):
    """Writes tasks to the table ``task``."""

    channel = "task"
    payload = TaskPayload

    def __init__(self, options: TaskOptions, name: str) -> None:
        super().__init__(name)
        self._settings = TaskSettings()

    def use(self, database: Database, settings: Settings) -> None:
        """Keep tasks in ``database``, for the owners that ``settings`` name."""
        super().use(database, settings)
        self._settings = settings.tasks

    def keep(self, connection: Connection, messages: Sequence[Message]) -> frozenset[str]:
        """Write the tasks that are new."""
        tasks = [NewTask(one.key, one.recipient, one.payload, one.at) for one in messages]
        return keep(connection, tasks, self._settings)


TASK_ADAPTER = AdapterKind(
    ADAPTER,
    TaskOptions,
    TaskAdapter,
    channel="task",
    reasons=(*STORE_REASONS, *TASK_REASONS),
    records_only=True,
    repeatable=True,
    listed_by="task list --all",
)
"""The adapter ``task``."""
