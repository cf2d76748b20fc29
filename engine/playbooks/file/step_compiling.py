"""The steps of a playbook: names, jumps, references, and what can never be reached."""

from collections.abc import Collection, Iterable
from typing import Protocol

from engine.conditions.condition import Condition
from engine.content.findings import did_you_mean
from engine.content.locate import KeyPath
from engine.playbooks.file.form import StepSection
from engine.playbooks.file.playbook import Act, Branch, Exit, Grant, Send, Step, Wait, WaitFor, WaitUntil


class Findings(Protocol):
    """Where mistakes go, and who reads conditions."""

    def find(self, where: KeyPath, message: str) -> None:
        """Note an error at a key."""

    def warn(self, where: KeyPath, message: str) -> None:
        """Note a warning at a key."""

    def condition(self, where: KeyPath, text: str) -> Condition | None:
        """Return a compiled condition, or None where it has mistakes."""

    def check_event(self, where: KeyPath, event: str) -> bool:
        """Note an error where an event is not declared; tell whether it is."""


class References(Protocol):
    """What steps refer to."""

    @property
    def coupons(self) -> Collection[str] | None:
        """Names of coupons; None where they are not checked."""
        ...

    @property
    def templates(self) -> Collection[str] | None:
        """Names of templates; None where they are not checked."""
        ...

    @property
    def channels(self) -> Collection[str] | None:
        """Names of channels; None where they are not checked."""
        ...


class StepCompiler:
    """Compiles the steps of one playbook."""

    def __init__(self, findings: Findings, sections: list[StepSection], references: References) -> None:
        self._out = findings
        self._sections = sections
        self._references = references
        self._ids = _ids(sections)

    def compile(self) -> tuple[Step, ...]:
        """Return the steps; of no use where mistakes were noted."""
        self._check_ids()
        steps = tuple(self._step(index, section) for index, section in enumerate(self._sections))
        self._check_reachable(steps)
        return steps

    def _step(self, index: int, section: StepSection) -> Step:
        when = self._out.condition(("step", index, "when"), section.when) if section.when is not None else None
        return Step(index, self._ids[index], when, self._act(index, section))

    def _act(self, index: int, section: StepSection) -> Act:
        if section.coupon is not None and self._references.coupons is not None:
            self._check_known(("step", index, "coupon"), "coupon", section.coupon, self._references.coupons)
        match section.kind:
            case "send":
                return self._send(index, section)
            case "wait":
                return Wait(section.wait or 0)
            case "wait_until":
                assert section.wait_until is not None
                return WaitUntil(section.wait_until)
            case "wait_for":
                self._out.check_event(("step", index, "wait_for"), str(section.wait_for))
                return WaitFor(str(section.wait_for), section.timeout or 0, self._otherwise(index, section))
            case "branch":
                return Branch(tuple(self._arms(index, section)), self._otherwise(index, section))
            case "coupon":
                return Grant(str(section.coupon))
            case "exit":
                return Exit(str(section.exit))

    def _send(self, index: int, section: StepSection) -> Send:
        channels, template = section.send or [], str(section.template)
        if len(set(channels)) < len(channels):
            self._out.find(("step", index, "send"), "a channel is named twice")
        if (known := self._references.channels) is not None:
            for channel in channels:
                self._check_known(("step", index, "send"), "channel", channel, known)
        if self._references.templates is not None:
            self._check_known(("step", index, "template"), "template", template, self._references.templates)
        between = str(section.between) if section.between else None
        return Send(tuple(channels), template, section.coupon, between)

    def _arms(self, index: int, section: StepSection) -> Iterable[tuple[Condition, int]]:
        for number, arm in enumerate(section.branch or []):
            where = ("step", index, "branch", number)
            condition = self._out.condition((*where, "when"), arm.when)
            target = self._target(index, (*where, "to"), arm.to)
            if condition is not None:
                yield condition, target

    def _otherwise(self, index: int, section: StepSection) -> int:
        if section.otherwise is None:
            return index + 1
        return self._target(index, ("step", index, "otherwise"), section.otherwise)

    def _target(self, index: int, where: KeyPath, name: str) -> int:
        """Return the index of the step called ``name``, which has to come later."""
        if name not in self._ids:
            self._out.find(where, f"unknown step `{name}`{did_you_mean(name, self._given())}")
            return index + 1
        target = self._ids.index(name)
        if target <= index:
            self._out.find(
                where, f"step `{name}` is not further on; jumps go forward only, so that every enrolment ends"
            )
        return target

    def _check_known(self, where: KeyPath, word: str, name: str, known: Collection[str]) -> None:
        if name not in known:
            self._out.find(where, f"unknown {word} `{name}`{did_you_mean(name, known)}")

    def _given(self) -> list[str]:
        return [section.id for section in self._sections if section.id is not None]

    def _check_ids(self) -> None:
        seen: dict[str, int] = {}
        for index, section in enumerate(self._sections):
            if section.id is not None and section.id in seen:
                self._out.find(("step", index, "id"), f"step `{section.id}` is there twice; every id is unique")
            elif section.id is not None:
                seen[section.id] = index

    def _check_reachable(self, steps: tuple[Step, ...]) -> None:
        reached = {0}
        for step in steps:
            if step.index in reached:
                reached.update(_following(step))
            else:
                self._out.find(("step", step.index), f"step `{step.id}` can never be reached: no step leads to it")


def _ids(sections: list[StepSection]) -> list[str]:
    """Return an id for each step: its own, or one made of its number."""
    given = {section.id for section in sections}
    ids: list[str] = []
    for number, section in enumerate(sections, 1):
        made = f"step_{number}"
        while made in given:
            made += "_"
        ids.append(section.id if section.id is not None else made)
    return ids


def _following(step: Step) -> set[int]:
    """Return the indices of the steps that can come after ``step``."""
    passed_over = {step.index + 1} if step.when is not None else set()
    match step.act:
        case Branch(arms, otherwise):
            return passed_over | {target for _, target in arms} | {otherwise}
        case WaitFor(otherwise=otherwise):
            return {step.index + 1, otherwise}
        case Exit():
            return passed_over
        case _:
            return {step.index + 1}
