"""Several workers see new files at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

from engine.clock import WallClock
from tests.maison import VALUE
from tests.processes import opened
from tests.world import World

WORKERS = 4


def test_new_files_are_applied_by_one_worker_and_hinder_none(world: World) -> None:
    world.write("rules/value.toml", VALUE.replace("500", "520"))
    now, together = WallClock().now(), Barrier(WORKERS)
    with ExitStack() as stack, ThreadPoolExecutor(WORKERS) as threads:
        apps = [stack.enter_context(opened(world)) for _ in range(WORKERS)]
        contents = [app.content() for app in apps]
        before = world.rows("SELECT count(*) FROM version WHERE kind = 'content'")[0][0]

        def apply(number: int) -> bool:
            apps[number].last_tick()  # connected, so that they meet
            together.wait(timeout=60)
            return apps[number].apply(contents[number], now) is not None

        applied = list(threads.map(apply, range(WORKERS)))
    assert sorted(applied) == [False, False, False, True]
    assert world.rows("SELECT count(*) FROM version WHERE kind = 'content'") == [(before + 1,)]
