"""Finds structural mistakes in a dimension: duplicates, gaps, stages that nobody can reach."""

from collections.abc import Iterable

from engine.content.document import Document
from engine.content.findings import Finding, did_you_mean
from engine.rules.compile.compiler import places_of
from engine.rules.compile.form import DimensionFile

MAX_SEGMENT_NAMES = 55
"""Length of both names together: ``since_<dimension>__<segment>`` is a column, and PostgreSQL allows 63 characters."""


def check_structure(file: DimensionFile, document: Document) -> list[Finding]:
    """Return what is wrong with the order and names of a dimension's places, and with the places in its cases."""
    check = {"tiers": _tiers, "stages": _stages, "segments": _segments}[file.dimension.kind]
    return [*check(file, document), *_cases(file, document)]


def _duplicates(key: str, names: Iterable[str | None], document: Document) -> list[Finding]:
    seen: set[str | None] = set()
    findings = []
    for index, name in enumerate(names):
        if name is not None and name in seen:
            findings.append(document.finding((key, index, "name"), f"`{name}` is declared twice; names must be unique"))
        seen.add(name)
    return findings


def _tiers(file: DimensionFile, document: Document) -> list[Finding]:
    findings = _duplicates("tier", (tier.name for tier in file.tier), document)
    last = len(file.tier) - 1
    for index, tier in enumerate(file.tier):
        if index < last and tier.when is None:
            message = f"tier `{tier.name}` has no `when`, so it takes everyone and hides the tiers after it; only the last tier may omit `when`"
            findings.append(document.finding(("tier", index), message))
        if index == last and tier.when is not None:
            message = f"the last tier `{tier.name}` has a `when`, so users who match no tier would have no place; remove `when`"
            findings.append(document.finding(("tier", index, "when"), message))
        for key in ("keep", "grace", "lock"):
            if index == last and getattr(tier, key) is not None:
                message = f"`{key}` in the last tier has no effect: there is no lower tier; remove it"
                findings.append(document.finding(("tier", index, key), message))
    return findings


def _segments(file: DimensionFile, document: Document) -> list[Finding]:
    findings = _duplicates("segment", (segment.name for segment in file.segment), document)
    for index, segment in enumerate(file.segment):
        together = len(file.dimension.name) + len(segment.name)
        if together > MAX_SEGMENT_NAMES:
            message = f"`{file.dimension.name}` and `{segment.name}` together have {together} characters, too long for a column name; the maximum is {MAX_SEGMENT_NAMES}"
            findings.append(document.finding(("segment", index, "name"), message))
    return findings


def _stages(file: DimensionFile, document: Document) -> list[Finding]:
    findings = _duplicates("stage", (stage.name for stage in file.stage), document)
    findings += _duplicates("transition", (transition.name for transition in file.transition), document)
    targets = {transition.to for transition in file.transition} | {str(file.dimension.initial)}
    for index, transition in enumerate(file.transition):
        if transition.to in transition.from_:
            message = f"a transition from `{transition.to}` to itself does nothing; remove it from `from`"
            findings.append(document.finding(("transition", index, "to"), message))
    findings += _unknown_stages(file, document, targets) or _unreachable(file, document)
    for index, stage in enumerate(file.stage):
        if stage.name not in targets:
            message = (
                f"stage `{stage.name}` cannot be reached: no transition leads there{did_you_mean(stage.name, targets)}"
            )
            findings.append(document.finding(("stage", index, "name"), message))
    return findings


def _unknown_stages(file: DimensionFile, document: Document, targets: set[str]) -> list[Finding]:
    findings = []
    for index, transition in enumerate(file.transition):
        for name in transition.from_:
            if name not in targets:
                message = f"unknown stage `{name}`: it is not `initial`, and no transition leads there"
                where = ("transition", index, "from")
                findings.append(document.finding(where, message + did_you_mean(name, targets)))
    return findings


def _unreachable(file: DimensionFile, document: Document) -> list[Finding]:
    reached = _reached(file)
    return [
        document.finding(("transition", index), f"stage `{transition.to}` cannot be reached from the initial stage")
        for index, transition in enumerate(file.transition)
        if transition.to not in reached
    ]


def _reached(file: DimensionFile) -> set[str]:
    """Return the stages that can be reached from the initial one."""
    reached = {str(file.dimension.initial)}
    while True:
        further = {t.to for t in file.transition if reached & set(t.from_)} - reached
        if not further:
            return reached
        reached |= further


def _cases(file: DimensionFile, document: Document) -> list[Finding]:
    """Find cases that name unknown places, or give them in the wrong form for the dimension's kind."""
    places = places_of(file)
    many = file.dimension.kind == "segments"
    findings = _duplicates("case", (case.name for case in file.case), document)
    for index, case in enumerate(file.case):
        for key, value in (("expect", case.expect), ("place", case.place)):
            if value is None:
                continue
            if isinstance(value, list) != many:
                form = "a list of segments" if many else "one place"
                findings.append(document.finding(("case", index, key), f"`{key}` must be {form} in this dimension"))
                continue
            for name in value if isinstance(value, list) else [value]:
                if name not in places:
                    message = f"unknown place `{name}` of `{file.dimension.name}`{did_you_mean(name, places)}"
                    findings.append(document.finding(("case", index, key), message))
    return findings
