"""The campaign, its people, and what became of them."""

from typing import Any

from tests.world import World

PATH = "playbooks/campaign.toml"
CAMPAIGN = """
[playbook]
name = "campaign"
class = "marketing"
reentry = "once"
expires = "7d"

[trigger]
event = "signed_up"

[[step]]
id = "offer"
send = ["email"]
template = "campaign/offer"
coupon = "GIFT"

[[step]]
wait = "1d"

[[step]]
id = "reminder"
send = ["email"]
template = "campaign/reminder"
"""
SURVEY = """
[playbook]
name = "survey"
class = "service"
reentry = "once"
expires = "7d"

[trigger]
event = "review_posted"

[[step]]
wait = "1d"

[[step]]
id = "ask"
send = ["email"]
template = "survey/ask"
"""


def said(text: str, **head: str) -> str:
    """Return the file with these keys in ``[playbook]``."""
    lines = "".join(f'{key} = "{value}"\n' for key, value in head.items())
    return text.replace('expires = "7d"\n', f'expires = "7d"\n{lines}')


def campaign(world: World, people: int = 3, *, codes: int | None = None) -> None:
    """Sign people up on day 1, and let the campaign queue an offer for each; nothing is delivered yet."""
    world.codes(*(f"CODE{number}" for number in range(people if codes is None else codes)))
    join(world, *(f"u{number}" for number in range(people)), at=1)
    world.tick(1)


def join(world: World, *keys: str, at: float, event: str = "signed_up") -> None:
    for key in keys:
        world.user(key, at, consents={"email/marketing": True})
        world.event(key, event, at)


def messages(world: World) -> list[tuple[Any, ...]]:
    """Return step, state and reason of all messages, with their number."""
    return world.rows("SELECT step, state, reason, count(*) FROM action GROUP BY step, state, reason ORDER BY 1, 2, 3")


def inside(world: World) -> list[tuple[Any, ...]]:
    """Return playbook, state, step and reason of all enrolments, with their number."""
    return world.rows(
        "SELECT playbook, state, step, reason, count(*) FROM enrolment"
        " GROUP BY playbook, state, step, reason ORDER BY 1, 2, 3"
    )


def free_codes(world: World) -> int:
    [(count,)] = world.rows("SELECT count(*) FROM coupon_code WHERE coupon = 'GIFT' AND enrolment_id IS NULL")
    return int(count)


def subjects(world: World) -> list[str]:
    return sorted(str(mail["Subject"]).split()[0] for mail in world.mail())


def stopped(world: World) -> list[tuple[Any, ...]]:
    """Return name and origin of everything that is paused."""
    return world.rows("SELECT name, origin FROM pause ORDER BY name, origin")


HELD = [("offer", "held", "playbook_retired", 3)]
"""The messages of three people while the campaign has no file."""
WAITING = [("campaign", "active", 2, None, 3)]
"""Their enrolments, which go no further."""


def vanished(shop: World, at: float = 1.1) -> None:
    """Let the campaign queue its offers, and then its file vanish; a tick notices at day ``at``."""
    campaign(shop)
    shop.remove(PATH)
    shop.tick(at, deliver=True)
