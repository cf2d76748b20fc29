"""``habitue run`` with a web door, as a process: it answers beside ticks and delivery, and ends with them."""

import socket

import httpx2
import pytest

from engine.status.reading import read_status
from tests.adapters.emails import SECRET
from tests.cost_of_change.test_fax import Office
from tests.processes import Worker, running
from tests.web.door import free_port
from tests.web.faxes import references, report, signed

PROGRAM = "tests.web.fax_program"


@pytest.fixture
def listening(fax: Office) -> Office:
    fax.configure(
        web={"listen": f"127.0.0.1:{free_port()}"}, schedule={"tick": "1s"}, log={"format": "json", "level": "debug"}
    )
    return fax


def post(world: Office, body: bytes, signature: str) -> httpx2.Response:
    url = f"http://{world.app.settings.web.listen}/receipts/office"
    return httpx2.post(url, content=body, headers={"X-Fax-Signature": signature}, timeout=60, trust_env=False)


def opened(worker: Worker) -> None:
    worker.until(lambda: worker.entries("web_open"), "the web door is open")


def test_it_answers_beside_delivery_and_ends_in_an_orderly_way(listening: Office) -> None:
    ann = references(listening)["ann"]
    with running(listening, program=PROGRAM) as worker:
        opened(worker)
        stored = post(listening, *signed(report(ann)))
        forged = post(listening, *signed(report(ann), secret="guessed"))
        worker.until(lambda: worker.entries("started"), "ticks and delivery run, too")
        assert worker.stop() == 0, worker.said()
        said = worker.said()
    assert (stored.status_code, forged.status_code) == (200, 403)
    assert listening.rows("SELECT count(*) FROM action WHERE state = 'delivered'") == [(1,)]
    assert listening.rows("SELECT count(*) FROM worker") == [(0,)]
    assert [one["why"] for one in worker.entries("receipts_refused")] == ["the signature does not match the body"]
    for secret in (SECRET, ann, "4930", "fax-signature"):
        assert secret not in said
    with pytest.raises(httpx2.ConnectError):
        post(listening, *signed())


def test_a_port_in_use_stops_nothing_else_and_is_an_alarm(listening: Office) -> None:
    web = listening.app.settings.web
    with socket.create_server((web.host, web.port)) as taken, running(listening, program=PROGRAM) as worker:
        worker.until(lambda: worker.entries("web_closed"), "the port is in use")
        listening.user("cy", 0, first_name="Cy", fax_number="+49 30 901822")
        worker.until(lambda: worker.entries("started"), "delivery runs")
        worker.until(lambda: "web" in {one.check for one in read_status(listening.app).attention}, "status says so")
        taken.close()
        opened(worker)
        assert worker.stop() == 0, worker.said()
    said = worker.entries("web_closed")[0]["why"]
    assert said == f"the web door cannot listen at {web.listen}: Address already in use: change `web.listen`"


def test_the_web_door_alone_neither_ticks_nor_delivers(listening: Office) -> None:
    ticks = listening.rows("SELECT count(*) FROM tick")
    with running(listening, "--only", "web", program=PROGRAM) as worker:
        opened(worker)
        assert post(listening, *signed(report(references(listening)["bo"]))).status_code == 200
        worker.until(lambda: worker.entries("started"), "it has begun")
        assert worker.stop() == 0, worker.said()
    assert listening.rows("SELECT count(*) FROM tick") == ticks


def test_the_web_door_alone_needs_an_address(fax: Office) -> None:
    done = fax.program("run", "--only", "web")
    assert done.returncode == 2
    assert 'there is no web door: write `[web] listen = "127.0.0.1:8080"` into config.toml' in done.stderr


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("listen", "8080", "`8080` is not an address and a port: write an address and a port, such as 127.0.0.1:8080"),
        ("listen", "127.0.0.1:99999", "is not an address and a port"),
        ("listen", "http://127.0.0.1:80", "is not an address and a port"),
        ("public_url", "http://hooks.example.com", "links in messages have to begin with https://"),
        ("public_url", "https://hooks.example.com/?a=1", "so it has no ? or #"),
        ("public_url", "https://hooks.example.com", "`public_url` is of no use without `listen`"),
    ],
)
def test_settings_that_cannot_work_are_refused(fax: Office, key: str, value: str, said: str) -> None:
    fax.configure(web={"listen": "127.0.0.1:80", key: value} if "without" not in said else {key: value})
    done = fax.program("status")
    assert done.returncode == 2
    assert said in done.stderr
