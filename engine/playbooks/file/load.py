"""Compiling all playbooks and coupons of a bundle, with all findings."""

from collections.abc import Collection, Mapping

from engine.conditions.report import loose_findings
from engine.conditions.types import Scope
from engine.content.bundle import PLAYBOOKS, Bundle
from engine.content.document import Document, parse_document, validate
from engine.content.findings import Finding
from engine.facts.catalog import FactCatalog
from engine.incentives.form import COUPONS_PATH, CouponSection, CouponsFile
from engine.playbooks.file.compiling import compile_playbook
from engine.playbooks.file.kinds import SHIPPED_KINDS, PlaybookKinds
from engine.playbooks.file.part import References
from engine.playbooks.file.playbook import Playbook, Playbooks
from engine.playbooks.file.reading import PlaybookFile, read_playbook


def load_playbooks(
    bundle: Bundle,
    scope: Scope,
    catalog: FactCatalog,
    places: Mapping[str, tuple[str, ...]],
    templates: Collection[str] | None = None,
    *,
    channels: Collection[str] | None = None,
    kinds: PlaybookKinds = SHIPPED_KINDS,
) -> tuple[Playbooks, list[Finding]]:
    """Compile every playbook; return those without errors, and all findings, sorted. Never raises for bad content.

    ``scope`` has facts and placements, ``places`` the places of each dimension, ``templates`` the names of templates
    and ``channels`` those of channels that a step may use; templates and channels are not checked if None.
    """
    coupons, coupon_names, findings = _coupons(bundle)
    references = References(scope, catalog, places, coupon_names, templates, channels)
    playbooks: dict[str, Playbook] = {}
    declared: dict[str, str] = {}
    for path, text in bundle.under(PLAYBOOKS).items():
        if path == COUPONS_PATH:
            continue
        file, document, mistakes = _read(path, text, kinds)
        findings += mistakes
        if document is not None and file is None:
            findings += loose_findings(document, scope)
        if file is None or document is None:
            continue
        name = file.playbook.name
        if name in declared:
            message = f"playbook `{name}` is declared in {declared[name]} too; rename one"
            findings.append(document.finding(("playbook", "name"), message))
            continue
        declared[name] = path
        playbook, mistakes = compile_playbook(file, document, references)
        findings += mistakes
        if playbook is not None:
            playbooks[name] = playbook
    return Playbooks(tuple(playbooks[name] for name in sorted(playbooks)), coupons), sorted(findings)


def compile_stored(
    path: str, text: str, references: References, kinds: PlaybookKinds
) -> tuple[Playbook | None, list[Finding]]:
    """Compile the stored text of a playbook; return None and the findings if it has errors with today's files."""
    file, document, findings = _read(path, text, kinds)
    if file is None or document is None:
        return None, findings
    return compile_playbook(file, document, references)


def _read(path: str, text: str, kinds: PlaybookKinds) -> tuple[PlaybookFile | None, Document | None, list[Finding]]:
    document = parse_document(path, text)
    if isinstance(document, Finding):
        return None, None, [document]
    file, findings = read_playbook(document, kinds)
    return file, document, findings


def _coupons(bundle: Bundle) -> tuple[dict[str, CouponSection], Collection[str] | None, list[Finding]]:
    """Return the coupons, and the names in the file even if it has errors (None if it is not TOML)."""
    text = bundle.files.get(COUPONS_PATH)
    if text is None:
        return {}, (), []
    document = parse_document(COUPONS_PATH, text)
    if isinstance(document, Finding):
        return {}, None, [document]
    file, findings = validate(CouponsFile, document)
    named = document.data.get("coupons")
    return (file.coupons if file else {}), tuple(named) if isinstance(named, dict) else (), findings
