"""Coupon pools that will soon be empty."""

from collections.abc import Iterator

from engine.clock import DAY
from engine.explain.checks.base import CheckFinding, Installation, several


def pool_nearly_empty(seen: Installation) -> Iterator[CheckFinding]:
    """A pool's free codes do not last long at the rate of the last week. A pool that nobody draws on lasts for ever."""
    for pool in seen.pools:
        if pool.more or pool.lasts is None or pool.lasts >= seen.limits.pool:
            continue
        rate = several(max(round(pool.claimed * DAY / pool.over), 1), "code")
        left = f"{several(pool.free, 'code')} left, enough for {_days(pool.lasts)}" if pool.free else "no code left"
        yield CheckFinding(
            f"coupon {pool.coupon}",
            f"{left} at the present rate (about {rate} a day)",
            f"import more: `habitue coupons import {pool.coupon} FILE`",
        )


def _days(lasts: int) -> str:
    return several(lasts // DAY, "day") if lasts >= DAY else "less than a day"
