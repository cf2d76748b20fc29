"""Several workers see new files at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

from engine.clock import WallClock
from tests.worker.house import VALUE, House

WORKERS = 4


def test_new_files_are_applied_by_one_worker_and_hinder_none(house: House) -> None:
    house.write("rules/value.toml", VALUE.replace("100", "120"))
    now, together = WallClock().now(), Barrier(WORKERS)
    with ExitStack() as opened, ThreadPoolExecutor(WORKERS) as threads:
        apps = [opened.enter_context(house.app()) for _ in range(WORKERS)]
        contents = [app.content() for app in apps]
        before = house.rows("SELECT count(*) FROM version WHERE kind = 'content'")[0][0]

        def apply(number: int) -> bool:
            apps[number].last_tick()  # connected, so that they meet
            together.wait(timeout=60)
            return apps[number].apply(contents[number], now)

        applied = list(threads.map(apply, range(WORKERS)))
    assert sorted(applied) == [False, False, False, True]
    assert house.rows("SELECT count(*) FROM version WHERE kind = 'content'") == [(before + 1,)]
