"""Problems in an installation's state that need a person's attention, and what to do about them."""

from collections import Counter
from collections.abc import Iterator, Sequence

from engine.clock import iso
from engine.content.findings import Finding
from engine.delivery.reasons import DeliveryReason
from engine.explain.health_models import Attention, Depth, Pool, Store, TickDone
from engine.incentives.reasons import CouponReason
from engine.store.quarantine import Quarantined


def attention(
    store: Store, findings: Sequence[Finding], schema_drift: str, pools: Sequence[Pool]
) -> tuple[Attention, ...]:
    """Return everything that needs attention: errors in files, ticks and workers, and actions that are held or unknown."""
    return (
        *_of_files(findings, schema_drift),
        *_of_workers(store),
        *_of_ticks(store.ticks),
        *(_of_depth(depth) for depth in store.held_or_unknown),
        *(_of_adapter(depth) for depth in store.queue if depth.reason == DeliveryReason.ADAPTER_DOWN),
        *(_of_bug(depth) for depth in store.queue if depth.reason == DeliveryReason.CODE_AT_FAULT),
        *_of_quarantine(store.quarantine),
        *(_of_pool(pool) for pool in pools if pool.low and pool.free),
    )


def notes_on_files(applied: str | None, version: str, findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return how the files (``version``) differ from the ``applied`` version, if only ``habitue apply`` applies them."""
    errors = [finding for finding in findings if finding.severity == "error"]
    said = f"the files in the folder (version {version})"
    if version == applied:
        return ()
    if errors:
        return (f"{said} have {len(errors)} errors, the first: {errors[0]}; `habitue check` shows all of them",)
    if applied is None:
        return ()
    return (f"{said} differ from the applied version {applied}: run `habitue apply`",)


def _of_files(findings: Sequence[Finding], schema_drift: str) -> Iterator[Attention]:
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        yield Attention("files", f"{len(errors)} errors, the first: {errors[0]}; `habitue check` shows all of them")
    if schema_drift:
        yield Attention("columns", f"{schema_drift}; run `habitue migrate`")


def _of_workers(store: Store) -> Iterator[Attention]:
    for worker in store.workers:
        if worker.message:
            yield Attention(f"worker {worker.name}", worker.message)
        if worker.silent:
            yield Attention(
                f"worker {worker.name}", f"not seen since {iso(worker.seen_at)}: check whether it died, and restart it"
            )


def _of_ticks(ticks: Sequence[TickDone]) -> Iterator[Attention]:
    """Only the newest finished tick counts: earlier problems have been made up for."""
    ended = next((tick for tick in ticks if tick.milliseconds is not None), None)
    if ended and ended.error:
        yield Attention("tick", f"the tick at {iso(ended.at)} reported: {ended.error}; the worker's log says more")


def _of_depth(depth: Depth) -> Attention:
    count = f"{depth.count:,} or more" if depth.more else f"{depth.count:,}"
    remedy = {
        "unknown": "ask the provider whether they arrived: `habitue log --state unknown` lists them",
        "held": "`habitue log --state held` lists them",
    }[depth.state]
    if depth.reason == CouponReason.POOL_EMPTY:
        remedy = "import codes: `habitue coupons import`"
    return Attention(f"{depth.state} actions", f"{count} by {depth.channel or 'no channel'}, {depth.reason}; {remedy}")


def _of_adapter(depth: Depth) -> Attention:
    return Attention(
        f"channel {depth.channel}",
        f"{depth.count:,} messages wait because the adapter was down: check its settings and the provider",
    )


def _of_bug(depth: Depth) -> Attention:
    return Attention(
        f"channel {depth.channel}",
        f"{depth.count:,} messages wait because of a bug in the program or a template:"
        " `habitue log --reason code_at_fault` says where",
    )


def _of_quarantine(rows: Sequence[Quarantined]) -> Iterator[Attention]:
    if rows:
        kinds = Counter(row.kind.value for row in rows)
        said = ", ".join(f"{number} {kind}{'s' if number > 1 else ''}" for kind, number in sorted(kinds.items()))
        yield Attention("quarantine", f"{said} could not be processed: `habitue admin quarantine` says why")


def _of_pool(pool: Pool) -> Attention:
    """Report a pool that is running low. Messages that wait for codes are reported separately."""
    return Attention(f"coupon {pool.coupon}", f"{pool.free} free codes left: import more with `habitue coupons import`")
