"""Coupon codes: claimed for enrolments in the transaction of the action that needs them.

The codes of a pool are imported. The codes of a series are derived: an HMAC over enrolment and coupon, keyed with the
installation's secret. They cannot be guessed, and a tick repeated after a crash, or a simulation, derives the same codes.
"""

import hashlib
import hmac
from collections.abc import Mapping

from sqlalchemy import Connection, text

from engine.clock import NEVER, Instant
from engine.incentives.form import CouponSection
from engine.incentives.kept import KeptCoupons
from engine.store.dialects import Dialect
from engine.store.statement import statement

ALPHABET = "23456789CDFGHJKMNPQRTVWXY"
"""No vowels, so that no words appear, and at most one each of 0 O, 1 I L, 2 Z, 5 S and 8 B, which are easily confused."""
_TRIES = 8
"""How many codes are derived for one enrolment, if earlier ones are taken, before the series counts as empty."""


def derive_code(secret: bytes, coupon: str, section: CouponSection, enrolment: int, attempt: int = 0) -> str:
    """Return the code of one enrolment in a series; ``attempt`` counts the codes that were already taken."""
    message = f"{coupon}\n{enrolment}\n{attempt}".encode()
    number = int.from_bytes(hmac.digest(secret, message, hashlib.sha256))
    letters = []
    for _ in range(section.length):
        number, letter = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[letter])
    return section.prefix + "".join(letters)


class CouponIssuer:
    """Gives coupon codes to enrolments: from pools, or derived for a series."""

    def __init__(self, coupons: Mapping[str, CouponSection], secret: bytes, dialect: Dialect) -> None:
        """``secret`` keeps series unguessable; it belongs to the installation."""
        self._coupons = coupons
        self._kept = KeptCoupons(coupons)
        self._secret = secret
        self._dialect = dialect

    @property
    def pools(self) -> tuple[str, ...]:
        """The names of the declared pools."""
        return tuple(name for name, section in self._coupons.items() if section.kind == "pool")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the declared coupons."""
        return tuple(self._coupons)

    def claim(
        self, connection: Connection, coupon: str, wanting: str, binds: Mapping[str, object], now: Instant
    ) -> int:
        """Give a code of ``coupon`` to each enrolment selected by ``wanting`` that does not have one yet.

        A coupon that is gone from the files is given as it was last. ``wanting`` selects ``id`` and ``user_id`` of
        enrolments, and ``turn``, which orders them. Returns how many got a code; there was none left for the others.
        """
        section = self._kept.get(connection, coupon)
        if section is None:
            return 0
        lacking = (
            f"SELECT w.id, w.user_id, row_number() OVER (ORDER BY w.turn, w.id) AS place FROM ({wanting}) AS w"
            " WHERE NOT EXISTS (SELECT 1 FROM coupon_code AS k WHERE k.enrolment_id = w.id AND k.coupon = :coupon)"
        )
        every = {**binds, "coupon": coupon, "now": now}
        if section.kind == "series":
            return self._derive(connection, coupon, section, lacking, every)
        return self._take(connection, section, lacking, every)

    def _take(self, connection: Connection, section: CouponSection, lacking: str, binds: Mapping[str, object]) -> int:
        """Give the pool's free codes, lowest ids first, to the enrolments in order."""
        return connection.execute(
            statement(
                f"WITH wanting AS MATERIALIZED ({lacking}),"
                " free AS MATERIALIZED (SELECT id FROM coupon_code WHERE coupon = :coupon AND enrolment_id IS NULL"
                " AND (expires_at IS NULL OR expires_at > :now) ORDER BY id"
                f" LIMIT (SELECT count(*) FROM wanting){self._dialect.lock_free()}),"
                " given AS MATERIALIZED (SELECT id, row_number() OVER (ORDER BY id) AS place FROM free)"
                " UPDATE coupon_code SET enrolment_id = w.id, user_id = w.user_id, claimed_at = :now,"
                f" expires_at = {_good_until(section)}, own_expires_at = coalesce(coupon_code.expires_at, {NEVER})"
                " FROM given AS g JOIN wanting AS w ON w.place = g.place WHERE coupon_code.id = g.id"
            ),
            {**binds, "until": _until(section, binds)},
        ).rowcount

    def _derive(
        self, connection: Connection, coupon: str, section: CouponSection, lacking: str, binds: Mapping[str, object]
    ) -> int:
        given = 0
        for attempt in range(_TRIES):
            wanting = connection.execute(statement(f"SELECT id, user_id FROM ({lacking}) AS l"), binds).all()
            if not wanting:
                break
            rows = [
                {
                    "coupon": coupon,
                    "code": derive_code(self._secret, coupon, section, enrolment, attempt),
                    "until": _until(section, binds),
                    "enrolment": enrolment,
                    "user": user,
                    "now": binds["now"],
                }
                for enrolment, user in wanting
            ]
            given += connection.execute(_INSERT, rows).rowcount
        return given


_INSERT = text(
    "INSERT INTO coupon_code (coupon, code, expires_at, enrolment_id, user_id, claimed_at)"
    " VALUES (:coupon, :code, :until, :enrolment, :user, :now) ON CONFLICT (code) DO NOTHING"
)


def _until(section: CouponSection, binds: Mapping[str, object]) -> int | None:
    return None if section.valid is None else int(str(binds["now"])) + section.valid


def _good_until(section: CouponSection) -> str:
    """Return SQL: a pool's code is valid until it expires or the coupon's ``valid`` ends, whichever is first."""
    if section.valid is None:
        return "coupon_code.expires_at"
    own = "coupon_code.expires_at"
    return f"CASE WHEN {own} < CAST(:until AS BIGINT) THEN {own} ELSE CAST(:until AS BIGINT) END"
