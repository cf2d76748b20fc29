"""Providers' callbacks: from an incoming call to receipts for the ledger, and to what people wrote back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.base import Callback, CallbackError, IncomingText, Receipt, ReceiptKind
from adapters.kinds import AdapterKind, checked_options, find_kind
from engine.actions.reasons import LedgerReason
from engine.actions.receipts import ReceiptEntry
from engine.actions.states import State
from engine.clock import Instant
from engine.errors import HabitueError, NoReceipts
from engine.settings import Settings

_STATES: Mapping[ReceiptKind, State] = {
    ReceiptKind.DELIVERED: State.DELIVERED,
    ReceiptKind.BOUNCED: State.BOUNCED,
    ReceiptKind.COMPLAINED: State.COMPLAINED,
    ReceiptKind.OPENED: State.OPENED,
    ReceiptKind.CLICKED: State.CLICKED,
}


@dataclass(frozen=True, slots=True)
class Told:
    """What one call of a provider says: about our messages, and what people wrote back on ``channel``."""

    receipts: tuple[ReceiptEntry, ...]
    texts: tuple[IncomingText, ...] = ()
    channel: str = ""


def read_callback(settings: Settings, kinds: Sequence[AdapterKind], adapter: str, callback: Callback) -> Told:
    """Return what is in ``callback`` from the provider of ``adapter``, which need not be in use any more.

    Raises:
        CallbackError: the call is not authentic (``NotAuthentic``), or cannot be read.
        NoReceipts: there is no such adapter, it is not configured, or it does not support receipts.
        HabitueError: its options are invalid.
    """
    try:
        kind = find_kind(adapter, kinds)
    except ValueError as error:
        raise NoReceipts(str(error)) from error
    if kind.receipts is None:
        raise NoReceipts(f"the adapter `{adapter}` does not support receipts")
    if adapter not in settings.adapters:  # without its secret, nothing can be verified
        raise NoReceipts(f"the adapter `{adapter}` is not configured: its options are in `[adapters.{adapter}]`")
    try:
        options = checked_options(kind, settings.adapters[adapter])
    except ValueError as error:
        raise HabitueError(f"config.toml: adapters.{adapter}: {error}") from error
    found = kind.receipts(options, adapter, callback)
    texts = tuple(one for one in found if isinstance(one, IncomingText))
    if texts and kind.channel is None:
        raise HabitueError(f"the adapter `{adapter}` brings texts, but does not say of which channel")
    return Told(tuple(_entry(one) for one in found if isinstance(one, Receipt)), texts, kind.channel or "")


def _entry(receipt: Receipt) -> ReceiptEntry:
    if not receipt.reference and not receipt.key:
        raise CallbackError("a receipt does not say which message it is about")
    return ReceiptEntry(
        receipt.adapter,
        _STATES[receipt.kind],
        receipt.reference,
        reason=receipt.reason or LedgerReason.REPORTED,
        provider_text=receipt.detail,
        happened_at=Instant(receipt.at),
        gone=receipt.gone,
        key=receipt.key,
    )
