"""``habitue resolve``: decides about actions that may or may not have been sent; ``habitue resend``: about failed ones."""

from functools import partial
from typing import Annotated

import typer

from engine.cli import deciding
from engine.cli.by_hand import DryRun, Why
from engine.cli.context import AsJson, Who
from engine.cli.deciding import ChannelName, Every, Ids, LoggedReason, Playbook, Since, Template, Until
from engine.control import resolving

EvenExpired = Annotated[
    bool, typer.Option("--even-expired", help="Send what has expired, too: it may then be sent for another day.")
]


def register(program: typer.Typer) -> None:
    """Add the commands."""
    family = typer.Typer(
        no_args_is_help=True, help="Decide about unknown actions, which may or may not have been sent."
    )
    family.command(epilog='Example: habitue resolve sent 17 18 --reason "both are in the provider\'s log"')(sent)
    family.command(epilog="Example: habitue resolve not-sent --channel sms --since 2h")(not_sent)
    family.command(epilog="Example: habitue resolve send-again --playbook winback --dry-run")(send_again)
    program.add_typer(family, name="resolve")
    program.command(epilog="Example: habitue resend --template winback/offer --since 24h")(resend)


def sent(  # noqa: PLR0917 - Typer's options
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
    """Say that unknown actions were sent: they become `accepted`. Exits with 1 if none was found."""
    selected = deciding.Selected(actions, playbook, channel, None, logged_reason, since, until, every)
    deciding.run(context, lambda _: resolving.SENT, selected, deciding.HowTo(dry_run, reason, who, as_json))


def not_sent(  # noqa: PLR0917 - Typer's options
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
    """Say that unknown actions were not sent, and are not to be: they become `failed`.

    Their coupon codes go back to the pool. Exits with 1 if none was found.
    """
    selected = deciding.Selected(actions, playbook, channel, None, logged_reason, since, until, every)
    deciding.run(context, lambda _: resolving.NOT_SENT, selected, deciding.HowTo(dry_run, reason, who, as_json))


def send_again(  # noqa: PLR0917 - Typer's options
    context: typer.Context,
    actions: Ids = None,
    playbook: Playbook = None,
    channel: ChannelName = None,
    logged_reason: LoggedReason = None,
    since: Since = None,
    until: Until = None,
    every: Every = False,
    even_expired: EvenExpired = False,
    dry_run: DryRun = False,
    reason: Why = None,
    who: Who = None,
    as_json: AsJson = False,
) -> None:
    """Send unknown actions again, with the same Message-ID and idempotency key: some customers may get two.

    Those that have expired, or whose user has left the playbook, stay unknown. Exits with 1 if there were such, or none
    was found.
    """
    selected = deciding.Selected(actions, playbook, channel, None, logged_reason, since, until, every)
    work = partial(resolving.send_again, even_expired=even_expired)
    deciding.run(context, work, selected, deciding.HowTo(dry_run, reason, who, as_json))


def resend(  # noqa: PLR0917 - Typer's options
    context: typer.Context,
    actions: Ids = None,
    playbook: Playbook = None,
    channel: ChannelName = None,
    template: Template = None,
    logged_reason: LoggedReason = None,
    since: Since = None,
    until: Until = None,
    every: Every = False,
    even_expired: EvenExpired = False,
    dry_run: DryRun = False,
    reason: Why = None,
    who: Who = None,
    as_json: AsJson = False,
) -> None:
    """Send failed actions after all, once what made them fail has been mended.

    If the coupon code of a message went back to its pool, the message is held until it has another. Actions that have
    expired, or whose user has left the playbook, stay failed. Exits with 1 if there were such, or none was found.
    """
    selected = deciding.Selected(actions, playbook, channel, template, logged_reason, since, until, every)
    work = partial(resolving.resend, even_expired=even_expired)
    deciding.run(context, work, selected, deciding.HowTo(dry_run, reason, who, as_json))
