"""``habitue run`` as a process: it ticks and delivers, and ends in an orderly way when it is told to."""

import re

from tests.processes import Worker, just_now, people, running
from tests.world import World

LEASED = "SELECT count(*) FROM action WHERE state IN ('claimed', 'handed_off') OR lease_until IS NOT NULL"


def accepted(world: World, step: str, at_least: int) -> bool:
    [(number,)] = world.rows("SELECT count(*) FROM action WHERE state = 'accepted' AND step = :step", step=step)
    return bool(number >= at_least)


def mails(world: World) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in world.mailbox.rglob("*.eml")]


def orderly(world: World, worker: Worker) -> None:
    """Stop it; nothing is half-done then."""
    assert worker.stop() == 0, worker.said()
    assert worker.entries("stopped")
    assert world.rows(LEASED) == [(0,)]
    assert world.rows("SELECT count(*) FROM worker") == [(0,)]
    assert world.rows("SELECT count(*) FROM tick WHERE ended_at IS NULL") == [(0,)]


def test_ticks_at_once_and_again_and_delivers_beside(world: World) -> None:
    people(world, 40, just_now())
    with running(world) as worker:
        worker.until(lambda: accepted(world, "hello", 40), "the first tick and its mails")
        worker.until(
            lambda: accepted(world, "gift", 40) and accepted(world, "thanks", 10),
            "a later tick, after the wait of a second",
        )
        people(world, 1_200, just_now(), first=41)
        worker.until(lambda: accepted(world, "hello", 100), "in the middle of delivery")
        orderly(world, worker)
        [(rest,)] = world.rows("SELECT count(*) FROM action WHERE state = 'queued'")
        codes = len(worker.entries("tick"))
        said = worker.said()
    assert codes >= 2
    assert len(mails(world)) + rest == world.rows("SELECT count(*) FROM action")[0][0]
    assert not re.search(r"@|u\d+\b|\+1202555|Name\d|GIFT\d", said), "personal data in the log"
    assert world.rows("SELECT count(*) FROM cut_points") == [(1,)], "scores were calibrated without waiting for 03:00"


def test_two_workers_at_once_do_nothing_twice(world: World) -> None:
    people(world, 600, just_now())
    with running(world) as one, running(world) as other:
        one.until(lambda: accepted(world, "gift", 600) and accepted(world, "thanks", 150), "everything delivered")
        orderly_both = [worker.stop() for worker in (one, other)]
        said = one.said() + other.said()
    assert orderly_both == [0, 0], said
    assert "job failed" not in said, said
    assert world.rows("SELECT playbook, count(*), count(DISTINCT user_id) FROM enrolment GROUP BY playbook "
                      "ORDER BY playbook") == [("vip", 150, 150), ("welcome", 600, 600)]  # fmt: skip
    assert world.rows("SELECT state, count(*) FROM action GROUP BY state") == [("accepted", 1_350)]
    assert world.rows("SELECT state, count(*) FROM action_event GROUP BY state ORDER BY state") == [
        ("accepted", 1_350), ("claimed", 1_350), ("handed_off", 1_350), ("queued", 1_350)]  # fmt: skip
    assert world.rows("SELECT count(*), count(DISTINCT user_id) FROM transition") == [(600, 600)]
    assert world.rows("SELECT count(*), count(DISTINCT enrolment_id) FROM coupon_code "
                      "WHERE enrolment_id IS NOT NULL") == [(750, 750)]  # fmt: skip
    assert len(mails(world)) == 1_350


def test_the_parts_of_a_worker_run_apart(world: World) -> None:
    people(world, 8, just_now())
    with running(world, "--only", "ticks") as ticks:
        ticks.until(
            lambda: world.rows("SELECT count(*) FROM action WHERE state = 'queued' AND step = 'gift'") == [(8,)],
            "actions of both steps wait",
        )
        orderly(world, ticks)
    assert world.rows("SELECT state, count(*) FROM action GROUP BY state") == [("queued", 18)]
    ended = world.rows("SELECT count(*) FROM tick")
    with running(world, "--only", "delivery") as delivery:
        delivery.until(lambda: accepted(world, "gift", 8) and accepted(world, "hello", 8), "what waited was delivered")
        world.write("templates/welcome/hello.email.j2", "{% block subject %}Good day{% endblock %}{% block html %}"
                    '<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>{% endblock %}')  # fmt: skip
        delivery.until(lambda: delivery.entries("content replaced"), "the new template taken over")
        world.execute("UPDATE action SET state = 'queued' WHERE step = 'hello' AND user_id = 1")
        delivery.until(lambda: any("Subject: Good day" in mail for mail in mails(world)), "a mail of the new template")
        orderly(world, delivery)
    assert world.rows("SELECT count(*) FROM tick") == ended
