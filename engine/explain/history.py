"""A user's transitions, each decoded with the rules that were in force when it was made."""

from collections.abc import Mapping

from sqlalchemy import Connection, RowMapping, text

from engine.clock import Instant
from engine.content.versions import rules_files
from engine.explain.models import PastTransition, RuleText
from engine.explain.rule_text import rule_text
from engine.explain.words import atom_words, elsewhere
from engine.facts.catalog import load_catalog
from engine.loading import Content
from engine.rules.dimension import IN, OUT, Dimension, PlacementSlot
from engine.rules.ruleset import RuleSet, load_rules

_QUERY = text(
    "SELECT id, at, dimension, from_place, to_place, coalesce(cause, 'behaviour') AS cause, rule, rules_version, signature FROM transition"
    " WHERE user_id = :user_id ORDER BY at, id"
)


def transitions(
    connection: Connection, content: Content, currency_scale: int, user_id: int
) -> tuple[PastTransition, ...]:
    """Return the user's transitions, oldest first."""
    then = _PastRules(connection, content, currency_scale)
    return tuple(_transition(row, then) for row in connection.execute(_QUERY, {"user_id": user_id}).mappings())


class _PastRules:
    """Dimensions by rules version, compiled from the files recorded in the store."""

    def __init__(self, connection: Connection, running: Content, currency_scale: int) -> None:
        self._connection = connection
        self._currency_scale = currency_scale
        self._known: dict[str, Mapping[str, Dimension]] = {running.rules.version: _by_name(running.rules)}
        self._sources = running.kinds.fact_sources

    def dimension(self, version: str, name: str) -> Dimension | None:
        """Return the dimension in that version; None if its files are missing or no longer compile."""
        if version not in self._known:
            self._known[version] = self._read(version)
        return self._known[version].get(name)

    def _read(self, version: str) -> Mapping[str, Dimension]:
        bundle = rules_files(self._connection, version)
        if bundle is None:
            return {}
        catalog, findings = load_catalog(bundle, self._currency_scale, self._sources)
        rules, mistakes = load_rules(bundle, catalog)
        broken = any(finding.severity == "error" for finding in [*findings, *mistakes])
        return {} if broken else _by_name(rules)


def _by_name(rules: RuleSet) -> Mapping[str, Dimension]:
    return {dimension.name: dimension for dimension in rules.dimensions}


def _transition(row: RowMapping, then: _PastRules) -> PastTransition:
    dimension, signature = then.dimension(row["rules_version"], row["dimension"]), int(row["signature"])
    return PastTransition(
        id=row["id"],
        at=Instant(row["at"]),
        dimension=row["dimension"],
        from_place=row["from_place"],
        to_place=row["to_place"],
        cause=row["cause"],
        rule=rule_text(dimension, row["rule"]) if dimension else RuleText(row["rule"], "", "", 0),
        rules_version=row["rules_version"],
        signature=f"{signature:x}",
        held=_held(dimension, signature, row) if dimension else None,
    )


def _held(dimension: Dimension, signature: int, move: RowMapping) -> tuple[str, ...]:
    idle = {bit for slot in dimension.slots for bit in elsewhere(slot, _before(dimension, slot, move))}
    return tuple(
        atom_words(atom) for bit, atom in enumerate(dimension.atoms) if signature >> bit & 1 and bit not in idle
    )


def _before(dimension: Dimension, slot: PlacementSlot, move: RowMapping) -> str | None:
    """Return the user's place in ``slot`` before the move. In a dimension of segments, a move concerns only one slot."""
    if dimension.kind != "segments":
        return str(move["from_place"]) if move["from_place"] else None
    return IN if slot.name == f"{dimension.name}__{move['from_place']}" else OUT
