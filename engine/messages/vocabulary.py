"""The values that templates can use. Delivery fills them, and ``habitue check`` checks templates against them."""

from collections.abc import Mapping
from typing import TypedDict


class UserValues(TypedDict):
    """``user``: the recipient. All values except ``key`` can be None."""

    key: str
    email: str | None
    locale: str | None
    timezone: str | None


class CouponValues(TypedDict):
    """``coupon``: the code of the step's coupon; None as a whole if the step has no coupon."""

    code: str
    expires_on: str | None
    """The last day on which the code is good, ``YYYY-MM-DD``: the same in every zone. None if it never expires."""
    worth: str


class BrandValues(TypedDict):
    """``brand``: the sender."""

    name: str
    website: str
    postal_address: str
    sender: str
    currency: str


class Values(TypedDict):
    """All values that a template can use, by top-level name."""

    user: UserValues
    facts: Mapping[str, object]
    """Fact -> value, for every declared fact; None if the user has no value."""
    event: Mapping[str, object] | None
    """The event that triggered the playbook: its name, its instant and its declared properties."""
    coupon: CouponValues | None
    brand: BrandValues
    unsubscribe_url: str
    playbook: str


ROOTS = tuple(Values.__annotations__)
"""The top-level names."""

KEYS: dict[str, tuple[str, ...]] = {
    "user": tuple(UserValues.__annotations__),
    "coupon": tuple(CouponValues.__annotations__),
    "brand": tuple(BrandValues.__annotations__),
}
"""The keys below a top-level name, for names whose keys do not depend on the brand's files."""

EVENT_KEYS = ("name", "at")
"""The keys that every event has besides its own properties."""
