"""All dimensions of a brand, compiled and in evaluation order."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath

from engine.conditions.report import loose_findings
from engine.conditions.types import Name, PlaceType, Scope, any_of
from engine.content.bundle import RULES, Bundle
from engine.content.document import Document, parse_document, validate
from engine.content.findings import Finding
from engine.facts.catalog import PATH as FACTS_PATH
from engine.facts.catalog import FactCatalog
from engine.rules.compile.compiler import DimensionCompiler, places_of
from engine.rules.compile.form import DimensionFile
from engine.rules.compile.structure import check_structure
from engine.rules.dimension import Dimension
from engine.store.state_table import StateColumn

_NAME = re.compile(r"""^\s*name\s*=\s*["']([a-z][a-z0-9_]*)["']""", re.MULTILINE)


@dataclass(frozen=True)
class RuleSet:
    """The dimensions, and the names that conditions on users may use."""

    version: str
    levels: tuple[tuple[Dimension, ...], ...]
    """Dimensions of one level do not read each other's placements; later levels may read earlier ones."""
    scope: Scope

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """All dimensions in evaluation order."""
        return tuple(dimension for level in self.levels for dimension in level)

    @property
    def places(self) -> Mapping[str, tuple[str, ...]]:
        """Dimension -> its places."""
        return {dimension.name: dimension.places for dimension in self.dimensions}

    def dimension(self, name: str) -> Dimension:
        """Return one dimension by name.

        Raises:
            KeyError: there is no such dimension.
        """
        return {dimension.name: dimension for dimension in self.dimensions}[name]

    def columns(self) -> tuple[StateColumn, ...]:
        """Columns of ``user_state`` that the dimensions need."""
        return tuple(column for dimension in self.dimensions for column in dimension.columns())


@dataclass(frozen=True, slots=True)
class _Parsed:
    file: DimensionFile
    document: Document


@dataclass(slots=True)
class _Files:
    """The dimension files, as far as they could be read."""

    parsed: list[_Parsed] = field(default_factory=list)
    malformed: list[Document] = field(default_factory=list)
    """Valid TOML that does not fit the form; its conditions are still checked."""
    broken: set[str] = field(default_factory=set)
    """Names of dimensions whose files could not be read."""
    findings: list[Finding] = field(default_factory=list)


def load_rules(bundle: Bundle, catalog: FactCatalog) -> tuple[RuleSet, list[Finding]]:
    """Compile every dimension of the bundle; return the rule set and all findings in its files."""
    files = _parse(bundle)
    parsed = files.parsed
    findings = [*files.findings, *_clashes(parsed, catalog)]
    scope = _scope(parsed, catalog, files.broken)
    for document in files.malformed:
        findings += loose_findings(document, scope)
    dimensions: dict[str, Dimension] = {}
    for one in parsed:
        compiler = DimensionCompiler(one.file, one.document, scope)
        dimensions[one.file.dimension.name] = compiler.compile()
        findings += compiler.findings
        findings += check_structure(one.file, one.document)
    levels, cycle = _levels(dimensions)
    return RuleSet(bundle.rules_version, levels, scope), sorted([*findings, *cycle])


def _parse(bundle: Bundle) -> _Files:
    files = _Files()
    for path, text in bundle.under(RULES).items():
        if path == FACTS_PATH:
            continue
        document = parse_document(path, text)
        if isinstance(document, Finding):
            files.findings.append(document)
            files.broken |= _names_in(path, text)
            continue
        file, mistakes = validate(DimensionFile, document)
        files.findings += mistakes
        if file:
            files.parsed.append(_Parsed(file, document))
        else:
            files.malformed.append(document)
            files.broken |= _names_in(path, text)
    return files


def _names_in(path: str, text: str) -> set[str]:
    """Return the names that the dimension of an unreadable file may have."""
    return {PurePosixPath(path).stem, *_NAME.findall(text)[:1]}


def _clashes(parsed: list[_Parsed], catalog: FactCatalog) -> list[Finding]:
    """Find names that two dimensions share, or a dimension and a fact."""
    findings: list[Finding] = []
    first: dict[str, str] = {}
    for one in parsed:
        name, where = one.file.dimension.name, ("dimension", "name")
        if name in catalog.facts:
            findings.append(
                one.document.finding(where, f"`{name}` is also the name of a fact in {FACTS_PATH}; rename one of them")
            )
        if name in first:
            findings.append(
                one.document.finding(where, f"dimension `{name}` is also declared in {first[name]}; rename one of them")
            )
        first.setdefault(name, one.document.path)
    return findings


def _scope(parsed: list[_Parsed], catalog: FactCatalog, broken: Collection[str]) -> Scope:
    names: dict[str, Name] = dict(catalog.names())
    for one in parsed:
        section = one.file.dimension
        place = _place_type(one.file)
        names.setdefault(section.name, Name(place, f"s.place_{section.name}"))
    return Scope(names, catalog.currency_scale, broken=any_of(catalog.broken, frozenset(broken)))


def _place_type(file: DimensionFile) -> PlaceType:
    return PlaceType(file.dimension.name, places_of(file), many=file.dimension.kind == "segments")


def _levels(dimensions: Mapping[str, Dimension]) -> tuple[tuple[tuple[Dimension, ...], ...], list[Finding]]:
    sorter = TopologicalSorter({name: dimension.needs & set(dimensions) for name, dimension in dimensions.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        cycle = list(reversed(error.args[1]))
        document = dimensions[cycle[0]].document
        message = f"dimensions depend on each other in a cycle: {' -> '.join(cycle)}; remove one of the references"
        return (tuple(dimensions.values()),), [document.finding(("dimension", "name"), message)]
    levels = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        levels.append(tuple(dimensions[name] for name in ready))
        sorter.done(*ready)
    return tuple(levels), []
