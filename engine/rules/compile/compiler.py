"""Compiles a dimension file: parses its conditions, numbers the atoms, builds the rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.conditions.condition import Condition, parse_condition
from engine.conditions.errors import ConditionErrors
from engine.conditions.nnf import Atom
from engine.conditions.report import condition_findings
from engine.conditions.turning import TurningPoint
from engine.conditions.types import Scope
from engine.content.document import Document
from engine.content.findings import Finding
from engine.content.locate import KeyPath
from engine.rules.compile.form import DimensionFile, SegmentSection
from engine.rules.decide.rulebook import ALWAYS, Bit, Pattern, Rule, RuleBook, pattern_of
from engine.rules.dimension import IN, MAX_ATOMS, OUT, Dimension, PlacementSlot, SlotAtom, SqlAtom


@dataclass(frozen=True, slots=True)
class _LockAndGrace:
    """How long a lock or a grace keeps users in a place, in milliseconds."""

    place: str
    lock: int | None
    grace: int | None


class DimensionCompiler:
    """Compiles one dimension; collects every mistake in ``findings``."""

    def __init__(self, file: DimensionFile, document: Document, scope: Scope) -> None:
        self.findings: list[Finding] = []
        self._file = file
        self._document = document
        self._scope = scope
        self._name = file.dimension.name
        self._bits: dict[SqlAtom, int] = {}
        self._turning: dict[TurningPoint, None] = {}
        self._names: set[str] = set()

    def compile(self) -> Dimension:
        """Return the dimension; not to be used if there are findings."""
        kind = self._file.dimension.kind
        slots = {"tiers": self._tiers, "stages": self._stages, "segments": self._segments}[kind]()
        if len(self._bits) > MAX_ATOMS:
            self._find(("dimension", "name"), f"{len(self._bits)} different atoms; a dimension can have {MAX_ATOMS}")
        return Dimension(
            name=self._name,
            kind=kind,
            places=places_of(self._file),
            initial=self._file.dimension.initial,
            atoms=tuple(self._bits),
            slots=tuple(slots),
            turning=tuple(self._turning),
            needs=frozenset(self._names & set(self._dimensions()) - {self._name}),
            document=self._document,
            cases=tuple(self._file.case),
        )

    def _dimensions(self) -> Iterable[str]:
        return (name for name, known in self._scope.names.items() if not hasattr(known.type, "value"))

    def _tiers(self) -> list[PlacementSlot]:
        rules: list[Rule] = []
        targets: dict[str, str] = {}
        for index, tier in enumerate(self._file.tier):
            for key, guard in (("keep", frozenset({tier.name})), ("when", None)):
                if getattr(tier, key) is None and (key == "keep" or tier.when is not None):
                    continue
                rule = f"{self._name}.{tier.name}.{key}"
                pattern = self._pattern(("tier", index, key), getattr(tier, key))
                rules.append(Rule(rule, pattern, guard, len(rules) + 1))
                targets[rule] = tier.name
        held = [_LockAndGrace(tier.name, tier.lock, tier.grace) for tier in self._file.tier]
        return [self._slot(self._name, rules, targets, held, places_of(self._file))]

    def _stages(self) -> list[PlacementSlot]:
        rules: list[Rule] = []
        targets: dict[str, str] = {}
        for index, transition in enumerate(self._file.transition):
            rule = f"{self._name}.{transition.name or f'{index + 1}.to_{transition.to}'}"
            pattern = self._pattern(("transition", index, "when"), transition.when)
            rules.append(Rule(rule, pattern, frozenset(transition.from_), len(rules) + 1))
            targets[rule] = transition.to
        held = [_LockAndGrace(stage.name, stage.lock, None) for stage in self._file.stage]
        return [self._slot(self._name, rules, targets, held, places_of(self._file))]

    def _segments(self) -> list[PlacementSlot]:
        return [self._segment(index, segment) for index, segment in enumerate(self._file.segment)]

    def _segment(self, index: int, segment: SegmentSection) -> PlacementSlot:
        rule = f"{self._name}.{segment.name}.when"
        rules = [Rule(rule, self._pattern(("segment", index, "when"), segment.when), None, 1)]
        targets = {rule: IN}
        if segment.keep is not None:
            rule = f"{self._name}.{segment.name}.keep"
            rules.append(Rule(rule, self._pattern(("segment", index, "keep"), segment.keep), frozenset({IN}), 2))
            targets[rule] = IN
        held = [_LockAndGrace(IN, segment.lock, segment.grace)]
        return self._slot(f"{self._name}__{segment.name}", rules, targets, held, (IN, OUT))

    def _slot(
        self,
        name: str,
        rules: list[Rule],
        targets: Mapping[str, str],
        held: list[_LockAndGrace],
        places: tuple[str, ...],
    ) -> PlacementSlot:
        """Return the slot, including its lock and grace rules, each over an atom of the slot's own columns."""
        locks = {place.place: place.lock for place in held if place.lock is not None}
        graces = {place.place: place.grace for place in held if place.grace is not None}
        holding = [
            Rule(
                f"{name.replace('__', '.')}.{place}.{word}" if place != IN else f"{name.replace('__', '.')}.{word}",
                Bit(self._bit(atom(name, place, length))),
                frozenset({place}),
                0,
            )
            for word, lengths, atom in (("lock", locks, _lock), ("grace", graces, _grace))
            for place, length in lengths.items()
        ]
        return PlacementSlot(
            name, RuleBook(name, tuple(holding + rules), len(self._bits), places), targets, locks, graces
        )

    def _pattern(self, where: KeyPath, text: str | None) -> Pattern:
        """Return the condition's pattern, or one that is always true if there is no condition or it has mistakes."""
        if text is None:
            return ALWAYS
        condition = self._condition(where, text)
        return pattern_of(condition.nnf(), self._bit) if condition else ALWAYS

    def _condition(self, where: KeyPath, text: str) -> Condition | None:
        try:
            condition = parse_condition(text, self._scope)
        except ConditionErrors as mistakes:
            self.findings += condition_findings(self._document, where, mistakes)
            return None
        if self._name in condition.names:
            self._find(
                where, f"`{where[-1]}` reads the dimension's own place; use `keep`, `from`, `lock` or `grace` instead"
            )
        self._names |= condition.names
        self._turning.update(dict.fromkeys(condition.turning_points()))
        return condition

    def _bit(self, atom: SqlAtom | Atom) -> int:
        return self._bits.setdefault(atom, len(self._bits))

    def _find(self, where: KeyPath, message: str) -> None:
        self.findings.append(self._document.finding(where, message))


def places_of(file: DimensionFile) -> tuple[str, ...]:
    """Return the places of a dimension: tiers best first, stages and segments in order of first appearance."""
    if file.dimension.kind == "tiers":
        return tuple(tier.name for tier in file.tier)
    if file.dimension.kind == "segments":
        return tuple(segment.name for segment in file.segment)
    found = dict.fromkeys([file.dimension.initial or "", *(stage.name for stage in file.stage)])
    for transition in file.transition:
        found.update(dict.fromkeys([*transition.from_, transition.to]))
    return tuple(found)


def _lock(slot: str, place: str, length: int) -> SlotAtom:
    return SlotAtom(
        f"entered {_in_words(slot, place)} less than {length} ms ago", f"s.since_{slot} + {length} > {{now}}"
    )


def _grace(slot: str, place: str, length: int) -> SlotAtom:
    return SlotAtom(
        f"has been waiting to leave {_in_words(slot, place)} for less than {length} ms",
        f"(s.wait_{slot} IS NULL OR s.wait_{slot} + {length} > {{now}})",
    )


def _in_words(slot: str, place: str) -> str:
    return slot.replace("__", ".") if place == IN else f"{slot}.{place}"
