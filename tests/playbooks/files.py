"""Playbooks as a test needs them, as text, laid into Maison in place of its own."""

import re
from collections.abc import Iterable, Mapping

from engine.content.bundle import Bundle
from engine.content.findings import Finding
from engine.facts.catalog import load_catalog
from engine.playbooks.file.load import load_playbooks
from engine.playbooks.file.playbook import Playbooks
from engine.rules.ruleset import load_rules
from tests.maison import RULES, email
from tests.world import World

SENT = re.compile(r'send(?:_all)? = \[(.*?)\]\ntemplate = "(.*?)"')
SMS = "{% block body %}Hello{% endblock %}"
PUSH = "{% block title %}Hello{% endblock %}{% block body %}Hello{% endblock %}"


def playbook(
    name: str = "hello",
    trigger: str = 'event = "order_completed"',
    *,
    reentry: str = "always",
    expires: str = "7d",
    rest: str = "",
    steps: str = '[[step]]\nid = "mail"\nsend = ["email"]\ntemplate = "hello/mail"\n',
) -> str:
    """The text of a playbook's file."""
    return (
        f'[playbook]\nname = "{name}"\nclass = "marketing"\nreentry = "{reentry}"\nexpires = "{expires}"\n'
        f"[trigger]\n{trigger}\n{rest}\n{steps}"
    )


def send(step: str, more: str = "") -> str:
    """A step that sends, by push if it can be, or else by email."""
    return f'[[step]]\nid = "{step}"\nsend = ["push", "email"]\ntemplate = "hello/{step}"\n{more}\n'


def apply(world: World, *playbooks: str, coupons: str = "", at: float = 0) -> World:
    """Make these the only playbooks from day ``at`` on; the messages that they send get templates."""
    for stale in (world.folder / "playbooks").glob("*.toml"):
        stale.unlink()
    for number, text in enumerate(playbooks):
        world.write(f"playbooks/p{number}.toml", text)
        for channels, template in SENT.findall(text):
            for channel in re.findall(r"\w+", channels):
                text_of = {"push": PUSH, "sms": SMS}.get(channel, email("Hello", "Hello"))
                world.write(f"templates/{template}.{channel}.j2", text_of)
    if coupons:
        world.write("playbooks/coupons.toml", coupons)
    return world.open(at)


def load(playbooks: Mapping[str, str], templates: Iterable[str] | None = None) -> tuple[Playbooks, list[Finding]]:
    """Load playbooks (file name -> text) beside Maison's rules."""
    bundle = Bundle({**RULES, **{f"playbooks/{name}.toml": text for name, text in playbooks.items()}})
    catalog, wrong_facts = load_catalog(bundle, 100)
    rules, wrong_rules = load_rules(bundle, catalog)
    assert not [*wrong_facts, *wrong_rules]
    names = None if templates is None else frozenset(templates)
    return load_playbooks(bundle, rules.scope, catalog, rules.places, names)


def sleeper(world: World, key: str = "a", at: float = 1) -> int:
    """A user who is active, and at_risk from day ``at`` on because their order lies 61 days back then."""
    user = world.user(key, at - 61)
    world.order(key, at - 61)
    world.tick(at - 1)
    return user
