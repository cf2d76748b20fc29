"""What ``habitue status`` checks: each kind of problem is a function that finds it, and says what to do.

A new one is a function in a file here and its line in ``CHECKS``.
"""

from collections.abc import Sequence

from engine.explain.checks.base import Check, Installation
from engine.explain.checks.clock import clock_ahead
from engine.explain.checks.delivery import adapter_paused, code_stopped, not_delivering
from engine.explain.checks.disk import disk_nearly_full
from engine.explain.checks.files import columns_differ, files_with_errors
from engine.explain.checks.messages import failed, held, unknown
from engine.explain.checks.pauses import paused
from engine.explain.checks.playbooks import left_of_retired
from engine.explain.checks.pools import pool_nearly_empty
from engine.explain.checks.quarantine import rows_in_quarantine
from engine.explain.checks.refusals import many_refused
from engine.explain.checks.sweeps import sweep_stalled
from engine.explain.checks.tasks import owners_untold, tasks_overdue
from engine.explain.checks.ticks import tick_failed, tick_hangs
from engine.explain.checks.web import web_closed
from engine.explain.checks.workers import no_ticks, no_worker, worker_died
from engine.explain.health_models import Attention

CHECKS: tuple[Check, ...] = (
    Check("no_worker", no_worker),
    Check("worker_died", worker_died),
    Check("no_ticks", no_ticks),
    Check("tick_failed", tick_failed),
    Check("tick_hangs", tick_hangs),
    Check("sweep_stalled", sweep_stalled),
    Check("clock_ahead", clock_ahead),
    Check("files", files_with_errors),
    Check("columns", columns_differ),
    Check("paused", paused),
    Check("adapter_paused", adapter_paused),
    Check("code_stopped", code_stopped),
    Check("not_delivering", not_delivering),
    Check("web", web_closed),
    Check("refusals", many_refused),
    Check("failed", failed),
    Check("unknown", unknown),
    Check("held", held),
    Check("quarantine", rows_in_quarantine),
    Check("pool", pool_nearly_empty),
    Check("retired_playbook", left_of_retired),
    Check("tasks_overdue", tasks_overdue),
    Check("owners_untold", owners_untold),
    Check("disk", disk_nearly_full),
)
"""In the order in which they are reported: what stops everything comes first."""


def attention(installation: Installation, checks: Sequence[Check] = CHECKS) -> tuple[Attention, ...]:
    """Return everything that needs a person; empty if nothing does."""
    return tuple(
        Attention(check.name, found.subject, found.message, found.remedy, found.about or found.subject)
        for check in checks
        for found in check.find(installation)
    )
