"""Each gate's verdict, by itself and as the log shows it."""

from typing import Any

import pytest

from adapters.base import SmsPayload
from engine.actions.reasons import LedgerReason
from engine.actions.states import State
from engine.clock import DAY, HOUR
from engine.content.values import parse_window
from engine.delivery.gates import GATES
from engine.delivery.gates.adapter import AdapterReason
from engine.delivery.gates.address import AddressReason
from engine.delivery.gates.asking import judge
from engine.delivery.gates.base import PASS, Defer, Hold, Refuse, Verdict
from engine.delivery.gates.consent import ConsentReason
from engine.delivery.gates.coupon import CouponGateReason
from engine.delivery.gates.expiry import ExpiryReason
from engine.delivery.gates.hours import HoursReason
from engine.delivery.gates.suppression import SuppressionReason
from engine.delivery.pending_message import Coupon, GateContext, PendingMessage
from engine.incentives.reasons import CouponReason
from engine.settings import ConsentSettings
from tests.deliveries import NOON, Deliveries
from tests.provider import Provider

PENDING = PendingMessage(
    action_id=1,
    fence=1,
    key="key",
    enrolment_id=1,
    step="offer",
    attempt=1,
    user_id=1,
    user_key="u1",
    playbook="winback",
    message_class="marketing",
    channel="email",
    next_channels=(),
    template="winback/offer",
    coupon_name=None,
    expires_at=NOON + DAY,
    tries=0,
    address="u1@example.com",
    recipient="u1@example.com",
    locale=None,
    timezone="Asia/Shanghai",
    coupon=None,
    event=None,
    facts={},
)
CONTEXT = GateContext(NOON, frozenset({"email"}), ConsentSettings(), None, "UTC")


INPUTS = {"enrolment": True, "consent": None, "suppression": False, "hours": None}
"""What the gates had read for it; the others read nothing."""
NAMES = {"enrolment_open": "enrolment", "granted": "consent", "suppressed": "suppression", "window": "hours"}


def verdict(context: GateContext = CONTEXT, **changes: Any) -> Verdict:
    inputs = INPUTS | {NAMES[name]: value for name, value in changes.items() if name in NAMES}
    message = PENDING._replace(**{name: value for name, value in changes.items() if name not in NAMES})
    return judge(message, [inputs.get(gate.name) for gate in GATES], context, GATES)


def around(**changes: Any) -> GateContext:
    return GateContext(**({name: getattr(CONTEXT, name) for name in GateContext.__slots__} | changes))


def test_nothing_speaks_against_a_plain_message() -> None:
    assert verdict() is PASS


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"expires_at": NOON}, Refuse(ExpiryReason.EXPIRED, State.EXPIRED, final=True)),
        ({"enrolment_open": False}, Refuse(LedgerReason.ENROLMENT_EXITED, State.CANCELLED, final=True)),
        ({"channel": "sms"}, Refuse(AdapterReason.NO_ADAPTER)),
        ({"granted": False}, Refuse(ConsentReason.OPTED_OUT)),
        ({"granted": False, "message_class": "service"}, Refuse(ConsentReason.OPTED_OUT)),
        ({"granted": False, "message_class": "transactional"}, PASS),
        ({"address": None, "recipient": None}, Refuse(AddressReason.ADDRESS_MISSING)),
        ({"address": "nobody", "recipient": None}, Refuse(AddressReason.ADDRESS_INVALID)),
        ({"suppressed": True}, Refuse(SuppressionReason.SUPPRESSED)),
        ({"suppressed": True, "message_class": "transactional"}, Refuse(SuppressionReason.SUPPRESSED)),
        ({"coupon_name": "WIN"}, Hold(CouponReason.POOL_EMPTY)),
        ({"coupon_name": "WIN", "coupon": Coupon("A", None)}, PASS),
        ({"coupon_name": "WIN", "coupon": Coupon("A", NOON + 1)}, PASS),
        (
            {"coupon_name": "WIN", "coupon": Coupon("A", NOON)},
            Refuse(CouponGateReason.COUPON_EXPIRED, State.EXPIRED, final=True),
        ),
        # In Shanghai it is 20:00.
        ({"window": parse_window("09:00-20:00")}, Defer(HoursReason.OUTSIDE_WINDOW, NOON + 13 * HOUR)),
        ({"window": parse_window("09:00-20:01")}, PASS),
        (
            {"window": parse_window("09:00-20:00"), "expires_at": NOON + 13 * HOUR},
            Refuse(HoursReason.EXPIRES_BEFORE_WINDOW, State.EXPIRED, final=True),
        ),
    ],
)
def test_a_gate_refuses_with_its_reason(changes: dict[str, Any], expected: Verdict) -> None:
    assert verdict(**changes) == expected


@pytest.mark.parametrize(
    ("message_class", "granted", "expected"),
    [
        ("marketing", None, Refuse(ConsentReason.NO_CONSENT)),
        ("marketing", True, PASS),
        ("service", None, PASS),
        ("transactional", None, PASS),
    ],
)
def test_silence_means_what_the_settings_say(message_class: str, granted: bool | None, expected: Verdict) -> None:
    asking = around(consent=ConsentSettings(marketing="opt-in", service="opt-out"))
    assert verdict(asking, message_class=message_class, granted=granted) == expected


def test_quiet_hours_are_for_marketing_alone() -> None:
    quiet = around(quiet_hours=parse_window("19:00-08:00"))
    assert verdict(quiet) == Defer(HoursReason.QUIET_HOURS, NOON + 12 * HOUR)
    assert verdict(quiet, message_class="service") is PASS
    assert verdict(quiet, message_class="transactional") is PASS
    assert verdict(quiet, timezone="UTC") is PASS


def test_a_window_inside_the_quiet_hours_permits_no_hour() -> None:
    quiet = around(quiet_hours=parse_window("19:00-08:00"))
    assert verdict(quiet, window=parse_window("20:30-22:00")) == Refuse(HoursReason.NO_WINDOW, final=True)


def test_an_unknown_zone_is_the_brands() -> None:
    quiet = around(quiet_hours=parse_window("12:00-13:00"), brand_zone="UTC")
    assert verdict(quiet, timezone="Mars/Olympus") == Defer(HoursReason.QUIET_HOURS, NOON + HOUR)
    assert verdict(quiet, timezone=None) == Defer(HoursReason.QUIET_HOURS, NOON + HOUR)


def test_the_store_is_asked_for_consent_suppression_and_coupons(world: Deliveries) -> None:
    world.users(7)
    world.execute("UPDATE users SET email = 'U2@Example.com' WHERE id = 2")
    world.execute("UPDATE users SET email = NULL WHERE id = 4")
    world.due_actions(7)
    world.execute("UPDATE action SET class = 'service' WHERE id = 5")
    world.execute("UPDATE action SET coupon = 'GIFT' WHERE id IN (6, 7)")
    world.execute(
        "INSERT INTO consent (user_id, channel, class, granted, source, at) VALUES "
        "(3, 'email', 'marketing', false, 't', 0), (5, 'email', 'marketing', false, 't', 0)"
    )
    world.execute(
        "INSERT INTO suppression (channel, address, reason, at) VALUES ('email', 'u2@example.com', 'bounced', 0)"
    )
    world.execute(
        "INSERT INTO coupon_code (coupon, code, enrolment_id, user_id, claimed_at) VALUES ('GIFT', 'W-1', 6, 6, 0)"
    )
    provider = Provider()
    world.drain(provider)
    assert dict(world.rows("SELECT id, reason FROM action")) == {
        1: "accepted",
        2: "address_suppressed",
        3: "opted_out",
        4: "address_missing",
        5: "accepted",
        6: "accepted",
        7: "coupon_pool_empty",
    }
    assert b"W-1" in next(message for message in provider.sent if message.recipient == "u6@example.com").payload.mime


def test_a_refused_channel_makes_way_for_the_next(world: Deliveries) -> None:
    world.users(3, phone="+4915112345678")
    world.execute("UPDATE users SET email = 'not an address' WHERE id = 1")
    world.due_actions(3, next_channels="sms,push")
    world.execute("UPDATE action SET channel = 'push', next_channels = '' WHERE id = 3")
    email, sms = Provider(), Provider(channel="sms", name="texts")
    world.drain(email, sms)
    assert world.rows(
        "SELECT enrolment_id, attempt, channel, next_channels, state, reason FROM action ORDER BY enrolment_id, attempt"
    ) == [
        (1, 1, "email", "sms,push", "suppressed", "address_invalid"),
        (1, 2, "sms", "push", "accepted", "accepted"),
        (2, 1, "email", "sms,push", "accepted", "accepted"),
        (3, 1, "push", "", "suppressed", "no_adapter"),
    ]
    assert [(message.recipient, message.payload) for message in sms.sent] == [
        ("+4915112345678", SmsPayload("Hello u1", 1))
    ]
    [(second,)] = world.rows("SELECT id FROM action WHERE attempt = 2")
    assert world.history(second) == ["queued", "claimed", "handed_off", "accepted"]


def test_what_is_final_tries_no_other_channel(world: Deliveries) -> None:
    world.users(1)
    world.due_actions(1, next_channels="sms", expires_at=NOON)
    world.drain(Provider(), Provider(channel="sms"))
    assert world.states() == {"expired:expired": 1}


def test_deferred_until_the_window_opens_then_sent(world: Deliveries) -> None:
    world.users(1, timezone="America/New_York")
    world.due_actions(1, send_window="09:00-20:00")  # it is 08:00 there
    provider = Provider()
    world.drain(provider)
    assert world.rows("SELECT state, reason, due_at FROM action") == [("deferred", "outside_window", NOON + HOUR)]
    world.at(NOON + HOUR)
    world.drain(provider)
    assert world.states() == {"accepted:accepted": 1}
    assert world.history(1) == ["queued", "claimed", "deferred", "claimed", "handed_off", "accepted"]


def test_a_deferred_message_of_a_user_who_left_is_called_off(world: Deliveries) -> None:
    world.users(4)
    world.due_actions(4, state="deferred")
    world.enrol(1, state="exited", reason="exit_event")
    world.enrol(2, state="finished", reason="completed")
    world.enrol(3, state="exited", reason="an exit step's own words")
    world.enrol(4, state="cancelled", reason="version_unreadable")
    world.drain(Provider())
    states = dict(world.rows("SELECT id, state FROM action"))
    assert states == {1: "cancelled", 2: "accepted", 3: "accepted", 4: "cancelled"}
