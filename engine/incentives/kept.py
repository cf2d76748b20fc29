"""Coupons that are gone from the files, but that users who entered earlier still get: kept in the stored versions."""

from collections.abc import Mapping

from sqlalchemy import Connection

from engine.content.document import Document, parse_document, validate
from engine.content.versions import bundles_with
from engine.incentives.form import COUPONS_PATH, CouponSection, CouponsFile


class KeptCoupons:
    """The coupons of one version of the files, and those that are gone from it, each as it was last."""

    def __init__(self, declared: Mapping[str, CouponSection]) -> None:
        self._known: dict[str, CouponSection | None] = dict(declared)

    def get(self, connection: Connection, name: str) -> CouponSection | None:
        """Return a coupon; None if no stored version has it. The store is asked once for each that is gone."""
        if name not in self._known:
            self._known[name] = _stored_coupon(connection, name)
        return self._known[name]

    def worth(self, name: str) -> str:
        """Return the value in words of a coupon that is declared or was got before; of others it is empty."""
        section = self._known.get(name)
        return section.worth if section else ""


def _stored_coupon(connection: Connection, name: str) -> CouponSection | None:
    """Return a coupon as the newest version that declares it has it; None if none does."""
    for bundle in bundles_with(connection, COUPONS_PATH):
        document = parse_document(COUPONS_PATH, bundle.files.get(COUPONS_PATH, ""))
        file = validate(CouponsFile, document)[0] if isinstance(document, Document) else None
        if file is not None and name in file.coupons:
            return file.coupons[name]
    return None
