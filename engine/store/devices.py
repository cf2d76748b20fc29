"""SQL about users' devices, for whoever reads their addresses."""

PLATFORMS = ("android", "ios", "web")
"""What apps run on."""
UNKNOWN = "unknown"
"""The platform of a device of which only the token is known."""
NEWEST_FIRST = "{alias}.last_seen_at DESC, {alias}.id DESC"
"""The order of a user's devices: the one seen last comes first."""


def newest_token(user: str) -> str:
    """Return SQL for the token of the device on which the user with the id ``user``, an expression, was seen last."""
    order = NEWEST_FIRST.format(alias="device")
    return f"(SELECT device.token FROM device WHERE device.user_id = {user} ORDER BY {order} LIMIT 1)"
