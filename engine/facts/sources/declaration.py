"""One fact's declaration while it is read: the names it can use, and its findings."""

from collections.abc import Mapping

from engine.conditions import Condition, ConditionErrors, Expression, Scope, parse_condition, parse_expression
from engine.conditions.report import condition_findings
from engine.content.document import Document
from engine.content.findings import Finding, did_you_mean
from engine.content.value_types import ValueType
from engine.facts.values import event_scope


class Declaration:
    """What a kind gets besides a fact's section. Mistakes are noted here, never raised."""

    def __init__(
        self,
        name: str,
        document: Document,
        events: Mapping[str, Mapping[str, ValueType]],
        broken_events: frozenset[str],
        scope: Scope,
    ) -> None:
        """Prepare for the fact ``name``; ``scope`` has the facts that were read before it."""
        self.name = name
        """The fact's name."""
        self.events = events
        """Event -> property -> type."""
        self.scope = scope
        """The facts that an expression can use."""
        self.findings: list[Finding] = []
        self._document = document
        self._broken_events = broken_events

    def mistake(self, key: str, message: str) -> None:
        """Note a mistake at one of the fact's keys."""
        self.findings.append(self._document.finding(("facts", self.name, key), message))

    def has_event(self, key: str, event: str) -> bool:
        """Tell whether ``event`` can be used; if it is not declared, note a mistake."""
        if event in self.events:
            return event not in self._broken_events
        if event not in self._broken_events:
            self.mistake(key, f"`{key}`: unknown event `{event}`{did_you_mean(event, self.events)}")
        return False

    def fact_type(self, key: str, fact: str) -> ValueType | None:
        """Return the type of another fact; None if it is not declared (a mistake is noted), or has mistakes itself."""
        if fact in self.scope.names:
            kind = self.scope.names[fact].type
            return kind if isinstance(kind, ValueType) else None
        declared = self._document.data.get("facts", {})
        if fact not in declared:
            self.mistake(key, f"`{key}`: unknown fact `{fact}`{did_you_mean(fact, set(declared) - {self.name})}")
        return None

    def event_scope(self, event: str) -> Scope:
        """Return the scope of conditions over the properties of one event."""
        return event_scope(self.events, event, self.scope.currency_scale)

    def condition(self, key: str, text: str, scope: Scope) -> Condition | None:
        """Return the condition at ``key``; None if it has mistakes, which are noted."""
        try:
            return parse_condition(text, scope)
        except ConditionErrors as errors:
            self.findings += condition_findings(self._document, ("facts", self.name, key), errors)
            return None

    def expression(self, key: str, text: str) -> Expression | None:
        """Return the expression over other facts at ``key``; None if it has mistakes, which are noted."""
        try:
            return parse_expression(text, self.scope)
        except ConditionErrors as errors:
            self.findings += condition_findings(self._document, ("facts", self.name, key), errors)
            return None
