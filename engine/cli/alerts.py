"""``habitue alerts``: telling staff what needs a person."""

import typer

from engine.alerts.targets import Target, targets_of
from engine.alerts.texts import try_out
from engine.cli.context import FINDINGS, AsJson, console, open_app, print_json
from engine.errors import InputError


def register(program: typer.Typer) -> None:
    """Add the commands."""
    family = typer.Typer(no_args_is_help=True, help="Alerts to staff: what `habitue status` says needs a person.")
    family.command("test", epilog="Example: habitue alerts test")(try_services)
    program.add_typer(family, name="alerts")


def try_services(context: typer.Context, as_json: AsJson = False) -> None:
    """Send a test to every service in `alerts.urls`. Exits with 1 if one does not take it."""
    with open_app(context) as app:
        settings, brand = app.settings.alerts, app.settings.brand.name
    targets = targets_of(settings)
    if not targets:
        raise InputError("nobody is told of anything: put Apprise URLs into HABITUE_ALERTS__URLS, as a JSON list")
    results = {target.name: _sent(target, brand) for target in targets}
    if as_json:
        print_json([{"to": name, "sent": sent} for name, sent in results.items()])
    else:
        for name, sent in results.items():
            console().print(f"{name}: " + ("sent" if sent else "[red]the service did not take it[/]"), highlight=False)
    if not all(results.values()):
        raise typer.Exit(FINDINGS)


def _sent(target: Target, brand: str) -> bool:
    try:
        return target.send(try_out(brand))
    except Exception:  # noqa: BLE001 - whatever a service's code raises may contain its URL
        return False
