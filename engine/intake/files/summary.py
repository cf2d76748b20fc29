"""The result of an import, for the person who ran it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from engine.clock import iso
from engine.intake.files.plan import Plan
from engine.intake.files.rejects import Rejects
from engine.intake.rows.model import Written

Kind = Literal["users", "events", "devices", "suppressions"]


@dataclass(frozen=True)
class ImportSummary:
    """The counts of this run; ``earlier`` counts rows of the same file that an earlier run committed."""

    kind: Kind
    source: str
    read: int = 0
    """Rows in the file, including rejected ones."""
    earlier: int = 0
    new: int = 0
    changed: int = 0
    """Existing users, or devices, that changed."""
    same: int = 0
    """Rows that were already in the store."""
    rejected: int = 0
    reasons: Sequence[tuple[str, int]] = ()
    """Why rows were rejected, most frequent first."""
    rejected_file: Path | None = None
    users_made: int = 0
    """Users created because an event or a device referred to them."""
    refusals_kept: int = 0
    """Grants without a date that did not override a user's own refusal."""
    undated: int = 0
    """Suppressed addresses whose date could not be read."""
    first_at: int | None = None
    last_at: int | None = None
    """The instants of the first and last event, in UTC milliseconds."""
    events: Mapping[str, int] = field(default_factory=dict)
    """Event -> rows."""
    unknown_events: Sequence[str] = ()
    """Events that the brand does not declare, with suggestions."""
    taken: Mapping[str, str] = field(default_factory=dict)
    """Target -> the column that was used for it."""
    kept: Sequence[str] = ()
    """Columns that became properties or attributes."""
    ignored: Sequence[str] = ()
    """Columns that were ignored."""
    finished_before: bool = False
    """The same file was already imported completely, so nothing was done."""
    dry_run: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the summary for ``--json``, with instants in ISO 8601."""
        said = asdict(self)
        said["rejected_file"] = str(self.rejected_file) if self.rejected_file else None
        said["reasons"] = [{"reason": reason, "rows": rows} for reason, rows in self.reasons]
        for name in ("first_at", "last_at"):
            said[name] = None if said[name] is None else iso(said[name])
        return said


class ImportTally:
    """Counts while an import runs."""

    def __init__(self) -> None:
        self.read = 0
        self.earlier = 0
        self._written = Written(0, 0, 0)
        self._taken: dict[str, str] = {}
        self._kept: dict[str, str] = {}
        self._ignored: dict[str, None] = {}

    def note(self, records: int, plan: Plan) -> None:
        """Count a batch that was read."""
        self.read += records
        self._taken |= plan.fields
        self._kept |= plan.others
        self._ignored |= dict.fromkeys(plan.ignored)

    def add(self, written: Written) -> None:
        """Add the counts of a batch that was written."""
        pairs = zip(astuple(self._written), astuple(written), strict=True)
        self._written = Written(*(one + more for one, more in pairs))

    def summary(self, start: ImportSummary, rejects: Rejects) -> ImportSummary:
        """Return the summary of the counts so far."""
        return replace(
            start,
            read=self.read,
            earlier=self.earlier,
            **asdict(self._written),
            rejected=rejects.count,
            reasons=tuple(rejects.reasons.most_common(10)),
            rejected_file=rejects.path if rejects.count else None,
            taken=self._taken,
            kept=tuple(self._kept),
            ignored=tuple(self._ignored),
        )
