"""What is told of a user is what the engine did, and what it will do."""

import pytest

from engine.errors import InputError
from engine.explain.models import Explanation
from tests.explain.house import House, answer, at, standing


def spender(house: House, key: str = "ann") -> int:
    """A user with three orders on day 1, placed high on day 2."""
    user = house.user(key, attributes={"first_name": "Ann", "is_vip": False})
    for hour in range(3):
        house.order(user, 1 + hour / 24, 20_000, "beauty")
    house.tick(2)
    return user


def fact(found: Explanation, name: str) -> tuple[object, str]:
    one = next(fact for fact in found.facts if fact.name == name)
    return one.value, one.shown


def test_facts_are_shown_as_people_read_them(house: House) -> None:
    spender(house)
    found = house.explain("ann", 2)
    assert fact(found, "first_name") == ("Ann", "Ann")
    assert fact(found, "is_vip") == (False, "no")
    assert fact(found, "spend") == (60_000, "$600.00")
    assert fact(found, "orders") == (3, "3")
    assert fact(found, "birthday") == (None, "unknown")
    assert fact(found, "average_order")[1] == "$200.00"
    assert fact(found, "last_order_at")[1] == "2026-01-02T02:00:00Z"
    sources = {one.name: one.source for one in found.facts}
    assert sources["spend"] == "sum of order_completed.amount of the last 365d"
    assert sources["beauty_orders"] == "number of order_completed of the last 90d where category = 'beauty'"
    assert sources["last_order_at"] == "when the latest order_completed was"
    assert sources["average_order"] == "spend / nullif(orders, 0)"
    assert sources["mail"] == "the attribute email"


def test_addresses_are_masked_unless_they_are_asked_for(house: House) -> None:
    spender(house)
    hidden, shown = house.explain("ann", 2), house.explain("ann", 2, show_addresses=True)
    assert hidden.user.addresses["email"] == "a•••@example.com"
    assert fact(hidden, "mail")[0] == "a•••@example.com"
    assert shown.user.addresses["email"] == "ann@example.com"
    assert fact(shown, "mail")[0] == "ann@example.com"
    assert "ann@" not in repr(hidden)


def test_atoms_are_the_bits_of_the_signature(house: House) -> None:
    spender(house)
    for one in house.explain("ann", 2).dimensions:
        bits = sum(1 << bit for bit, atom in enumerate(one.atoms) if atom.holds)
        assert f"{bits:x}" == one.signature
    atoms = {atom.text: atom.holds for atom in standing(house.explain("ann", 2), "needs").atoms}
    assert atoms["beauty_orders >= 1"] is True
    assert atoms["is_vip"] is False


def test_an_atom_over_an_unknown_fact_is_neither_true_nor_false(house: House) -> None:
    house.user("new")
    house.tick(1)
    atoms = {atom.text: atom.holds for atom in standing(house.explain("new", 1), "lifecycle").atoms}
    assert atoms["days_since(last_order_at) > 60"] is None
    assert atoms["orders >= 1"] is False


def test_locks_and_graces_hold_until_the_last_of_them_ends(house: House) -> None:
    user = spender(house)
    house.execute("UPDATE user_state SET fact_spend = 0 WHERE user_id = :user", user=user)
    [slot] = standing(house.explain("ann", 3), "value").slots
    assert (slot.place, slot.since, slot.rule.name) == ("high", at(2), "value.high.lock")
    assert (slot.rule.file, slot.rule.condition) == ("rules/value.toml", "lock = 10d")
    assert (slot.decision, slot.until) == ("waits", at(33)), "the grace, which begins now, ends after the lock"
    house.execute("UPDATE user_state SET place_value = 'low' WHERE user_id = :user", user=user)
    vip = standing(house.explain("ann", 3), "needs").slots[1]
    assert (vip.place, vip.decision, vip.until, vip.rule.name) == ("in", "held", at(7), "needs.vip.lock")


def test_a_grace_is_told_with_its_end_and_then_the_move(house: House) -> None:
    user = spender(house)
    house.tick(366.5)
    [slot] = standing(house.explain("ann", 370), "value").slots
    assert (slot.decision, slot.waiting_since, slot.until) == ("waits", at(366.5), at(396.5))
    assert slot.rule.condition == "grace = 30d"
    [slot] = standing(house.explain("ann", 397), "value").slots
    assert (slot.decision, slot.moves_to, slot.rule.name) == ("moves", "low", "value.low.when")
    house.tick(397)
    placed = house.execute("SELECT place_value FROM user_state WHERE user_id = :user", user=user)
    assert placed == [("low",)]


def test_what_is_said_to_come_comes(house: House) -> None:
    """Moves told before a tick are the transitions that the tick writes, for time alone."""
    spender(house)
    told, written = [], []
    for day in (10, 61, 62, 63, 64):
        before = len(house.explain("ann", day).transitions)
        for one in house.explain("ann", day).dimensions:
            told += [(day, slot.slot, slot.moves_to) for slot in one.slots if slot.decision == "moves"]
        house.tick(day)
        moves = house.explain("ann", day).transitions[before:]
        written += [(day, move.dimension, move.to_place) for move in moves]
    assert told == written == [(63, "lifecycle", "at_risk")]


def test_history_is_decoded_with_the_rules_of_then(house: House) -> None:
    spender(house)
    first = house.explain("ann", 2)
    house.write(
        "rules/value.toml", (house.folder / "rules/value.toml").read_text().replace("spend >= 500", "spend > 1")
    )
    content = house.content()
    house.app.migrate(content)
    house.tick(3)
    [then] = [move for move in house.explain("ann", 3).transitions if move.dimension == "value"]
    assert then.rules_version == first.rules_version != content.rules.version
    assert then.rule.name == "value.high.when"
    assert then.rule.condition == "spend >= 500 and orders >= 3"
    assert set(then.held or ()) == {"spend >= 500", "orders >= 3", "spend >= 400"}


def test_history_says_where_the_rules_of_then_are_gone(house: House) -> None:
    spender(house)
    version = house.content().rules.version
    house.write("rules/needs.toml", (house.folder / "rules/needs.toml").read_text().replace(">= 1", ">= 2"))
    house.tick(3)
    house.execute("DELETE FROM version WHERE kind = 'rules' AND hash = :hash", hash=version)
    move = house.explain("ann", 3).transitions[0]
    assert move.held is None
    assert move.rule.name
    assert house.command("explain", "ann").exit_code == 0


def test_the_next_look_says_what_comes(house: House) -> None:
    spender(house)
    look = house.explain("ann", 2).next_look
    assert look
    assert (look.at, look.looked_at) == (at(7), at(2))
    assert look.why == ("the lock of needs.vip (in, 5d) ends",)
    house.tick(30)
    look = house.explain("ann", 30).next_look
    assert look
    assert look.at == at(1 + 2 / 24 + 61)
    assert look.why == ("61 days since last_order_at, for lifecycle",)


def test_new_input_is_looked_at_by_the_next_tick(house: House) -> None:
    user = spender(house)
    house.execute("UPDATE user_state SET due_at = 0 WHERE user_id = :user", user=user)
    look = house.explain("ann", 3).next_look
    assert look
    assert look.at == 0
    assert "next tick" in look.why[0]
    house.tick(3)
    house.order(user, 4, 100)
    look = house.explain("ann", 4).next_look
    assert look
    assert look.why == ("the event order_completed",)


def test_enrolments_and_actions_carry_their_reasons(house: House) -> None:
    house.codes("A-1", "A-2")
    spender(house)
    house.tick(2.1, deliver=True)
    found = house.explain("ann", 2.1)
    assert [(one.playbook, one.state, one.trigger) for one in found.enrolments] == [
        ("thanks", "finished", "the event order_completed")
    ] * 3
    assert {one.sentence for one in found.enrolments} == {"The user went through all steps."}
    sent, held = found.actions[0], found.actions[2]
    assert (sent.state, sent.coupon_code, sent.channel) == ("accepted", "A-1", "email")
    assert [change.state for change in sent.history] == ["queued", "claimed", "handed_off", "accepted"]
    assert (held.state, held.reason, held.coupon_code) == ("held", "coupon_pool_empty", None)
    assert held.sentence == "The message must carry a coupon code and there is none left; it waits for codes."


def test_a_wait_names_its_event_and_an_end_the_playbooks_own_reason(house: House) -> None:
    spender(house)
    house.tick(63)
    house.tick(63.1)
    waiting = next(one for one in house.explain("ann", 63.1).enrolments if one.playbook == "winback")
    assert (waiting.step, waiting.waits_for, waiting.due_at) == ("answer", "order_completed", at(73))
    assert waiting.trigger == "lifecycle: active to at_risk"
    house.tick(74)
    ended = next(one for one in house.explain("ann", 74).enrolments if one.playbook == "winback")
    assert (ended.reason, ended.step, ended.ended_at) == ("gave_up", None, at(74))
    assert ended.sentence == "A step of the playbook ended it, with this reason of its own."


def test_every_playbook_has_an_answer(house: House) -> None:
    spender(house)
    house.user("bob")
    house.tick(63)
    ann, bob = house.explain("ann", 63), house.explain("bob", 63)
    assert [one.playbook for one in bob.playbooks] == ["birthday", "thanks", "winback"]
    assert (answer(ann, "winback").inside, answer(ann, "winback").reason) == (True, "active")
    assert (answer(bob, "winback").inside, answer(bob, "winback").reason) == (False, "not_triggered")
    assert answer(bob, "thanks").sentence == "Nothing that triggers the playbook happened."


def test_a_user_whom_nothing_has_looked_at_is_explained_too(house: House) -> None:
    user = house.user("eve")
    found = house.explain("eve", 1)
    assert [one.places for one in found.dimensions] == [(), (), ()]
    assert standing(found, "lifecycle").slots[0].moves_to == "potential"
    house.execute("DELETE FROM user_state WHERE user_id = :user", user=user)
    found = house.explain("eve", 1)
    assert (found.next_look, found.dimensions) == (None, ())
    assert {one.value for one in found.facts} == {None}


@pytest.mark.parametrize("key", ["Ann", "anx", "annabel"])
def test_an_unknown_key_is_answered_with_keys_that_begin_alike(house: House, key: str) -> None:
    house.user("ann")
    with pytest.raises(InputError, match=f"no user with the key `{key}`; keys that begin alike: `ann`"):
        house.explain(key, 1)


def test_an_unknown_key_like_none(house: House) -> None:
    house.user("ann")
    with pytest.raises(InputError, match=r"no user with the key `zoe`$"):
        house.explain("zoe", 1)


def test_nothing_is_written(house: House) -> None:
    spender(house)
    tables = ("user_state", "transition", "enrolment", "action", "action_event", "slot", "tick")

    def everything() -> list[object]:
        return [house.execute(f"SELECT * FROM {table} ORDER BY 1") for table in tables]

    before = everything()
    house.explain("ann", 500)
    assert everything() == before
