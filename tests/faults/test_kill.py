"""``kill -9`` at random points: nothing lost, nothing twice in the ledger, every unknown visible.

The oracle is the log of a provider in a process of its own, joined to the action log by what identifies each message there.
"""

import logging
from pathlib import Path

import pytest

from tests.faults.killing import live_through, sending
from tests.faults.ledger import Ledger
from tests.faults.processes import sink
from tests.faults.providers import OTHERS, SMTP, Provider

FEW, MANY, MOST = 5, 50, 200
"""Kills on each database: in every run, in CI, and in a soak; of channels other than email the first in CI, the second in a soak."""

_log = logging.getLogger(__name__)
"""Tells figures: they are shown with ``--log-cli-level=INFO``."""


def policy_for(url: str) -> str:
    """Each policy on one of the databases; all four of email under ``make soak``."""
    return "hold" if url.startswith("postgresql") else "resend"


def killed(folder: Path, url: str, provider: Provider, policy: str, kills: int) -> Ledger:
    with sink(folder, provider) as wire, sending(folder, url, wire, policy) as world:
        ledger = live_through(world, wire, policy, kills)
    _log.info("%d kills in the drain of %s: %s", kills, provider, ledger.figures(kills))
    return ledger


def most_had_not_begun(ledger: Ledger) -> None:
    assert ledger.not_begun > ledger.unknowns.total(), "most of what was handed off had not begun"


def test_killed_at_a_few_random_points(database_url: str, tmp_path: Path) -> None:
    killed(tmp_path, database_url, SMTP, policy_for(database_url), FEW)


@pytest.mark.bulk
def test_killed_at_random_points(database_url: str, tmp_path: Path) -> None:
    most_had_not_begun(killed(tmp_path, database_url, SMTP, policy_for(database_url), MANY))


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("policy", ["hold", "resend"])
def test_killed_at_many_random_points(database_url: str, tmp_path: Path, policy: str) -> None:
    most_had_not_begun(killed(tmp_path, database_url, SMTP, policy, MOST))


@pytest.mark.bulk
@pytest.mark.parametrize("provider", OTHERS, ids=str)
def test_of_another_channel_killed_at_a_few_random_points(
    database_url: str, tmp_path: Path, provider: Provider
) -> None:
    killed(tmp_path, database_url, provider, policy_for(database_url), FEW)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("provider", OTHERS, ids=str)
def test_of_another_channel_killed_at_random_points(database_url: str, tmp_path: Path, provider: Provider) -> None:
    ledger = killed(tmp_path, database_url, provider, policy_for(database_url), MANY)
    assert ledger.unknowns, "some kills came between hand-off and answer"
