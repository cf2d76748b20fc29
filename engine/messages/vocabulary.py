"""The values that a template can use: one list, which delivery fills and ``habitue check`` reads."""

from collections.abc import Mapping
from typing import TypedDict


class UserValues(TypedDict):
    """``user``: who the message goes to. All but ``key`` can be None."""

    key: str
    email: str | None
    locale: str | None
    timezone: str | None


class CouponValues(TypedDict):
    """``coupon``: the code of the step's coupon; the whole is None where the step has none."""

    code: str
    expires_on: int | None
    """UTC milliseconds; None where the code is good for ever."""
    worth: str


class BrandValues(TypedDict):
    """``brand``: who sends."""

    name: str
    website: str
    postal_address: str
    sender: str
    currency: str


class Values(TypedDict):
    """Everything."""

    user: UserValues
    facts: Mapping[str, object]
    """Every declared fact; None where the user lacks it."""
    event: Mapping[str, object] | None
    """The event that triggered the playbook: its name, its instant and its declared properties."""
    coupon: CouponValues | None
    brand: BrandValues
    unsubscribe_url: str
    playbook: str


ROOTS = tuple(Values.__annotations__)
"""The names that a template can begin with."""

KEYS: dict[str, tuple[str, ...]] = {
    "user": tuple(UserValues.__annotations__),
    "coupon": tuple(CouponValues.__annotations__),
    "brand": tuple(BrandValues.__annotations__),
}
"""What stands below a name, where that does not depend on the brand's files."""

EVENT_KEYS = ("name", "at")
"""What every event has, beside its own properties."""
