"""A user's placement in each dimension, and what the rules decide about it now."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, RowMapping

from engine.clock import Instant
from engine.explain.models import AtomState, DimensionPlacement, SlotPlacement
from engine.explain.rule_text import rule_text
from engine.explain.words import atom_words, elsewhere
from engine.rules.decide.decider import Deciders
from engine.rules.decide.decisions import PlacementDecider, SlotDecision
from engine.rules.dimension import IN, OUT, Dimension, PlacementSlot, split_places
from engine.rules.look import Look
from engine.rules.place.deciding import Deciding
from engine.rules.place.subjects import LOOK, Subjects
from engine.rules.ruleset import RuleSet
from engine.store.dialects import Dialect, dialect_of
from engine.store.statement import statement


def placements(
    connection: Connection, rules: RuleSet, look: Look, deciders: Deciders, now: Instant
) -> tuple[DimensionPlacement, ...]:
    """Return the placement in every dimension of the one user in ``look``, and what the rules make of it at ``now``.

    Nothing is written but temporary tables.
    """
    found: dict[str, DimensionPlacement] = {}

    def read(connection: Connection, level: Deciding) -> None:
        # Later levels read the places that earlier ones have just decided, as they do in a tick.
        for dimension in level.level:
            query = statement(f"SELECT {', '.join(_columns(dimension, dialect_of(connection)))} FROM {LOOK} AS s")
            row = connection.execute(query, {"now": now}).mappings().one()
            found[dimension.name] = _placement(dimension, PlacementDecider(dimension, deciders), row, now)

    look.placing.run(connection, Subjects(), now, read)
    look.placing.drop(connection)
    return tuple(found[dimension.name] for dimension in rules.dimensions)


def _columns(dimension: Dimension, dialect: Dialect) -> Iterator[str]:
    yield f"s.{dimension.place} AS place"
    yield f"{dimension.signature_sql(dialect)} AS signature"
    for slot in dimension.slots:
        yield f"s.{slot.since}"
        yield f"s.{slot.wait}"
    for bit, atom in enumerate(dimension.atoms):
        yield f"{atom.sql(dialect)} AS atom_{bit}"


def _placement(dimension: Dimension, judge: PlacementDecider, row: RowMapping, now: Instant) -> DimensionPlacement:
    place, signature = row["place"], int(row["signature"])
    decision = judge.decide(signature, place)
    segments = dimension.kind == "segments"
    places = tuple(sorted(split_places(place), key=_order(dimension))) if segments else (place,) if place else ()
    slots = list(zip(dimension.slots, decision.slots, strict=True))
    idle = {bit for slot, decided in slots for bit in elsewhere(slot, _place(dimension, decided, place))}
    return DimensionPlacement(
        dimension=dimension.name,
        kind=dimension.kind,
        places=places,
        signature=f"{signature:x}",
        atoms=tuple(
            AtomState(atom_words(atom), _truth(row[f"atom_{bit}"]), bit not in idle)
            for bit, atom in enumerate(dimension.atoms)
        ),
        slots=tuple(_slot(dimension, slot, decided, row, now) for slot, decided in slots),
    )


def _slot(
    dimension: Dimension, slot: PlacementSlot, decided: SlotDecision, row: RowMapping, now: Instant
) -> SlotPlacement:
    since, waiting = row[slot.since], row[slot.wait]
    until = _until(slot, decided, since, waiting, now) if not decided.moved else None
    held = "held" if until is not None else "stays"
    return SlotPlacement(
        slot=slot.name.replace("__", "."),
        place=_place(dimension, decided, row["place"]),
        since=since,
        waiting_since=waiting,
        rule=rule_text(dimension, decided.rule),
        decision="moves" if decided.moved else "waits" if decided.waits else held,
        moves_to=decided.place if decided.moved else None,
        until=until,
    )


def _place(dimension: Dimension, decided: SlotDecision, column: str | None) -> str | None:
    """Return the user's place in a slot before the decision."""
    if dimension.kind != "segments":
        return column
    return decided.place if not decided.moved else OUT if decided.place == IN else IN


def _until(
    slot: PlacementSlot, decided: SlotDecision, since: int | None, waiting: int | None, now: Instant
) -> Instant | None:
    """Return when the last lock or grace that keeps the user in place ends; None if there is none."""
    holding = any(rule.name == decided.rule for rule in slot.book.rules) and decided.rule not in slot.targets
    if not holding:
        return None
    ends = [(since or 0) + slot.locks[decided.place]] if decided.place in slot.locks else []
    if decided.place in slot.graces:
        ends.append((now if waiting is None else waiting) + slot.graces[decided.place])
    return Instant(max(ends))


def _order(dimension: Dimension) -> Any:  # noqa: ANN401 - a sort key
    return lambda place: dimension.rank.get(place, len(dimension.rank))


def _truth(value: object) -> bool | None:
    return None if value is None else bool(value)
