"""Whose placements are decided, and from which rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

LOOK = "look"
"""Temporary table: the users who are looked at, with the columns of ``user_state`` as they are or would be now."""


@dataclass(frozen=True, slots=True)
class Subjects:
    """Rows of the table ``rows AS s`` that decisions are made for."""

    rows: str = LOOK
    where: str = "TRUE"
    """SQL over ``s``."""
    binds: Mapping[str, object] = field(default_factory=dict)
    about: int = 0
    """Roughly how many users there are: beyond as many known situations, it is not worth loading them all."""
    changes_only: bool = False
    """Keep only users who move, wait, or are due earlier than ``user_due`` says, of those who are not due."""
