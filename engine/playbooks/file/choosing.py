"""A section of a file that is of exactly one kind, told by its keys: ``[trigger]`` and ``[[step]]``."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from engine.content.document import Document, Section, keys_of, validate
from engine.content.findings import Finding, did_you_mean
from engine.content.locate import KeyPath

FormT = TypeVar("FormT", bound=Section)
FormT_co = TypeVar("FormT_co", bound=Section, covariant=True)


class SectionKind(Protocol[FormT_co]):
    """What kinds of triggers and of steps have in common."""

    @property
    def key(self) -> str:
        """The key that makes a section one of this kind, unless it is a key of another kind's form there."""
        ...

    @property
    def form(self) -> type[FormT_co]:
        """All keys of a section of this kind."""
        ...

    @property
    def elsewhere(self) -> Mapping[str, str]:
        """Key of the form -> what to say where the key stands beside another kind."""
        ...


@dataclass(frozen=True)
class Choice(Generic[FormT]):
    """Reads such sections."""

    noun: str
    """``trigger``, ``step``."""
    rule: str
    """How the rule is said, up to the list of kinds."""
    kinds: Sequence[SectionKind[FormT]]

    def read(
        self, document: Document, where: KeyPath, data: Mapping[str, object]
    ) -> tuple[FormT | None, list[Finding]]:
        """Return the section that stands at ``where`` in the form of its kind, or None and a finding for each mistake."""
        known = {key for kind in self.kinds for key in keys_of(kind.form)}
        strange = [key for key in data if key not in known]
        findings = [
            document.finding((*where, key), f"unknown key `{key}`{did_you_mean(key, known)}") for key in strange
        ]
        found = self._kinds_of(data)
        if len(found) != 1:
            if found or not strange:
                findings.append(document.finding(where, self._not_one(found)))
            return None, findings
        kind = found[0]
        own = keys_of(kind.form)
        findings += [document.finding(where, self._misplaced(key, kind)) for key in data if key in known - set(own)]
        section, mistakes = validate(kind.form, document, where, {key: data[key] for key in data if key in own})
        findings += mistakes
        return (None if findings else section), findings

    def _kinds_of(self, data: Mapping[str, object]) -> list[SectionKind[FormT]]:
        """Return the kinds whose keys are there; a key that belongs to another of them beside its own names none."""
        named = [kind for kind in self.kinds if kind.key in data]
        return [
            kind for kind in named if not any(kind.key in keys_of(other.form) for other in named if other is not kind)
        ]

    def _not_one(self, found: Sequence[SectionKind[FormT]]) -> str:
        names = ", ".join(f"`{kind.key}`" for kind in found) or "none"
        return f"{self.rule} {', '.join(kind.key for kind in self.kinds)}; found {names}"

    def _misplaced(self, key: str, kind: SectionKind[FormT]) -> str:
        owners = [other for other in self.kinds if key in keys_of(other.form)]
        said: Iterator[str] = (other.elsewhere[key] for other in owners if key in other.elsewhere)
        kinds = " or ".join(sorted(owner.key for owner in owners))
        return next(said, f"`{key}` belongs to a {self.noun} of kind {kinds}, not `{kind.key}`")
