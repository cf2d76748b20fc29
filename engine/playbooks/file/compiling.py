"""Compiling a playbook's file; every mistake becomes a finding at its line."""

from engine.content.bundle import digest
from engine.content.document import Document
from engine.content.findings import Finding
from engine.playbooks.file.part import FileFindings, FilePart, References
from engine.playbooks.file.playbook import Playbook, Step
from engine.playbooks.file.reading import ExitSection, PlaybookFile
from engine.playbooks.steps.base import StepPart, StepSection


def compile_playbook(
    file: PlaybookFile, document: Document, references: References
) -> tuple[Playbook | None, list[Finding]]:
    """Return the playbook, or None if there are errors, and all findings."""
    found = FileFindings(document)
    head = file.playbook
    whole = FilePart(found, references, head, ())
    if head.expires == 0:
        whole.find("`expires` is zero, so nothing is ever sent; write a duration such as `7d`", "playbook", "expires")
    trigger = file.trigger.compile(FilePart(found, references, head, ("trigger",)))
    audience = whole.condition(file.audience.when, "audience", "when") if file.audience else None
    leaving = file.exit or ExitSection.model_construct()
    if leaving.event is not None:
        whole.check_event(leaving.event, "exit", "event")
    exit_when = None if leaving.when is None else whole.condition(leaving.when, "exit", "when")
    steps = _steps(file.steps, whole)
    if trigger is None or not found.whole:
        return None, found.findings
    playbook = Playbook(
        name=head.name,
        version=version_of(head.name, document.text),
        path=document.path,
        message_class=head.message_class,
        priority=head.priority,
        reentry=head.reentry,
        expires=head.expires,
        state=head.state,
        on_retire=head.at_retirement,
        description=head.description,
        max_segments=head.max_segments,
        trigger=trigger,
        audience=audience,
        exit_event=leaving.event,
        exit_when=exit_when,
        steps=steps,
    )
    return playbook, found.findings


def version_of(name: str, text: str) -> str:
    """Return a playbook's version: a hash of its name and text, independent of the file's path."""
    return digest({name: text})


def _steps(sections: tuple[StepSection, ...], whole: FilePart) -> tuple[Step, ...]:
    """Return the steps; they are incomplete if mistakes were noted."""
    given = tuple(section.id for section in sections if section.id is not None)
    ids = _ids(sections, given)
    steps = []
    for index, section in enumerate(sections):
        part = StepPart(whole.found, whole.references, whole.head, ("step", index), index, ids, given)
        if section.id is not None and section.id in ids[:index]:
            part.find(f"two steps have the id `{section.id}`; ids must be unique", "id")
        when = None if section.when is None else part.condition(section.when, "when")
        steps.append(Step(index, ids[index], when, section.compile(part)))
    _check_reachable(steps, whole)
    return tuple(steps)


def _ids(sections: tuple[StepSection, ...], given: tuple[str, ...]) -> tuple[str, ...]:
    """Return an id for each step: the one in the file, or one made from its number."""
    ids: list[str] = []
    for number, section in enumerate(sections, 1):
        made = f"step_{number}"
        while made in given:
            made += "_"
        ids.append(section.id if section.id is not None else made)
    return tuple(ids)


def _check_reachable(steps: list[Step], whole: FilePart) -> None:
    reached = {0}
    for step in steps:
        if step.index in reached:
            reached.update(step.targets)
        else:
            whole.find(f"step `{step.id}` can never be reached: no step leads to it", "step", step.index)
