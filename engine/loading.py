"""Compiling a bundle of files to content that can run, with all findings."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.brand_values import own_address
from engine.channels.base import blocks_of
from engine.conditions.turning import TurningPoint
from engine.content.bundle import Bundle
from engine.content.findings import Finding
from engine.errors import ContentError
from engine.facts.catalog import FactCatalog, load_catalog
from engine.kinds import SHIPPED, Kinds
from engine.messages.checking import check_templates
from engine.messages.segments import SegmentLimits
from engine.messages.templates import TemplateLibrary
from engine.messages.texting import check_texts
from engine.playbooks.file.kinds import PlaybookKinds
from engine.playbooks.file.load import load_playbooks
from engine.playbooks.file.part import References
from engine.playbooks.file.playbook import Playbooks
from engine.playbooks.pinned import PinnedPlaybooks
from engine.rules.cases import check_cases, run_cases
from engine.rules.decide.decider import Deciders
from engine.rules.ruleset import RuleSet, load_rules
from engine.settings import Settings
from engine.store.state_table import StateColumn


@dataclass(frozen=True)
class Content:
    """All of the brand's files, compiled and free of errors."""

    bundle: Bundle
    catalog: FactCatalog
    rules: RuleSet
    playbooks: Playbooks
    library: TemplateLibrary
    warnings: tuple[Finding, ...]
    kinds: Kinds = SHIPPED
    segments: SegmentLimits = field(default_factory=SegmentLimits)
    """How long text messages may be."""

    @property
    def version(self) -> str:
        """The hash of all files."""
        return self.bundle.version

    def columns(self) -> tuple[StateColumn, ...]:
        """Columns that ``user_state`` must have."""
        return (*self.catalog.columns(), *self.rules.columns())

    def pinned(self) -> PinnedPlaybooks:
        """Return all versions of playbooks that users can be enrolled in."""
        references = References(
            self.rules.scope,
            self.catalog,
            self.rules.places,
            coupons=None,  # those that are gone are kept, see CouponIssuer
            channels=channel_names(self.kinds),
        )
        return PinnedPlaybooks(self.playbooks, references, playbook_kinds(self.kinds))

    def turning_points(self) -> tuple[TurningPoint, ...]:
        """Return the turning points at which time alone can let users into a playbook."""
        return self.playbooks.turning_points()


def load_content(bundle: Bundle, settings: Settings, deciders: Deciders, kinds: Kinds = SHIPPED) -> Content:
    """Compile ``bundle`` and run its cases.

    Raises:
        ContentError: with every error of every file; then nothing from the bundle is used.
    """
    content, findings = examine(bundle, settings, deciders, kinds)
    if content is None:
        raise ContentError([finding for finding in findings if finding.severity == "error"])
    return content


def examine(
    bundle: Bundle, settings: Settings, deciders: Deciders, kinds: Kinds = SHIPPED
) -> tuple[Content | None, list[Finding]]:
    """Return the compiled content, or None if there are errors, and all findings, including warnings.

    If a file is missing because it cannot be read, nothing else is checked: whatever refers to it would be found, too.
    """
    if not bundle.whole:
        return None, sorted(bundle.unreadable)
    catalog, findings = load_catalog(bundle, settings.brand.currency_scale, kinds.fact_sources)
    rules, mistakes = load_rules(bundle, catalog)
    findings += mistakes
    library = template_library(bundle, settings, kinds)
    findings += check_cases(rules, catalog) if _errors(findings) else run_cases(rules, catalog, deciders)
    playbooks, mistakes = load_playbooks(
        bundle,
        rules.scope,
        catalog,
        rules.places,
        library.known_names(),
        channels=channel_names(kinds),
        kinds=playbook_kinds(kinds),
    )
    findings += mistakes
    complete = not _errors(findings)
    findings += check_templates(
        library, playbooks, catalog, files=bundle.files, served=settings.served_channels(), complete=complete
    )
    findings += check_texts(library, playbooks, settings.sms.opt_out_words, settings.brand.locale)
    not_text = {finding.file for finding in bundle.unreadable}  # what else is found in them may come of that
    findings = sorted({*bundle.unreadable, *(finding for finding in findings if finding.file not in not_text)})
    if _errors(findings):
        return None, findings
    segments = SegmentLimits(settings.sms.max_segments, playbooks.max_segments())
    return Content(bundle, catalog, rules, playbooks, library, tuple(findings), kinds, segments), findings


def channel_names(kinds: Kinds) -> tuple[str, ...]:
    """Return the names of the channels that playbooks can use."""
    return tuple(channel.name for channel in kinds.channels)


def playbook_kinds(kinds: Kinds) -> PlaybookKinds:
    """Return the kinds of triggers and steps."""
    return PlaybookKinds(kinds.triggers, kinds.steps)


def _errors(findings: Iterable[Finding]) -> bool:
    return any(finding.severity == "error" for finding in findings)


def template_library(bundle: Bundle, settings: Settings, kinds: Kinds) -> TemplateLibrary:
    """Return the templates of ``bundle``, including those with errors."""
    brand = settings.brand
    values = {
        "name": brand.name,
        "website": brand.website,
        "postal_address": brand.postal_address,
        "sender": own_address(brand.sender).address,
    }
    return TemplateLibrary(bundle.templates, blocks_of(kinds.channels), brand.locale, {"brand": values})
