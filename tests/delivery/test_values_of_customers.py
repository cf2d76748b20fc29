"""What stands in a customer's row costs that customer's message at most: no template stops for it."""

import asyncio

from engine.channels import CHANNELS
from engine.channels.base import blocks_of
from engine.messages.templates import TemplateLibrary
from tests.deliveries import Deliveries
from tests.provider import Provider

DATED = {
    "winback/offer.email.j2": "{% block subject %}{{ facts.first_name | default('you') }}{% endblock %}"
    "{% block html %}<p>{{ user.key }} {{ coupon.expires_on | date if coupon else 0 | date }}</p>{% endblock %}"
}


def test_a_zone_that_is_none_counts_as_the_brands(world: Deliveries) -> None:
    world.users(4)
    world.execute("UPDATE users SET timezone = 'Mars/Phobos' WHERE id = 2")
    world.due_actions(4)
    delivery = world.delivery(provider := Provider(), library=TemplateLibrary(DATED, blocks_of(CHANNELS)))
    asyncio.run(delivery.drain())
    assert len(provider.sent) == 4
    assert delivery.alarms == ()
    kept = world.rows("SELECT CAST(template_values AS TEXT) FROM action_content ORDER BY action_id")
    assert all("Mars" not in values for (values,) in kept)
