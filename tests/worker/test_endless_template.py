"""A customer's value at which a template works for ever stops neither the worker nor the mail of others."""

from tests.composing.hostile import ENDLESS, email
from tests.processes import just_now, people, running
from tests.world import World

HELLO = (
    "{% if facts.first_name == 'Name3' %}" + ENDLESS["nested range joins"] + "{% endif %}"
    "<a href='{{ unsubscribe_url }}'>stop</a>"
)


def test_the_others_get_their_mail_and_the_worker_ends_when_it_is_told_to(world: World) -> None:
    world.configure(composing={"time": "1s"})
    world.write("templates/welcome/hello.email.j2", email(HELLO))
    people(world, 8, just_now())
    hello = "SELECT count(*) FROM action WHERE step = 'hello' AND "
    with running(world) as worker:
        worker.until(lambda: world.rows(f"{hello} state = 'accepted'") == [(7,)], "the mail of the others")
        worker.until(lambda: world.rows(f"{hello} reason = 'render_limit'") == [(1,)], "the one that is set aside")
        assert worker.stop() == 0, worker.said()
    [(stage, reason, detail)] = world.rows("SELECT stage, reason, detail FROM quarantine")
    assert (stage, reason) == ("compose", "render_limit")
    assert detail == "welcome/hello.email.j2:2: takes more than 1 s of computing time"
    assert world.rows("SELECT count(*) FROM action WHERE state IN ('claimed', 'handed_off')") == [(0,)]
