"""The form of a playbook's file. The forms of triggers and steps belong to their kinds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, model_validator

from engine.content.document import Document, Section, validate
from engine.content.findings import Finding
from engine.content.values import Name
from engine.playbooks.file.choosing import Choice
from engine.playbooks.file.head import PlaybookSection
from engine.playbooks.file.kinds import PlaybookKinds
from engine.playbooks.steps.base import StepSection
from engine.playbooks.triggers.base import TriggerSection


class AudienceSection(Section):
    """``[audience]``: which of the triggered users are enrolled."""

    when: str


class ExitSection(Section):
    """``[exit]``: when a user leaves the playbook, at whatever step."""

    event: Name | None = None
    when: str | None = None

    @model_validator(mode="after")
    def _something(self) -> "ExitSection":
        if self.event is None and self.when is None:
            raise ValueError("[exit] needs an `event`, a `when`, or both")
        return self


class _Whole(Section):
    """The whole file; triggers and steps are read by their kinds later."""

    playbook: PlaybookSection
    trigger: dict[str, Any]
    audience: AudienceSection | None = None
    exit: ExitSection | None = None
    step: Annotated[list[dict[str, Any]], Field(min_length=1)]


@dataclass(frozen=True)
class PlaybookFile:
    """One playbook's file, with a valid form."""

    playbook: PlaybookSection
    trigger: TriggerSection
    audience: AudienceSection | None
    exit: ExitSection | None
    steps: tuple[StepSection, ...]


def read_playbook(document: Document, kinds: PlaybookKinds) -> tuple[PlaybookFile | None, list[Finding]]:
    """Return the file, or None and a finding for each mistake in its form."""
    whole, findings = validate(_Whole, document)
    trigger: TriggerSection | None = None
    if isinstance(section := document.data.get("trigger"), dict):
        choice = Choice("trigger", "a trigger has exactly one of", kinds.triggers)
        trigger, mistakes = choice.read(document, ("trigger",), section)
        findings += mistakes
    steps, mistakes = _steps(document, kinds)
    findings += mistakes
    if findings or whole is None or trigger is None:
        return None, findings
    return PlaybookFile(whole.playbook, trigger, whole.audience, whole.exit, steps), []


def _steps(document: Document, kinds: PlaybookKinds) -> tuple[tuple[StepSection, ...], list[Finding]]:
    choice = Choice("step", "a step is exactly one of", kinds.steps)
    steps: list[StepSection] = []
    findings: list[Finding] = []
    for index, section in _tables(document.data.get("step")):
        step, mistakes = choice.read(document, ("step", index), section)
        findings += mistakes
        if step is not None:
            steps.append(step)
    return tuple(steps), findings


def _tables(value: object) -> Iterator[tuple[int, Mapping[str, object]]]:
    if isinstance(value, list):
        yield from ((index, section) for index, section in enumerate(value) if isinstance(section, dict))
