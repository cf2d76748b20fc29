"""The journal: a decision that fails costs no other post of its group anything."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from engine.actions.claims import Claims
from engine.actions.moves import Move
from engine.actions.states import State
from engine.clock import MINUTE
from engine.delivery.gates import GATES
from engine.delivery.in_flight.table import InFlight
from engine.delivery.journal import DecisionFailed, Journal, TransactionalMoves
from engine.delivery.reasons import DeliveryReason
from tests.deliveries import NOON, Deliveries

LEASE = 5 * MINUTE


def test_a_decision_that_fails_leaves_nothing_behind_and_takes_nothing_along(world: Deliveries, tmp_path: Path) -> None:
    world.users(3)
    world.due_actions(3)
    with world.database.write() as connection:
        first, second, third = Claims(world.database.dialect, LEASE).take(connection, "email", NOON, 3)

    def fail(connection: Connection, ours: frozenset[int]) -> list[Move]:
        assert ours == {1, 2, 3}
        connection.execute(text("UPDATE users SET locale = 'xx'"))
        raise KeyError("a bug")

    async def post() -> None:
        moves = [[Move(*one, State.QUEUED, DeliveryReason.WORKER_STOPPED)] for one in (first, second, third)]
        in_flight = InFlight(tmp_path, 3)
        async with Journal(world.database, world.clock, GATES, in_flight, give_up_after=LEASE, group=3) as journal:
            before = journal.post(moves[0])
            failed = journal.post(moves[1], inside=TransactionalMoves([second], fail))
            after = journal.post(moves[2])
            with pytest.raises(DecisionFailed):
                await failed
            assert [*await before, *await after] == [1, 3]

    asyncio.run(post())
    assert world.rows("SELECT count(*) FROM users WHERE locale = 'xx'") == [(0,)]
    assert world.rows("SELECT id, state FROM action ORDER BY id") == [(1, "queued"), (2, "claimed"), (3, "queued")]
    assert world.history(1) == ["queued", "claimed", "queued"]
    assert world.history(2) == ["queued", "claimed"]
