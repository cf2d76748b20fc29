"""What the fax provider reports, and how it signs."""

import json
from typing import Any

from tests.adapters.emails import SECRET
from tests.cost_of_change.fax import sign
from tests.cost_of_change.test_fax import Office
from tests.world import day


def references(world: Office) -> dict[str, str]:
    """Return the provider's reference of each user's fax."""
    found = world.rows(
        "SELECT u.key, a.reference FROM action AS a JOIN users AS u ON u.id = a.user_id WHERE a.channel = 'fax'"
    )
    return dict(found)


def report(reference: str, status: str = "sent", at: float = 1.2) -> dict[str, Any]:
    return {"id": reference, "status": status, "at": int(day(at))}


def signed(*reports: dict[str, Any], secret: str = SECRET) -> tuple[bytes, str]:
    """Return a call's body and signature."""
    body = json.dumps(reports).encode()
    return body, sign(secret, body)
