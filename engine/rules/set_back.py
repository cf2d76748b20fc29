"""Taking back placements that a clock which was ahead decided: transitions are removed, and users stand where they stood.

A wait for a grace to end that was running before is not recorded anywhere once it has ended; it begins anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from engine.clock import Instant
from engine.rules.dimension import Dimension
from engine.store.dialects import dialect_of
from engine.store.due import HISTORY, Cause, evaluate_again
from engine.store.news import add_news_among
from engine.store.statement import quoted, statement
from engine.store.temporary import analyse, temporary, user_key

_HASTY = "hasty_user"
"""The users who were evaluated: ``(user_id, known, cause)``; ``known`` if they had been before."""
_CAUSE = (
    "CASE WHEN EXISTS (SELECT 1 FROM event AS e WHERE e.user_id = t.user_id AND e.at <= :since"
    " AND (e.received_at > :last OR e.at > :last) AND e.received_at < e.at + :history)"
    f" THEN '{Cause.BEHAVIOUR}' ELSE coalesce("
    "(SELECT x.cause FROM transition AS x WHERE x.user_id = t.user_id AND x.at > :since ORDER BY x.id LIMIT 1),"
    " (SELECT CASE WHEN count(*) > 0 THEN "
    f"'{Cause.IMPORT}' END FROM profile_change AS c WHERE c.user_id = t.user_id AND c.at > :last)) END"
)
"""Why a user was evaluated, over ``user_due AS t``: the evaluation cleared the cause, so it is found again."""


@dataclass(frozen=True, slots=True)
class PlacementsTakenBack:
    """How many users are evaluated anew, how many transitions were removed, and how many of those ended a grace."""

    users: int
    transitions: int
    graces: int


def take_back_placements(
    connection: Connection, dimensions: Iterable[Dimension], since: Instant, last: Instant | None, further: str
) -> PlacementsTakenBack:
    """Take back what was decided about users later than ``since``, and make them due at once.

    ``last`` is the last tick that is left; ``further`` is a query for the ids of other users who are to be evaluated.
    """
    dimensions = tuple(dimensions)
    users = _collect(connection, dimensions, since, last)
    graces = sum(_graces(connection, dimension, since) for dimension in dimensions)
    for dimension in dimensions:
        _replace(connection, dimension, since)
    removed = connection.execute(statement("DELETE FROM transition WHERE at > :since"), {"since": since}).rowcount
    evaluate_again(connection, _HASTY, last)
    others = f"SELECT DISTINCT f.user_id FROM ({further}) AS f WHERE f.user_id NOT IN (SELECT user_id FROM {_HASTY})"
    add_news_among(connection, others, Cause.TIME)
    return PlacementsTakenBack(users, removed, graces)


def _collect(connection: Connection, dimensions: Iterable[Dimension], since: Instant, last: Instant | None) -> int:
    dialect, binds = dialect_of(connection), {"since": since, "last": last or 0, "history": HISTORY}
    waits = [f"s.{slot.wait} > :since" for dimension in dimensions for slot in dimension.slots]
    moved = "SELECT t.user_id FROM transition AS t WHERE t.at > :since"
    waiting = f"SELECT s.user_id FROM user_state AS s WHERE {' OR '.join(waits) or 'FALSE'}"
    those = f"t.evaluated_at > :since OR t.user_id IN ({moved}) OR t.user_id IN ({waiting})"
    dialect.lock_selected(
        connection, f"SELECT t.user_id FROM user_due AS t WHERE {those} ORDER BY t.user_id", "t", binds
    )
    temporary(connection, dialect, _HASTY, f"{user_key(dialect)}, known INTEGER, cause TEXT")
    earlier = "SELECT 1 FROM transition AS e WHERE e.user_id = t.user_id AND e.at <= :since"
    found = connection.execute(
        statement(
            f"INSERT INTO {_HASTY} SELECT t.user_id, CASE WHEN EXISTS ({earlier}) THEN 1 ELSE 0 END, {_CAUSE}"
            f" FROM user_due AS t WHERE {those}"
        ),
        binds,
    ).rowcount
    analyse(connection, dialect, _HASTY)
    return found


def _graces(connection: Connection, dimension: Dimension, since: Instant) -> int:
    """Return how many removed moves may have followed a grace, whose beginning is not known any more."""
    if not any(slot.graces for slot in dimension.slots):
        return 0
    query = "SELECT count(*) FROM transition WHERE dimension = :name AND at > :since AND from_place IS NOT NULL"
    return int(connection.execute(statement(query), {"name": dimension.name, "since": since}).scalar_one())


def _replace(connection: Connection, dimension: Dimension, since: Instant) -> None:
    """Put users whose transitions will be removed where those that are left put them; forget waits that began since."""
    moved = "SELECT t.user_id FROM transition AS t WHERE t.dimension = :name AND t.at > :since"
    settings = _segments(dimension) if dimension.kind == "segments" else _single(dimension)
    put_back = (
        f"UPDATE user_state AS s SET {', '.join(settings)}"
        f" WHERE s.user_id IN (SELECT user_id FROM {_HASTY}) AND s.user_id IN ({moved})"
    )
    connection.execute(statement(put_back), {"since": since, "name": dimension.name})
    for slot in dimension.slots:
        forgotten = (
            f"UPDATE user_state AS s SET {slot.wait} = NULL"
            f" WHERE s.user_id IN (SELECT user_id FROM {_HASTY}) AND s.{slot.wait} > :since"
        )
        connection.execute(statement(forgotten), {"since": since})


def _single(dimension: Dimension) -> Iterable[str]:
    left = "FROM transition AS t WHERE t.user_id = s.user_id AND t.dimension = :name AND t.at <= :since"
    gone = "FROM transition AS t WHERE t.user_id = s.user_id AND t.dimension = :name AND t.at > :since"
    [slot] = dimension.slots
    yield f"{dimension.place} = (SELECT t.from_place {gone} ORDER BY t.id LIMIT 1)"
    yield f"{slot.since} = (SELECT max(t.at) {left})"


def _segments(dimension: Dimension) -> Iterable[str]:
    """Yield the settings: the segments are those that were entered last, in the order of ``join_places``."""
    left = "FROM transition AS t WHERE t.user_id = s.user_id AND t.dimension = :name AND t.at <= :since"
    is_in = {}
    for place, slot in zip(dimension.places, dimension.slots, strict=True):
        of_place = f"{left} AND coalesce(t.to_place, t.from_place) = {quoted(place)}"
        is_in[place] = f"(SELECT t.to_place {of_place} ORDER BY t.id DESC LIMIT 1) IS NOT NULL"
        yield f"{slot.since} = (SELECT max(t.at) {of_place})"
    listed = " || ".join(f"CASE WHEN {is_in[place]} THEN {quoted(f'{place}|')} ELSE '' END" for place in sorted(is_in))
    known = f"s.user_id IN (SELECT user_id FROM {_HASTY} WHERE known = 1)"
    yield f"{dimension.place} = CASE WHEN {known} THEN '|' || {listed} END"
