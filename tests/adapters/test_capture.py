import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Answer, Message, Outcome, SmsPayload
from adapters.capture import CaptureAdapter, CaptureOptions
from tests.adapters.emails import AT, BODY, message


@dataclass(frozen=True)
class Odd:
    """A payload of a channel that nobody knows."""

    octets: bytes
    amount: complex


def send(folder: Path, sent: Message) -> Answer:
    async def run() -> Answer:
        async with CaptureAdapter(CaptureOptions(folder=folder)) as adapter:
            return await adapter.send(sent)

    return asyncio.run(run())


def test_an_email_is_a_file_of_its_day_that_mail_programs_open(tmp_path: Path) -> None:
    answer = send(tmp_path / "mail", message())
    assert answer.outcome is Outcome.ACCEPTED
    assert answer.reference.startswith("1997-01-31/")
    assert answer.reference.endswith(".eml")
    assert (tmp_path / "mail" / answer.reference).read_bytes() == BODY


def test_a_message_of_another_channel_is_json(tmp_path: Path) -> None:
    answer = send(tmp_path / "mail", Message("k", "", "+12025550123", Odd(b"\x00\xff", 1j), AT))
    read: dict[str, Any] = json.loads((tmp_path / "mail" / answer.reference).read_text("utf-8"))
    assert answer.reference.endswith(".odd.json")
    assert read == {
        "recipient": "+12025550123",
        "payload": {"octets": "AP8=", "amount": "1j"},
        "template": "",
        "locale": "",
        "at": "1997-01-31T08:00:00+00:00",
        "key": "k",
    }


def test_files_are_named_after_their_channel(tmp_path: Path) -> None:
    answer = send(tmp_path / "mail", Message("k", "", "+12025550123", SmsPayload("Hello", 1), AT))
    assert answer.reference.endswith(".sms.json")


def test_leaves_no_half_written_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    answer = send(tmp_path / "mail", message())
    assert (answer.outcome, answer.reason) == (Outcome.ADAPTER_DOWN, "folder_unwritable")
    assert [file for file in (tmp_path / "mail").rglob("*") if file.is_file()] == []


def test_a_file_in_the_way_is_a_reason(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("not a folder")
    answer = send(tmp_path / "mail", message())
    assert (answer.outcome, answer.reason) == (Outcome.ADAPTER_DOWN, "folder_unwritable")
