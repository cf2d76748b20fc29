"""Maison with rules that take more turns, and the same rules read by plain Python: the independent second opinion.

The reader below shares nothing with the engine: no SQL, no conditions, no rule engine.
"""

from dataclasses import dataclass, field

from engine.clock import DAY
from tests import maison

FACTS = maison.FACTS
LOW = '[[tier]]\nname = "low"'
MID = '[[tier]]\nname = "mid"\nwhen = "spend >= 100"\nlock = "5d"'
VALUE = maison.VALUE.replace(LOW, f"{MID}\n\n{LOW}")
"""One tier more, so that users can fall by two, or by one."""

LIFECYCLE = """
[dimension]
name = "lifecycle"
kind = "stages"
initial = "potential"

[[stage]]
name = "active"
lock = "7d"

[[transition]]
from = ["new", "active"]
to = "at_risk"
when = "days_since(last_order_at) > 60"

[[transition]]
from = ["at_risk"]
to = "active"
when = "not (days_since(last_order_at) > 30)"

[[transition]]
from = ["potential"]
to = "new"
when = "orders >= 1"

[[transition]]
from = ["new"]
to = "active"
when = "orders >= 2 or value = 'high'"
"""

NEEDS = """
[dimension]
name = "needs"
kind = "segments"

[[segment]]
name = "basic"
when = "orders between 1 and 2"

[[segment]]
name = "premium"
when = "value = 'high' or spend > 300"
keep = "spend > 200"
grace = "14d"
"""

FILES = {
    "rules/facts.toml": FACTS,
    "rules/value.toml": VALUE,
    "rules/lifecycle.toml": LIFECYCLE,
    "rules/needs.toml": NEEDS,
}

TIERS = ["high", "mid", "low"]


@dataclass
class Standing:
    """Where one user stands, as the plain reader has it."""

    value: str | None = None
    value_since: int = 0
    value_wait: int | None = None
    lifecycle: str | None = None
    lifecycle_since: int = 0
    basic: bool = False
    premium: bool = False
    premium_wait: int | None = None
    moves: list[tuple[str, str | None, str | None, int]] = field(default_factory=list)

    def look(self, spend: int, orders: int, last: int | None, now: int) -> None:
        """Read the rules above for one user at ``now``; ``spend`` in cents."""
        self._value(spend, orders, now)
        self._lifecycle(orders, last, now)
        self._needs(spend, orders, now)

    def _value(self, spend: int, orders: int, now: int) -> None:
        if (spend >= 50_000 and orders >= 3) or (self.value == "high" and spend >= 40_000):
            wanted = "high"
        else:
            wanted = "mid" if spend >= 10_000 else "low"
        if self.value is not None and TIERS.index(wanted) > TIERS.index(self.value):
            locked = now < self.value_since + {"high": 10, "mid": 5}[self.value] * DAY
            if self.value == "high":
                if self.value_wait is None:
                    self.value_wait = now
                    return
                if now < self.value_wait + 30 * DAY:
                    return
            if locked:
                return
        self.value_wait = None
        if wanted != self.value:
            self.moves.append(("value", self.value, wanted, now))
            self.value, self.value_since = wanted, now

    def _hop(self, stage: str, orders: int, last: int | None, now: int, *, locked: bool) -> str:
        if locked:
            return stage
        days = None if last is None else (now - last) // DAY
        if stage in ("new", "active") and days is not None and days > 60:
            return "at_risk"
        if stage == "at_risk" and days is not None and days <= 30:
            return "active"
        if stage == "potential" and orders >= 1:
            return "new"
        if stage == "new" and (orders >= 2 or self.value == "high"):
            return "active"
        return stage

    def _lifecycle(self, orders: int, last: int | None, now: int) -> None:
        before = self.lifecycle
        if before is None:
            stage, seen = "potential", {"potential"}
            while (after := self._hop(stage, orders, last, now, locked=False)) not in seen:
                seen.add(after)
                stage = after
        else:
            locked = before == "active" and now < self.lifecycle_since + 7 * DAY
            stage = self._hop(before, orders, last, now, locked=locked)
        if stage != before:
            self.moves.append(("lifecycle", before, stage, now))
            self.lifecycle, self.lifecycle_since = stage, now

    def _needs(self, spend: int, orders: int, now: int) -> None:
        basic = 1 <= orders <= 2
        if basic != self.basic:
            self.moves.append(("needs", None if basic else "basic", "basic" if basic else None, now))
            self.basic = basic
        wants = self.value == "high" or spend > 30_000 or (self.premium and spend > 20_000)
        if self.premium and not wants:
            if self.premium_wait is None:
                self.premium_wait = now
                return
            if now < self.premium_wait + 14 * DAY:
                return
        self.premium_wait = None
        if wants != self.premium:
            self.moves.append(("needs", None if wants else "premium", "premium" if wants else None, now))
            self.premium = wants
