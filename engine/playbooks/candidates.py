"""The candidates for a playbook with all tests that each must pass: the trigger's, the audience's and re-entry's.

Enrolment selects those who pass all tests; ``habitue explain`` finds the first test that fails. Both use this list, so
an explanation cannot differ from what enrolment does.
"""

from dataclasses import replace

from engine.conditions.sql import NOW
from engine.playbooks.file.playbook import Playbook
from engine.playbooks.reasons import PlaybookReason
from engine.playbooks.triggers.candidates import Candidates, CandidateSource, Test
from engine.store.dialects import Dialect


def candidates(playbook: Playbook, source: CandidateSource, dialect: Dialect) -> Candidates:
    """Return the candidates of a playbook among the rows of ``source``."""
    found = playbook.trigger.candidates(source, dialect)
    tests = [*found.tests]
    if playbook.audience is not None:
        tests.append((PlaybookReason.AUDIENCE_FALSE, playbook.audience.holds_sql(dialect, f"s.user_id = {found.user}")))
    tests.extend(_reentry(playbook, found))
    return replace(found, tests=tuple(tests))


def _reentry(playbook: Playbook, found: Candidates) -> list[Test]:
    earlier = "SELECT 1 FROM enrolment AS p WHERE p.playbook = :playbook AND p.user_id = u.id"
    same = (PlaybookReason.SAME_OCCURRENCE, f"NOT EXISTS ({earlier} AND p.occurrence = {found.occurrence})")
    if playbook.reentry == "always":
        return [same]
    if playbook.reentry == "once":
        return [same, (PlaybookReason.ONCE_ONLY, f"NOT EXISTS ({earlier})")]
    recent = f"p.entered_at + {playbook.reentry} > {NOW}"
    return [
        same,
        (PlaybookReason.ACTIVE, f"NOT EXISTS ({earlier} AND p.state = 'active')"),
        (PlaybookReason.REENTRY_NOT_YET, f"NOT EXISTS ({earlier} AND {recent})"),
    ]
