"""A provider that is silent, or refuses everything: what that costs the other channels, and the other adapters of its channel.

``python -m bench.brownout --database DATABASE --size N`` prints one JSON line for each case. All adapters are shipped ones with
their usual settings, and send to local providers, which answer after 20 ms. The floor is the rate of the others alone,
measured in the same run, alternately: that provider is there, but nothing is due for it. The ratio is that of the adapter which
has lost most. ``of_rate_when_well`` compares with the same queues and a provider that is well; ``cpu_ratio`` is that of the CPU time
which this process takes for all that it does meanwhile.

``channels``: as many texts are due as emails and pushes, and Twilio is ill. ``platforms``: iPhones and Android phones alternate
in the queue of pushes, and the adapter of the iPhones is ill; so the others' messages are found among those that have to wait.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from adapters.base import Adapter, Answer, Message, TellsDeparture
from adapters.fcm.adapter import FcmAdapter
from adapters.fcm.options import FcmOptions
from adapters.smtp.adapter import SmtpAdapter, SmtpOptions
from adapters.twilio.adapter import TwilioAdapter
from adapters.twilio.options import TwilioOptions
from bench.common import Choice, choice_from_command_line, report, scratch
from bench.drain import CONNECTIONS, SENDER, processes, sink
from bench.http_drain import AT_ONCE, PROVIDERS, PUSHES, TEXTS, provider
from bench.http_sink import MANNERS
from bench.queued import EMAIL, NOW, Queue, catalog, seed
from bench.stores import Stores, stores
from engine.channels import CHANNELS
from engine.channels.base import blocks_of
from engine.channels.outlets import Outlet
from engine.clock import Instant
from engine.composing.processes import Composers
from engine.delivery.dispatch import Delivery
from engine.messages.templates import TemplateLibrary
from engine.settings import Brand, Settings
from engine.store.database import Database

BAR = 0.95
ROUNDS = 3
ILL = ("silent", "refuses")


class Running:
    """A clock that begins when the messages are due and goes on, so that pauses end."""

    def __init__(self) -> None:
        self._begin = time.monotonic_ns()

    def now(self) -> Instant:
        return Instant(NOW + (time.monotonic_ns() - self._begin) // 1_000_000)


class Watched:
    """An adapter of which it is known when it had ``number`` answers; at once if that is none."""

    def __init__(self, adapter: Adapter, number: int) -> None:
        assert isinstance(adapter, TellsDeparture)
        self.name, self.channel, self.payload = adapter.name, adapter.channel, adapter.payload
        self.concurrency = adapter.concurrency
        self.answered_all = asyncio.Event()
        self.ended = 0.0
        self._adapter, self._telling, self._left = adapter, adapter, number
        if not number:
            self.answered_all.set()

    async def __aenter__(self) -> Self:
        await self._adapter.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._adapter.__aexit__(kind, error, trace)

    async def send(self, message: Message) -> Answer:
        return await self._adapter.send(message)

    async def send_telling(self, message: Message, departing: Callable[[], None]) -> Answer:
        answer = await self._telling.send_telling(message, departing)
        self._left -= 1
        if not self._left:
            self.ended = time.perf_counter()
            self.answered_all.set()
        return answer


@dataclass(frozen=True)
class Providers:
    """Where the providers are: two that are well, and one in some manner."""

    folder: Path
    smtp_port: int
    well: str
    manner: Mapping[str, str]
    """Manner -> URL of a provider that behaves so."""

    def smtp(self) -> Adapter:
        return SmtpAdapter(SmtpOptions(host="127.0.0.1", port=self.smtp_port, security="none", connections=CONNECTIONS))

    def twilio(self, url: str) -> Adapter:
        options = {**PROVIDERS["sms"].options(url, self.folder), "connections": AT_ONCE}
        return TwilioAdapter(TwilioOptions.model_validate(options))

    def fcm(self, url: str, name: str) -> Adapter:
        account = PROVIDERS["push"].options(self.well, self.folder)  # Google gives access tokens elsewhere
        options = {**account, "url": url, "connections": AT_ONCE}
        return FcmAdapter(FcmOptions.model_validate(options), name, lambda: NOW)


Outlets = dict[str, list[Outlet]]


@dataclass(frozen=True)
class Scene:
    """Queues of messages for those that are well, alone and together with those of the one that is ill; and the outlets."""

    name: str
    alone: Sequence[Queue]
    together: Sequence[Queue]
    outlets: Callable[[Providers, str], tuple[list[Watched], Outlets]]
    """From the providers and the ill one's URL: the adapters to watch, and the outlets of all channels."""


def scenes(size: int) -> tuple[Scene, ...]:
    """Return what is measured, with ``size`` messages for each adapter."""
    emails, pushes, texts = Queue(size, "email", EMAIL), Queue(size, "push", PUSHES), Queue(size, "sms", TEXTS)

    def channels(providers: Providers, ill: str) -> tuple[list[Watched], Outlets]:
        email, push = Watched(providers.smtp(), size), Watched(providers.fcm(providers.well, "fcm"), size)
        sms = Outlet(providers.twilio(ill))
        return [email, push], {"email": [Outlet(email)], "push": [Outlet(push)], "sms": [sms]}

    def platforms(providers: Providers, ill: str) -> tuple[list[Watched], Outlets]:
        android = Watched(providers.fcm(providers.well, "android"), size)
        iphones = Outlet(providers.fcm(ill, "iphones"), frozenset({"ios"}))
        return [android], {"push": [Outlet(android, frozenset({"android"})), iphones]}

    mixed = Queue(2 * size, "push", PUSHES, ("android", "ios"))
    return (
        Scene("channels", (emails, pushes), (emails, pushes, texts), channels),
        Scene("platforms", (pushes,), (mixed,), platforms),
    )


@dataclass(frozen=True)
class Run:
    """The seconds that each watched adapter took, and the CPU time of this process, which sends and records."""

    seconds: Mapping[str, float]
    cpu: float


@dataclass(frozen=True)
class Case:
    """The runs of one case, in the order of the rounds."""

    runs: list[Run]

    def seconds(self, name: str) -> float:
        return statistics.median(run.seconds[name] for run in self.runs)

    def kept(self, name: str, floor: "Case") -> float:
        """Return the rate of an adapter as a share of that in ``floor``."""
        return floor.seconds(name) / self.seconds(name)

    @property
    def cpu(self) -> float:
        return statistics.median(run.cpu for run in self.runs)


def drained(
    url: str, library: TemplateLibrary, composers: Composers, watched: Sequence[Watched], outlets: Outlets
) -> Run:
    """Run a worker's delivery until all watched adapters have their answers."""
    settings = Settings(brand=Brand(name="Maison Habitué", sender=SENDER))

    async def answered() -> None:
        for one in watched:
            await one.answered_all.wait()

    async def run(worker: Delivery) -> None:
        running, waiting = asyncio.create_task(worker.run(asyncio.Event())), asyncio.create_task(answered())
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        assert waiting.done(), "delivery ended before"
        running.cancel()
        await asyncio.wait([running])

    with closing(Database(url)) as database:
        worker = Delivery(database, library, catalog(), outlets, settings, Running(), composers)
        begin, used = time.perf_counter(), time.process_time()
        asyncio.run(run(worker))
        used = time.process_time() - used
    return Run({one.name: one.ended - begin for one in watched}, used)


def measure(scene: Scene, providers: Providers, where: Stores, composers: Composers) -> Mapping[str, Case]:
    """Run all cases in turn, several times: the others alone, and with the one provider in each manner."""
    full = {}
    for name, queues in (("alone", scene.alone), ("together", scene.together)):
        full[name] = where.fresh(name)
        with closing(Database(full[name])) as database:
            seed(database, *queues)
        where.settle(full[name])
    files = {path: text for queue in scene.together for path, text in queue.files.items()}
    library = TemplateLibrary(files, blocks_of(CHANNELS))

    def once(case: str) -> Run:
        url = providers.manner.get(case, providers.well)
        store = where.copy(full["alone" if case == "alone" else "together"], "run")
        return drained(store, library, composers, *scene.outlets(providers, url))

    once("alone")  # the processes that compose start once, and then serve all
    cases = {case: Case([]) for case in ("alone", *providers.manner)}
    for _ in range(ROUNDS):
        for name, case in cases.items():
            case.runs.append(once(name))
    return cases


def judged(scene: Scene, cases: Mapping[str, Case], choice: Choice) -> bool:
    """Print a line for each manner of being ill; return whether the others keep their rate in all."""
    fine, alone, well = True, cases["alone"], cases["answers"]
    names = alone.runs[0].seconds
    for manner in ILL:
        case = cases[manner]
        fine &= report(
            "brownout",
            ratio=min(case.kept(name, alone) for name in names),
            bar=BAR,
            at_most=False,
            scene=scene.name,
            provider=manner,
            database=choice.database,
            size=choice.size,
            of_rate_when_well=round(min(case.kept(name, well) for name in names), 3),
            cpu_ratio=round(alone.cpu / case.cpu, 3),
            **{f"{name}_rate": round(choice.size / case.seconds(name)) for name in names},
            **{f"{name}_rate_alone": round(choice.size / alone.seconds(name)) for name in names},
        )
    return fine


def main() -> int:
    """Measure and print."""
    choice = choice_from_command_line(10_000, "messages for each adapter")
    # Standard output has JSON lines alone; the worker reports the provider that is ill.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with stores(choice.database) as where, closing(processes()) as composers, ExitStack() as opened:
        folder, (port, _) = opened.enter_context(scratch()), opened.enter_context(sink())
        manner = {one: opened.enter_context(provider(one)) for one in MANNERS}
        providers = Providers(folder, port, opened.enter_context(provider()), manner)
        fine = [judged(scene, measure(scene, providers, where, composers), choice) for scene in scenes(choice.size)]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
