"""The fixed tables, as SQLModel classes. ``user_state`` follows the declared facts instead: see ``state_table``.

Instants are UTC milliseconds, money is in minor units of the brand's currency, JSON columns are JSONB on PostgreSQL.
Hot paths use these tables through SQLAlchemy Core (``Users.__table__``).
"""

from engine.store.tables.actions import Action, ActionEvent, ActionContent
from engine.store.tables.enrolments import Enrolment, Slot, CouponCode
from engine.store.tables.people import Users, Zone, Event, Consent, Suppression, ProfileChange
from engine.store.tables.places import Transition, Version, CutPoints
from engine.store.tables.running import Tick, Worker, Secret, ImportFile, Quarantine
from engine.store.tables.columns import JsonText

__all__ = ['Action', 'ActionContent', 'ActionEvent', 'Consent', 'CouponCode', 'CutPoints', 'Enrolment', 'Event', 'ImportFile', 'JsonText', 'ProfileChange', 'Quarantine', 'Secret', 'Slot', 'Suppression', 'Tick', 'Transition', 'Users', 'Version', 'Worker', 'Zone']
