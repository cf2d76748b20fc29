"""The default brand's files, read once for the tests of this folder."""

from functools import cache
from pathlib import Path

from engine.content.bundle import PLAYBOOKS, RULES, TEMPLATES, Bundle, read_bundle
from engine.content.document import Document, Model, parse_document, validate
from engine.content.findings import Finding
from engine.facts.catalog import FactCatalog, load_catalog
from engine.incentives.form import CouponsFile
from engine.playbooks.file.kinds import SHIPPED_KINDS
from engine.playbooks.file.reading import PlaybookFile, read_playbook
from engine.playbooks.steps.send import SendSection
from engine.playbooks.steps.send_all import SendAllSection
from engine.rules.compile.form import DimensionFile

ROOT = Path(__file__).parents[2]
FACTS = "rules/facts.toml"
COUPONS = "playbooks/coupons.toml"


@cache
def bundle() -> Bundle:
    return read_bundle(ROOT / RULES, ROOT / PLAYBOOKS, ROOT / TEMPLATES)


def _document(path: str) -> Document:
    document = parse_document(path, bundle().files[path])
    assert not isinstance(document, Finding), str(document)
    return document


def _read(model: type[Model], path: str) -> Model:
    parsed, findings = validate(model, _document(path))
    assert parsed is not None, "\n".join(map(str, findings))
    return parsed


@cache
def facts() -> FactCatalog:
    catalog, findings = load_catalog(bundle(), 100)
    assert findings == []
    return catalog


@cache
def dimensions() -> dict[str, DimensionFile]:
    files = [_read(DimensionFile, path) for path in bundle().under(RULES) if path != FACTS]
    return {file.dimension.name: file for file in files}


@cache
def playbooks() -> dict[str, PlaybookFile]:
    files = {}
    for path in bundle().under(PLAYBOOKS):
        if path != COUPONS:
            file, findings = read_playbook(_document(path), SHIPPED_KINDS)
            assert file is not None, "\n".join(map(str, findings))
            files[file.playbook.name] = file
    return files


def coupons_of(file: PlaybookFile) -> set[str]:
    """The coupons that a playbook's steps give."""
    return {str(coupon) for step in file.steps if (coupon := getattr(step, "coupon", None)) is not None}


def channels_of(step: SendSection | SendAllSection) -> list[str]:
    """The channels of a step that sends."""
    return step.send if isinstance(step, SendSection) else step.send_all


@cache
def coupons() -> CouponsFile:
    return _read(CouponsFile, COUPONS)


def places(name: str) -> tuple[str, ...]:
    """The places of a dimension, in the order of its file."""
    file = dimensions()[name]
    stages = [stage for arrow in file.transition for stage in (*arrow.from_, arrow.to)]
    initial = [file.dimension.initial] if file.dimension.initial else []
    named = [*(tier.name for tier in file.tier), *(stage.name for stage in file.stage)]
    named += [segment.name for segment in file.segment]
    return tuple(dict.fromkeys([*named, *initial, *stages]))


@cache
def sources() -> dict[str, str]:
    """Templates as the library wants them: path below ``templates/`` -> text."""
    return {path.removeprefix(f"{TEMPLATES}/"): text for path, text in bundle().under(TEMPLATES).items()}
