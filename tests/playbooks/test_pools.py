"""Codes from files into pools."""

import gzip
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine.clock import Instant
from engine.errors import InputError
from engine.incentives.pools import PoolFile, PoolImport, Stock, fill_pool, stocks
from tests.playbooks.files import apply, playbook
from tests.playbooks.test_steps import enter
from tests.world import World, day, number

ZONE = ZoneInfo("Europe/Berlin")
COUPONS = '[coupons.GIFT]\nkind = "pool"\n[coupons.MADE]\nkind = "series"\n'
OLD = '[coupons.OLD]\nkind = "pool"\n'


@pytest.fixture
def pool(world: World) -> World:
    """Maison, with a code of a coupon that is no longer declared."""
    apply(world, playbook(), coupons=COUPONS + OLD)
    world.codes("OLDEST", coupon="OLD")
    return apply(world, playbook(), coupons=COUPONS)


def fill(world: World, path: Path, name: str = "GIFT", expires: Instant | None = None) -> PoolImport:
    return fill_pool(world.app.database, world.content().playbooks.coupons, name, PoolFile(path, ZONE, expires))


def test_a_list_of_codes_goes_in_once(pool: World, tmp_path: Path) -> None:
    path = tmp_path / "codes.txt"
    path.write_text("\ufeffONE\nTWO\r\n\n  THREE \nONE\n", encoding="utf-8")
    assert fill(pool, path, expires=day(9)) == PoolImport(added=3, known=1)
    assert fill(pool, path) == PoolImport(added=0, known=4)
    assert pool.rows("SELECT code, expires_at FROM coupon_code WHERE coupon = 'GIFT' ORDER BY id") == [
        ("ONE", day(9)),
        ("TWO", day(9)),
        ("THREE", day(9)),
    ]


def test_csv_has_dates_of_its_own_and_bad_lines_are_told(pool: World, tmp_path: Path) -> None:
    path = tmp_path / "codes.csv.gz"
    rows = "Name,Code,expires_at\na,ONE,2027-01-31\nb,TWO,2027-01-31T10:00:00+01:00\nc,,\nd,FOUR,soon\ne,FIVE,\n"
    path.write_bytes(gzip.compress(rows.encode()))
    done = fill(pool, path, expires=day(9))
    assert (done.added, done.known) == (3, 0)
    assert done.rejected == [
        "line 4: the code is empty",
        "line 5: `soon` is not a date or time; write one such as `2026-12-31`",
    ]
    assert pool.rows("SELECT code, expires_at FROM coupon_code WHERE coupon = 'GIFT' ORDER BY id") == [
        ("ONE", day(number("2027-01-31T22:59:59.999"))),
        ("TWO", day(number("2027-01-31T09:00"))),
        ("FIVE", day(9)),
    ]


def test_a_code_belongs_to_one_coupon(pool: World, tmp_path: Path) -> None:
    path = tmp_path / "codes.txt"
    path.write_text("OLDEST\n" + "X" * 65 + "\nT\x00WO\n", encoding="utf-8")
    done = fill(pool, path)
    assert (done.added, done.known, len(done.rejected)) == (0, 1, 2)


@pytest.mark.parametrize(("name", "said"), [("GIFTS", "did you mean `GIFT`"), ("MADE", "is a series")])
def test_only_a_declared_pool_takes_codes(pool: World, tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        fill(pool, tmp_path / "none", name)


def test_a_file_that_cannot_be_read_is_said(pool: World, tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"\xe9\xe8\n")
    (tmp_path / "bad.gz").write_bytes(b"not packed")
    for name in ("none", "latin", "bad.gz"):
        with pytest.raises(InputError, match=name):
            fill(pool, tmp_path / name)


def test_stocks_count_what_is_free_claimed_and_expired(world: World) -> None:
    steps = '[[step]]\nid = "gift"\ncoupon = "GIFT"\n'
    apply(world, playbook(steps=steps), coupons=COUPONS + OLD)
    world.codes("OLDEST", coupon="OLD")
    apply(world, playbook(steps=steps), coupons=COUPONS)
    world.codes("D", expires=1.5)
    enter(world)
    world.codes("A")
    world.codes("B", expires=1)
    world.codes("C", expires=3)
    with world.app.database.read() as connection:
        assert stocks(connection, world.content().playbooks.coupons, day(2)) == [
            Stock("GIFT", "pool", 2, 1, 1),
            Stock("MADE", "series", 0, 0, 0),
            Stock("OLD", "undeclared", 1, 0, 0),
        ]
