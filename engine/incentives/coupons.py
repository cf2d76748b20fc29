"""Coupon codes: claimed for enrolments in the transaction of the action that carries them.

A pool's codes were imported. A series' codes are derived: an HMAC over enrolment and coupon under the installation's
secret. So nobody can guess one, and a tick that crashed and is done again, or a simulation, makes the same code; a
random one would differ each time and need a source of chance handed about.
"""

import hashlib
import hmac
from collections.abc import Mapping

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.incentives.form import CouponSection
from engine.store.dialect import Dialect
from engine.store.statement import statement

ALPHABET = "23456789CDFGHJKMNPQRTVWXY"
"""No vowels, which make words, and of 0 O, 1 I L, 2 Z, 5 S, 8 B at most one."""
_TRIES = 8
"""Codes derived for one enrolment before it counts as out of codes: others may have the same."""


def derive_code(secret: bytes, coupon: str, section: CouponSection, enrolment: int, attempt: int = 0) -> str:
    """Return the code of one enrolment in a series; ``attempt`` counts codes that were taken already."""
    message = f"{coupon}\n{enrolment}\n{attempt}".encode()
    number = int.from_bytes(hmac.digest(secret, message, hashlib.sha256))
    letters = []
    for _ in range(section.length):
        number, letter = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[letter])
    return section.prefix + "".join(letters)


class CouponIssuer:
    """Hands codes out."""

    def __init__(self, coupons: Mapping[str, CouponSection], secret: bytes, dialect: Dialect) -> None:
        """``secret`` keeps series unguessable; it belongs to the installation."""
        self._coupons = coupons
        self._secret = secret
        self._dialect = dialect

    @property
    def names(self) -> tuple[str, ...]:
        """The coupons that are declared."""
        return tuple(self._coupons)

    def claim(
        self, connection: Connection, coupon: str, wanting: str, binds: Mapping[str, object], now: Instant
    ) -> int:
        """Give a code to each enrolment that ``wanting`` selects and that has none of this coupon yet.

        ``wanting`` selects ``id`` and ``user_id`` of enrolments and ``turn``, by which they stand in line. Returns how
        many got one; the others find none.
        """
        section = self._coupons.get(coupon)
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
        """Give the lowest free codes of a pool to the first in line."""
        locking = "" if self._dialect is Dialect.SQLITE else " FOR UPDATE SKIP LOCKED"
        return connection.execute(
            statement(
                f"WITH wanting AS MATERIALIZED ({lacking}),"
                " free AS MATERIALIZED (SELECT id FROM coupon_code WHERE coupon = :coupon AND enrolment_id IS NULL"
                " AND (expires_at IS NULL OR expires_at > :now) ORDER BY id"
                f" LIMIT (SELECT count(*) FROM wanting){locking}),"
                " given AS MATERIALIZED (SELECT id, row_number() OVER (ORDER BY id) AS place FROM free)"
                " UPDATE coupon_code SET enrolment_id = w.id, user_id = w.user_id, claimed_at = :now,"
                f" expires_at = {_good_until(section)}"
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
    """Return SQL: a pool's code is good until its own end or the coupon's, whichever is first."""
    if section.valid is None:
        return "coupon_code.expires_at"
    own = "coupon_code.expires_at"
    return f"CASE WHEN {own} < CAST(:until AS BIGINT) THEN {own} ELSE CAST(:until AS BIGINT) END"
