"""Providers' callbacks: from an incoming call to receipts for the ledger."""

from collections.abc import Mapping, Sequence

from adapters.base import Callback, CallbackError, Receipt, ReceiptKind
from adapters.kinds import AdapterKind, checked_options, find_kind
from engine.actions.reasons import LedgerReason
from engine.actions.receipts import ReceiptEntry
from engine.actions.states import State
from engine.clock import Instant
from engine.errors import HabitueError
from engine.settings import Settings

_STATES: Mapping[ReceiptKind, State] = {
    ReceiptKind.DELIVERED: State.DELIVERED,
    ReceiptKind.BOUNCED: State.BOUNCED,
    ReceiptKind.COMPLAINED: State.COMPLAINED,
    ReceiptKind.OPENED: State.OPENED,
    ReceiptKind.CLICKED: State.CLICKED,
}


def read_callback(
    settings: Settings, kinds: Sequence[AdapterKind], adapter: str, callback: Callback
) -> list[ReceiptEntry]:
    """Return the receipts in ``callback`` from the provider of ``adapter``, which need not be in use any more.

    Raises:
        CallbackError: the call is not authentic (``NotAuthentic``), or cannot be read.
        HabitueError: there is no such adapter, it does not support receipts, or its options are invalid.
    """
    try:
        kind = find_kind(adapter, kinds)
        options = checked_options(kind, settings.adapters.get(adapter, {}))
    except ValueError as error:
        raise HabitueError(f"config.toml: adapters.{adapter}: {error}") from error
    if kind.receipts is None:
        raise HabitueError(f"the adapter `{adapter}` does not support receipts")
    return [_entry(one) for one in kind.receipts(options, adapter, callback) if isinstance(one, Receipt)]


def _entry(receipt: Receipt) -> ReceiptEntry:
    if not receipt.reference:
        raise CallbackError("a receipt does not say which message it is about")
    return ReceiptEntry(
        receipt.adapter,
        _STATES[receipt.kind],
        receipt.reference,
        reason=receipt.reason or LedgerReason.REPORTED,
        provider_text=receipt.detail,
        happened_at=Instant(receipt.at),
    )
