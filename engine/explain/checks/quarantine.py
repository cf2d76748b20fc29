"""Rows that could not be processed."""

from collections import Counter
from collections.abc import Iterator

from engine.explain.checks.base import CheckFinding, Installation, several
from engine.explain.health import QUARANTINED


def rows_in_quarantine(seen: Installation) -> Iterator[CheckFinding]:
    """Users, enrolments or actions are set aside."""
    kinds = Counter(row.kind.value for row in seen.store.quarantine)
    if kinds:
        said = ", ".join(several(number, kind) for kind, number in sorted(kinds.items()))
        yield CheckFinding(
            "quarantine",
            f"{said}{' or more' if len(seen.store.quarantine) >= QUARANTINED else ''} could not be processed",
            "`habitue admin quarantine` says why; `habitue admin quarantine --retry` tries again",
        )
