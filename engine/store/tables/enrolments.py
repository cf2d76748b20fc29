"""Users' progress through playbooks, the occasions that were taken, and coupon codes."""

from sqlalchemy import Column, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from engine.store.tables.columns import big, partial_index, row_id, text_column


class Enrolment(SQLModel, table=True):
    """One user's progress through one version of a playbook."""

    __tablename__ = "enrolment"
    __table_args__ = (
        UniqueConstraint("playbook", "user_id", "occurrence", name="enrolment_once"),
        Index("enrolment_of_user", "user_id"),
        partial_index("enrolment_due", "due_at", where="state = 'active'"),
        # An undo looks for what an intervention cancelled.
        partial_index("enrolment_by_hand", "intervention_id", where="intervention_id IS NOT NULL"),
        partial_index("enrolment_active", "playbook", where="state = 'active'"),
    )

    id: int = row_id()
    playbook: str = text_column()
    version: str = text_column()
    user_id: int = big()
    occurrence: str = text_column()
    """What triggered it: ``transition:17``, ``event:18``, ``date:2026``, ``slot:2026-11-21T10:00``, ``when:1``."""
    state: str = text_column()
    """``active``, ``finished``, ``exited``, ``expired`` or ``cancelled``."""
    step: int = big()
    """Index of the next step."""
    due_at: int = big()
    trigger_at: int = big()
    """When the trigger occurred; the playbook's ``expires`` counts from here."""
    event_id: int | None = big(null=True)
    """The event that triggered it, for its templates."""
    entered_at: int = big()
    waiting_since: int | None = big(null=True)
    """Since when it has been waiting for an event, if it is."""
    ended_at: int | None = big(null=True)
    reason: str | None = text_column(null=True)
    intervention_id: int | None = big(null=True)
    """What a person did that cancelled it; None if nobody did."""


class Slot(SQLModel, table=True):
    """A scheduled occasion, recorded before its work begins: (schedule, slot) is unique across workers."""

    __tablename__ = "slot"

    schedule: str = Field(sa_column=Column(Text, primary_key=True))
    slot: str = Field(sa_column=Column(Text, primary_key=True))
    taken_at: int = big()


class CouponCode(SQLModel, table=True):
    """One unique code: free while it has no enrolment.

    It is the enrolment's for good once a message with it may have reached the user; until then it can go back.
    """

    __tablename__ = "coupon_code"
    __table_args__ = (
        UniqueConstraint("enrolment_id", "coupon", name="coupon_once"),
        partial_index("coupon_free", "coupon", "id", where="enrolment_id IS NULL"),
        partial_index("coupon_claimed", "coupon", "claimed_at", where="claimed_at IS NOT NULL"),
    )

    id: int = row_id()
    coupon: str = text_column()
    code: str = text_column(unique=True)
    expires_at: int | None = big(null=True)
    enrolment_id: int | None = big(null=True)
    user_id: int | None = big(null=True)
    claimed_at: int | None = big(null=True)
    own_expires_at: int | None = big(null=True)
    """When the code expires by itself, kept while it is claimed, because ``expires_at`` may then be earlier.

    The year 9999 if it never does; None if it is free, of a series, or was claimed before this was recorded.
    """


class ReturningCode(SQLModel, table=True):
    """A coupon of an enrolment of which a message ended unsent: the next tick looks whether its code can go back."""

    __tablename__ = "returning_code"

    id: int = row_id()
    enrolment_id: int = big()
    coupon: str = text_column()
