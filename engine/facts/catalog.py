"""From ``rules/facts.toml`` to the catalogue of facts, with every mistake located; bad content never raises."""

from dataclasses import replace

from engine.conditions import Condition, ConditionErrors, Expression, Name, Scope, parse_condition, parse_expression
from engine.content.bundle import Bundle
from engine.content.document import Document, parse_document, validate
from engine.content.findings import Finding, did_you_mean
from engine.content.kinds import FactType
from engine.content.locate import KeyPath
from engine.facts.derive import RANKED, Unfit, aggregate_type, attribute_type, property_type
from engine.facts.files import AGGREGATES, FactSection, FactsFile
from engine.facts.model import Fact, FactCatalog
from engine.facts.order import cycles, in_order
from engine.facts.values import AMOUNT

__all__ = ["Fact", "FactCatalog", "load_catalog"]

PATH = "rules/facts.toml"
_NOUN = "fact or dimension"
"""What conditions call a name that they do not know."""


def load_catalog(bundle: Bundle, currency_scale: int) -> tuple[FactCatalog, list[Finding]]:
    """Read the declared events and facts; return those without errors, and a finding for each mistake."""
    text = bundle.files.get(PATH)
    if text is None:
        missing = Finding(PATH, 0, "the file is missing: it declares the events and facts that rules are made of")
        return FactCatalog({}, {}, currency_scale), [missing]
    document = parse_document(PATH, text)
    if isinstance(document, Finding):
        return FactCatalog({}, {}, currency_scale), [document]
    return _Loader(document, currency_scale).load()


class _Unknown(Exception):
    """A fact cannot be read because one that it needs has errors, which were reported there."""


class _Loader:
    """Reads one file, fact by fact, so that a mistake in one hides none in another."""

    def __init__(self, document: Document, currency_scale: int) -> None:
        self._document = document
        self._scale = currency_scale
        self._findings: list[Finding] = []
        self._facts: dict[str, Fact] = {}
        self._events: dict[str, dict[str, FactType]] = {}

    def load(self) -> tuple[FactCatalog, list[Finding]]:
        """Return the catalogue and all findings."""
        sections = self._sections()
        for cycle in cycles(sections):
            self._find(("facts", cycle[0]), f"facts are made of each other: {' -> '.join((*cycle, cycle[0]))}")
        for name in in_order(sections):
            self._add(name, sections[name])
        declared = self._document.data.get("facts", {})
        broken = frozenset(declared if isinstance(declared, dict) else ()) - self._facts.keys()
        return FactCatalog(self._events, self._facts, self._scale, broken), sorted(self._findings)

    def _sections(self) -> dict[str, FactSection]:
        """Check the form of each event and fact by itself; return the facts that have the right one."""
        data = self._document.data
        sections: dict[str, FactSection] = {}
        if not all(isinstance(data.get(table, {}), dict) for table in ("events", "facts")):
            self._findings += validate(FactsFile, self._document)[1]
            return {}
        self._validated({key: value for key, value in data.items() if key not in {"events", "facts"}})
        for name, value in data.get("events", {}).items():
            if file := self._validated({"events": {name: value}}):
                self._events |= file.events
                self._check_event(name)
        for name, value in data.get("facts", {}).items():
            if file := self._validated({"facts": {name: value}}):
                sections |= file.facts
        return sections

    def _validated(self, part: dict[str, object]) -> FactsFile | None:
        file, findings = validate(FactsFile, replace(self._document, data=part))
        self._findings += findings
        return file

    def _check_event(self, name: str) -> None:
        amount = self._events[name].get(AMOUNT)
        if amount not in {None, FactType.MONEY, FactType.INTEGER}:
            self._find(
                ("events", name, AMOUNT),
                f"`amount` is money or an integer, not {amount}; choose another name for this property",
            )
            self._events[name][AMOUNT] = FactType.INTEGER

    def _add(self, name: str, section: FactSection) -> None:
        try:
            fact = self._fact(name, section)
        except Unfit as error:
            self._find(("facts", name, section.source), str(error))
        except _Unknown:
            return
        else:
            self._check_name(name)
            self._check_declared(fact)
            self._facts[name] = fact

    def _fact(self, name: str, section: FactSection) -> Fact:
        source = section.source
        if source in AGGREGATES:
            return self._aggregate(name, section)
        if section.attribute is not None and section.type is not None:
            return Fact(name, attribute_type(section.attribute, section.type), section)
        if section.quantile is not None:
            return self._quantile(name, section, section.quantile)
        expression = self._expression(name, str(section.expr))
        return Fact(name, expression.type, section, expression=expression)

    def _aggregate(self, name: str, section: FactSection) -> Fact:
        source = section.source
        event, key, kind = property_type(source, str(getattr(section, source)), self._events)
        fact = Fact(name, aggregate_type(source, kind), section, event, key)
        if section.within == 0:
            self._find(
                ("facts", name, "within"), "`within` is an empty window: write how far back it goes, as in `90d`"
            )
        return replace(fact, where=self._where(name, event, section.where)) if section.where is not None else fact

    def _where(self, name: str, event: str, text: str) -> Condition | None:
        known = FactCatalog(self._events, {}, self._scale).event_scope(event)
        try:
            condition = parse_condition(text, known)
        except ConditionErrors as errors:
            self._find_all(("facts", name, "where"), errors, f"property of `{event}`")
            return None
        if condition.turning_points():
            self._find(
                ("facts", name, "where"),
                "`where` must not depend on the present: use `within`, or compare with a fixed instant",
            )
        return condition

    def _expression(self, name: str, text: str) -> Expression:
        known = FactCatalog(self._events, self._facts, self._scale)
        try:
            return parse_expression(text, Scope(known.names(), self._scale))
        except ConditionErrors as errors:
            self._find_all(("facts", name, "expr"), errors)
            raise _Unknown from errors

    def _quantile(self, name: str, section: FactSection, of: str) -> Fact:
        declared = self._document.data["facts"]
        if of not in declared:
            raise Unfit(f"`quantile`: unknown fact `{of}`{did_you_mean(of, set(declared) - {name})}")
        if of not in self._facts:
            raise _Unknown
        if (kind := self._facts[of].type) not in RANKED:
            raise Unfit(f"`quantile` ranks numbers, money and instants; `{of}` is {kind.value}")
        return Fact(name, FactType.INTEGER, section)

    def _check_name(self, name: str) -> None:
        """Refuse a name that conditions could not read, such as `case` or `null`."""
        try:
            readable = parse_expression(name, Scope({name: Name(FactType.NUMBER, "x")})).names == {name}
        except ConditionErrors:
            readable = False
        if not readable:
            self._find(("facts", name), f"`{name}` is a word of the condition language: choose another name")

    def _check_declared(self, fact: Fact) -> None:
        declared = fact.section.type
        if declared not in {None, fact.type}:
            self._find(
                ("facts", fact.name, "type"),
                f"`type`: this fact is {fact.type.value}, not {declared}; leave `type` out",
            )

    def _find_all(self, where: KeyPath, errors: ConditionErrors, noun: str = _NOUN) -> None:
        at = self._document.finding(where, "").line
        broken = tuple(
            f"unknown {_NOUN} `{name}`" for name in self._document.data.get("facts", {}) if name not in self._facts
        )
        for error in errors.errors:
            if error.message.startswith(broken):
                continue  # that fact's own mistake was reported already
            message = error.message.replace(f"unknown {_NOUN}", f"unknown {noun}", 1)
            self._findings.append(
                Finding(PATH, at + error.line - 1, f"`{where[-1]}`, column {error.column}: {message}")
            )

    def _find(self, where: KeyPath, message: str) -> None:
        self._findings.append(self._document.finding(where, message))
