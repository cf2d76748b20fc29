"""The smtp adapter keeps the contract, with and without pipelining."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.base import EmailPayload, Outcome
from adapters.kinds import find_kind
from adapters.registry import ADAPTERS
from adapters.smtp.adapter import SmtpAdapter, SmtpOptions
from engine.channels.email import EMAIL
from tests.adapters.emails import BODY, SECRET
from tests.adapters.scripted_smtp import DROP, SILENCE, ScriptedSmtp
from tests.contracts.adapter_contract import AdapterContract, Bench

FAILURES = {
    Outcome.RETRY: {"RCPT": ["450 4.2.0 greylisted"]},
    Outcome.REJECTED: {"RCPT": ["550 5.1.1 no such user"]},
    Outcome.SENDING_REFUSED: {"RCPT": ["550 5.4.5 the day's limit is reached"]},
    Outcome.ADAPTER_DOWN: {"GREETING": [DROP]},
    Outcome.UNKNOWN: {"DOT": [DROP]},
}


@dataclass
class Connected:
    adapter: SmtpAdapter
    server: ScriptedSmtp

    def arrived(self) -> Sequence[object]:
        return [EmailPayload(octets) for octets in self.server.messages]


@asynccontextmanager
async def connected(server: ScriptedSmtp, **changes: object) -> AsyncIterator[Bench]:
    async with server:
        usual: dict[str, object] = {"host": "127.0.0.1", "port": server.port, "security": "none", "connections": 3}
        own: dict[str, object] = {"timeout": 5.0, "username": "mailer", "password": SECRET}
        options = SmtpOptions.model_validate({**usual, **own, **changes})
        async with SmtpAdapter(options) as adapter:
            yield Connected(adapter, server)


class TestSmtp(AdapterContract):
    channel = EMAIL
    kind = find_kind("smtp", ADAPTERS)
    duplicates_arrive = True
    extensions: tuple[str, ...] = ("AUTH PLAIN LOGIN",)

    def payload(self, number: int = 0) -> EmailPayload:
        return EmailPayload(BODY + b"%d\r\n" % number)

    def working(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return connected(ScriptedSmtp(extensions=self.extensions))

    def unreachable(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        refusing = {"AUTH": [f"535 5.7.8 no such user, you said {SECRET}"] * 9}
        return connected(ScriptedSmtp(refusing, extensions=("AUTH PLAIN",)))

    def failing(self, folder: Path, outcome: Outcome) -> AbstractAsyncContextManager[Bench]:
        return connected(ScriptedSmtp(FAILURES[outcome], extensions=self.extensions))

    def silent(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        server = ScriptedSmtp({"DOT": [SILENCE]}, extensions=self.extensions)
        return connected(server, answer_timeout=0.2)


class TestSmtpPipelined(TestSmtp):
    extensions = ("AUTH PLAIN LOGIN", "PIPELINING")
