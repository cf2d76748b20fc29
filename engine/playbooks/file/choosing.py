"""Reading a section whose keys determine its kind: ``[trigger]`` and ``[[step]]``."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from engine.content.document import Document, Section, keys_of, validate
from engine.content.findings import Finding, did_you_mean
from engine.content.locate import KeyPath

FormT = TypeVar("FormT", bound=Section)
FormT_co = TypeVar("FormT_co", bound=Section, covariant=True)


class SectionKind(Protocol[FormT_co]):
    """What trigger kinds and step kinds have in common."""

    @property
    def key(self) -> str:
        """The key that makes a section one of this kind, unless another kind present also has that key in its form."""
        ...

    @property
    def form(self) -> type[FormT_co]:
        """All keys of a section of this kind."""
        ...

    @property
    def elsewhere(self) -> Mapping[str, str]:
        """Key of the form -> the message if the key is used with another kind."""
        ...


@dataclass(frozen=True)
class Choice(Generic[FormT]):
    """Reads a section that must be of exactly one of ``kinds``."""

    noun: str
    """``trigger``, ``step``."""
    rule: str
    """The start of the message that lists the kinds, such as ``a step is exactly one of``."""
    kinds: Sequence[SectionKind[FormT]]

    def read(
        self, document: Document, where: KeyPath, data: Mapping[str, object]
    ) -> tuple[FormT | None, list[Finding]]:
        """Return the section at ``where``, parsed by its kind's form; or None, and a finding for each mistake."""
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
        """Return the kinds whose keys are present, except keys that another of these kinds has in its own form."""
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
