"""One section of a playbook's file during compilation: the names it may refer to, and its findings."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from engine.conditions.condition import Condition, parse_condition
from engine.conditions.errors import ConditionErrors
from engine.conditions.report import condition_findings
from engine.conditions.types import Scope
from engine.content.document import Document
from engine.content.findings import Finding, did_you_mean
from engine.content.locate import KeyPath
from engine.facts.catalog import FactCatalog
from engine.playbooks.file.head import PlaybookSection


@dataclass(frozen=True)
class References:
    """The names that a playbook's file may refer to."""

    scope: Scope
    """Facts and placements."""
    catalog: FactCatalog
    places: Mapping[str, tuple[str, ...]]
    """Dimension -> places."""
    coupons: Collection[str] | None
    """Names; None if they are not checked."""
    templates: Collection[str] | None = None
    """Names such as ``winback/offer``; None if templates are not checked."""
    channels: Collection[str] | None = None
    """Names; None if they are not checked."""


class FileFindings:
    """Collects the findings of one file while it is compiled."""

    def __init__(self, document: Document) -> None:
        self.findings: list[Finding] = []
        self.whole = True
        """False once something could not be compiled, even if its mistake is reported in another file."""
        self._document = document

    def find(self, where: KeyPath, message: str) -> None:
        """Note an error at a key."""
        self.findings.append(self._document.finding(where, message))
        self.whole = False

    def warn(self, where: KeyPath, message: str) -> None:
        """Note a warning at a key."""
        self.findings.append(self._document.finding(where, message, "warning"))

    def condition(self, where: KeyPath, text: str, scope: Scope) -> Condition | None:
        """Return the compiled condition, or None if it has mistakes, which are noted."""
        try:
            return parse_condition(text, scope)
        except ConditionErrors as mistakes:
            self.findings += condition_findings(self._document, where, mistakes)
            self.whole = False
            return None


@dataclass(frozen=True)
class FilePart:
    """A section of the file. Keys are relative to the section."""

    found: FileFindings
    references: References
    head: PlaybookSection
    where: KeyPath
    """The section's key path in the file."""

    def find(self, message: str, *keys: str | int) -> None:
        """Note an error at a key of the section, or at the section itself."""
        self.found.find((*self.where, *keys), message)

    def condition(self, text: str, *keys: str | int, scope: Scope | None = None) -> Condition | None:
        """Return the compiled condition at a key, or None if it has mistakes.

        By default it may use facts and placements; ``scope`` gives other names.
        """
        return self.found.condition((*self.where, *keys), text, scope or self.references.scope)

    def check_known(self, word: str, name: str, known: Collection[str], *keys: str | int) -> bool:
        """Tell whether ``known`` has ``name``; if not, note an error that suggests the closest known name."""
        if name not in known:
            self.find(f"unknown {word} `{name}`{did_you_mean(name, known)}", *keys)
        return name in known

    def check_event(self, event: str, *keys: str | int) -> bool:
        """Tell whether an event is declared; if not, note an error."""
        catalog = self.references.catalog
        if event not in catalog.events and event in catalog.broken_events:
            return False  # reported where the event is declared
        return self.check_known("event", event, catalog.events, *keys)
