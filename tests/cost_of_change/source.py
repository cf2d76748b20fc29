"""A kind of fact source from outside the program: for how many days in a row an event has happened, up to yesterday."""

from dataclasses import dataclass

from engine.content.value_types import ValueType
from engine.facts.sources.base import FactSection, FactSource, FactSourceKind, Layer, SqlContext
from engine.facts.sources.declaration import Declaration

DAY = 86_400_000


class StreakForm(FactSection):
    streak: str
    at_most: int = 1_000


@dataclass(frozen=True)
class Streak(FactSource):
    event: str
    at_most: int

    @property
    def layer(self) -> Layer:
        return Layer.USER

    @property
    def events(self) -> frozenset[str]:
        return frozenset({self.event})

    def sql(self, context: SqlContext) -> str:
        placed = (
            "SELECT d.day, row_number() OVER (ORDER BY d.day DESC) AS place, max(d.day) OVER () AS latest"
            f" FROM (SELECT DISTINCT e.at / {DAY} AS day {self._events(context)}) d"
        )
        length = (
            f"SELECT count(*) AS n FROM ({placed}) r"
            f" WHERE r.day = r.latest - r.place + 1 AND r.latest >= {context.now} / {DAY} - 1"
        )
        return f"(SELECT CASE WHEN n > {self.at_most} THEN {self.at_most} ELSE n END FROM ({length}) l)"

    def edge(self, context: SqlContext) -> str:
        ends = f"(max(e.at) / {DAY} + 2) * {DAY}"
        return f"(SELECT CASE WHEN {ends} > {context.now} THEN {ends} END {self._events(context)})"

    def _events(self, context: SqlContext) -> str:
        return f"FROM event e WHERE e.user_id = a.user_id AND e.name = '{self.event}' AND e.at <= {context.now}"

    def words(self) -> str:
        return f"days in a row with {self.event}"


def read(section: StreakForm, declaration: Declaration) -> FactSource | None:
    if not declaration.has_event("streak", section.streak):
        return None
    if section.at_most < 1:
        declaration.mistake("at_most", "`at_most` is a number of days, 1 or more")
    return Streak(ValueType.INTEGER, section.streak, section.at_most)


STREAK = FactSourceKind("streak", StreakForm, read)
