"""The fixed tables, as SQLModel classes. ``user_state`` follows the declared facts instead: see ``state_table``.

Instants are UTC milliseconds, money is in minor units of the brand's currency.
Hot paths use these tables through SQLAlchemy Core (``Users.__table__``).
"""

from engine.store.tables.actions import Action, ActionContent, ActionEvent, ProviderText
from engine.store.tables.columns import JsonText
from engine.store.tables.due import Sweep, SweepRange, UserDate, UserDue, UserNews
from engine.store.tables.enrolments import CouponCode, Enrolment, ReturningCode, Slot
from engine.store.tables.inbox import InboxRow
from engine.store.tables.interventions import Intervention, Pause
from engine.store.tables.people import (
    AddressRefusal,
    Consent,
    Device,
    Event,
    LiftedSuppression,
    ProfileChange,
    ReachedAddress,
    Reply,
    Suppression,
    Users,
    Zone,
)
from engine.store.tables.places import CutPoints, Transition, Version
from engine.store.tables.running import Alert, ImportFile, Quarantine, Secret, Tick, Worker
from engine.store.tables.tasks import TaskNotice, TaskRow

__all__ = [
    "Action",
    "ActionContent",
    "ActionEvent",
    "AddressRefusal",
    "Alert",
    "Consent",
    "CouponCode",
    "CutPoints",
    "Device",
    "Enrolment",
    "Event",
    "ImportFile",
    "InboxRow",
    "Intervention",
    "JsonText",
    "LiftedSuppression",
    "Pause",
    "ProfileChange",
    "ProviderText",
    "Quarantine",
    "ReachedAddress",
    "Reply",
    "ReturningCode",
    "Secret",
    "Slot",
    "Suppression",
    "Sweep",
    "SweepRange",
    "TaskNotice",
    "TaskRow",
    "Tick",
    "Transition",
    "UserDate",
    "UserDue",
    "UserNews",
    "Users",
    "Version",
    "Worker",
    "Zone",
]
