"""The form of ``playbooks/coupons.toml``."""

from typing import Annotated, Literal

from pydantic import Field

from engine.content.bundle import PLAYBOOKS
from engine.content.document import Section
from engine.content.values import Duration

COUPONS_PATH = f"{PLAYBOOKS}/coupons.toml"


class CouponSection(Section):
    """``[coupons.NAME]``: a coupon and the source of its unique codes."""

    kind: Literal["pool", "series"]
    """``pool``: codes imported with ``habitue coupons import``; ``series``: codes that Habitué generates."""
    prefix: str = ""
    length: Annotated[int, Field(ge=6, le=24)] = 8
    """Random characters of a generated code, after the prefix."""
    valid: Duration | None = None
    """How long a code is valid after it is claimed; forever by default."""
    worth: str = ""
    """The value in words, for templates: ``10 %``, ``¥20``."""
    description: str = ""


class CouponsFile(Section):
    """``playbooks/coupons.toml``."""

    coupons: dict[str, CouponSection]
