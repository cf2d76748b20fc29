"""The meaning of each column: given by ``--map``, or recognised by the column's name."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.content.findings import did_you_mean
from engine.errors import InputError
from engine.intake.files.options import ImportOptions
from engine.intake.files.records import REJECTED_COLUMNS

EVENT_NAMES: Mapping[str, Sequence[str]] = {
    # Not `id` or `order_id`: an order has several events, and a shared key would drop all but the first.
    "key": ("key", "event_key", "event_id", "message_id", "idempotency_key"),
    "user": ("user", "user_key", "user_id", "userid", "customer", "customer_key", "customer_id", "member_id"),
    "name": ("event", "event_name", "name"),
    "at": ("at", "timestamp", "occurred_at", "event_at", "event_time", "datetime", "time", "date", "created_at"),
    "amount": ("amount",),
}
USER_NAMES: Mapping[str, Sequence[str]] = {
    "key": ("key", "user", "user_key", "user_id", "userid", "customer", "customer_key", "customer_id", "member_id",
            "external_id", "id"),
    "email": ("email", "email_address", "e_mail"),
    "phone": ("phone", "phone_number", "mobile", "telephone"),
    "push_token": ("push_token",),
    "push_platform": ("push_platform",),
    "locale": ("locale", "language", "lang"),
    "timezone": ("timezone", "time_zone", "tz"),
    "country": ("country", "country_code"),
    "created_at": ("created_at", "first_seen_at", "registered_at", "signed_up_at", "created"),
    "consent_at": ("consent_at",),
}  # fmt: skip
# Fields that the Segment protocol adds to a call, which say nothing about the user or the event.
_ENVELOPE = frozenset(
    ("anonymous_id", "channel", "context", "integrations", "original_timestamp", "received_at", "sent_at", "type",
     "version", "write_key", "_metadata")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """The meaning of a batch's columns."""

    fields: Mapping[str, str]
    """Target -> column."""
    others: Mapping[str, str]
    """Property or attribute -> column."""
    ignored: Sequence[str]
    """Columns that are ignored."""


def make_plan(
    names: Iterable[str], known: Mapping[str, Sequence[str]], declared: Iterable[str], options: ImportOptions
) -> Plan:
    """Determine the meaning of each column.

    Args:
        names: the columns of the file.
        known: for each target the column names that stand for it, the best first.
        declared: properties or attributes that the brand declares; a column with such a name becomes that one.
        options: the options, including ``--map``.

    Raises:
        InputError: two columns would have the same name.
    """
    columns = list(names)
    wanted = set(declared)
    fields = {target: column for target, column in options.columns.items() if target in known}
    others = {target: column for target, column in options.columns.items() if target not in known}
    taken = {*fields.values(), *others.values()}
    free = {_alias(column): column for column in reversed(columns) if column not in taken}
    for target, aliases in known.items():
        if target in fields or target in options.constants:
            continue
        for alias in aliases:
            if alias in free and (alias == target or alias not in wanted):
                fields[target] = free.pop(alias)
                taken.add(fields[target])
                break
    ignored = [column for column in columns if column not in taken and _is_ignored(column, columns)]
    for column in columns:
        if column not in taken and column not in ignored:
            name = _name(column, wanted)
            if name in others:
                raise InputError(
                    f"the columns `{others[name]}` and `{column}` both become `{name}`: rename one of them"
                )
            others[name] = column
    return Plan(fields, others, ignored)


def require(plan: Plan, targets: Iterable[str], options: ImportOptions, names: Sequence[str]) -> None:
    """Check that each of ``targets`` has a column or a constant, and that the columns in ``--map`` exist.

    Raises:
        InputError: a target has no column, or a column named in ``--map`` is missing.
    """
    for target, column in options.columns.items():
        if column not in names:
            raise InputError(f"--map {target}={column}: the file has no column `{column}`{did_you_mean(column, names)}")
    for target in targets:
        if target not in plan.fields and target not in options.constants:
            shown = ", ".join(f"`{name}`" for name in names[:20])
            constant = f", or give one for all rows with --map {target}==TEXT" if target == "name" else ""
            raise InputError(
                f"there is no column for the {target}: name one with --map {target}=COLUMN{constant}; the file's columns are {shown}"
                + (" (if that should be several columns, use --delimiter)" if len(names) == 1 else "")
            )


def snake(name: str) -> str:
    """Return ``Order Total`` and ``orderTotal`` as ``order_total``."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"\W+", "_", split).lower().strip("_")


def _alias(column: str) -> str:
    """Return the name to look for. A nested property stays a property whatever its name, unless it is the amount."""
    outer, dot, inner = column.partition(".")
    if dot and outer == "properties":
        return "amount" if inner == "amount" else column
    return snake(inner if dot and outer == "traits" else column)


def _is_ignored(column: str, columns: Sequence[str]) -> bool:
    if column in REJECTED_COLUMNS:
        return True
    wrapped = "messageId" in columns or any(name.startswith(("properties.", "traits.")) for name in columns)
    return wrapped and (snake(column) in _ENVELOPE or column in ("_metadata", "properties", "traits"))


def _name(column: str, wanted: set[str]) -> str:
    bare = column.removeprefix("properties.").removeprefix("traits.")
    if bare in wanted or bare != column:
        return bare
    return snake(column) or column
