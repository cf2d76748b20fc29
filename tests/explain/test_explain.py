"""``explain`` reports what the engine did for a user, and what it will do."""

import pytest

from engine.errors import InputError
from engine.explain.models import DimensionPlacement, Explanation, PlaybookAnswer
from tests.world import World, day


def spender(world: World, *, ordered: float = 1) -> None:
    """Ann, who ordered three times, by default on day 1, and is placed high on day 2."""
    world.user("ann", first_name="Ann", is_vip=False)
    for hour in range(3):
        world.order("ann", ordered + hour / 24, 20_000, category="beauty")
    world.tick(2)


def placement(found: Explanation, dimension: str) -> DimensionPlacement:
    return next(one for one in found.dimensions if one.dimension == dimension)


def answer(found: Explanation, playbook: str) -> PlaybookAnswer:
    return next(one for one in found.playbooks if one.playbook == playbook)


def fact(found: Explanation, name: str) -> tuple[object, str]:
    one = next(fact for fact in found.facts if fact.name == name)
    return one.value, one.shown


def test_facts_are_shown_as_people_read_them(world: World) -> None:
    spender(world)
    found = world.explain("ann", 2)
    assert fact(found, "first_name") == ("Ann", "Ann")
    assert fact(found, "is_vip") == (False, "no")
    assert fact(found, "spend") == (60_000, "$600.00")
    assert fact(found, "orders") == (3, "3")
    assert fact(found, "birthday") == (None, "unknown")
    assert fact(found, "average_order")[1] == "$200.00"
    assert fact(found, "last_order_at")[1] == "2026-01-02T02:00:00Z"
    sources = {one.name: one.source for one in found.facts}
    assert sources["spend"] == "sum of order_completed.amount in the last 365d"
    assert sources["beauty_orders"] == "number of order_completed in the last 90d where category = 'beauty'"
    assert sources["last_order_at"] == "time of the latest order_completed"
    assert sources["average_order"] == "spend / nullif(orders, 0)"
    assert sources["mail"] == "attribute email"


def test_addresses_are_masked_unless_they_are_asked_for(world: World) -> None:
    spender(world)
    hidden, shown = world.explain("ann", 2), world.explain("ann", 2, show_addresses=True)
    assert hidden.user.addresses["email"] == "a•••@example.com"
    assert fact(hidden, "mail")[0] == "a•••@example.com"
    assert shown.user.addresses["email"] == "ann@example.com"
    assert fact(shown, "mail")[0] == "ann@example.com"
    assert "ann@" not in repr(hidden)


def test_atoms_are_the_bits_of_the_signature(world: World) -> None:
    spender(world)
    for one in world.explain("ann", 2).dimensions:
        bits = sum(1 << bit for bit, atom in enumerate(one.atoms) if atom.holds)
        assert f"{bits:x}" == one.signature
    atoms = {atom.text: atom.holds for atom in placement(world.explain("ann", 2), "needs").atoms}
    assert atoms["beauty_orders >= 1"] is True
    assert atoms["is_vip"] is False


def test_an_atom_over_an_unknown_fact_is_neither_true_nor_false(world: World) -> None:
    world.user("new")
    world.tick(1)
    atoms = {atom.text: atom.holds for atom in placement(world.explain("new", 1), "lifecycle").atoms}
    assert atoms["days_since(last_order_at) > 60"] is None
    assert atoms["orders >= 1"] is False


def test_locks_and_graces_hold_until_the_last_of_them_ends(world: World) -> None:
    """The orders of a year ago cease to count on day 3."""
    spender(world, ordered=3 - 365 - 3 / 24)
    world.user("bob", is_vip=True)
    world.tick(2)
    world.user("bob", 3, is_vip=False)
    world.tick(3)
    [slot] = placement(world.explain("ann", 3), "value").slots
    assert (slot.place, slot.since, slot.rule.name) == ("high", day(2), "value.high.lock")
    assert (slot.rule.file, slot.rule.condition) == ("rules/value.toml", "lock = 10d")
    assert (slot.decision, slot.until) == ("waits", day(33)), "the grace, which begins now, ends after the lock"
    vip = placement(world.explain("bob", 3), "needs").slots[1]
    assert (vip.place, vip.decision, vip.until, vip.rule.name) == ("in", "held", day(7), "needs.vip.lock")


def test_a_grace_is_told_with_its_end_and_then_the_move(world: World) -> None:
    spender(world)
    world.tick(366.5)
    [slot] = placement(world.explain("ann", 370), "value").slots
    assert (slot.decision, slot.waiting_since, slot.until) == ("waits", day(366.5), day(396.5))
    assert slot.rule.condition == "grace = 30d"
    [slot] = placement(world.explain("ann", 397), "value").slots
    assert (slot.decision, slot.moves_to, slot.rule.name) == ("moves", "low", "value.low.when")
    world.tick(397)
    assert placement(world.explain("ann", 397), "value").places == ("low",)


def test_what_is_said_to_come_comes(world: World) -> None:
    """Moves told before a tick are the transitions that the tick writes, for time alone."""
    spender(world)
    told, written = [], []
    for number in (10, 61, 62, 63, 64):
        before = len(world.explain("ann", number).transitions)
        for one in world.explain("ann", number).dimensions:
            told += [(number, slot.slot, slot.moves_to) for slot in one.slots if slot.decision == "moves"]
        world.tick(number)
        moves = world.explain("ann", number).transitions[before:]
        written += [(number, move.dimension, move.to_place) for move in moves]
    assert told == written == [(63, "lifecycle", "at_risk")]


def test_history_is_decoded_with_the_rules_of_then(world: World) -> None:
    spender(world)
    first = world.explain("ann", 2)
    world.write(
        "rules/value.toml", (world.folder / "rules/value.toml").read_text().replace("spend >= 500", "spend > 1")
    )
    content = world.content()
    world.app.migrate(content)
    world.tick(3)
    [then] = [move for move in world.explain("ann", 3).transitions if move.dimension == "value"]
    assert then.rules_version == first.rules_version != content.rules.version
    assert then.rule.name == "value.high.when"
    assert then.rule.condition == "spend >= 500 and orders >= 3"
    assert set(then.held or ()) == {"spend >= 500", "orders >= 3", "spend >= 400"}


def test_history_says_where_the_rules_of_then_are_gone(world: World) -> None:
    spender(world)
    world.lose_versions()
    world.write("rules/needs.toml", (world.folder / "rules/needs.toml").read_text().replace(">= 1", ">= 2"))
    world.tick(3)
    move = world.explain("ann", 3).transitions[0]
    assert move.held is None
    assert move.rule.name
    assert world.command("explain", "ann").exit_code == 0


def test_the_next_evaluation_says_why(world: World) -> None:
    spender(world)
    due = world.explain("ann", 2).next_evaluation
    assert due
    assert (due.at, due.evaluated_at) == (day(7), day(2))
    assert due.why == ("the lock of needs.vip (in, 5d) ends",)
    world.tick(30)
    due = world.explain("ann", 30).next_evaluation
    assert due
    assert due.at == day(1 + 2 / 24 + 61)
    assert due.why == ("61 days since last_order_at, for lifecycle",)


def test_new_input_is_evaluated_by_the_next_tick(world: World) -> None:
    spender(world)
    world.user("ann", 3, first_name="Anna")
    due = world.explain("ann", 3).next_evaluation
    assert due
    assert due.at == 0
    assert due.why == ("new input",)
    world.tick(3)
    world.order("ann", 4, 100)
    due = world.explain("ann", 4).next_evaluation
    assert due
    assert (due.at, due.why) == (0, ("the event order_completed",))


def test_a_scheduled_event_is_evaluated_when_it_happens(world: World) -> None:
    spender(world)
    world.order("ann", 4, 100)
    for _ in range(2):  # before a tick has read the news, and after
        due = world.explain("ann", 2.1).next_evaluation
        assert due
        assert due.at == day(4)
        assert "the event order_completed" in due.why
        world.tick(2.1)


def test_enrolments_and_actions_carry_their_reasons(world: World) -> None:
    world.codes("A-1", "A-2")
    spender(world)
    world.tick(2.1, deliver=True)
    found = world.explain("ann", 2.1)
    assert [(one.playbook, one.state, one.trigger) for one in found.enrolments] == [
        ("thanks", "finished", "the event order_completed")
    ] * 3
    assert {one.sentence for one in found.enrolments} == {"The user completed all steps."}
    sent, held = found.actions[0], found.actions[2]
    assert (sent.state, sent.coupon_code, sent.channel) == ("accepted", "A-1", "email")
    assert [change.state for change in sent.history] == ["queued", "claimed", "handed_off", "accepted"]
    assert (held.state, held.reason, held.coupon_code) == ("held", "coupon_pool_empty", None)
    assert held.sentence == "It needs a coupon code and has none; it gets the pool's next free one."


def test_a_wait_names_its_event_and_an_end_the_playbooks_own_reason(world: World) -> None:
    spender(world)
    world.tick(63)
    world.tick(63.1)
    waiting = next(one for one in world.explain("ann", 63.1).enrolments if one.playbook == "winback")
    assert (waiting.step, waiting.waits_for, waiting.due_at) == ("answer", "order_completed", day(73))
    assert waiting.trigger == "lifecycle: active to at_risk"
    world.tick(74)
    ended = next(one for one in world.explain("ann", 74).enrolments if one.playbook == "winback")
    assert (ended.reason, ended.step, ended.ended_at) == ("gave_up", None, day(74))
    assert ended.sentence == "An exit step of the playbook ended it, with this reason."


def test_every_playbook_has_an_answer(world: World) -> None:
    spender(world)
    world.user("bob")
    world.tick(63)
    ann, bob = world.explain("ann", 63), world.explain("bob", 63)
    assert [one.playbook for one in bob.playbooks] == ["birthday", "thanks", "welcome", "winback"]
    assert (answer(ann, "winback").inside, answer(ann, "winback").reason) == (True, "active")
    assert (answer(bob, "winback").inside, answer(bob, "winback").reason) == (False, "not_triggered")
    assert answer(bob, "thanks").sentence == "The playbook's trigger has not occurred."


def test_a_user_who_has_not_been_evaluated_is_explained_too(world: World) -> None:
    world.user("eve")
    found = world.explain("eve", 1)
    assert [one.places for one in found.dimensions] == [(), (), ()]
    assert placement(found, "lifecycle").slots[0].moves_to == "potential"
    assert found.next_evaluation is not None
    assert (found.next_evaluation.at, found.next_evaluation.why) == (0, ("the user is new",))
    world.lose_state("eve")
    lost = world.explain("eve", 1)
    assert lost.next_evaluation is None
    assert (lost.dimensions, lost.facts) == (found.dimensions, found.facts)


@pytest.mark.parametrize("key", ["Ann", "anx", "annabel"])
def test_an_unknown_key_is_answered_with_keys_that_begin_alike(world: World, key: str) -> None:
    world.user("ann")
    with pytest.raises(InputError, match=rf"no such user `{key}`: .*; did you mean `ann`\?"):
        world.explain(key, 1)


def test_an_unknown_key_like_none(world: World) -> None:
    world.user("ann")
    with pytest.raises(InputError, match=r"no such user `zoe`: it is neither a key nor an address$"):
        world.explain("zoe", 1)


def test_nothing_is_written(world: World) -> None:
    spender(world)
    world.order("ann", 400, 90_000)
    world.user("new", 400)
    tables = (
        "users", "event", "user_state", "user_due", "user_news", "user_date", "sweep", "sweep_range", "transition", "enrolment",
        "action", "action_event", "slot", "tick",
    )  # fmt: skip

    def everything() -> list[object]:
        return [world.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]

    before = everything()
    for key in ("ann", "new"):
        world.explain(key, 500)
    assert everything() == before


def test_facts_and_decisions_are_those_of_now(world: World) -> None:
    """What a tick at that instant would find and decide, whether or not one comes."""
    spender(world)
    world.order("ann", 4, 100)
    shown = world.explain("ann", 4)
    assert {fact.name: fact.value for fact in shown.facts}["orders"] == 4
    old = world.explain("ann", 400)
    assert {fact.name: fact.value for fact in old.facts}["spend"] == 0
    assert placement(old, "lifecycle").places == ("active",)
    assert placement(old, "lifecycle").slots[0].moves_to == "at_risk"
    world.tick(400)
    ticked = world.explain("ann", 400)
    assert ticked.facts == old.facts
    assert placement(ticked, "lifecycle").places == ("at_risk",)
