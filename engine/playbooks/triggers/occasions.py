"""What ``date`` and ``schedule`` have in common: candidates are the users in a zone that had an occasion."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from engine.playbooks.triggers.base import LocalTimeTrigger, Occasion
from engine.playbooks.triggers.candidates import Candidates, CandidateSource, timely, with_user

OCCASION = "occasion"
"""Temporary table of occasions: ``occasion(zone, day, year, at, occurrence)``."""


def occasions_between(trigger: LocalTimeTrigger, zones: Mapping[str, ZoneInfo], since: int, now: int) -> list[Occasion]:
    """Return the occasions with ``since < at <= now`` in all ``zones``, a map from names in users' profiles to zones."""
    return [occasion for name, zone in zones.items() for occasion in trigger.occasions_between(name, zone, since, now)]


def occasion_candidates(source: CandidateSource, *conditions: str) -> Candidates:
    """Return the users in the occasions' zones for whom ``conditions`` over ``u``, ``s`` and the occasion ``o`` hold."""
    return Candidates(
        rows=f"{source.users} AS d {with_user('d.user_id')} CROSS JOIN {OCCASION} AS o",
        where=" AND ".join(["coalesce(u.timezone, '') = o.zone", *conditions]),
        at="o.at",
        occurrence="o.occurrence",
        user="d.user_id",
        tie="o.occurrence",
        tests=timely("o.at"),
    )
