import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.base import Outcome
from adapters.capture import CaptureAdapter, CaptureOptions
from tests.adapters.adapter_contract import BODY, AdapterContract, message


@dataclass
class Folder:
    adapter: CaptureAdapter
    folder: Path

    def arrived(self) -> list[bytes]:
        return [file.read_bytes() for file in sorted(self.folder.rglob("*.eml"))]


@asynccontextmanager
async def capture(folder: Path) -> AsyncIterator[Folder]:
    async with CaptureAdapter(CaptureOptions(folder=folder)) as adapter:
        yield Folder(adapter, folder)


class TestCapture(AdapterContract):
    def working(self, folder: Path) -> AbstractAsyncContextManager[Folder]:
        return capture(folder / "mail")

    def unreachable(self, folder: Path) -> AbstractAsyncContextManager[Folder]:
        return capture(folder / "missing" / "mail")


async def _send(folder: Path, body: bytes = BODY) -> tuple[Outcome, str, str]:
    async with capture(folder) as bench:
        answer = await bench.adapter.send(message(body=body))
        return answer.outcome, answer.reason, answer.reference


@pytest.mark.parametrize(
    ("body", "folder"),
    [(BODY, "1997-01-31"), (b"Subject: x\r\n\r\n", "undated"), (b"Date: soon\r\n\r\n", "undated")],
)
def test_sorts_by_the_day_in_the_message(tmp_path: Path, body: bytes, folder: str) -> None:
    outcome, _, reference = asyncio.run(_send(tmp_path / "mail", body))
    assert outcome is Outcome.ACCEPTED
    assert reference.startswith(f"{folder}/")
    assert (tmp_path / "mail" / reference).read_bytes() == body


def test_leaves_no_half_written_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    outcome, reason, _ = asyncio.run(_send(tmp_path / "mail"))
    assert (outcome, reason) == (Outcome.ADAPTER_DOWN, "folder_unwritable")
    assert [file for file in (tmp_path / "mail").rglob("*") if file.is_file()] == []


def test_a_file_in_the_way_is_a_reason(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("not a folder")
    assert asyncio.run(_send(tmp_path / "mail"))[:2] == (Outcome.ADAPTER_DOWN, "folder_unwritable")
