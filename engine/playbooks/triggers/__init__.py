"""The kinds of triggers, one file each; ``TRIGGERS`` lists them."""

from engine.playbooks.triggers.base import TriggerKind
from engine.playbooks.triggers.date import DATE
from engine.playbooks.triggers.enter import ENTER
from engine.playbooks.triggers.event import EVENT
from engine.playbooks.triggers.leave import LEAVE
from engine.playbooks.triggers.schedule import SCHEDULE
from engine.playbooks.triggers.when import WHEN

TRIGGERS: tuple[TriggerKind, ...] = (ENTER, LEAVE, EVENT, DATE, SCHEDULE, WHEN)
"""In the order in which error messages list them."""
