"""The form of a dimension file: tiers, stages or segments, and their cases."""

from typing import Any, Literal

from pydantic import Field, model_validator

from engine.content.document import Section, SectionError
from engine.content.values import Duration, Name


class DimensionSection(Section):
    """``[dimension]``."""

    name: Name
    kind: Literal["tiers", "stages", "segments"]
    initial: Name | None = None
    """The stage in which users of a ``stages`` dimension start."""
    description: str = ""


class TierSection(Section):
    """``[[tier]]``, best first: the first whose ``when`` is true wins. The last has no ``when``: everyone else."""

    name: Name
    when: str | None = None
    keep: str | None = None
    """Users already in this tier stay while this is true."""
    grace: Duration | None = None
    """How long a downgrade from this tier is delayed, counted from the tick that first saw it."""
    lock: Duration | None = None
    """How long after entering this tier a user cannot be downgraded."""
    description: str = ""


class StageSection(Section):
    """``[[stage]]``: optional; gives a stage a lock or a description."""

    name: Name
    lock: Duration | None = None
    """How long after entering this stage a user cannot leave it."""
    description: str = ""


class TransitionSection(Section):
    """``[[transition]]``: in file order, the first whose ``from`` and ``when`` match is taken."""

    from_: list[Name] = Field(alias="from")
    to: Name
    when: str
    name: Name | None = None
    """For the log; defaults to a number and ``to``."""


class SegmentSection(Section):
    """``[[segment]]``: independent of the others."""

    name: Name
    when: str
    keep: str | None = None
    grace: Duration | None = None
    lock: Duration | None = None
    description: str = ""


class CaseSection(Section):
    """``[[case]]``: a test next to the rules. Facts that are not given are NULL."""

    name: str
    given: dict[str, Any] = {}
    """Facts by name, written as in files (money as 49.90, instants as ISO text or ``-61d`` before now, dates as ISO),
    and placements in other dimensions by dimension name."""
    now: str | None = None
    """The instant of the case, ISO 8601; defaults to ``2026-01-01T00:00:00Z``."""
    place: str | list[str] | None = None
    """Where the user is before; by default not placed yet."""
    since: Duration | None = None
    """How long the user has been there."""
    waiting: Duration | None = None
    """How long a downgrade has been waiting for its grace to end."""
    expect: str | list[str]
    """The place afterwards; for segments, the list of all of them."""


class DimensionFile(Section):
    """One dimension. Its kind decides which of the lists it may have."""

    dimension: DimensionSection
    tier: list[TierSection] = []
    stage: list[StageSection] = []
    transition: list[TransitionSection] = []
    segment: list[SegmentSection] = []
    case: list[CaseSection] = []

    @model_validator(mode="after")
    def _lists_fit_the_kind(self) -> "DimensionFile":
        fitting = {"tiers": {"tier"}, "stages": {"stage", "transition"}, "segments": {"segment"}}[self.dimension.kind]
        for name in ("tier", "stage", "transition", "segment"):
            if getattr(self, name) and name not in fitting:
                raise SectionError(f"a dimension of kind `{self.dimension.kind}` cannot have [[{name}]]", name, 0)
        needed = {"tiers": "tier", "stages": "transition", "segments": "segment"}[self.dimension.kind]
        if not getattr(self, needed):
            message = f"a dimension of kind `{self.dimension.kind}` needs at least one [[{needed}]]"
            raise SectionError(message, "dimension", "kind")
        if self.dimension.kind == "stages" and self.dimension.initial is None:
            message = "a dimension of kind `stages` needs `initial`: the stage in which users start"
            raise SectionError(message, "dimension", "kind")
        return self
