"""``POST /receipts/{adapter}``: the answer says whether a provider has to repeat its report."""

import json
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from adapters.base import Callback, Receipt
from adapters.kinds import ReceiptReply
from engine.kinds import SHIPPED, Kinds
from engine.web.store_threads import StoreThreads
from tests.adapters.emails import SECRET
from tests.cost_of_change.fax import FAX, FAX_ADAPTER, FaxOptions, receipts, sign
from tests.cost_of_change.test_fax import Office
from tests.processes import wait_until
from tests.web.door import PUBLIC, door
from tests.web.faxes import references, report, signed
from tests.world import day


def states(world: Office) -> dict[str, str]:
    return dict(world.rows("SELECT u.key, a.state FROM action AS a JOIN users AS u ON u.id = a.user_id"))


def test_a_signed_report_is_in_the_log_once(fax: Office) -> None:
    ann = references(fax)["ann"]
    body, signature = signed(report(ann), report("fax-of-nobody"))
    with door(fax) as web:
        answers = [web.post("/receipts/office", body, X_Fax_Signature=signature) for _ in range(2)]
    assert [(one.status_code, one.content) for one in answers] == [(200, b"")] * 2
    assert states(fax) == {"ann": "delivered", "bo": "accepted"}
    assert fax.rows("SELECT count(*) FROM action_event WHERE state = 'delivered'") == [(1,)]


def test_what_may_not_come_from_the_provider_changes_nothing(fax: Office) -> None:
    body, signature = signed(report(references(fax)["ann"]), secret="another secret")
    with door(fax) as web:
        forged = web.post("/receipts/office", body, X_Fax_Signature=signature)
        unsigned = web.post("/receipts/office", body)
        unreadable = web.post("/receipts/office", b"[1]", X_Fax_Signature=sign(SECRET, b"[1]"))
    assert (forged.status_code, forged.text) == (403, "the signature does not match the body")
    assert unsigned.status_code == 403
    assert (unreadable.status_code, unreadable.text) == (400, "this is not a list of pages: TypeError")
    assert states(fax) == {"ann": "accepted", "bo": "accepted"}


@pytest.mark.parametrize(
    ("adapter", "said"),
    [
        ("capture", "the adapter `capture` does not support receipts"),
        ("nobody", "there is no adapter `nobody`; known: "),
        ("smtp", "the adapter `smtp` does not support receipts"),
    ],
)
def test_who_does_not_report_has_no_address(fax: Office, adapter: str, said: str) -> None:
    with door(fax) as web:
        answer = web.post(f"/receipts/{adapter}", b"{}")
        fetched = web.client.get("/receipts/office")
        nowhere = web.post("/elsewhere", b"")
    assert (answer.status_code, answer.text[: len(said)]) == (404, said)
    assert (fetched.status_code, nowhere.status_code) == (403, 404)


def test_a_body_has_a_largest_size_with_and_without_its_length(fax: Office) -> None:
    body = b"x" * 1_000_001
    with door(fax) as web:
        told = web.post("/receipts/office", body)
        in_parts = web.client.post("/receipts/office", content=iter([body[:500_000], body[500_000:]]))
    assert (told.status_code, in_parts.status_code) == (413, 413)
    assert told.text == "the body may have 1,000,000 bytes at most"


def test_while_the_store_cannot_be_used_the_provider_keeps_its_reports(fax: Office) -> None:
    body, signature = signed(report(references(fax)["ann"]))
    with door(fax) as web:
        fax.execute("ALTER TABLE action_event RENAME TO elsewhere")
        refused = web.post("/receipts/office", body, X_Fax_Signature=signature)
        fax.execute("ALTER TABLE elsewhere RENAME TO action_event")
        stored = web.post("/receipts/office", body, X_Fax_Signature=signature)
    assert (refused.status_code, stored.status_code) == (503, 200)
    assert states(fax)["ann"] == "delivered"


def test_a_bug_ends_one_request_and_is_an_alarm_until_one_works(fax: Office) -> None:
    def broken(_options: object, _name: str, callback: Callback) -> list[Receipt]:
        if callback.body == b"bug":
            raise KeyError("ann@example.com")
        return []

    fax.kinds = SHIPPED + Kinds(channels=(FAX,), adapters=(replace(FAX_ADAPTER, receipts=broken),))
    with door(fax) as web:
        failed = web.post("/receipts/office", b"bug")
        [notice] = web.server.notices()
        worked = web.post("/receipts/office", b"")
        assert web.server.notices() == []
    assert (failed.status_code, worked.status_code) == (500, 200)
    assert "ann" not in failed.text
    assert notice.message.startswith(
        "requests to `receipts` fail because of a bug: KeyError at test_receipts_over_http.py:"
    )


def test_an_adapter_sees_the_public_url_and_gives_the_answer_that_its_provider_wants(fax: Office) -> None:
    seen: list[Callback] = []

    def noting(_options: object, _name: str, callback: Callback) -> list[Receipt]:
        seen.append(callback)
        return []

    wanted = ReceiptReply(b'{"code":0}')
    kind = replace(FAX_ADAPTER, receipts=noting, receipt_reply=wanted)
    fax.kinds = SHIPPED + Kinds(channels=(FAX,), adapters=(kind,))
    with door(fax) as web:
        answer = web.post("/receipts/office?a=1&b=%2F", b"body", Host="evil.example.com", X_Custom="Value")
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (
        200,
        b'{"code":0}',
        "application/json",
    )
    [call] = seen
    assert call.url == f"{PUBLIC}/receipts/office?a=1&b=%2F"
    assert (call.body, call.headers["x-custom"], call.at) == (b"body", "Value", fax.clock.now())


def test_a_receipt_may_come_before_the_answer_is_recorded(fax: Office) -> None:
    """The provider is quicker than the worker's next group of answers."""
    ann = references(fax)["ann"]
    fax.execute("UPDATE action SET state = 'handed_off', reference = NULL, adapter = NULL, lease_until = :never "
                "WHERE reference = :ann", ann=ann, never=int(day(400)))  # fmt: skip
    calls: list[int] = []

    def late(options: FaxOptions, name: str, callback: Callback) -> Sequence[Receipt]:
        calls.append(1)
        if len(calls) == 2:
            fax.execute("UPDATE action SET state = 'accepted', reference = :ann, adapter = 'office', lease_until = NULL "
                        "WHERE state = 'handed_off'", ann=ann)  # fmt: skip
        return receipts(options, name, callback)

    fax.kinds = SHIPPED + Kinds(channels=(FAX,), adapters=(replace(FAX_ADAPTER, receipts=late),))
    body, signature = signed(report(ann))
    with door(fax) as web:
        assert web.post("/receipts/office", body, X_Fax_Signature=signature).status_code == 200
        assert states(fax)["ann"] == "delivered"
        strange, of_strange = signed(report("fax-of-nobody"))
        assert web.post("/receipts/office", strange, X_Fax_Signature=of_strange).status_code == 200
    assert len(calls) == 3, "nothing is in flight, so nothing is waited for"


def test_the_provider_says_that_a_number_is_vacant(fax: Office) -> None:
    body, signature = signed(report(references(fax)["ann"], "vacant"))
    with door(fax) as web:
        assert web.post("/receipts/office", body, X_Fax_Signature=signature).status_code == 200
    listed = json.loads(fax.command("suppress", "list", "--channel", "fax", "--show-addresses", "--json").stdout)
    assert [(one["address"], one["reason"], one["source"]) for one in listed] == [
        ("+4930901820", "address_gone", "office")
    ]


def waiting_for(holds: Callable[[], object]) -> tuple[Kinds, threading.Event]:
    """Return kinds with a provider whose calls take until ``holds``, and what is set once one has come."""
    begun = threading.Event()

    def slow(_options: object, _name: str, _callback: Callback) -> list[Receipt]:
        begun.set()
        wait_until(holds, lambda: "the call may end")
        return []

    return SHIPPED + Kinds(channels=(FAX,), adapters=(replace(FAX_ADAPTER, receipts=slow),)), begun


def test_whoever_comes_while_too_many_do_is_told_to_come_back(fax: Office) -> None:
    gate = threading.Event()
    fax.kinds, begun = waiting_for(gate.is_set)
    with door(fax, store=StoreThreads(threads=1, waiting=0)) as web, ThreadPoolExecutor(1) as others:
        first = others.submit(web.post, "/receipts/office", b"")
        assert begun.wait(60)
        refused = web.post("/receipts/office", b"")
        gate.set()
        assert first.result(60).status_code == 200
        assert web.post("/receipts/office", b"").status_code == 200
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")


def test_a_request_that_has_begun_gets_its_answer_when_the_worker_stops(fax: Office) -> None:
    def closed() -> bool:
        with socket.socket() as one:
            return one.connect_ex((fax.app.settings.web.host, fax.app.settings.web.port)) != 0

    fax.kinds, begun = waiting_for(closed)
    with ThreadPoolExecutor(1) as others, door(fax) as web:
        answer = others.submit(web.post, "/receipts/office", b"")
        assert begun.wait(60)
        web.stop()
        assert answer.result(60).status_code == 200


def test_healthz_says_whether_the_store_can_be_used(fax: Office) -> None:
    with door(fax) as web:
        well = web.client.get("/healthz")
        fax.execute("ALTER TABLE tick RENAME TO tock")
        ill = web.client.get("/healthz")
        fax.execute("ALTER TABLE tock RENAME TO tick")
    assert (well.status_code, well.text) == (200, "ok")
    assert (ill.status_code, ill.text) == (503, "the store cannot be used")
