"""A shop with a campaign whose messages wait for the next morning, and a service playbook."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.maison import COUPONS, PLAYBOOKS, TEMPLATES, email
from tests.retiring.campaign import CAMPAIGN, PATH, SURVEY
from tests.world import World

FILES = {
    **dict.fromkeys((*PLAYBOOKS, *TEMPLATES), None),
    "playbooks/coupons.toml": COUPONS,
    PATH: CAMPAIGN,
    "playbooks/survey.toml": SURVEY,
    "templates/campaign/offer.email.j2": email("Offer {{ coupon.code }}", "10 % with {{ coupon.code }}"),
    "templates/campaign/reminder.email.j2": email("Reminder", "Still there"),
    "templates/survey/ask.email.j2": email("A question", "How was it?"),
}


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = World(tmp_path / "maison", database_url, FILES)
    yield made.open()
    made.close()
