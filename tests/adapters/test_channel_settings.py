"""Configuring adapters for channels in ``config.toml``: valid settings, old keys, and combinations that do not fit."""

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from adapters.base import Answer, EmailPayload, Message, Outcome, PushPayload
from adapters.clock import Now
from adapters.kinds import AdapterKind, WithClock
from engine.app import App
from engine.channels import CHANNELS
from engine.channels.providers import make_adapters
from engine.cli.program import program
from engine.delivery.store_adapter import StoreAdapter
from engine.errors import HabitueError
from engine.kinds import SHIPPED
from engine.settings import Settings, load_settings

NAMES = sorted(kind.name for kind in SHIPPED.adapters)
FOR_SMS = sorted(kind.name for kind in SHIPPED.adapters if kind.channel in {None, "sms"})


def when() -> int:
    """The machine's time, in these tests."""
    return 1_795_165_200_000


def settings(folder: Path, text: str) -> Settings:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file)


def served(read: Settings) -> dict[str, tuple[str, int]]:
    """Channel -> its adapter's name and how much may be in flight, of those channels that others than we serve."""
    adapters = make_adapters(read, CHANNELS, SHIPPED.adapters, when)
    return {
        name: (" ".join(one.adapter.name for one in outlets), read.channel(name).in_flight)
        for name, outlets in adapters.items()
        if not any(isinstance(one.adapter, StoreAdapter) for one in outlets)
    }


def test_some_channels_need_no_settings(tmp_path: Path) -> None:
    adapters = make_adapters(settings(tmp_path, ""), CHANNELS, SHIPPED.adapters, when)
    assert {name for name, (one, *_) in adapters.items() if isinstance(one.adapter, StoreAdapter)} == {"inbox", "task"}
    read = settings(tmp_path, '[channels.inbox]\nadapters = ["capture"]\n')
    assert served(read) == {"email": ("capture", 100), "inbox": ("capture", 100)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {"email": ("capture", 100)}),
        ('[channels.email]\nadapters = ["smtp"]\n', {"email": ("smtp", 100)}),
        ("[channels.email]\nin_flight = 7\n", {"email": ("capture", 7)}),
        ("[channels.email]\nadapters = []\n", {}),
        (
            '[channels.sms]\nadapters = ["capture"]\nin_flight = 5\n',
            {"email": ("capture", 100), "sms": ("capture", 5)},
        ),
        ('[email]\nadapter = "smtp"\n', {"email": ("smtp", 100)}),
        ('[email]\nadapter = "smtp"\n[channels.email]\nin_flight = 7\n', {"email": ("smtp", 7)}),
        (
            '[delivery]\nin_flight = 9\n[channels.push]\nadapters = ["capture"]\n',
            {"email": ("capture", 9), "push": ("capture", 9)},
        ),
    ],
)
def test_what_serves_a_channel(tmp_path: Path, text: str, expected: dict[str, tuple[str, int]]) -> None:
    assert served(settings(tmp_path, text)) == expected


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HABITUE_CHANNELS__EMAIL__ADAPTERS", '["smtp"]')
    monkeypatch.setenv("HABITUE_CHANNELS__SMS__IN_FLIGHT", "3")
    text = '[channels.email]\nadapters = ["capture"]\nin_flight = 7\n[channels.sms]\nadapters = ["capture"]\n'
    assert served(settings(tmp_path, text)) == {"email": ("smtp", 7), "sms": ("capture", 3)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[channels.email]\nadapters = ["smtp", "capture"]\n',
            "channels.email.adapters: `smtp` serves whatever the channel has, so it cannot stand beside another adapter",
        ),
        (
            '[channels.push]\nadapters = ["capture", "capture"]\n',
            "`channels.push.adapters`: an adapter is named twice: name each once",
        ),
        (
            '[email]\nadapter = "smtp"\n[channels.email]\nadapters = ["capture"]\n',
            "`email.adapter` is the old name of `channels.email.adapters`: remove it",
        ),
        (
            "[delivery]\nin_flight = 9\n[channels.sms]\nin_flight = 9\n",
            "`delivery.in_flight` is the old name of `channels.NAME.in_flight`: remove it",
        ),
        ("[channels.email]\nadapter = 'smtp'\n", "unknown key `channels.email.adapter`"),
        (
            "[channels.emial]\nin_flight = 9\n",
            "unknown channel; known: email, sms, push, webhook, inbox, task; did you mean `email`?",
        ),
        (
            '[channels.email]\nadapters = ["smpt"]\n',
            "config.toml: channels.email.adapters: there is no adapter `smpt`; known: " + ", ".join(NAMES),
        ),
        (
            '[channels.sms]\nadapters = ["smtp"]\n',
            "channels.sms.adapters: `smtp` is an adapter for email, not sms; name one of: " + ", ".join(FOR_SMS),
        ),
        (
            '[channels.email]\nadapters = ["smtp"]\n[adapters.smtp]\nprot = 25\n',
            "config.toml: adapters.smtp: `prot`: unknown option",
        ),
    ],
)
def test_what_makes_no_sense_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(HabitueError) as caught:
        served(settings(tmp_path, text))
    assert said in str(caught.value)


class NoOptions(BaseModel):
    pass


@dataclass
class Liar:
    """An adapter whose kind and whose own words may differ."""

    name: str = "liar"
    channel: str | None = "email"
    payload: type = EmailPayload
    concurrency: int = 1
    sent: list[Message] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def send(self, message: Message) -> Answer:
        return Answer(Outcome.ACCEPTED)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"channel": "push"}, "the adapter `liar` does not fit the channel email: it declares the channel push"),
        ({"payload": PushPayload}, "it accepts PushPayload, but the channel produces EmailPayload"),
        ({"concurrency": 0}, "it declares a concurrency of 0, so nothing would ever be sent"),
    ],
)
def test_an_adapter_that_does_not_fit_its_channel_is_found_before_a_message(
    tmp_path: Path, declared: dict[str, Any], said: str
) -> None:
    kind = AdapterKind("liar", NoOptions, lambda _, name: Liar(name, **declared), channel=None)
    read = settings(tmp_path, '[channels.email]\nadapters = ["liar"]\n')
    with pytest.raises(HabitueError) as caught:
        make_adapters(read, CHANNELS, (*SHIPPED.adapters, kind), when)
    assert said in str(caught.value)


def of_platforms(name: str, *platforms: str) -> AdapterKind:
    def make(_: Any, called: str) -> Liar:
        return Liar(called, channel="push", payload=PushPayload)

    return AdapterKind(name, NoOptions, make, channel="push", platforms=frozenset(platforms))


def test_several_adapters_serve_a_channel_if_each_has_platforms_of_its_own(tmp_path: Path) -> None:
    kinds = (*SHIPPED.adapters, of_platforms("droid", "android", "unknown"), of_platforms("apple", "ios"))
    read = settings(tmp_path, '[channels.push]\nadapters = ["apple", "droid"]\n')
    outlets = make_adapters(read, CHANNELS, kinds, when)["push"]
    assert [(one.adapter.name, sorted(one.platforms)) for one in outlets] == [
        ("apple", ["ios"]),
        ("droid", ["android", "unknown"]),
    ]
    read = settings(tmp_path, '[channels.push]\nadapters = ["apple", "capture"]\n')
    with pytest.raises(HabitueError, match="`capture` serves whatever the channel has, so it cannot stand beside"):
        make_adapters(read, CHANNELS, kinds, when)


def test_a_platform_that_there_is_not_is_a_bug_of_the_adapter(tmp_path: Path) -> None:
    read = settings(tmp_path, '[channels.push]\nadapters = ["droid"]\n')
    with pytest.raises(HabitueError, match="it declares platforms that there are not: andriod"):
        make_adapters(read, CHANNELS, (*SHIPPED.adapters, of_platforms("droid", "andriod")), when)


def test_an_adapter_that_asks_for_the_time_is_given_it(tmp_path: Path) -> None:
    given: list[Now] = []

    def make(_: Any, name: str, now: Now) -> Liar:
        given.append(now)
        return Liar(name)

    kind = AdapterKind("punctual", NoOptions, WithClock(make), channel="email")
    read = settings(tmp_path, '[channels.email]\nadapters = ["punctual"]\n')
    assert make_adapters(read, CHANNELS, (*SHIPPED.adapters, kind), when)["email"][0].adapter.name == "punctual"
    assert given == [when]


@pytest.fixture
def brand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The brand that ships, with the keys of the version before."""
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(program, ["init", "."])
    assert done.exit_code == 0, done.output
    file = tmp_path / "config.toml"
    new = '[channels.email]\nadapters = ["capture"]'
    assert new in file.read_text("utf-8")
    old = file.read_text("utf-8").replace(new, '[email]\nadapter = "capture"')
    file.write_text(f"{old}\nin_flight = 9\n", encoding="utf-8")  # the last section is [delivery]
    return file


def test_check_warns_of_old_keys_and_they_work(brand: Path) -> None:
    done = CliRunner().invoke(program, ["check"])
    said = " ".join(done.output.split())
    assert done.exit_code == 1
    assert 'config.toml: warning: `email.adapter` is now `[channels.email] adapters = ["capture"]`' in said
    assert "config.toml: warning: `delivery.in_flight` is now set per channel: `[channels.email] in_flight = 9`" in said
    assert "0 errors, 2 warnings" in said
    with closing(App.open(brand)) as app:
        assert [one.adapter.name for one in app.adapters()["email"]] == ["capture"]
        assert app.settings.channel("email").in_flight == 9
