"""``habitue receipts``: recorded calls are verified like those over HTTP, and a line that is refused holds up no other."""

import base64
import gzip
import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engine.actions.receipts import Received
from engine.cli.program import program
from engine.delivery.receipts import Told
from engine.delivery.recorded_calls import TOGETHER, receive_recorded
from tests.adapters.emails import SECRET
from tests.cost_of_change.fax import sign
from tests.cost_of_change.test_fax import Office
from tests.web.faxes import references, report, signed
from tests.world import day


def call(*reports: dict[str, Any], secret: str = SECRET, **more: Any) -> dict[str, Any]:
    body, signature = signed(*reports, secret=secret)
    return {"adapter": "office", "headers": {"X-Fax-Signature": signature}, "body": body.decode(), **more}


def written(folder: Path, *calls: dict[str, Any] | str) -> str:
    lines = [one if isinstance(one, str) else json.dumps(one) for one in calls]
    file = folder / "calls.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    return str(file)


def states(world: Office) -> dict[str, str]:
    return dict(world.rows("SELECT u.key, a.state FROM action AS a JOIN users AS u ON u.id = a.user_id"))


def test_a_file_is_stored_once(fax: Office, tmp_path: Path) -> None:
    sent = references(fax)
    file = written(tmp_path, call(report(sent["ann"])), "", call(report(sent["bo"], "busy"), report("fax-of-nobody")))
    done = fax.command("receipts", file)
    assert done.exit_code == 0, done.output
    assert done.output == "2 calls stored, 0 refused; receipts: 2 new, 0 known already, 1 about no message of ours\n"
    assert states(fax) == {"ann": "delivered", "bo": "bounced"}
    again = json.loads(fax.command("receipts", file, "--json").stdout)
    assert {name: again[name] for name in ("calls", "new", "known", "unmatched", "refused")} == {
        "calls": 2, "new": 0, "known": 2, "unmatched": 1, "refused": 0,
    }  # fmt: skip
    assert fax.rows("SELECT count(*) FROM action_event WHERE state IN ('delivered', 'bounced')") == [(2,)]


def test_lines_that_are_refused_are_named_and_hold_up_no_other(fax: Office, tmp_path: Path) -> None:
    ann = references(fax)["ann"]
    file = written(
        tmp_path,
        "not JSON",
        call(report(ann), secret="guessed"),
        {**call(), "adapter": "smtp"},
        {**call(), "adapter": "ofice"},
        {**call(), "sent": 1},
        {"adapter": "office", "headers": {}},
        {**call(), "body_base64": "AA=="},
        {"adapter": "office", "body_base64": "no!"},
        {**call(), "at": 1_795_165_200},
        {**call(), "at": "yesterday"},
        {**call(), "headers": {"x": 1}},
        "[1]",
        call(report(ann)),
    )
    done = fax.command("receipts", file)
    assert done.exit_code == 1
    head, *lines = done.output.splitlines()
    assert head == "1 call stored, 12 refused; receipts: 1 new, 0 known already, 0 about no message of ours"
    example = (
        'write one call per line, as {"adapter": "twilio", "headers": {"X-Twilio-Signature": "…"}, "url": "https://…",'
        ' "body": "…"}'
    )
    either = "write the body either as `body`, if it is text, or as `body_base64`"
    known = ", ".join(sorted(one.name for one in fax.kinds.adapters))
    assert lines[:5] == [
        f"  line 1: not a JSON object: {example}",
        "  line 2: the signature does not match the body",
        "  line 3: the adapter `smtp` does not support receipts",
        f"  line 4: there is no adapter `ofice`; known: {known}",
        "  line 5: unknown key: a call has `adapter`, `headers`, `body`, `body_base64`, `url`, `at`",
    ]
    assert [line.split(": ", 1)[1][: len(either)] for line in lines[5:7]] == [either] * 2
    assert lines[7] == "  line 8: `body_base64` is not Base64: encode the body's bytes, with their padding"
    assert "`at`: it is not between 1990 and 2100: write milliseconds since 1970, or ISO 8601" in lines[8]
    assert "`at`: write milliseconds since 1970, or ISO 8601 such as" in lines[9]
    assert lines[10].startswith("  line 11: `headers`: ")
    assert lines[11].startswith("  line 12: ")
    assert ann not in done.output
    assert states(fax)["ann"] == "delivered"


def test_bodies_as_base64_packed_and_from_standard_input(fax: Office, tmp_path: Path) -> None:
    sent = references(fax)
    body, signature = signed(report(sent["ann"]))
    line = {
        "adapter": "office",
        "headers": {"x-fax-signature": signature},
        "body_base64": base64.b64encode(body).decode(),
    }
    packed = tmp_path / "calls.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps({**line, "at": "2026-01-02T00:00:00Z"}).encode()))
    assert fax.command("receipts", str(packed)).exit_code == 0
    assert states(fax)["ann"] == "delivered"
    piped = json.dumps(call(report(sent["bo"])))
    words = ["--config", str(fax.config), "receipts", "-"]
    assert CliRunner().invoke(program, words, obj=fax.kinds, input=piped).exit_code == 0
    assert states(fax)["bo"] == "delivered"


def test_one_call_from_a_file_with_its_body(fax: Office, tmp_path: Path) -> None:
    body, signature = signed(report(references(fax)["bo"]))
    file = tmp_path / "body"
    file.write_bytes(body)
    refused = fax.command("receipts", str(file), "--adapter", "office")
    assert (refused.exit_code, "line 1: the signature does not match" in refused.output) == (1, True)
    words = ("--adapter", "office", "--header", f"X-Fax-Signature: {signature}", "--url", "https://hooks.example.com/x")
    done = fax.command("receipts", str(file), *words, "--at", "2026-01-02")
    assert done.exit_code == 0, done.output
    assert states(fax)["bo"] == "delivered"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("missing.jsonl",), "missing.jsonl is not a readable file"),
        (("missing", "--adapter", "office"), "missing cannot be read: No such file or directory"),
        (("config.toml", "--adapter", "office", "--header", "sesame"), "the first --header is not one: write it as"),
        (("config.toml", "--url", "https://example.com"), "are about one call: name its adapter with --adapter"),
        (("config.toml", "--adapter", "office", "--at", "then"), "`then` is not a date or time"),
    ],
)
def test_what_cannot_be_done_is_said(fax: Office, words: tuple[str, ...], said: str) -> None:
    done = fax.command("receipts", *words)
    assert said in f"{done.output}{done.exception}"
    assert "sesame" not in f"{done.output}{done.exception}"


def test_a_line_that_is_too_long_is_refused_and_passed_over(fax: Office, tmp_path: Path) -> None:
    long = {"adapter": "office", "body": "x" * 4_500_000}
    file = written(tmp_path, long, call(report(references(fax)["ann"])))
    done = fax.command("receipts", file)
    assert "line 1: the line has more than 2,000,000 bytes: write one call per line" in done.output
    assert "1 call stored, 1 refused; receipts: 1 new" in done.output


def test_a_long_file_is_stored_in_groups_and_reports_no_more_than_is_useful(fax: Office, tmp_path: Path) -> None:
    ann = references(fax)["ann"]
    good, bad = call(report(ann), report("fax-of-nobody")), call(report(ann), secret="guessed")
    done = fax.command("receipts", written(tmp_path, *[good] * 1_100, *[bad] * 30), "--json")
    found = json.loads(done.stdout)
    assert (found["calls"], found["new"], found["known"], found["unmatched"]) == (1_100, 1, 1_099, 1_100)
    assert found["reasons"] == {"the signature does not match the body": 30}
    assert [one["line"] for one in found["first_refused"]] == list(range(1_101, 1_121))
    assert fax.rows("SELECT count(*) FROM action_event WHERE state = 'delivered'") == [(1,)]


def test_groups_are_of_calls_whatever_is_between_them() -> None:
    line = f"{json.dumps({'adapter': 'office', 'body': ''})}\n\n".encode()
    groups: list[int] = []

    def store(told: Sequence[Told]) -> Received:
        groups.append(len(told))
        return Received()

    found = receive_recorded(BytesIO(line * (TOGETHER + 20)), day(0), lambda _: Told(()), store, lambda: None)
    assert (found.calls, groups) == (TOGETHER + 20, [TOGETHER, 20])


def test_calls_are_verified_as_of_when_they_arrived(fax: Office, tmp_path: Path) -> None:
    fax.clock.move_to(day(9))
    told = call(report(references(fax)["ann"], at=2), at=int(day(2)))
    assert fax.command("receipts", written(tmp_path, told)).exit_code == 0
    [logged] = [one for one in fax.log("--history", "--channel", "fax") if one["state"] == "delivered"]
    assert logged["detail"] == "it happened 2026-01-03T00:00:00Z"
    assert sign(SECRET, b"") not in str(logged)
