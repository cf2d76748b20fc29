"""What providers tell afterwards: from a call that came in to receipts that the ledger takes."""

from collections.abc import Mapping, Sequence

from adapters.base import Callback, CallbackError, Receipt, ReceiptKind
from adapters.kinds import AdapterKind, checked_options, find_kind
from engine.actions.reasons import LedgerReason
from engine.actions.receipts import ReceiptEntry
from engine.actions.states import State
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
    """Return what the provider of ``adapter`` says in ``callback``. It need not be in use any more: receipts come late.

    Raises:
        CallbackError: the call is not authentic (``NotAuthentic``), or cannot be read.
        HabitueError: there is no such adapter, it has no receipts, or its options make no sense.
    """
    try:
        kind = find_kind(adapter, kinds)
        options = checked_options(kind, settings.adapters.get(adapter, {}))
    except ValueError as error:
        raise HabitueError(f"config.toml: adapters.{adapter}: {error}") from error
    if kind.receipts is None:
        raise HabitueError(f"the adapter `{adapter}` has no receipts")
    return [_told(one) for one in kind.receipts(options, adapter, callback)]


def _told(receipt: Receipt) -> ReceiptEntry:
    if not receipt.reference:
        raise CallbackError("a receipt names no message")
    return ReceiptEntry(
        receipt.adapter,
        _STATES[receipt.kind],
        receipt.reference,
        reason=receipt.reason or LedgerReason.REPORTED,
        said=receipt.detail,
    )
