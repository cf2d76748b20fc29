"""What one tick does to its end: scores whose values come by its sweep, and news behind many others."""

from engine.store.news import NEWS_AT_ONCE
from tests.maison import FACTS
from tests.sweeps.shop import RESULTS, USERS, edit
from tests.world import World, day


def test_news_behind_many_of_the_future_are_not_left_to_the_next_tick(world: World) -> None:
    many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :many)"
    future = "INSERT INTO user_news (user_id, due_at, cause)"
    world.execute(f"{future} {many} SELECT 1, :at, 'behaviour' FROM n", many=NEWS_AT_ONCE, at=day(9))
    world.order("u02", 2, 100_000)
    assert world.tick(3).users == 1
    assert world.rows(RESULTS["news"]) == []


def test_a_score_over_a_new_fact_is_there_before_steps_ask(world: World) -> None:
    """Nobody has a value before the sweep, so the scores cannot be calibrated before it."""
    new = '\n[facts.total]\nsum = "order_completed.amount"\n\n[facts.score]\nquantile = "total"\nbuckets = 4\n'
    edit(world, "rules/facts.toml", FACTS + new)
    world.tick(3)
    found = [score for (score,) in world.rows("SELECT fact_score FROM user_state ORDER BY user_id")]
    assert found == [1 + number // (USERS // 4) for number in range(USERS)]


def test_dates_that_are_computed_from_a_score_follow_its_calibration(world: World) -> None:
    """Here the first scores come by a sweep of scores, which computes no other facts."""
    new = (
        '\n[facts.total]\nsum = "order_completed.amount"\n\n[facts.score]\nquantile = "total"\nbuckets = 4\n'
        '\n[facts.feast]\nexpr = "case when score = 4 then birthday end"\n'
    )
    edit(world, "rules/facts.toml", FACTS + new)
    world.tick(3)
    found = world.rows("SELECT user_id FROM user_date WHERE fact = 'feast' ORDER BY user_id")
    assert [user for (user,) in found] == list(range(USERS - USERS // 4 + 1, USERS + 1))
