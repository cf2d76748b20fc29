"""``[alerts]``: what cannot work is said before anybody relies on it, and ``habitue alerts test`` tries it."""

import asyncio
import json
import sys

import pytest

from tests.adapters.fake_http import Response, fake_http
from tests.alerts.staff import SECRET
from tests.program import Ended
from tests.world import World


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"urls": ["sesame"]}, "alerts.urls[0] is not a URL that Apprise knows: write one such as `mailtos://"),
        ({"urls": ["json://localhost", "nosuch://sesame"]}, "alerts.urls[1] is not a URL that Apprise knows"),
        ({"when": ["pool", "polo"]}, "alerts.when: there is no check `polo`; did you mean `pool`?"),
        ({"again": "1m"}, "`alerts.again`: nobody reads what comes all the time: write at least `10m`"),
    ],
)
@pytest.mark.parametrize("words", [("check",), ("run",), ("alerts", "test")], ids=" ".join)
def test_settings_that_cannot_work_are_refused(
    world: World, settings: dict[str, object], said: str, words: tuple[str, ...]
) -> None:
    world.configure(alerts=settings)
    done = world.program(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "sesame" not in done.stderr + done.stdout


def test_without_apprise_it_says_how_to_install_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.configure(alerts={"urls": ["json://localhost"]})
    monkeypatch.setitem(sys.modules, "apprise", None)
    for words in (["check"], ["run"], ["alerts", "test"]):
        done = world.program(*words)
        assert (done.returncode, "pip install 'habitue[alerts]'" in done.stderr) == (2, True)


def test_without_urls_nobody_is_told(world: World) -> None:
    done = world.program("alerts", "test")
    assert (done.returncode, "put Apprise URLs into HABITUE_ALERTS__URLS" in done.stderr) == (2, True)


def test_a_test_reaches_every_service_and_says_which_it_does_not(world: World) -> None:
    ended, requests = asyncio.run(_tried(world, "alerts", "test", "--json"))
    assert json.loads(ended.stdout) == [{"to": "alerts.urls[0]", "sent": True}, {"to": "alerts.urls[1]", "sent": False}]
    assert ended.returncode == 1
    assert requests == ["Maison: a test", "Maison: a test"]
    ended, _ = asyncio.run(_tried(world, "alerts", "test"))
    assert "alerts.urls[0]: sent" in ended.stdout
    assert "alerts.urls[1]: the service did not take it" in ended.stdout
    assert SECRET not in ended.stdout + ended.stderr


async def _tried(world: World, *words: str) -> tuple[Ended, list[str]]:
    async with fake_http(lambda _: Response()) as well, fake_http(lambda _: Response(500)) as ill:
        urls = [f"{one.url.replace('http', 'json')}/{SECRET}" for one in (well, ill)]
        world.configure(alerts={"urls": urls})
        ended = await asyncio.to_thread(world.program, *words)
        return ended, [str(one.json["title"]) for server in (well, ill) for one in server.requests]  # type: ignore[index]
