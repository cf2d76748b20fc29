"""``habitue release``: queues held actions."""

import typer

from engine.cli import deciding
from engine.cli.by_hand import DryRun, Why
from engine.cli.context import AsJson, Who
from engine.cli.deciding import ChannelName, Every, Ids, LoggedReason, Playbook, Since, Until
from engine.control.releasing import RELEASE


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command(epilog='Example: habitue release --playbook winback --reason "checked with legal"')(release)


def release(  # noqa: PLR0917 - Typer's options
    context: typer.Context,
    actions: Ids = None,
    playbook: Playbook = None,
    channel: ChannelName = None,
    logged_reason: LoggedReason = None,
    since: Since = None,
    until: Until = None,
    every: Every = False,
    dry_run: DryRun = False,
    reason: Why = None,
    who: Who = None,
    as_json: AsJson = False,
) -> None:
    """Queue held actions: they are sent if the gates let them pass now.

    What waits for a coupon code is held again until there is one. Exits with 1 if actions were left as they are, or none
    was found.
    """
    selected = deciding.Selected(actions, playbook, channel, None, logged_reason, since, until, every)
    deciding.run(context, lambda _: RELEASE, selected, deciding.HowTo(dry_run, reason, who, as_json))
