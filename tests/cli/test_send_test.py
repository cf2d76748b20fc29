"""``habitue send-test`` when the provider does not take the message."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from adapters.base import Answer, Outcome
from adapters.kinds import AdapterKind
from engine.errors import HabitueError
from engine.kinds import SHIPPED, Kinds
from tests.provider import Provider
from tests.world import World


class NoOptions(BaseModel):
    """A provider that needs to be told nothing."""


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (Outcome.ADAPTER_DOWN, "the adapter `scripted` cannot send: check adapters.scripted in config.toml"),
        (Outcome.SENDING_REFUSED, "`scripted` refuses to send for us: check its account and our reputation"),
        (Outcome.RETRY, "`scripted` does not accept it at the moment: try again later"),
        (Outcome.REJECTED, "`scripted` refuses this message or this recipient"),
        (Outcome.UNKNOWN, "the connection of `scripted` broke before the answer: the message may have been sent"),
    ],
)
def test_every_outcome_has_its_sentence(tmp_path: Path, migrated_sqlite_url: str, outcome: Outcome, says: str) -> None:
    provider = Provider(script=lambda _: Answer(outcome, "mailbox_full", "452 later"))
    scripted = AdapterKind("scripted", NoOptions, lambda _options, _name: provider, "email")
    world = World(tmp_path / "maison", migrated_sqlite_url, kinds=SHIPPED + Kinds(adapters=(scripted,)))
    world.configure(channels={"email": {"adapters": ["scripted"]}})
    done = world.command("send-test", "birthday/wish", "--to", "you@example.org")
    assert isinstance(done.exception, HabitueError)
    assert str(done.exception) == f"{says} (mailbox_full: 452 later)"
    assert provider.recipients == ["you@example.org"]
