"""Checking templates against the other files: values that nothing provides, and templates that do not exist."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from engine.content.bundle import TEMPLATES
from engine.content.document import Document, parse_document
from engine.content.findings import Finding, did_you_mean
from engine.facts.catalog import FactCatalog
from engine.messages.inspection import Variable
from engine.messages.templates import TemplateLibrary
from engine.messages.vocabulary import EVENT_KEYS, KEYS, ROOTS
from engine.playbooks.file.playbook import Playbook, Playbooks, Step
from engine.playbooks.steps.base import StepMessage


def check_templates(
    library: TemplateLibrary,
    playbooks: Playbooks,
    catalog: FactCatalog,
    *,
    files: Mapping[str, str],
    served: Collection[str],
    complete: bool = True,
) -> list[Finding]:
    """Return the mistakes in templates, and between templates and the playbooks that use them.

    ``files`` are the bundle's files, to find the lines of steps. ``served`` are the channels with an adapter; for
    others, templates may be missing. ``complete`` is False if some playbooks are left out because they have errors, so
    that it is not known which templates they use.
    """
    findings = [Finding(_path(one.path), one.line, one.message) for one in library.check()]
    for name, channel in sorted(library.names()):
        findings += _names(library, name, channel, catalog)
    uses = [use for playbook in playbooks.playbooks for use in _uses(playbook, files, served)]
    for use in uses:
        findings += _use(library, use, catalog)
    if complete:
        findings += _unused(library, playbooks)
    return sorted(set(findings))


@dataclass(frozen=True)
class _Use:
    """One message that one step sends by one channel."""

    playbook: Playbook
    step: Step
    message: StepMessage
    channel: str
    document: Document

    def finding(self, key: str, message: str) -> Finding:
        """Return a finding at a key of the step."""
        return self.document.finding(("step", self.step.index, key), message)


def _path(path: str) -> str:
    return f"{TEMPLATES}/{path}"


def _at(variable: Variable, message: str) -> Finding:
    return Finding(_path(variable.path), variable.line, message)


def _uses(playbook: Playbook, files: Mapping[str, str], served: Collection[str]) -> Iterator[_Use]:
    document = parse_document(playbook.path, files[playbook.path])
    if not isinstance(document, Document):
        return  # cannot happen: the file was already read
    for step in playbook.steps:
        for message in step.act.messages:
            for channel in message.channels:
                if channel in served:
                    yield _Use(playbook, step, message, channel, document)


def _names(library: TemplateLibrary, name: str, channel: str, catalog: FactCatalog) -> Iterator[Finding]:
    """Find names that nothing provides, and blocks that contain themselves."""
    for path in library.files(name, channel):
        for where, line, block in library.reading(path).circles:
            yield Finding(_path(where), line, f"the block `{block}` contains itself; remove one of the two")
        for variable in library.reading(path).variables:
            message = unknown_value(variable.name, catalog)
            if message:
                yield _at(variable, message)


def unknown_value(name: str, catalog: FactCatalog) -> str:
    """Return what is wrong with a dotted name that a template reads; empty if something provides it."""
    root, _, rest = name.partition(".")
    if root not in ROOTS:
        return f"unknown value `{root}`" + (
            f"; a fact is read as `facts.{root}`" if root in catalog.facts else did_you_mean(root, ROOTS)
        )
    key = rest.split(".")[0]
    if not key:
        return ""
    if root == "facts" and key not in catalog.facts and key not in catalog.broken:
        return f"unknown fact `{key}`{did_you_mean(key, catalog.facts)}"
    if root in KEYS and key not in KEYS[root]:
        return f"`{root}` has no `{key}`" + (
            f"; a fact is read as `facts.{key}`" if key in catalog.facts else did_you_mean(key, KEYS[root])
        )
    return ""


def _use(library: TemplateLibrary, use: _Use, catalog: FactCatalog) -> Iterator[Finding]:
    template = use.message.template
    files = library.files(template, use.channel)
    if not files:
        if any(template == name for name, _ in library.names()):
            message = f"`{template}` has no {use.channel} message: write {_path(template)}.{use.channel}.j2"
            yield use.finding(use.message.key, message)
        return
    if library.path_of(template, use.channel) is None:
        message = f"`{template}` has no file for other languages: write {_path(template)}.{use.channel}.j2"
        yield use.finding("template", message)
    for path in files:
        yield from _event(library, use, path, catalog)
        yield from _coupon(library, use, path)
        yield from _unsubscribe(library, use, path)


def _event(library: TemplateLibrary, use: _Use, path: str, catalog: FactCatalog) -> Iterator[Finding]:
    """Check the event properties that a message reads against the event that triggers its playbook."""
    event = use.playbook.trigger.event
    for variable in library.reading(path).variables:
        root, _, rest = variable.name.partition(".")
        key = rest.split(".")[0]
        if root != "event" or not key:
            continue
        if event is None:
            if not variable.guarded:
                where = f"{_path(variable.path)}:{variable.line}"
                yield use.finding(
                    "template",
                    f"the message reads `{variable.name}` ({where}), but no event triggers this playbook; "
                    "remove it, or put it inside `{% if event %}`",
                )
            return
        known = (*catalog.events.get(event, ()), *EVENT_KEYS)
        if key not in known:
            message = f"the event `{event}`, which triggers `{use.playbook.name}`, has no property `{key}`"
            yield _at(variable, message + did_you_mean(key, known))


def _coupon(library: TemplateLibrary, use: _Use, path: str) -> Iterator[Finding]:
    if use.message.coupon is not None:
        return
    for variable in library.reading(path).variables:
        if variable.name.startswith("coupon.") and not variable.guarded:
            where = f"{_path(variable.path)}:{variable.line}"
            yield use.finding(
                "template",
                f"the message reads `{variable.name}` ({where}), but this step has no `coupon`; "
                "name one, or put it inside `{% if coupon %}`",
            )
            return


def _unsubscribe(library: TemplateLibrary, use: _Use, path: str) -> Iterator[Finding]:
    blocks = library.blocks(use.channel)
    if use.playbook.message_class != "marketing" or blocks is None or not blocks.unsubscribe:
        return
    reading = library.reading(path)
    if reading.whole and not any(variable.name == "unsubscribe_url" for variable in reading.variables):
        message = (
            f"`{use.playbook.name}` is marketing, and this message does not show `unsubscribe_url`: "
            "use a layout that does, or link to it"
        )
        yield Finding(_path(path), 0, message)


def _unused(library: TemplateLibrary, playbooks: Playbooks) -> Iterator[Finding]:
    used = {
        (message.template, channel)
        for playbook in playbooks.playbooks
        for step in playbook.steps
        for message in step.act.messages
        for channel in message.channels
    }
    for name, channel in sorted(library.names() - used):
        for path in library.files(name, channel):
            message = f"no playbook sends `{name}` by {channel}: use it in a step, or remove the file"
            yield Finding(_path(path), 0, message, "warning")
