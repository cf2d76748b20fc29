"""The form of a dimension's file: tiers, stages or segments, and their cases."""

from typing import Any, Literal

from pydantic import Field, model_validator

from engine.content.document import Section, SectionError
from engine.content.values import Duration, Name


class DimensionSection(Section):
    """``[dimension]``."""

    name: Name
    kind: Literal["tiers", "stages", "segments"]
    initial: Name | None = None
    """Where a user of a ``stages`` dimension begins."""
    description: str = ""


class TierSection(Section):
    """``[[tier]]``, best first; the first that holds wins. The last may have no ``when``: everyone else."""

    name: Name
    when: str | None = None
    keep: str | None = None
    """Who is in stays while this holds."""
    grace: Duration | None = None
    """How long a downgrade out of this tier waits, counted from the tick that first saw it."""
    lock: Duration | None = None
    """How long after entering this tier a user cannot be moved down from it."""
    description: str = ""


class StageSection(Section):
    """``[[stage]]``: optional; declares a stage that needs a lock or a description."""

    name: Name
    lock: Duration | None = None
    """How long after entering this stage a user cannot leave it."""
    description: str = ""


class TransitionSection(Section):
    """``[[transition]]``: in the order of the file, the first whose ``from`` and ``when`` fit is taken."""

    from_: list[Name] = Field(alias="from")
    to: Name
    when: str
    name: Name | None = None
    """For the log; ``to`` with a number where absent."""


class SegmentSection(Section):
    """``[[segment]]``: independent of the others."""

    name: Name
    when: str
    keep: str | None = None
    grace: Duration | None = None
    lock: Duration | None = None
    description: str = ""


class CaseSection(Section):
    """``[[case]]``: a test beside the rule. Facts that are not given are NULL."""

    name: str
    given: dict[str, Any] = {}
    """Facts by name in the file's own notation (money as 49.90, instants as ISO text or ``-61d`` before now, dates as
    ISO), and placements of other dimensions by dimension name."""
    now: str | None = None
    """The instant of the case, ISO 8601; ``2026-01-01T00:00:00Z`` where absent."""
    place: str | list[str] | None = None
    """Where the user stands before; nowhere where absent."""
    since: Duration | None = None
    """How long the user has stood there."""
    waiting: Duration | None = None
    """How long a downgrade has been waiting for its grace."""
    expect: str | list[str]
    """The place afterwards; for segments the list of all places."""


class DimensionFile(Section):
    """One dimension. Which list is filled depends on its kind."""

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
                raise SectionError(f"a dimension of kind `{self.dimension.kind}` has no [[{name}]]", name, 0)
        needed = {"tiers": "tier", "stages": "transition", "segments": "segment"}[self.dimension.kind]
        if not getattr(self, needed):
            message = f"a dimension of kind `{self.dimension.kind}` needs at least one [[{needed}]]"
            raise SectionError(message, "dimension", "kind")
        if self.dimension.kind == "stages" and self.dimension.initial is None:
            message = "a dimension of kind `stages` needs `initial`: the stage in which users begin"
            raise SectionError(message, "dimension", "kind")
        return self
